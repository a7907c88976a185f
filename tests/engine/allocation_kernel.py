"""The allocation of the Triton kernels alone, forward and backward. (Imports Triton.)"""

import triton
import triton.language as tl

from tapehead.engine.triton import dnc


@triton.jit
def both(U, A, OF_A, OF_U, SCRATCH, N: tl.constexpr, BN: tl.constexpr, BL: tl.constexpr):  # type: ignore
    n = tl.arange(0, BN)
    tl.store(A + n, dnc._allocation(U, N, BN, BL), mask=n < N)
    gradient = tl.load(OF_A + n, mask=n < N, other=0.0)
    tl.store(OF_U + n, dnc._allocation_backward(gradient, U, SCRATCH, N, BN, BL), mask=n < N)
