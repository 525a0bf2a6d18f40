"""Elementwise operations: y[i] = f(x[i]) with broadcasting. Reference, rule and documentation side by side.

Where a function has a kink the gradient is PyTorch's: abs'(0) = 0, maximum and minimum share evenly at ties, clip
passes the gradient at its bounds. Step functions (sign, floor, ...) have gradient zero.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike, as_dtype, result_type
from minigrad.engine import as_operand, primitive, tracer

elementwise = primitive(kind="elementwise")
real = primitive(kind="elementwise", floats=True)
"""An elementwise primitive that turns integers into the default float dtype."""


def zero(g: Tensor, *_: Any) -> Tensor:
    """The gradient of a step function (not g * 0, which is NaN for an infinite g)."""
    return Tensor(np.zeros(g.shape, g.dtype))


# ---- arithmetic


@elementwise
def add(x, y):
    """x + y.

    >>> mg.add(mg.tensor([1.0, 2.0]), 3.0)
    tensor([4., 5.])
    """
    return np.add(x, y)


add.defvjp(lambda g, out, x, y: g, lambda g, out, x, y: g)


@elementwise
def subtract(x, y):
    """x - y.

    >>> mg.subtract(mg.tensor([1.0, 2.0]), 3.0)
    tensor([-2., -1.])
    """
    return np.subtract(x, y)


subtract.defvjp(lambda g, out, x, y: g, lambda g, out, x, y: -g)


@elementwise
def multiply(x, y):
    """x * y.

    >>> mg.multiply(mg.tensor([1.0, 2.0]), 3.0)
    tensor([3., 6.])
    """
    return np.multiply(x, y)


multiply.defvjp(lambda g, out, x, y: g * y, lambda g, out, x, y: g * x)


@real
def divide(x, y):
    """x / y; integers are divided as floats.

    >>> mg.divide(mg.tensor([1.0, 2.0]), 4.0)
    tensor([0.25, 0.5 ])
    """
    return np.divide(x, y)


divide.defvjp(lambda g, out, x, y: g / y, lambda g, out, x, y: -(g * out) / y)


@elementwise
def negative(x):
    """-x.

    >>> mg.negative(mg.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """
    return np.negative(x)


negative.defvjp(lambda g, out, x: -g)


@elementwise
def pow(x, y):
    """x ** y.  d/dx = y x^(y-1) (0 where y = 0), d/dy = x^y log x (0 where x = 0).

    >>> mg.pow(mg.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    return np.power(x, y)


def _pow_wrt_base(g, out, x, y):
    if not isinstance(y, Tensor):
        return g * (y * x ** (y - 1)) if y != 0 else zero(g)
    return g * y * x ** where(y == 0, 1.0, y - 1)


pow.defvjp(_pow_wrt_base, lambda g, out, x, y: g * out * log(where(equal(x, 0), 1.0, x)))


@elementwise
def floor_divide(x, y):
    """floor(x / y), rounding towards minus infinity.  Gradient zero.

    >>> mg.floor_divide(mg.tensor([7, -7]), 2)
    tensor([ 3, -4])
    """
    return np.floor_divide(x, y)


floor_divide.defvjp(zero, zero)


@elementwise
def remainder(x, y):
    """x - y * floor(x / y): the sign is that of y, as for Python's %.

    >>> mg.remainder(mg.tensor([7, -7]), 3)
    tensor([1, 2])
    """
    return np.remainder(x, y)


remainder.defvjp(lambda g, out, x, y: g, lambda g, out, x, y: -g * floor_divide(x, y))


# ---- powers, exponentials, logarithms


@real
def sqrt(x):
    """Square root.  d/dx = 1 / (2 sqrt x).

    >>> mg.sqrt(mg.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    return np.sqrt(x)


sqrt.defvjp(lambda g, out, x: g / (2 * out))


@real
def exp(x):
    """e ** x.

    >>> mg.exp(mg.tensor([1.0]))
    tensor([2.718282])
    """
    return np.exp(x)


exp.defvjp(lambda g, out, x: g * out)


@real
def exp2(x):
    """2 ** x.

    >>> mg.exp2(mg.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """
    return np.exp2(x)


exp2.defvjp(lambda g, out, x: g * out * math.log(2))


@real
def expm1(x):
    """exp(x) - 1, accurate near 0.

    >>> mg.expm1(mg.tensor([1e-10]))
    tensor([1.e-10])
    """
    return np.expm1(x)


expm1.defvjp(lambda g, out, x: g * exp(x))


@real
def log(x):
    """Natural logarithm.  d/dx = 1 / x.

    >>> mg.log(mg.tensor([10.0]))
    tensor([2.30259])
    """
    return np.log(x)


log.defvjp(lambda g, out, x: g / x)


@real
def log2(x):
    """Logarithm to base 2.

    >>> mg.log2(mg.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """
    return np.log2(x)


log2.defvjp(lambda g, out, x: g / (x * math.log(2)))


@real
def log10(x):
    """Logarithm to base 10.

    >>> mg.log10(mg.tensor([1000.0]))
    tensor([3.00000])
    """
    return np.log10(x)


log10.defvjp(lambda g, out, x: g / (x * math.log(10)))


@real
def log1p(x):
    """log(1 + x), accurate near 0.  d/dx = 1 / (1 + x).

    >>> mg.log1p(mg.tensor([1e-10]))
    tensor([1.e-10])
    """
    return np.log1p(x)


log1p.defvjp(lambda g, out, x: g / (1 + x))


@real
def logaddexp(x, y):
    """log(exp x + exp y), without overflow.  d/dx = sigmoid(x - y).

    >>> mg.logaddexp(mg.tensor([1000.0]), mg.tensor([1000.0]))
    tensor([1000.693])
    """
    top = np.maximum(x, y)
    gap = np.fmin(np.minimum(x, y) - top, 0)  # 0 also for two equal infinities, whose difference is NaN
    return top + np.log1p(np.exp(gap))  # several times as fast as np.logaddexp, which is not vectorised


def _difference(x, y):
    """x - y, and 0 where both are the same infinity (but not at other ties, where it would have no derivative)."""
    if any(not isinstance(v, Tensor) and math.isfinite(v) for v in (x, y)):
        return x - y
    return where(logical_and(equal(x, y), isinf(x)), 0.0, x - y)


logaddexp.defvjp(
    lambda g, out, x, y: g * sigmoid(_difference(x, y)), lambda g, out, x, y: g * sigmoid(_difference(y, x))
)


@real
def sigmoid(x):
    """The logistic function 1 / (1 + exp(-x)), without overflow and accurate in both tails.

    >>> mg.sigmoid(mg.tensor([-1000.0, 0.0, 1000.0]))
    tensor([0. , 0.5, 1. ])
    """
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))  # np.where would mispredict every second branch


@real
def logistic_density(x):
    """The derivative of sigmoid: exp(-x) / (1 + exp(-x))^2, to rounding everywhere.  d/dx = -out tanh(x / 2).

    Computed from sigmoid's value as s (1 - s) it would lose its digits as s nears 1: in float64 all of them at x = 37,
    where it is exp(-37), and in float32 at 17. The same holds for tanh, whose 1 - tanh^2 is 4 logistic_density(2 x).

    >>> logistic_density(mg.tensor([0.0, 80.0]))
    tensor([2.50000e-01, 1.80485e-35])
    """
    decay = np.exp(-np.abs(x))
    return decay / np.square(1 + decay)


sigmoid.defvjp(lambda g, out, x: g * logistic_density(x))
logistic_density.defvjp(lambda g, out, x: g * out * -tanh(0.5 * x))


# ---- trigonometric and hyperbolic functions


@real
def sin(x):
    """Sine; x in radians.

    >>> mg.sin(mg.tensor([1.0]))
    tensor([0.84147])
    """
    return np.sin(x)


sin.defvjp(lambda g, out, x: g * cos(x))


@real
def cos(x):
    """Cosine; x in radians.

    >>> mg.cos(mg.tensor([0.0]))
    tensor([1.])
    """
    return np.cos(x)


cos.defvjp(lambda g, out, x: -g * sin(x))


@real
def tan(x):
    """Tangent; x in radians.  d/dx = 1 + tan^2 x.

    >>> mg.tan(mg.tensor([0.0]))
    tensor([0.])
    """
    return np.tan(x)


tan.defvjp(lambda g, out, x: g * (1 + out * out))


@real
def asin(x):
    """Inverse sine, in radians.  d/dx = 1 / sqrt(1 - x^2).

    >>> mg.asin(mg.tensor([1.0]))
    tensor([1.57080])
    """
    return np.arcsin(x)


asin.defvjp(lambda g, out, x: g / sqrt((1 - x) * (1 + x)))


@real
def acos(x):
    """Inverse cosine, in radians.  d/dx = -1 / sqrt(1 - x^2).

    >>> mg.acos(mg.tensor([1.0]))
    tensor([0.])
    """
    return np.arccos(x)


acos.defvjp(lambda g, out, x: -g / sqrt((1 - x) * (1 + x)))


@real
def atan(x):
    """Inverse tangent, in radians.  d/dx = 1 / (1 + x^2).

    >>> mg.atan(mg.tensor([1.0]))
    tensor([0.78540])
    """
    return np.arctan(x)


atan.defvjp(lambda g, out, x: g / (1 + x * x))


@real
def atan2(y, x):
    """The angle of the point (x, y), in radians in (-pi, pi].

    >>> mg.atan2(mg.tensor([1.0]), mg.tensor([-1.0]))
    tensor([2.35619])
    """
    return np.arctan2(y, x)


atan2.defvjp(
    lambda g, out, y, x: g * x / (x * x + y * y),
    lambda g, out, y, x: -g * y / (x * x + y * y),
)


@real
def sinh(x):
    """Hyperbolic sine.

    >>> mg.sinh(mg.tensor([1.0]))
    tensor([1.17520])
    """
    return np.sinh(x)


sinh.defvjp(lambda g, out, x: g * cosh(x))


@real
def cosh(x):
    """Hyperbolic cosine.

    >>> mg.cosh(mg.tensor([0.0]))
    tensor([1.])
    """
    return np.cosh(x)


cosh.defvjp(lambda g, out, x: g * sinh(x))


@real
def tanh(x):
    """Hyperbolic tangent.  d/dx = 1 - tanh^2 x, accurate in both tails.

    >>> mg.tanh(mg.tensor([1.0]))
    tensor([0.76159])
    """
    return np.tanh(x)


tanh.defvjp(lambda g, out, x: g * (4.0 * logistic_density(2.0 * x)))


@real
def asinh(x):
    """Inverse hyperbolic sine.  d/dx = 1 / sqrt(1 + x^2).

    >>> mg.asinh(mg.tensor([0.0]))
    tensor([0.])
    """
    return np.arcsinh(x)


asinh.defvjp(lambda g, out, x: g / hypot(x, 1.0))


@real
def acosh(x):
    """Inverse hyperbolic cosine, x >= 1.  d/dx = 1 / sqrt(x^2 - 1).

    >>> mg.acosh(mg.tensor([1.0]))
    tensor([0.])
    """
    return np.arccosh(x)


acosh.defvjp(lambda g, out, x: g / sqrt((x - 1) * (x + 1)))


@real
def atanh(x):
    """Inverse hyperbolic tangent, |x| < 1.  d/dx = 1 / (1 - x^2).

    >>> mg.atanh(mg.tensor([0.0]))
    tensor([0.])
    """
    return np.arctanh(x)


atanh.defvjp(lambda g, out, x: g / ((1 - x) * (1 + x)))


@real
def hypot(x, y):
    """sqrt(x^2 + y^2), without overflow; gradient 0 at the origin.

    >>> mg.hypot(mg.tensor([3.0]), 4.0)
    tensor([5.])
    """
    return np.hypot(x, y)


def _nonzero(x):
    """x with 1 in place of 0, for a quotient whose numerator is 0 there."""
    return where(equal(x, 0), 1.0, x)


hypot.defvjp(lambda g, out, x, y: g * (x / _nonzero(out)), lambda g, out, x, y: g * (y / _nonzero(out)))


# ---- special functions


@real
def erf(x):
    """The error function 2/sqrt(pi) * integral of exp(-t^2) from 0 to x.

    >>> mg.erf(mg.tensor([1.0]))
    tensor([0.84270])
    """
    from scipy.special import erf

    return erf(x)


erf.defvjp(lambda g, out, x: g * (2 / math.sqrt(math.pi)) * exp(-x * x))


@real
def erfc(x):
    """1 - erf(x), accurate for large x.

    >>> mg.erfc(mg.tensor([4.0]))
    tensor([1.54173e-08])
    """
    from scipy.special import erfc

    return erfc(x)


erfc.defvjp(lambda g, out, x: -g * (2 / math.sqrt(math.pi)) * exp(-x * x))


@real
def lgamma(x):
    """log |Gamma(x)|.  d/dx = digamma(x).

    >>> mg.lgamma(mg.tensor([5.0]))
    tensor([3.17805])
    """
    from scipy.special import gammaln

    return gammaln(x)


lgamma.defvjp(lambda g, out, x: g * polygamma(x, order=0))


@real
def polygamma(x, *, order):
    """The derivative of order `order` of the digamma function, for x > 0 (any x for order 0).

    >>> mg.polygamma(mg.tensor([1.0]), order=1)
    tensor([1.64493])
    """
    from scipy import special

    y = special.digamma(x) if order == 0 else special.polygamma(order, x)
    return np.asarray(y, dtype=np.asarray(x).dtype)


polygamma.defvjp(lambda g, out, x, order: g * polygamma(x, order=order + 1))


def digamma(x: Any) -> Tensor:
    """The derivative of lgamma.

    >>> mg.digamma(mg.tensor([1.0]))
    tensor([-0.57722])
    """
    return polygamma(x, order=0)


# ---- absolute values, extrema, rounding


@elementwise
def abs(x):
    """|x|; gradient sign(x), 0 at 0.

    >>> mg.abs(mg.tensor([-1.5, 2.0]))
    tensor([1.5, 2. ])
    """
    return np.abs(x)


abs.defvjp(lambda g, out, x: g * sign(x))


@elementwise
def sign(x):
    """-1, 0 or 1.  Gradient zero.

    >>> mg.sign(mg.tensor([-2.0, 0.0, 3.0]))
    tensor([-1.,  0.,  1.])
    """
    return np.sign(x)


sign.defvjp(zero)


@elementwise
def maximum(x, y):
    """The larger of the two; NaN if either is.  At ties each gets half the gradient.

    >>> mg.maximum(mg.tensor([1.0, 5.0]), 3.0)
    tensor([3., 5.])
    """
    return np.maximum(x, y)


@elementwise
def minimum(x, y):
    """The smaller of the two; NaN if either is.  At ties each gets half the gradient.

    >>> mg.minimum(mg.tensor([1.0, 5.0]), 3.0)
    tensor([1., 3.])
    """
    return np.minimum(x, y)


def _share(g, mine, other, out):
    """The gradient for `mine` of an extremum: all where it won, half at a tie."""
    return g * where(equal(mine, other), 0.5, where(equal(mine, out), 1.0, 0.0))


maximum.defvjp(lambda g, out, x, y: _share(g, x, y, out), lambda g, out, x, y: _share(g, y, x, out))
minimum.defvjp(lambda g, out, x, y: _share(g, x, y, out), lambda g, out, x, y: _share(g, y, x, out))


@elementwise
def relu(x):
    """max(0, x); NaN stays NaN. Gradient 0 at 0.

    >>> F.relu(mg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return np.maximum(x, 0)


relu.defvjp(lambda g, out, x: select(less_equal(out, 0), 0.0, g))


@elementwise
def floor(x):
    """The largest integer not above x.  Gradient zero.

    >>> mg.floor(mg.tensor([-1.5, 1.5]))
    tensor([-2.,  1.])
    """
    return np.floor(x)


@elementwise
def ceil(x):
    """The smallest integer not below x.  Gradient zero.

    >>> mg.ceil(mg.tensor([-1.5, 1.5]))
    tensor([-1.,  2.])
    """
    return np.ceil(x)


@elementwise
def trunc(x):
    """x without its fraction.  Gradient zero.

    >>> mg.trunc(mg.tensor([-1.5, 1.5]))
    tensor([-1.,  1.])
    """
    return np.trunc(x)


@elementwise
def round(x):
    """The nearest integer, ties to even.  Gradient zero.

    >>> mg.round(mg.tensor([0.5, 1.5, 2.6]))
    tensor([0., 2., 3.])
    """
    return np.round(x)


for _step in (floor, ceil, trunc, round):
    _step.defvjp(zero)


# ---- comparisons and logic (boolean results, no gradient)


@elementwise
def equal(x, y):
    """x == y, elementwise.

    >>> mg.equal(mg.tensor([1, 2]), 2)
    tensor([False,  True])
    """
    return np.equal(x, y)


@elementwise
def not_equal(x, y):
    """x != y, elementwise.

    >>> mg.not_equal(mg.tensor([1, 2]), 2)
    tensor([ True, False])
    """
    return np.not_equal(x, y)


@elementwise
def less(x, y):
    """x < y, elementwise.

    >>> mg.less(mg.tensor([1, 2]), 2)
    tensor([ True, False])
    """
    return np.less(x, y)


@elementwise
def less_equal(x, y):
    """x <= y, elementwise.

    >>> mg.less_equal(mg.tensor([1, 2]), 1)
    tensor([ True, False])
    """
    return np.less_equal(x, y)


@elementwise
def greater(x, y):
    """x > y, elementwise.

    >>> mg.greater(mg.tensor([1, 2]), 1)
    tensor([False,  True])
    """
    return np.greater(x, y)


@elementwise
def greater_equal(x, y):
    """x >= y, elementwise.

    >>> mg.greater_equal(mg.tensor([1, 2]), 2)
    tensor([False,  True])
    """
    return np.greater_equal(x, y)


@elementwise
def logical_and(x, y):
    """True where both are nonzero.

    >>> mg.logical_and(mg.tensor([True, False]), True)
    tensor([ True, False])
    """
    return np.logical_and(x, y)


@elementwise
def logical_or(x, y):
    """True where at least one is nonzero.

    >>> mg.logical_or(mg.tensor([True, False]), False)
    tensor([ True, False])
    """
    return np.logical_or(x, y)


@elementwise
def logical_xor(x, y):
    """True where exactly one is nonzero.

    >>> mg.logical_xor(mg.tensor([True, False]), True)
    tensor([False,  True])
    """
    return np.logical_xor(x, y)


@elementwise
def logical_not(x):
    """True where x is zero.

    >>> mg.logical_not(mg.tensor([True, False]))
    tensor([False,  True])
    """
    return np.logical_not(x)


@elementwise
def isnan(x):
    """True where x is NaN.

    >>> mg.isnan(mg.tensor([1.0, float("nan")]))
    tensor([False,  True])
    """
    return np.isnan(x)


@elementwise
def isinf(x):
    """True where x is plus or minus infinity.

    >>> mg.isinf(mg.tensor([1.0, float("inf")]))
    tensor([False,  True])
    """
    return np.isinf(x)


@elementwise
def isfinite(x):
    """True where x is neither infinite nor NaN.

    >>> mg.isfinite(mg.tensor([1.0, float("inf")]))
    tensor([ True, False])
    """
    return np.isfinite(x)


@elementwise
def signbit(x):
    """True where the sign bit is set: negative numbers and -0.0.

    >>> mg.signbit(mg.tensor([-0.0, 0.0]))
    tensor([ True, False])
    """
    return np.signbit(x)


# ---- selection and conversion


@primitive(kind="elementwise", promotes=False)
def select(condition, x, y):
    """x where condition (boolean) holds, else y, of one dtype; `where` is the public name.

    np.where is the specification. On large float arrays its branches are mispredicted and cost ten times what masking
    the bits costs, so those take that way.
    """
    large = isinstance(condition, np.ndarray) and condition.size > 512
    if large and type(y) is float and y == 0.0 and same_layout(condition, x):
        return mask_bits(condition, x)
    if large and type(x) is float and x == 0.0 and same_layout(condition, y):
        return mask_bits(~condition, y)
    if large and same_layout(condition, x) and same_layout(condition, y) and x.dtype == y.dtype:
        kept = mask_bits(condition, x)
        np.bitwise_or(bits(kept), bits(mask_bits(~condition, y)), out=bits(kept))
        return kept
    return np.where(condition, x, y)


def same_layout(condition: np.ndarray, x: Any) -> bool:
    """Whether x is a float array that can be masked bit by bit."""
    return (
        isinstance(x, np.ndarray)
        and x.shape == condition.shape
        and x.dtype in (np.float32, np.float64)
        and x.flags.c_contiguous
    )


def bits(x: np.ndarray) -> np.ndarray:
    """The same memory seen as integers."""
    return x.view(np.int32 if x.dtype == np.float32 else np.int64)


def mask_bits(condition: np.ndarray, x: np.ndarray) -> np.ndarray:
    """x where the condition holds, +0.0 elsewhere, without a branch."""
    mask = condition.astype(bits(x).dtype, order="C")
    np.negative(mask, out=mask)
    return np.bitwise_and(mask, bits(x), out=mask).view(x.dtype)


select.defvjp(None, lambda g, out, c, x, y: select(c, g, 0.0), lambda g, out, c, x, y: select(c, 0.0, g))


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """x where condition is true, else y; the three broadcast together.

    The gradient goes only to the side that was taken.

    >>> mg.where(mg.tensor([True, False]), 1.0, 0.0)
    tensor([1., 0.])
    """
    condition, x, y = as_operand(condition), as_operand(x), as_operand(y)
    if tracer() is not None:
        x, y = tracer().branches(condition, x, y)
    dtype = result_type(x, y)
    if not isinstance(x, Tensor) and not isinstance(y, Tensor):
        x = Tensor(np.asarray(x, dtype))  # one of them must say the dtype; the other may stay a number
    x, y = (cast(v, dtype=dtype) if isinstance(v, Tensor) and v.data.dtype != dtype else v for v in (x, y))
    if getattr(condition, "dtype", None) != np.bool_:
        condition = not_equal(condition, 0)
    return select(condition, x, y)


@primitive(kind="elementwise", promotes=False)
def cast(x, *, dtype):
    """x converted to `dtype`; `Tensor.astype` is the public name. The gradient is converted back."""
    return np.asarray(x).astype(dtype)


cast.defvjp(lambda g, out, x, dtype: cast(g, dtype=x.dtype))


def astype(x: Any, dtype: DtypeLike) -> Tensor:
    """x converted to `dtype`; gradients are converted back.

    >>> mg.astype(mg.tensor([1.9, -1.9]), mg.int64)
    tensor([ 1, -1])
    """
    x, dtype = as_operand(x), as_dtype(dtype)
    x = x if isinstance(x, Tensor) else Tensor(np.asarray(x, dtype))
    return x if x.data.dtype == dtype else cast(x, dtype=dtype)


# ---- composites


def square(x: Any) -> Tensor:
    """x * x.

    >>> mg.square(mg.tensor([3.0]))
    tensor([9.])
    """
    return multiply(x, x)


def reciprocal(x: Any) -> Tensor:
    """1 / x.

    >>> mg.reciprocal(mg.tensor([4.0]))
    tensor([0.25])
    """
    return divide(1.0, x)


def positive(x: Any) -> Tensor:
    """x itself.

    >>> mg.positive(mg.tensor([4.0]))
    tensor([4.])
    """
    return multiply(x, 1)


def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """x limited to [min, max]; either may be None. NaN stays NaN; the gradient passes at the bounds.

    >>> mg.clip(mg.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1. ,  0.5,  1. ])
    """
    x = as_operand(x)
    if min is not None:
        x = where(less(x, min), min, x)
    if max is not None:
        x = where(greater(x, max), max, x)
    return x


def fmax(x: Any, y: Any) -> Tensor:
    """The larger of the two, ignoring NaN where the other is a number.

    >>> mg.fmax(mg.tensor([1.0, float("nan")]), 0.0)
    tensor([1., 0.])
    """
    return where(isnan(x), y, where(isnan(y), x, maximum(x, y)))


def fmin(x: Any, y: Any) -> Tensor:
    """The smaller of the two, ignoring NaN where the other is a number.

    >>> mg.fmin(mg.tensor([1.0, float("nan")]), 0.0)
    tensor([0., 0.])
    """
    return where(isnan(x), y, where(isnan(y), x, minimum(x, y)))


def copysign(x: Any, y: Any) -> Tensor:
    """|x| with the sign of y.

    >>> mg.copysign(mg.tensor([1.0, -2.0]), -1.0)
    tensor([-1., -2.])
    """
    return abs(x) * where(signbit(y), -1.0, 1.0)


def logaddexp2(x: Any, y: Any) -> Tensor:
    """log2(2^x + 2^y), without overflow.

    >>> mg.logaddexp2(mg.tensor([3.0]), 3.0)
    tensor([4.])
    """
    return logaddexp(multiply(x, math.log(2)), multiply(y, math.log(2))) / math.log(2)


def logit(x: Any) -> Tensor:
    """log(x / (1 - x)), the inverse of sigmoid.

    >>> mg.logit(mg.tensor([0.5]))
    tensor([0.])
    """
    return log(x) - log1p(negative(x))


def xlogy(x: Any, y: Any) -> Tensor:
    """x log(y), and 0 where x = 0 (unless y is NaN).

    >>> mg.xlogy(mg.tensor([0.0, 2.0]), mg.tensor([0.0, 1.0]))
    tensor([0., 0.])
    """
    nothing = logical_and(equal(x, 0), logical_not(isnan(y)))
    return where(nothing, 0.0, multiply(x, log(where(nothing, 1.0, y))))


def sinc(x: Any) -> Tensor:
    """sin(pi x) / (pi x), and 1 at 0.

    >>> mg.sinc(mg.tensor([0.5]))
    tensor([0.63662])
    """
    # Near 0 the quotient's second derivative cancels badly; there the Taylor series takes over.
    z = multiply(x, math.pi)
    near = less(abs(z), 0.5)
    far = where(near, 1.0, z)
    s = where(near, z, 0.0)
    s = s * s
    series: Any = 1.0
    for k in (16, 14, 12, 10, 8, 6, 4, 2):
        series = 1.0 - s / (k * (k + 1)) * series
    return where(near, series, sin(far) / far)


def heaviside(x: Any, at_zero: Any) -> Tensor:
    """0 where x < 0, 1 where x > 0, `at_zero` where x = 0.

    >>> mg.heaviside(mg.tensor([-1.0, 0.0, 1.0]), 0.5)
    tensor([0. , 0.5, 1. ])
    """
    return where(isnan(x), x, where(less(x, 0), 0.0, where(greater(x, 0), 1.0, at_zero)))


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """x with NaN and infinities replaced (infinities by the dtype's largest magnitudes unless given).

    >>> mg.nan_to_num(mg.tensor([float("nan"), 1.0]))
    tensor([0., 1.])
    """
    x = as_operand(x)
    dtype = result_type(x)
    limit = float(np.finfo(dtype).max) if dtype.kind == "f" else 0.0
    x = where(isnan(x), nan, x)
    x = where(equal(x, math.inf), limit if posinf is None else posinf, x)
    return where(equal(x, -math.inf), -limit if neginf is None else neginf, x)


def isclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """|x - y| <= atol + rtol |y|, elementwise.

    >>> mg.isclose(mg.tensor([1.0, 1.1]), 1.0)
    tensor([ True, False])
    """
    x, y = as_operand(x), as_operand(y)
    if isinstance(y, Tensor) and y.dtype.kind != "f":
        y = cast(y, dtype=np.dtype(np.float64))  # integers neither wrap nor lose digits
    near = logical_and(less_equal(abs(subtract(x, y)), add(multiply(abs(y), rtol), atol)), isfinite(y))
    found = logical_or(near, equal(x, y))
    return logical_or(found, logical_and(isnan(x), isnan(y))) if equal_nan else found


def allclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether `isclose` holds everywhere.

    >>> mg.allclose(mg.tensor([1.0]), 1.0 + 1e-9)
    True
    """
    return bool(isclose(x, y, rtol, atol, equal_nan).data.all())
