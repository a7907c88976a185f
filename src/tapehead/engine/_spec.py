"""What a machine tells the engine about itself, so that a kernel can run it."""

from typing import NamedTuple

from torch import Tensor


class KernelSpec(NamedTuple):
    """A machine in the kernel's terms; the kernel's C++ names are in native/dims.h."""

    kind: str
    """ "none", "ntm" or "dnc"."""
    lstm: bool
    """A deep LSTM controller; otherwise a feed-forward one."""
    state_type: type
    """The named tuple that the machine's state is."""
    hidden_size: int
    layers: tuple[tuple[Tensor, Tensor], ...]
    """(weight, bias) of every controller layer."""
    outputs: tuple[Tensor, ...] = ()
    """The output layer: its weights for the features and, with a memory, for the words read, and the bias
    where there is one; nothing where the machine has to compute the outputs itself."""
    output_bias: bool = False
    interface: tuple[Tensor, ...] = ()
    """Weight, and the NTM's bias."""
    interface_norm: tuple[Tensor, ...] = ()
    """Weight and bias of the layer norm, or nothing."""
    memory_size: int = 0
    initial_memory: float = 0.0
    """Every number of the memory before the first step. The rest of that state is zero, but that the NTM's
    heads begin on slot 0."""
    word_size: int = 0
    num_reads: int = 0
    num_writes: int = 0
    max_shift: int = 0
    read_first: bool = False
    temporal_links: bool = False
    masked_lookup: bool = False
    mask_min: float = 0.0
    deallocation: bool = False
    link_sharpening: bool = False
    usage_gradient: bool = True
    clip_controller_gradient: float | None = None
    clip_weighting_gradient: float | None = None
