"""The functions of a float64: libm's, through NumPy's names, which numba knows and which raise nothing."""

import math

import numpy as np

from minigrad.compiler.runtime.machine import scalar_function, select

D = np.float64
ZERO, ONE, INF = D(0), D(1), D(np.inf)
LARGEST_LGAMMA = D(2.5e305)


@scalar_function
def sqrt64(x):
    """Square root."""
    return np.sqrt(x)


@scalar_function
def exp64(x):
    """e^x."""
    return np.exp(x)


@scalar_function
def exp2_64(x):
    """2^x."""
    return np.exp2(x)


@scalar_function
def expm1_64(x):
    """e^x - 1, accurate near 0."""
    return np.expm1(x)


@scalar_function
def log64(x):
    """Natural logarithm."""
    return np.log(x)


@scalar_function
def log2_64(x):
    """Logarithm to base 2."""
    return np.log2(x)


@scalar_function
def log10_64(x):
    """Logarithm to base 10."""
    return np.log10(x)


@scalar_function
def log1p64(x):
    """log(1 + x), accurate near 0."""
    return np.log1p(x)


@scalar_function
def sigmoid64(x):
    """1 / (1 + e^-x), accurate in both tails."""
    e = np.exp(-abs(x))
    return select(x < ZERO, e, ONE) / (ONE + e)


@scalar_function
def logistic_density64(x):
    """sigmoid(x) sigmoid(-x), the derivative of sigmoid."""
    e = np.exp(-abs(x))
    return e / ((ONE + e) * (ONE + e))


@scalar_function
def tanh64(x):
    """Hyperbolic tangent."""
    return np.tanh(x)


@scalar_function
def sinh64(x):
    """Hyperbolic sine."""
    return np.sinh(x)


@scalar_function
def cosh64(x):
    """Hyperbolic cosine."""
    return np.cosh(x)


@scalar_function
def asinh64(x):
    """Inverse hyperbolic sine."""
    return np.arcsinh(x)


@scalar_function
def acosh64(x):
    """Inverse hyperbolic cosine."""
    return np.arccosh(x)


@scalar_function
def atanh64(x):
    """Inverse hyperbolic tangent."""
    return np.arctanh(x)


@scalar_function
def sin64(x):
    """Sine."""
    return np.sin(x)


@scalar_function
def cos64(x):
    """Cosine."""
    return np.cos(x)


@scalar_function
def tan64(x):
    """Tangent."""
    return np.tan(x)


@scalar_function
def asin64(x):
    """Inverse sine."""
    return np.arcsin(x)


@scalar_function
def acos64(x):
    """Inverse cosine."""
    return np.arccos(x)


@scalar_function
def atan64(x):
    """Inverse tangent."""
    return np.arctan(x)


@scalar_function
def atan2_64(y, x):
    """The angle of the point (x, y), in [-pi, pi]."""
    return np.arctan2(y, x)


@scalar_function
def hypot64(x, y):
    """sqrt(x^2 + y^2)."""
    return np.hypot(x, y)


@scalar_function
def pow64(x, y):
    """x^y."""
    return np.power(x, y)


@scalar_function
def logaddexp64(x, y):
    """log(e^x + e^y)."""
    apart = select(x == y, ZERO, -abs(x - y))
    return select(x > y, x, y) + np.log1p(np.exp(apart))


@scalar_function
def erf64(x):
    """The error function."""
    return D(math.erf(x))


@scalar_function
def erfc64(x):
    """1 - erf(x), accurate where it is small."""
    return D(math.erfc(x))


@scalar_function
def lgamma64(x):
    """log|Gamma(x)|; infinity at 0, -1, -2, ..., where Python's raises."""
    infinite = ((x <= ZERO) & (np.floor(x) == x)) | (x > LARGEST_LGAMMA)
    return select(infinite, INF, D(math.lgamma(select(infinite, ONE, x))))
