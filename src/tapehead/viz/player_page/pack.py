"""A recording as one compressed block of bytes: numbers as they are in the trace, words as JSON.

Layout, all little-endian, then gzip: the length of the header (uint32), the header (JSON, UTF-8), the arrays,
each at a multiple of four bytes from the start, where the header says.

Weightings, gates and vectors are float32, so what the player shows is what the trace holds. Memory and links
would be far too large step by step: they are kept as the rows that a step changed, in float16, which is off
by less than 0.0005 of the number plus 0.0001 (memory) or by less than 0.003 (links).
"""

import dataclasses
import gzip
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from torch import Tensor

from ..figures.recording import choose_slots, free_gates, is_ntm, read_heads, write_heads
from .recording import Recording
from .words import slot_owners

FORMAT_VERSION = 1
MAX_STEPS = 32_000
MEMORY_ERROR = (5e-4, 1e-4)
"""relative and absolute"""
LINK_ERROR = (0.0, 2e-3)


def pack(recording: Recording) -> bytes:
    """The bytes that the player reads.

    Raises:
        ValueError: more than 32,000 steps.
    """
    T = recording.steps
    if T > MAX_STEPS:
        raise ValueError(f"the recording has {T} steps: a player shows up to {MAX_STEPS}")
    trace = recording.trace
    N, W = trace.memory.shape[1:]
    batched = trace.map(lambda field: field.unsqueeze(1))
    ntm = is_ntm(trace)
    writes, reads = write_heads(batched, T, 0), read_heads(batched, T, 0)
    write_weights, read_weights = _time_first(writes.weights), _time_first(reads.weights)
    memory = _numbers(trace.memory)
    gates = _gates(recording)
    arrays: dict[str, np.ndarray] = {
        "read_weights": read_weights,
        "write_weights": write_weights,
        "add": _time_first(writes.words),
        "erase": _erase(recording, len(writes.weights)),
        "read_words": _numbers(trace.read_words),
        "gates": np.stack([values for _, values in gates], 1).astype(np.float32),
        "owners": slot_owners(write_weights, memory),
    }
    for name in ("usage", "allocation_weights"):
        field = getattr(trace, name)
        if field is not None:
            arrays[name] = _numbers(field)
    if not ntm:
        arrays["modes"] = _numbers(trace.read_gates)
    for name in ("inputs", "outputs", "targets"):
        field = getattr(recording, name)
        if field is not None:
            arrays[name] = _numbers(field)
    if recording.mask is not None:
        arrays["mask"] = recording.mask.cpu().numpy().astype(np.uint8)
    arrays |= _updates("memory", memory, MEMORY_ERROR)
    linked = trace.link is not None and trace.link.shape[-1] > 0
    if linked:
        assert trace.link is not None
        arrays |= _updates("link", _numbers(trace.link).reshape(T, N * N, 1), LINK_ERROR)
    weights = np.concatenate([writes.weights, reads.weights])
    header = {
        "version": FORMAT_VERSION,
        "title": recording.title,
        "subtitle": recording.subtitle,
        "machine": "NTM" if ntm else "DNC",
        "steps": T,
        "slots": N,
        "word_size": W,
        "shown": choose_slots(weights, circular=ntm).shown.tolist(),
        "reach": _reach(memory),
        "gates": [label for label, _ in gates],
        "links": linked,
        "input_labels": list(recording.input_labels),
        "output_labels": list(recording.output_labels),
        "step_words": list(recording.step_words),
        "asked": None if recording.asked is None else dataclasses.asdict(recording.asked),
    }
    return gzip.compress(_join(header, arrays), compresslevel=6, mtime=0)


def _numbers(field: Tensor) -> np.ndarray:
    return np.ascontiguousarray(field.detach().cpu().float().numpy())


def _time_first(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(values, -1, 0).astype(np.float32))


def _reach(memory: np.ndarray) -> float:
    """The number at which the memory's colours end, lest a few large ones leave all others pale."""
    sizes = np.abs(memory[np.isfinite(memory)])
    largest = float(sizes.max(initial=0))
    sizes = sizes[sizes > 0.01 * largest]
    usual = 1.25 * float(np.quantile(sizes, 0.9)) if sizes.size else 0
    return (usual if largest > 1.5 * usual else largest) or 1.0


def _erase(recording: Recording, heads: int) -> np.ndarray:
    """Erase vectors [T, heads, W], from the raw interface."""
    interface = _numbers(recording.trace.interface)
    T = len(interface)
    R, W = recording.trace.read_words.shape[-2:]
    if is_ntm(recording.trace):
        size = (interface.shape[1] + 2 * R * W) // (R + heads)
        raw = interface[:, interface.shape[1] - heads * size :].reshape(T, heads, size)[..., -2 * W : -W]
    else:
        start = R * W + R + W + 1  # after k^r, β^r, k^w, β^w
        raw = interface[:, None, start : start + W]
    return np.exp(-np.logaddexp(0, -raw)).astype(np.float32)


def _gates(recording: Recording) -> list[tuple[str, np.ndarray]]:
    """A name and the values [T] of every gate."""
    trace = recording.trace
    write_gates, read_gates = _numbers(trace.write_gates), _numbers(trace.read_gates)
    if is_ntm(trace):
        moves = "1 by content, 0 by moving on"
        return [*_numbered("write gate", moves, write_gates.T), *_numbered("read gate", moves, read_gates.T)]
    batched = trace.map(lambda field: field.unsqueeze(1))
    freeing = free_gates(batched, recording.steps, 0)
    return [
        ("write gate: how much is written", write_gates[:, 1]),
        ("allocation gate: into a free slot", write_gates[:, 0]),
        *_numbered("free gate", "frees what was read", freeing),
    ]


def _numbered(name: str, meaning: str, rows: Iterable[np.ndarray]) -> list[tuple[str, np.ndarray]]:
    rows = list(rows)
    return [
        (f"{name}{f', head {i + 1}' if len(rows) > 1 else ''}: {meaning}", row) for i, row in enumerate(rows)
    ]


def _updates(name: str, values: np.ndarray, error: tuple[float, float]) -> dict[str, np.ndarray]:
    """Values [T, rows, width] as the rows that change, and when.

    Returns:
        NAME_counts [T], how many rows each step changes; NAME_rows [changes], which; NAME_values
        [changes, width], their new values in float16. The rows are zero before the first step.
    """
    relative, absolute = error
    shown = np.zeros(values.shape[1:], np.float32)
    counts, rows, changed = [], [], []
    for current in values:
        # Not "off > allowed": what is not a number must be shown too.
        right = np.abs(current - shown) <= relative * np.abs(current) + absolute
        which = np.flatnonzero(~right.all(1))
        half = current[which].clip(-65504, 65504).astype(np.float16)
        shown[which] = half
        counts.append(len(which))
        rows.append(which.astype(np.uint32))
        changed.append(half)
    return {
        f"{name}_counts": np.array(counts, np.uint32),
        f"{name}_rows": np.concatenate(rows),
        f"{name}_values": np.concatenate(changed),
    }


DTYPES = {"float32": "f4", "float16": "f2", "uint32": "u4", "int16": "i2", "uint8": "u1"}


def _join(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    places: dict[str, Any] = {}
    offset = 0
    for name, values in arrays.items():
        kind = DTYPES[values.dtype.name]
        places[name] = {"dtype": kind, "shape": list(values.shape), "offset": offset}
        offset += -(-values.nbytes // 4) * 4
    # Offsets count from the end of the header, whose length depends on them otherwise.
    text = json.dumps({**header, "arrays": places}, ensure_ascii=True, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    parts = [len(text).to_bytes(4, "little"), text]
    for values in arrays.values():
        raw = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        parts += [raw, bytes(-len(raw) % 4)]
    return b"".join(parts)
