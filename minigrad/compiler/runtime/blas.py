"""Matrix products, called from emitted code.

They are external symbols: machine code that calls them holds no copy of them, which LLVM would optimise anew.
"""

import functools

from llvmlite import binding
from numba import cfunc, float32, float64, int64, types
from numba.extending import register_jitable

from minigrad.kernels.cpu.gemm import product
from minigrad.kernels.cpu.launch import sources

PRODUCT = types.void(*[int64] * 11)
ELEMENTS = {32: float32, 64: float64}


@functools.cache
def provide(bits):
    """Make the product of floats of so many bits known to machine code."""
    element, version = ELEMENTS[bits], sources()

    @cfunc(PRODUCT, cache=True)
    def product_of(m, n, k, ta, a, lda, tb, b, ldb, c, ldc):
        _ = version
        product(element, bits // 8, m, n, k, ta, a, lda, tb, b, ldb, False, c, ldc)

    binding.add_symbol(symbol(bits), product_of.address)
    return product_of


def symbol(bits):
    """The name of the product for floats of so many bits."""
    return f"minigrad_product{bits}"


def _define(bits):
    external, itemsize = types.ExternalFunction(symbol(bits), PRODUCT), bits // 8

    @register_jitable
    def gemm(m, n, k, ta, a, a_start, lda, tb, b, b_start, ldb, c, c_start, ldc):
        """c (m, n) = op(a) op(b), row-major, each in an array from a start, with a leading dimension."""
        left, right = a.ctypes.data + a_start * itemsize, b.ctypes.data + b_start * itemsize
        external(m, n, k, ta, left, lda, tb, right, ldb, c.ctypes.data + c_start * itemsize, ldc)

    return gemm


gemm32, gemm64 = _define(32), _define(64)
