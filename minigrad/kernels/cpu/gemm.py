"""SciPy's BLAS inside compiled code, on one thread."""

import ctypes
import threading

import scipy.linalg.cython_blas
from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

# An external symbol, resolved by name when code is loaded, does not stop numba from caching; a ctypes pointer does.
BLAS_SYMBOLS = {types.float32: "minigrad_sgemm", types.float64: "minigrad_dgemm"}
for _type, _routine in ((types.float32, "sgemm"), (types.float64, "dgemm")):
    binding.add_symbol(BLAS_SYMBOLS[_type], get_cython_function_address("scipy.linalg.cython_blas", _routine))


def _openblas(verb):
    """OpenBLAS's function openblas_`verb` under any of the names builds give it; None for another BLAS."""
    library = ctypes.CDLL(scipy.linalg.cython_blas.__file__)  # a look-up also searches the libraries it is linked to
    for prefix in ("scipy_openblas", "openblas"):
        for suffix in ("", "64_"):
            function = getattr(library, f"{prefix}_{verb}{suffix}", None)
            if function is not None:
                return function
    return None


def blas_core():
    """The processor that OpenBLAS has chosen its kernels for, such as "SkylakeX"; "" for another BLAS."""
    name = _openblas("get_corename")
    if name is None:
        return ""
    name.restype = ctypes.c_char_p
    return name().decode()


_SMALL = 100**3
_HAS_SMALL_KERNELS = blas_core() in ("SkylakeX", "Cooperlake", "SapphireRapids")


@intrinsic
def _fortran_gemm(typing_context, element, tb, ta, n, m, k, b, ldb, a, lda, accumulate, c, ldc):
    """Fortran's gemm, which takes every argument by reference, on column-major matrices; addresses and sizes are int64.

    A row-major matrix is a column-major one transposed, so c = a b is asked for as c' = b' a': b comes first.
    """
    kind = element.dtype

    def generate(context, builder, signature, arguments):
        byte, integer, number = ir.IntType(8), ir.IntType(32), context.get_value_type(kind)
        pointer = byte.as_pointer()

        def reference(value):
            return builder.bitcast(cgutils.alloca_once_value(builder, value), pointer)

        def size(value):
            return reference(builder.trunc(value, integer))

        def flag(value):
            yes = builder.icmp_signed("!=", value, ir.Constant(value.type, 0))
            return reference(builder.select(yes, ir.Constant(byte, ord("T")), ir.Constant(byte, ord("N"))))

        def matrix(address, row):
            return [builder.inttoptr(address, pointer), size(row)]

        _, tb, ta, n, m, k, b, ldb, a, lda, accumulate, c, ldc = arguments
        one, beta = reference(ir.Constant(number, 1.0)), reference(builder.sitofp(accumulate, number))
        operands = [*matrix(b, ldb), *matrix(a, lda), beta, *matrix(c, ldc)]
        function_type = ir.FunctionType(ir.VoidType(), [pointer] * 13)
        function = cgutils.get_or_insert_function(builder.module, function_type, BLAS_SYMBOLS[kind])
        builder.call(function, [flag(tb), flag(ta), size(n), size(m), size(k), one, *operands])
        return context.get_dummy_value()

    return types.void(element, *[types.int64] * 12), generate


@njit(error_model="numpy")
def pieces(m, n, k, ta, tb):
    """Rows, columns and depth of the pieces in which a product is fastest.

    For at most a million multiplications OpenBLAS has AVX-512 kernels that copy nothing and reach 95 % of a core's
    peak, where its general path reaches 50 to 85 %; a b' by rows of less than 128 is slower in pieces.
    """
    if not _HAS_SMALL_KERNELS or n == 1 or (tb and not ta and k < 128):
        return m, n, k
    if tb:
        rows, columns, depth = 32, 32, 896
    elif m * n * k <= _SMALL:
        return m, n, k
    elif ta:
        rows, columns, depth = 128, 32, 128
    else:
        rows, columns, depth = 32, 64, 256
    parts = (k + depth - 1) // depth
    return rows, columns, (k + parts - 1) // parts


@njit(cache=True, error_model="numpy")
def product(element, itemsize, m, n, k, ta, a, lda, tb, b, ldb, accumulate, c, ldc):
    """c (m, n) = op(a) op(b), added to c if `accumulate`; row-major matrices at addresses, with leading dimensions."""
    if m == 0 or n == 0 or k == 0:
        return
    rows, columns, depth = pieces(m, n, k, ta, tb)
    for i in range(0, m, rows):
        for j in range(0, n, columns):
            for p in range(0, k, depth):
                left = a + itemsize * (p * lda + i if ta else i * lda + p)
                right = b + itemsize * (j * ldb + p if tb else p * ldb + j)
                more = 1 if accumulate or p > 0 else 0
                sizes = min(columns, n - j), min(rows, m - i), min(depth, k - p)
                _fortran_gemm(
                    element, tb, ta, *sizes, right, ldb, left, lda, more, c + itemsize * (i * ldc + j), ldc
                )


@njit
def gemm(a, b, c, accumulate, element):
    """c (m, n) = a (m, k) @ b (k, n), added to c if `accumulate`.  Row-major; the elements of a row are adjacent."""
    item = c.itemsize
    lda, ldb, ldc = a.strides[0] // item, b.strides[0] // item, c.strides[0] // item
    m, n, k = c.shape[0], c.shape[1], a.shape[1]
    product(element, item, m, n, k, 0, a.ctypes.data, lda, 0, b.ctypes.data, ldb, accumulate, c.ctypes.data, ldc)


class SingleThreadedBlas:
    """A context in which SciPy's OpenBLAS runs on the calling thread alone; the last to leave restores it."""

    def __init__(self):
        self._get, self._set = _openblas("get_num_threads"), _openblas("set_num_threads")
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 1

    def __enter__(self):
        with self._lock:
            if self._inside == 0 and self._set is not None:
                self._before = self._get()
                self._set(1)
            self._inside += 1

    def __exit__(self, *error):
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._set is not None:
                self._set(self._before)


single_threaded_blas = SingleThreadedBlas()
