"""The names that emitted code calls, in plain Python: it runs uncompiled, slowly, and every index is checked.

Arrays are `Buffer`s. An index outside of one raises, also where NumPy would count from the end: emitted code never
means that.
"""

import ctypes

import numpy as np
from scipy import special

from minigrad.compiler.runtime.arithmetic import *  # noqa: F403
from minigrad.compiler.runtime.machine import bits32, bits64, nearest, select  # noqa: F401
from minigrad.compiler.runtime.panels import panels
from minigrad.compiler.runtime.rows import *  # noqa: F403
from minigrad.kernels.reference.random import philox_bits

inf, nan = np.inf, np.nan
floor, ceil, trunc = np.floor, np.ceil, np.trunc
SETTINGS: dict = {}
INSIDE: dict = {}


def njit(**settings):
    """No compilation."""
    return lambda function: function


def _type(name):
    dtype = np.dtype(name)

    def convert(x):
        return np.asarray(x).astype(dtype)[()]  # wraps integers, as machine code does

    convert.dtype = dtype
    return convert


F32, F64, I64, I32, I16, I8, U8, U32, U64, B1 = map(
    _type, "float32 float64 int64 int32 int16 int8 uint8 uint32 uint64 bool".split()
)


class Buffer:
    """A 1-D array that refuses every index outside of it."""

    def __init__(self, array):
        self.array = array

    def __len__(self):
        return len(self.array)

    def _inside(self, i):
        if not 0 <= i < len(self.array):
            raise AssertionError(f"index {i} of a buffer of {len(self.array)} elements")
        return i

    def __getitem__(self, i):
        return self.array[self._inside(i)]

    def __setitem__(self, i, value):
        self.array[self._inside(i)] = value


def part(buffer, start, size):
    """A stretch of a buffer."""
    if not 0 <= start <= start + size <= len(buffer):
        raise AssertionError(f"elements {start} to {start + size} of a buffer of {len(buffer)}")
    return Buffer(buffer.array[start : start + size])


def array_at(address, size, element):
    """`size` elements at an address."""
    memory = (ctypes.c_byte * (size * element.dtype.itemsize)).from_address(int(address))
    return Buffer(np.frombuffer(memory, element.dtype))


def move(target, to, source, start, n):
    """target[to : to + n] = source[start : start + n]."""
    part(target, to, n).array[...] = part(source, start, n).array


def opaque(n):
    """n."""
    return n


def _matrix(buffer, start, rows_, columns, ld):
    if ld < max(columns, 1):
        raise AssertionError(f"leading dimension {ld} of rows of {columns}")
    part(buffer, start, (rows_ - 1) * ld + columns)
    item = buffer.array.itemsize
    return np.lib.stride_tricks.as_strided(buffer.array[start:], (rows_, columns), (ld * item, item))


def gemm64(m, n, k, ta, a, a_start, lda, tb, b, b_start, ldb, c, c_start, ldc):
    """c (m, n) = op(a) op(b), row-major, each in an array from a start, with a leading dimension."""
    left = _matrix(a, a_start, k, m, lda).T if ta else _matrix(a, a_start, m, k, lda)
    right = _matrix(b, b_start, n, k, ldb).T if tb else _matrix(b, b_start, k, n, ldb)
    _matrix(c, c_start, m, n, ldc)[...] = left @ right


gemm32 = gemm64
gemm_rows32, gemm_columns32 = gemm_rows64, gemm_columns64 = panels(gemm64)


def spread(kernel, total, chunk, arguments):
    """kernel(first, last, *arguments) for the chunks of range(total)."""
    for first in range(0, total, chunk):
        kernel(first, min(first + chunk, total), *arguments)


def random_words(seed, call, out):
    """The first words of a call."""
    out.array[...] = philox_bits(int(seed), int(call), len(out))


def _pow(x, y):
    return np.power([x], [y])[0]  # on two scalars NumPy takes a square root for y = 0.5, which is wrong for -inf


def _logistic_density(x):
    return special.expit(x) * special.expit(-x)


def _elementary():
    """exp32, exp64, ...: NumPy's and SciPy's."""
    renamed = {
        "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh,
        "atanh": np.arctanh, "atan2": np.arctan2, "pow": _pow, "erf": special.erf, "erfc": special.erfc,
        "lgamma": special.gammaln, "sigmoid": special.expit, "logistic_density": _logistic_density,
    }  # fmt: skip
    same = "sqrt exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh hypot logaddexp".split()
    for name, function in {**renamed, **{name: getattr(np, name) for name in same}}.items():
        for bits in (32, 64):
            yield f"{name}_{bits}" if name[-1].isdigit() else f"{name}{bits}", function


globals().update(_elementary())
