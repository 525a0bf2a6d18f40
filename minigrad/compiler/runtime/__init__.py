"""What emitted code calls, in numba."""

import math

import numpy as np
from numba import boolean, float32, float64, int8, int16, int32, int64, njit, types, uint8
from numba.extending import overload

from minigrad.compiler.runtime.memory import _float_plus, array_at, maximum_float
from minigrad.compiler.runtime.blas import gemm32, gemm64

F32, F64, I64, I32, I16, I8, U8, B1 = float32, float64, int64, int32, int16, int8, uint8, boolean
inf, nan = math.inf, math.nan
INF = math.inf
SETTINGS = {"fastmath": {"contract", "afn"}, "error_model": "numpy", "boundscheck": False, "nogil": True}


def _plus(a, b):
    return a + b


@overload(_plus, inline="always")
def _plus_compiled(a, b):
    if isinstance(a, types.Float):
        return lambda a, b: _float_plus(a, b)
    return lambda a, b: a + b


@njit(inline="always")
def plus(a, b):
    """a + b in a sum whose terms may be taken in any order."""
    return _plus(a, b)


def _maximum(a, b):
    return np.maximum(a, b)


@overload(_maximum, inline="always")
def _maximum_compiled(a, b):
    if isinstance(a, types.Float):
        return lambda a, b: maximum_float(a, b)
    return lambda a, b: a if a > b else b


@njit
def maximum(a, b):
    """The larger; NaN wins."""
    return _maximum(a, b)


@njit
def minimum(a, b):
    """The smaller; NaN wins."""
    return -_maximum(-a, -b)


def _unary(name, function):
    for bits in (32, 64):
        globals()[f"{name}{bits}"] = njit(function, **SETTINGS)


for _name in "sqrt exp expm1 log log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc lgamma".split():
    exec(f"@njit\ndef {_name}32(x):\n    return F32(math.{_name}(x))\n@njit\ndef {_name}64(x):\n    return math.{_name}(x)\n")


@njit
def pow32(x, y):
    return F32(x**y)


@njit
def pow64(x, y):
    return x**y
