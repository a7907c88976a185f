"""The interface vector, field by field: what the controller says to the heads in one step.

The kernel has the same fields in the same order (``DNCFields`` and ``NTMFields`` in
engine/native/csrc); a test compares them by name.
"""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor


class DNCInterface(NamedTuple):
    """ξ_t of the DNC in the paper's order (Methods, "Interface parameters"), then the variants' fields.

    Values are raw: before oneplus, sigmoid and softmax. A field of a switched-off variant is None.
    """

    read_keys: Tensor
    """k^r, [.., R, W]"""
    read_strengths: Tensor
    """β^r, [.., R]"""
    write_key: Tensor
    """k^w, [.., W]"""
    write_strength: Tensor
    """β^w, [..]"""
    erase: Tensor
    """e, [.., W]"""
    write_vector: Tensor
    """v, [.., W]"""
    free_gates: Tensor
    """f, [.., R]"""
    allocation_gate: Tensor
    """g^a, [..]"""
    write_gate: Tensor
    """g^w, [..]"""
    read_modes: Tensor | None = None
    """π, [.., R, 3]: backward, content, forward"""
    read_masks: Tensor | None = None
    """masks of the read heads, [.., R, W]"""
    write_mask: Tensor | None = None
    """mask of the write head, [.., W]"""
    forward_strengths: Tensor | None = None
    """sharpening of the forward weightings, [.., R]"""
    backward_strengths: Tensor | None = None
    """sharpening of the backward weightings, [.., R]"""

    @staticmethod
    def shapes(
        num_reads: int,
        word_size: int,
        *,
        temporal_links: bool = True,
        masked_lookup: bool = False,
        link_sharpening: bool = False,
    ) -> dict[str, tuple[int, ...]]:
        """The shape of every field that this machine has, in order."""
        R, W = num_reads, word_size
        fields: dict[str, tuple[int, ...]] = {
            "read_keys": (R, W),
            "read_strengths": (R,),
            "write_key": (W,),
            "write_strength": (),
            "erase": (W,),
            "write_vector": (W,),
            "free_gates": (R,),
            "allocation_gate": (),
            "write_gate": (),
        }
        if temporal_links:
            fields["read_modes"] = (R, 3)
        if masked_lookup:
            fields |= {"read_masks": (R, W), "write_mask": (W,)}
        if link_sharpening:
            fields |= {"forward_strengths": (R,), "backward_strengths": (R,)}
        return fields

    @classmethod
    def split(cls, interface: Tensor, shapes: Mapping[str, tuple[int, ...]]) -> "DNCInterface":
        """The fields of ``interface`` [.., X], as views of it."""
        return cls(**split_fields(interface, shapes))


class HeadInterface(NamedTuple):
    """What an NTM's heads of one kind are told, in the paper's order (sections 3.1 to 3.3).

    Values are raw: before tanh, sigmoid, softplus and softmax. Read heads neither erase nor add.
    """

    keys: Tensor
    """k, [.., H, W]"""
    strengths: Tensor
    """β, [.., H]"""
    gates: Tensor
    """g, [.., H]"""
    shifts: Tensor
    """s, [.., H, S]"""
    sharpness: Tensor
    """γ, [.., H]"""
    erase: Tensor | None = None
    """e, [.., H, W]"""
    add: Tensor | None = None
    """a, [.., H, W]"""
    write_gates: Tensor | None = None
    """g^w, [.., H]: of a machine with ``write_gate``; not in the paper"""

    @staticmethod
    def shapes(
        word_size: int, max_shift: int, *, writes: bool, write_gate: bool = False
    ) -> dict[str, tuple[int, ...]]:
        """The shape of every field of one head, in order; ``write_gate`` counts for write heads only."""
        fields: dict[str, tuple[int, ...]] = {
            "keys": (word_size,),
            "strengths": (),
            "gates": (),
            "shifts": (2 * max_shift + 1,),
            "sharpness": (),
        }
        if writes:
            fields |= {"erase": (word_size,), "add": (word_size,)}
        if writes and write_gate:
            fields["write_gates"] = ()
        return fields

    @classmethod
    def split(cls, heads: Tensor, shapes: Mapping[str, tuple[int, ...]]) -> "HeadInterface":
        """The fields of ``heads`` [.., H, P], as views of it."""
        return cls(**split_fields(heads, shapes))


class NTMInterface(NamedTuple):
    """The interface vector of the NTM: the read heads, then the write heads."""

    reads: HeadInterface
    writes: HeadInterface

    @classmethod
    def split(
        cls,
        interface: Tensor,
        *,
        num_reads: int,
        num_writes: int,
        word_size: int,
        max_shift: int,
        write_gate: bool = False,
    ) -> "NTMInterface":
        """The fields of ``interface`` [.., X], as views of it."""
        reading = HeadInterface.shapes(word_size, max_shift, writes=False)
        writing = HeadInterface.shapes(word_size, max_shift, writes=True, write_gate=write_gate)
        read_size, write_size = total_size(reading), total_size(writing)
        reads, writes = interface.split([num_reads * read_size, num_writes * write_size], dim=-1)
        return cls(
            HeadInterface.split(reads.unflatten(-1, (num_reads, read_size)), reading),
            HeadInterface.split(writes.unflatten(-1, (num_writes, write_size)), writing),
        )


class SparseInterface(NamedTuple):
    """What the heads of sparse access are told (Rae et al. 2016), field by field; raw, as above.

    The kernel has the same fields in the same order (``SparseFields`` in engine/native/csrc/sparse.h).
    """

    read_keys: Tensor
    """q, [.., R, W]"""
    read_strengths: Tensor
    """β, [.., R]"""
    add: Tensor
    """a, [.., H, W]"""
    gates: Tensor
    """γ, [.., H]: 1 writes to the slots last read, 0 to the least recently used"""
    write_gates: Tensor
    """α, [.., H]"""
    read_modes: Tensor | None = None
    """π, [.., R, 3]: backward, content, forward; of a DNC with temporal links"""

    @staticmethod
    def shapes(
        num_reads: int, num_writes: int, word_size: int, *, temporal_links: bool = False
    ) -> dict[str, tuple[int, ...]]:
        """The shape of every field that this machine has, in order."""
        fields: dict[str, tuple[int, ...]] = {
            "read_keys": (num_reads, word_size),
            "read_strengths": (num_reads,),
            "add": (num_writes, word_size),
            "gates": (num_writes,),
            "write_gates": (num_writes,),
        }
        return fields | ({"read_modes": (num_reads, 3)} if temporal_links else {})

    @classmethod
    def split(cls, interface: Tensor, shapes: Mapping[str, tuple[int, ...]]) -> "SparseInterface":
        """The fields of ``interface`` [.., X], as views of it."""
        return cls(**split_fields(interface, shapes))


def split_fields(vector: Tensor, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Split the last axis of ``vector`` into fields of these shapes, as views of it."""
    parts = vector.split([_size(shape) for shape in shapes.values()], dim=-1)
    return {
        name: part.unflatten(-1, shape) if shape else part.squeeze(-1)
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }


def total_size(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Numbers in a vector of these fields."""
    return sum(map(_size, shapes.values()))


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for axis in shape:
        size *= axis
    return size
