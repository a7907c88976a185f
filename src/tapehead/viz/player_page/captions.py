"""Captions of steps, and which step last wrote each slot."""

from collections.abc import Sequence

import numpy as np

MIN_WRITTEN = 0.5
"""A slot's owner is the last step that put more than this of a write weighting on it …"""
MIN_FAINTLY_WRITTEN = 0.02
"""… or else the step that put the most there, if that was more than this."""
MIN_CHANGE = 0.1
"""A write counts only if it changed a number of the slot by this part of the memory's largest number: an
NTM's write weighting is somewhere even when it writes nothing."""


def step_captions(inputs: np.ndarray, mask: np.ndarray, labels: Sequence[str]) -> list[str]:
    """A caption for each step of a task: "start", "vector 3", "item 2, vector 1", "answer 4".

    Args:
        inputs: [T, channels]
        mask: [T], bool: the steps that answer
        labels: of the channels. A channel is a marker (start, end, item) when it is on in steps of its own
            and its label does not contain "bit"; without labels no channel is.
    """
    alone = (inputs != 0).sum(1) == 1
    markers = [
        channel
        for channel, label in enumerate(labels)
        if "bit" not in label and (alone | (inputs[:, channel] == 0)).all() and inputs[:, channel].any()
    ]
    count = dict.fromkeys(markers, 0)
    unit = "vector" if inputs.shape[1] > 1 else "bit"
    marker, since, answers = "", 0, 0
    captions = []
    for step, row in enumerate(inputs):
        marked = [channel for channel in markers if row[channel] != 0]
        if marked:
            channel = marked[0]
            count[channel] += 1
            several = (inputs[:, channel] != 0).sum() > 1
            marker, since = f"{labels[channel]} {count[channel]}" if several else "", 0
            captions.append(marker or labels[channel])
        elif mask[step] and not row.any():
            answers += 1
            captions.append(f"answer {answers}")
        else:
            since += 1
            captions.append(f"{marker}, {unit} {since}" if marker else f"{unit} {since}")
    return captions


def slot_owners(write_weights: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """After each step, the step that last wrote each slot; −1 where nothing was written yet.

    Args:
        write_weights: [T, heads, N]
        memory: [T, N, W], after each step

    Returns:
        [T, N], int16 (a recording has fewer than 32,768 steps)
    """
    T, _, N = write_weights.shape
    weights = write_weights.max(1)
    change = np.zeros((T, N), np.float32)
    # The memory before the first step is not in the trace, so what that step changed is not known.
    change[0] = np.inf
    change[1:] = np.abs(np.diff(memory, axis=0)).max(2)
    largest = np.maximum.accumulate(np.abs(memory).max((1, 2)))
    weights = np.where(change >= MIN_CHANGE * largest[:, None], weights, 0)
    owners = np.full((T, N), -1, np.int16)
    owner, owner_weight = owners[0].copy(), np.full(N, MIN_FAINTLY_WRITTEN, np.float32)
    for step in range(T):
        takes = (weights[step] > MIN_WRITTEN) | (weights[step] > owner_weight)
        owner[takes] = step
        owner_weight[takes] = weights[step][takes]
        owners[step] = owner
    return owners
