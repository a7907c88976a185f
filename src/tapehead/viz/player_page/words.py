"""Words for what a machine sees and keeps."""

from collections.abc import Sequence

import numpy as np

WRITTEN = 0.5
"""A slot belongs to the latest step that put more than this of a write weighting on it …"""
FAINT = 0.02
"""… or else to the one that put most there, if it was more than this; below, nothing was written."""
CHANGED = 0.1
"""A write counts only if it moved a number of the slot by this part of the memory's largest number: an NTM's
write head stands somewhere even when it has nothing to write."""


def step_words(inputs: np.ndarray, mask: np.ndarray, labels: Sequence[str]) -> list[str]:
    """What each step of a task says: "start", "vector 3", "item 2, vector 1", "answer 4".

    Args:
        inputs: [T, channels]
        mask: [T], the steps that answer
        labels: of the channels; none: all channels are taken for numbers
    """
    alone = (inputs != 0).sum(1) == 1
    marks = [
        channel
        for channel, label in enumerate(labels)
        if "bit" not in label and (alone | (inputs[:, channel] == 0)).all() and inputs[:, channel].any()
    ]
    seen = dict.fromkeys(marks, 0)
    unit = "vector" if inputs.shape[1] > 1 else "bit"
    mark, since, answers = "", 0, 0
    words = []
    for step, row in enumerate(inputs):
        marked = [channel for channel in marks if row[channel] != 0]
        if marked:
            channel = marked[0]
            seen[channel] += 1
            several = (inputs[:, channel] != 0).sum() > 1
            mark, since = f"{labels[channel]} {seen[channel]}" if several else "", 0
            words.append(mark or labels[channel])
        elif mask[step] and not row.any():
            answers += 1
            words.append(f"answer {answers}")
        else:
            since += 1
            words.append(f"{mark}, {unit} {since}" if mark else f"{unit} {since}")
    return words


def slot_owners(write_weights: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """After each step, the step whose words live in each slot; −1 where nothing was written yet.

    Args:
        write_weights: [T, heads, N]
        memory: [T, N, W], after each step

    Returns:
        [T, N], int16 (a recording has fewer than 32,768 steps)
    """
    T, _, N = write_weights.shape
    weights = write_weights.max(1)
    change = np.zeros((T, N), np.float32)
    # What the first step changed is not known, the memory before it being no part of a trace.
    change[0] = np.inf
    change[1:] = np.abs(np.diff(memory, axis=0)).max(2)
    largest = np.maximum.accumulate(np.abs(memory).max((1, 2)))
    weights = np.where(change >= CHANGED * largest[:, None], weights, 0)
    owners = np.full((T, N), -1, np.int16)
    owner, most = owners[0].copy(), np.full(N, FAINT, np.float32)
    for step in range(T):
        takes = (weights[step] > WRITTEN) | (weights[step] > most)
        owner[takes] = step
        most[takes] = weights[step][takes]
        owners[step] = owner
    return owners
