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

_M, _N, _K = 64, 128, 122  # the largest piece of a product


@intrinsic
def _column_major_gemm(typing_context, element, m, n, k, a, lda, b, ldb, beta, c, ldc):
    """Fortran's gemm, which takes every argument by reference: c = a @ b + beta * c on column-major matrices."""
    kind = element.dtype

    def generate(context, builder, signature, arguments):
        byte, integer, number = ir.IntType(8), ir.IntType(32), context.get_value_type(kind)
        pointer = byte.as_pointer()

        def reference(value):
            slot = cgutils.alloca_once_value(builder, value)
            return builder.bitcast(slot, pointer)

        def size(value):
            return reference(builder.trunc(value, integer))

        def matrix(address, row):
            return [builder.inttoptr(address, pointer), size(row)]

        _, m, n, k, a, lda, b, ldb, beta, c, ldc = arguments
        no_transpose = reference(ir.Constant(byte, ord("N")))
        shape, alpha = [size(m), size(n), size(k)], reference(ir.Constant(number, 1.0))
        function_type = ir.FunctionType(ir.VoidType(), [pointer] * 13)
        function = cgutils.get_or_insert_function(builder.module, function_type, BLAS_SYMBOLS[kind])
        operands = [*matrix(a, lda), *matrix(b, ldb), reference(beta), *matrix(c, ldc)]
        builder.call(function, [no_transpose, no_transpose, *shape, alpha, *operands])
        return context.get_dummy_value()

    word = types.int64
    return types.void(element, *[word] * 7, kind, word, word), generate


@njit
def _piece(a, b, c, accumulate, element):
    """c = a @ b, added to c if `accumulate`. A row-major matrix is a column-major one transposed: b comes first."""
    beta = element(1) if accumulate else element(0)
    lda, ldb, ldc = a.strides[0] // a.itemsize, b.strides[0] // b.itemsize, c.strides[0] // c.itemsize
    m, n, k = a.shape[0], b.shape[1], a.shape[1]
    _column_major_gemm(element, n, m, k, b.ctypes.data, ldb, a.ctypes.data, lda, beta, c.ctypes.data, ldc)


@njit
def gemm(a, b, c, accumulate, element):
    """c (m, n) = a (m, k) @ b (k, n), added to c if `accumulate`.  Row-major; the elements of a row are adjacent.

    In pieces of at most a million products: for these OpenBLAS has AVX-512 kernels that copy nothing and reach 98 % of
    a core's peak, where its general path reaches 60 to 85 %.
    """
    for i in range(0, c.shape[0], _M):
        for j in range(0, c.shape[1], _N):
            for k in range(0, a.shape[1], _K):
                left, right = a[i : i + _M, k : k + _K], b[k : k + _K, j : j + _N]
                _piece(left, right, c[i : i + _M, j : j + _N], accumulate or k > 0, element)


def _openblas(verb):
    """OpenBLAS's function `verb`_num_threads under any of the names builds give it; None for another BLAS."""
    library = ctypes.CDLL(scipy.linalg.cython_blas.__file__)  # a look-up also searches the libraries it is linked to
    for prefix in ("scipy_openblas", "openblas"):
        for suffix in ("", "64_"):
            function = getattr(library, f"{prefix}_{verb}_num_threads{suffix}", None)
            if function is not None:
                return function
    return None


class SingleThreadedBlas:
    """A context in which SciPy's OpenBLAS runs on the calling thread alone; the last to leave restores it."""

    def __init__(self):
        self._get, self._set = _openblas("get"), _openblas("set")
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
