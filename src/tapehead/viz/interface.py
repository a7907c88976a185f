"""The fields of the raw interface vector that figures and the player show."""

from typing import NamedTuple

from torch import Tensor

from ..errors import InputError
from ..nn.interface import DNCInterface, HeadInterface, NTMInterface, total_size
from ..types import Trace


class WriteFields(NamedTuple):
    """What the interface vector of a step tells the memory to erase, add and free."""

    erase: Tensor
    """[..., H, W], in 0..1"""
    add: Tensor
    """[..., H, W]: the NTM's add vectors, in -1..1; the DNC's write vector"""
    free_gates: Tensor | None
    """DNC: [..., R], in 0..1"""


def is_ntm(trace: Trace) -> bool:
    """Whether the trace is an NTM's; otherwise it is a DNC's.

    Raises:
        InputError: a trace of sparse access, whose heads have other fields.
    """
    if trace.usage is not None and trace.link is None:
        raise InputError(
            'the trace is of a machine with access="sparse", which figures and players cannot show: '
            "give the trace of one with dense access"
        )
    return trace.usage is None


def write_fields(trace: Trace) -> WriteFields:
    """Take the fields of every step from ``trace.interface`` [..., X] and apply their non-linearities.

    An NTM's write gates, where it has them, are applied to its erase and add vectors.
    """
    if is_ntm(trace):
        writes = _ntm_interface(trace).writes
        if writes.erase is None or writes.add is None:
            raise ValueError("the trace has no erase or no add vectors: give the trace of an NTM")
        erase, add = writes.erase.sigmoid(), writes.add.tanh()
        if writes.write_gates is not None:
            opened = writes.write_gates.sigmoid().unsqueeze(-1)
            erase, add = opened * erase, opened * add
        return WriteFields(erase=erase, add=add, free_gates=None)
    R, W = trace.read_words.shape[-2:]
    # The fields of the variants come last: what is shown lies before them.
    shapes = DNCInterface.shapes(R, W, temporal_links=False)
    fields = DNCInterface.split(trace.interface[..., : total_size(shapes)], shapes)
    return WriteFields(
        erase=fields.erase.sigmoid().unsqueeze(-2),
        add=fields.write_vector.unsqueeze(-2),
        free_gates=fields.free_gates.sigmoid(),
    )


def _ntm_interface(trace: Trace) -> NTMInterface:
    """The fields of an NTM's interface; ``max_shift``, which a trace does not say, follows from its size."""
    (R, W), H = trace.read_words.shape[-2:], trace.write_weights.shape[-2]
    read_size = total_size(HeadInterface.shapes(W, 0, writes=False))
    write_size = total_size(HeadInterface.shapes(W, 0, writes=True))
    more = trace.interface.shape[-1] - R * read_size - H * write_size
    # Further shifts come in pairs for every head; a remainder is the write gates, one a write head.
    more_shifts, rest = divmod(more, 2 * (R + H))
    return NTMInterface.split(
        trace.interface,
        num_reads=R,
        num_writes=H,
        word_size=W,
        max_shift=more_shifts,  # Of the 2 · max_shift + 1 shifts, 1 is counted already.
        write_gate=rest > 0,
    )
