"""A recording as one compressed block of bytes: arrays of numbers, and a JSON header.

Layout, all little-endian, then gzip: the length of the header (uint32), the header (JSON, UTF-8), the arrays,
each at a multiple of four bytes from the end of the header, at the offset that the header gives.

Weightings, gates and vectors are float32, so the player shows what the trace holds. Memory and links would be
too large in every step: they are stored as the rows that a step changed, in float16, with an error below
0.0005 of the number plus 0.0001 (memory) or below 0.003 (links).
"""

import dataclasses
import gzip
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from torch import Tensor

from ...tasks.graph.search_trace import Op
from ...types import Trace
from ..arrays import as_array, colour_limit, read_heads, write_heads
from ..interface import is_ntm, write_fields
from ..slots import choose_slots
from .captions import slot_owners
from .recording import Recording
from .search import SearchRecording

FORMAT_VERSION = 1
MAX_STEPS = 32_000
MEMORY_ERROR = (5e-4, 1e-4)
"""relative and absolute"""
LINK_ERROR = (0.0, 2e-3)


def pack(recording: Recording | SearchRecording) -> bytes:
    """The bytes that the player reads.

    Raises:
        ValueError: more than 32,000 steps, but for a search.
    """
    if isinstance(recording, SearchRecording):
        header, arrays = _search_parts(recording)
    else:
        header, arrays = _trace_parts(recording)
    return gzip.compress(_join({"version": FORMAT_VERSION, **header}, arrays), compresslevel=6, mtime=0)


def _search_parts(search: SearchRecording) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    header = {
        "title": search.title,
        "subtitle": search.subtitle,
        "steps": len(search.said),
        "question": dataclasses.asdict(search.question),
        "search": {
            "kinds": [op.name for op in Op],
            "about": search.about,
            "note": search.note,
            "places": list(search.places),
            "lines": list(search.lines),
            "start": search.start,
            "target": search.target,
            "nowhere": search.nowhere,
            "stops": search.stops,
            "answers": list(search.answers),
            "queue_begins": search.queue_begins,
        },
    }
    names = ("spots", "edges", "said", "right", "slots", "weights")
    return header, {name: getattr(search, name) for name in names}


def _trace_parts(recording: Recording) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    T = recording.steps
    if T > MAX_STEPS:
        raise ValueError(f"the recording has {T} steps: a player shows up to {MAX_STEPS}")
    trace = recording.trace
    arrays = _trace_arrays(trace)
    arrays["owners"] = slot_owners(arrays["write_weights"], _numbers(trace.memory))
    for name in ("inputs", "outputs", "targets"):
        field = getattr(recording, name)
        if field is not None:
            arrays[name] = _numbers(field)
    if recording.mask is not None:
        arrays["mask"] = as_array(recording.mask).astype(np.uint8)
    gates = _gates(trace)
    arrays["gates"] = np.stack([values for _, values in gates], 1)
    weights = np.concatenate([arrays["write_weights"], arrays["read_weights"]], 1)
    question = recording.question
    header = {
        "title": recording.title,
        "subtitle": recording.subtitle,
        "steps": T,
        "slots": trace.memory.shape[1],
        "word_size": trace.memory.shape[2],
        "shown": choose_slots(weights, circular=is_ntm(trace)).shown.tolist(),
        "value_limit": colour_limit(_numbers(trace.memory)),
        "gates": [label for label, _ in gates],
        "links": "link_counts" in arrays,
        "input_labels": list(recording.input_labels),
        "output_labels": list(recording.output_labels),
        "step_captions": list(recording.step_captions),
        "question": None if question is None else dataclasses.asdict(question),
    }
    return header, arrays


def _trace_arrays(trace: Trace) -> dict[str, np.ndarray]:
    """What the player shows of a trace [T, ...], by name."""
    writes, reads = write_heads(trace), read_heads(trace)
    arrays = {
        "read_weights": _contiguous(reads.weights),
        "write_weights": _contiguous(writes.weights),
        "add": _contiguous(writes.words),
        "erase": _numbers(write_fields(trace).erase),
        "read_words": _contiguous(reads.words),
    }
    for name in ("usage", "allocation_weights"):
        field = getattr(trace, name)
        if field is not None:
            arrays[name] = _numbers(field)
    if not is_ntm(trace):
        arrays["modes"] = _numbers(trace.read_gates)
    arrays |= _updates("memory", _numbers(trace.memory), MEMORY_ERROR)
    if trace.link is not None and trace.link.shape[-1] > 0:
        arrays |= _updates("link", _numbers(trace.link.flatten(1).unsqueeze(-1)), LINK_ERROR)
    return arrays


def _numbers(field: Tensor) -> np.ndarray:
    return _contiguous(as_array(field))


def _contiguous(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)


def _gates(trace: Trace) -> list[tuple[str, np.ndarray]]:
    """A label and the values [T] of every gate."""
    write_gates = _numbers(trace.write_gates)
    free_gates = write_fields(trace).free_gates
    if free_gates is None:
        meaning = "1 by content, 0 by moving on"
        return [
            *_per_head("write gate", meaning, write_gates.T),
            *_per_head("read gate", meaning, _numbers(trace.read_gates).T),
        ]
    return [
        ("write gate: how much is written", write_gates[:, 1]),
        ("allocation gate: 1 free slot, 0 by content", write_gates[:, 0]),
        *_per_head("free gate", "frees what was read", _numbers(free_gates).T),
    ]


def _per_head(name: str, meaning: str, rows: Iterable[np.ndarray]) -> list[tuple[str, np.ndarray]]:
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
        # Not "error > allowed": a NaN must be stored too.
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


DTYPES = {"float32": "f4", "float16": "f2", "uint32": "u4", "int32": "i4", "int16": "i2", "uint8": "u1"}


def _join(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    places: dict[str, Any] = {}
    offset = 0
    for name, values in arrays.items():
        places[name] = {"dtype": DTYPES[values.dtype.name], "shape": list(values.shape), "offset": offset}
        offset += -(-values.nbytes // 4) * 4
    # Offsets count from the end of the header, whose length depends on them otherwise.
    text = json.dumps({**header, "arrays": places}, ensure_ascii=True, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    parts = [len(text).to_bytes(4, "little"), text]
    for values in arrays.values():
        raw = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        parts += [raw, bytes(-len(raw) % 4)]
    return b"".join(parts)
