"""Arithmetic on one number as NumPy defines it, for emitted code: compiled and from Python by the same names."""

import numpy as np
from llvmlite import ir
from numba.core.types import Boolean, Float, Integer
from numba.extending import lower_builtin, type_callable

from minigrad.compiler.runtime.machine import scalar_function

U64, I64, F64 = np.uint64, np.int64, np.float64

# ---- extrema and sums


def maximum(a, b):
    """The larger; NaN wins, -0 < +0."""
    return np.maximum(a, b)


def minimum(a, b):
    """The smaller; NaN wins, -0 < +0."""
    return np.minimum(a, b)


def plus(a, b):
    """a + b in a sum whose terms may be taken in any order: compiled code fixes one, and uses wide registers."""
    return a + b


def _of_one_type(context):
    return lambda a, b: a if a == b else None


def _extremum(function, intrinsic, order):
    type_callable(function)(_of_one_type)

    @lower_builtin(function, Float, Float)
    def of_floats(context, builder, signature, arguments):
        kind = arguments[0].type
        bits = 32 if isinstance(kind, ir.FloatType) else 64
        known = builder.module.declare_intrinsic(f"llvm.{intrinsic}.f{bits}", (), ir.FunctionType(kind, [kind, kind]))
        return builder.call(known, arguments)

    @lower_builtin(function, Integer, Integer)
    @lower_builtin(function, Boolean, Boolean)
    def of_integers(context, builder, signature, arguments):
        signed = getattr(signature.return_type, "signed", False)
        compare = builder.icmp_signed if signed else builder.icmp_unsigned
        return builder.select(compare(order, *arguments), *arguments)


_extremum(maximum, "maximum", ">")
_extremum(minimum, "minimum", "<")
type_callable(plus)(_of_one_type)


@lower_builtin(plus, Float, Float)
def _plus_floats(context, builder, signature, arguments):
    return builder.fadd(*arguments, flags=("reassoc", "contract"))


@lower_builtin(plus, Integer, Integer)
def _plus_integers(context, builder, signature, arguments):
    return builder.add(*arguments)


# ---- division and remainder


@scalar_function
def floor_divide_int(a, b):
    """floor(a / b), 0 for b = 0."""
    if b == 0:
        return I64(0)
    if b == -1:  # -2^63 / -1 would trap
        return -a
    return a // b


@scalar_function
def remainder_int(a, b):
    """a - b floor(a / b), 0 for b = 0."""
    if b == 0 or b == -1:
        return I64(0)
    return a % b


def _division(F):
    @scalar_function
    def remainder(a, b):
        """a - b floor(a / b), with the sign of b."""
        r = np.fmod(a, b)
        if r == F(0):
            return np.copysign(r, b)
        return r + b if (b < F(0)) != (r < F(0)) and r == r else r

    @scalar_function
    def floor_divide(a, b):
        """floor(a / b), consistent with the remainder."""
        if b == F(0):
            return a / b
        r = np.fmod(a, b)
        quotient = (a - r) / b
        if r != F(0) and (b < F(0)) != (r < F(0)):
            quotient = quotient - F(1)
        if quotient == F(0):
            return np.copysign(F(0), a / b)
        whole = np.floor(quotient)
        return whole + F(1) if quotient - whole > F(0.5) else whole

    return remainder, floor_divide


remainder32, floor_divide32 = _division(np.float32)
remainder64, floor_divide64 = _division(np.float64)


@scalar_function
def pow_int(x, n):
    """x^n for n >= 0, by squaring, wrapped to 64 bits."""
    result, base = I64(1), I64(x)
    while n > 0:
        if n & 1:
            result = result * base
        base = base * base
        n = n >> 1
    return result


# ---- special functions


@scalar_function
def _digamma(x):
    """The asymptotic series, reached by the recurrence psi(x) = psi(x + 1) - 1 / x (Bernardo 1976)."""
    value = F64(0)
    while x < F64(10):
        value = value - F64(1) / x
        x = x + F64(1)
    y = F64(1) / (x * x)
    tail = y * (F64(1 / 12) - y * (F64(1 / 120) - y * (F64(1 / 252) - y * (F64(1 / 240) - y * (
        F64(1 / 132) - y * (F64(691 / 32760) - y * F64(1 / 12)))))))  # fmt: skip
    return value + (np.log(x) - F64(0.5) / x - tail)


@scalar_function
def digamma(x):
    """The derivative of log Gamma(x); by reflection for x < 0, NaN at the poles below 0."""
    if x != x or x == F64(np.inf):
        return x
    if x == F64(0):
        return np.copysign(F64(np.inf), -x)
    if x > F64(0):
        return _digamma(x)
    if x == np.floor(x):
        return F64(np.nan)
    part = x - np.floor(x)
    return _digamma(F64(1) - x) - F64(np.pi) / np.tan(F64(np.pi) * part)


# B_2j / (2 j)! for j = 1 ... 12
BERNOULLI = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000, 43867 / 5109094217170944000, -174611 / 802857662698291200000,
    77683 / 14101100039391805440000, -236364091 / 1693824136731743669452800000,
)  # fmt: skip


@scalar_function
def hurwitz_zeta(s, x):
    """The sum of (x + k)^-s over k >= 0, for s > 1 and x > 0: ten terms, and Euler and Maclaurin's formula."""
    value = F64(0)
    for _ in range(10):
        value = value + x**-s
        x = x + F64(1)
    value = value + x ** (F64(1) - s) / (s - F64(1)) + F64(0.5) * x**-s
    term, rising = x ** (-s - F64(1)), s
    for j in range(12):
        value = value + BERNOULLI[j] * rising * term
        step = F64(2 * j + 1)
        rising = rising * (s + step) * (s + step + F64(1))
        term = term / (x * x)
    return value


@scalar_function
def polygamma(order, x):
    """The derivative of this order of digamma: (-1)^(n+1) n! zeta(n + 1, x)."""
    if order == 0:
        return digamma(x)
    if not x > F64(0):
        return F64(np.inf) if x == F64(0) else F64(np.nan)
    if x == F64(np.inf):
        return F64(0)
    factor = F64(-1)
    for k in range(1, order + 1):
        factor = -factor * F64(k)
    return factor * hurwitz_zeta(F64(order + 1), x)


# ---- random words


@scalar_function
def word64(high, low):
    """64 bits out of two words."""
    return (U64(high) << U64(32)) | U64(low)


@scalar_function
def scaled_word(high, low, span, start):
    """start + floor(r span / 2^64) for the 64-bit number r = (high, low)."""
    r, half = word64(high, low), U64(32)
    upper = (r >> half) * span + (((r & U64(0xFFFFFFFF)) * span) >> half)
    return I64(upper >> half) + start


@scalar_function
def standard_normal(u, v, sine):
    """Box and Muller (1958): u in (0, 1], v in [0, 1); one of the two numbers that they make."""
    radius, angle = np.sqrt(F64(-2) * np.log(u)), F64(2 * np.pi) * v
    return radius * np.sin(angle) if sine else radius * np.cos(angle)
