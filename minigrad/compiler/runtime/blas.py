"""Matrix products, called from emitted code."""

from numba import float32, float64, int64
from numba.extending import register_jitable

from minigrad.kernels.cpu.gemm import product


def _define(element, itemsize):
    @register_jitable
    def gemm(m, n, k, ta, a, a_start, lda, tb, b, b_start, ldb, c, c_start, ldc):
        """c (m, n) = op(a) op(b), row-major, each in an array from a start, with a leading dimension."""
        left, right = a.ctypes.data + a_start * itemsize, b.ctypes.data + b_start * itemsize
        out = c.ctypes.data + c_start * itemsize
        product(  # int64: given literals, numba would compile it anew for each set of sizes
            element, int64(itemsize), int64(m), int64(n), int64(k), int64(ta), left, int64(lda), int64(tb), right,
            int64(ldb), False, out, int64(ldc),
        )  # fmt: skip

    return gemm


gemm32, gemm64 = _define(float32, 4), _define(float64, 8)
