"""What a program holds: one sequence, and its memory as a block [BN, BW]. ``s`` has N, ROW, BN and BW.

Of memories there are slots, [slots, B, N, ROW]. Where ROW is more than W, the numbers behind a word are zero,
and stay zero in every step.
"""

import triton
import triton.language as tl


@triton.jit
def sequence():
    """(this program's sequence, their number), as integers wide enough for every offset."""
    return tl.program_id(0).to(tl.int64), tl.num_programs(0).to(tl.int64)


@triton.jit
def block_of(s: tl.constexpr):
    """(the offsets of a memory's numbers, which of them there are), [BN, BW]."""
    n, w = tl.arange(0, s.BN), tl.arange(0, s.BW)
    return n[:, None] * s.ROW + w[None, :], (n < s.N)[:, None] & (w < s.ROW)[None, :]


@triton.jit
def load_memory(MEMORY, slot, b, B, s: tl.constexpr):
    cells, there = block_of(s)
    return tl.load(MEMORY + (slot * B + b) * s.N * s.ROW + cells, mask=there, other=0.0)


@triton.jit
def store_memory(MEMORY, slot, b, B, memory, s: tl.constexpr):
    cells, there = block_of(s)
    tl.store(MEMORY + (slot * B + b) * s.N * s.ROW + cells, memory, mask=there)
