"""SciPy's GEMM, called from emitted code."""

import scipy.linalg.cython_blas  # noqa: F401
from llvmlite import ir
from numba import float32, float64, int64, types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

from minigrad.kernels.cpu.gemm import BLAS_SYMBOLS


@intrinsic
def _gemm(typing_context, element, tb, ta, n, m, k, b, ldb, a, lda, beta, c, ldc):
    """Fortran's gemm on column-major matrices, which are row-major ones transposed: C' = B' A'."""
    kind = element.dtype

    def generate(context, builder, signature, arguments):
        byte, integer = ir.IntType(8), ir.IntType(32)
        number, pointer = context.get_value_type(kind), byte.as_pointer()

        def reference(value):
            return builder.bitcast(cgutils.alloca_once_value(builder, value), pointer)

        def size(value):
            return reference(builder.trunc(value, integer))

        def flag(value):
            yes = builder.icmp_signed("!=", value, ir.Constant(value.type, 0))
            return reference(builder.select(yes, ir.Constant(byte, ord("T")), ir.Constant(byte, ord("N"))))

        _, tb, ta, n, m, k, b, ldb, a, lda, beta, c, ldc = arguments
        address = [builder.inttoptr(x, pointer) for x in (b, a, c)]
        one = reference(ir.Constant(number, 1.0))
        scale = reference(builder.sitofp(beta, number))
        kind_of = ir.FunctionType(ir.VoidType(), [pointer] * 13)
        function = cgutils.get_or_insert_function(builder.module, kind_of, BLAS_SYMBOLS[kind])
        builder.call(
            function,
            [flag(tb), flag(ta), size(n), size(m), size(k), one, address[0], size(ldb), address[1], size(lda), scale,
             address[2], size(ldc)],
        )  # fmt: skip
        return context.get_dummy_value()

    return types.void(element, *[int64] * 12), generate


def _define(element, itemsize):
    @register_jitable  # not njit, which would compile it anew for every set of constant sizes
    def gemm(m, n, k, ta, a, a_start, lda, tb, b, b_start, ldb, c, c_start, ldc):
        """c (m, n) = op(a) op(b), row-major, each in an array from a start, with a leading dimension."""
        _gemm(
            element, tb, ta, n, m, k, b.ctypes.data + b_start * itemsize, ldb, a.ctypes.data + a_start * itemsize, lda,
            0, c.ctypes.data + c_start * itemsize, ldc,
        )  # fmt: skip

    return gemm


gemm32, gemm64 = _define(float32, 4), _define(float64, 8)
