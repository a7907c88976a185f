"""The allocation of the Triton kernels alone, forward and backward. (Imports Triton.)"""

import triton
import triton.language as tl

from tapehead.engine.triton import dnc

SIZES = dnc.Sizes(**dict.fromkeys(dnc.Sizes._fields, 0))._replace(N=7, BN=8, BL=4)


@triton.jit
def both(U, A, OF_A, OF_U, SCRATCH, s: tl.constexpr):  # type: ignore
    n = tl.arange(0, s.BN)
    tl.store(A + n, dnc.allocation_of(U, s), mask=n < s.N)
    gradient = tl.load(OF_A + n, mask=n < s.N, other=0.0)
    tl.store(OF_U + n, dnc.allocation_backward(gradient, U, SCRATCH, s), mask=n < s.N)
