"""Exponentials and logarithms of a float32, in float32 alone: LLVM runs sixteen at once on AVX-512, eight on AVX2.

No branches, no table, no call. The arguments are reduced as by Cody & Waite (Software Manual for the Elementary
Functions, 1980), the polynomials are minimax fits (Remez 1934). Every constant is a NumPy scalar: a bare Python number
would make numba compute in float64. No step needs a fused multiply-add, all gain from one.
"""

import numpy as np

from minigrad.compiler.runtime.machine import bits32, clip, copysign, from_bits32, horner, scalar_function, select

F, I32 = np.float32, np.int32


def floats(*values):
    return tuple(F(value) for value in values)


ZERO, QUARTER, HALF, ONE, TWO, INF, NAN = floats(0, 0.25, 0.5, 1, 2, np.inf, np.nan)
TINY = F(2.0**-40)  # below it expm1 x and log1p x round to x, whose sign must stay at zero
MANTISSA_BITS, ONE_BIT = I32(23), I32(1)

# Adding ROUND to a number below 2^22 leaves it, rounded to an integer, in the low bits of the sum.
ROUND = 1.5 * 2**23
HALF_BIAS, BIAS, TWO_BIASES = floats(ROUND + 126, ROUND + 127, ROUND + 2 * 127)
TWO_BIASES_BITS = I32(2 * 127 << 23)
EXP_ZERO, EXP_INF, EXP_LARGE, EXPM1_MINUS_ONE, POWERS_APART = floats(-104, 89, 104, -18, 15)
EXP2_ZERO, EXP2_INF = floats(-150, 128)
LOG2E, LOG2E_MINUS_1, LN2 = floats(1.4426950408889634, 0.4426950408889634, 0.6931471805599453)
LN2_HIGH, LN2_LOW = floats(0.693145751953125, 1.4286068203094172e-06)  # the high part has 16 bits: k * high is exact
LOG10E, HALF_MINUS_LOG10E = floats(0.4342944819032518, 0.06570551809674817)
LOG10_2_HIGH, LOG10_2_LOW = floats(0.301025390625, 4.605038981195214e-06)

# (expm1(r) - r) / r^2 on [-ln2 / 2, ln2 / 2], error 2^-26.1 of expm1(r)
EXPM1 = floats(0.5, 0.16666539, 0.0416666046, 0.00836704578, 0.00139204087)
# (log1p(f) - f + f^2 / 2) / f^3 on [-1/3, 1/3], error 2^-27.4 of log1p(f)
LOG1P = floats(
    0.333332151, -0.249997973, 0.200104058, -0.16680488, 0.140058666, -0.121842593, 0.139844507, -0.128916964
)
TWO_THIRDS_BITS, FOUR_BITS, EXPONENT = bits32(F(2 / 3)), bits32(F(4)), I32(-(2**23))
SMALLEST_NORMAL, ULP, TO_NORMAL, TO_NORMAL_BITS = floats(2.0**-126, 2.0**-23, 2.0**23, 23)

# (tanh(a) / a - 1) / a^2 in powers of a^2 below 0.625, error 2^-27.7 of tanh
TANH = floats(-0.333332807, 0.133314058, -0.0537365153, 0.0206281673, -0.0056922962)
TANH_SPLIT = F(0.625)
# erf(a) / a - 1 in powers of a^2 below 0.8, error 2^-28.1; log(erfc(a)) / a from 0.8 to 4, error 2^-28.1 of erf
ERF_SMALL = floats(0.128379166, -0.376126081, 0.112831622, -0.0268222429, 0.00508688996, -0.000654273143)
ERF_LARGE = floats(-1.12853444, -0.635649204, -0.105354413, 0.0229502264, -0.00323401252, 0.000216326182)
ERF_SPLIT, ERF_ONE = floats(0.8, 4)


@scalar_function
def sqrt32(x):
    """Square root, correctly rounded."""
    return np.sqrt(x)


# ---- exponentials: x = n ln2 + r, exp(x) = 2^n (1 + expm1(r))


@scalar_function
def _reduced_expm1(r, below):
    """expm1(r - below), where `below` is beyond the last digit of r."""
    exact = r - below
    return r + (exact * exact * horner(exact, EXPM1) - below)


@scalar_function
def _expm1_of_rest(x, n):
    return _reduced_expm1(x - n * LN2_HIGH, n * LN2_LOW)


@scalar_function
def _power_of_two(shifted):
    """2^n from n + BIAS, -127 < n < 128."""
    return from_bits32(I32(bits32(shifted) << MANTISSA_BITS))


@scalar_function
def _two_powers(shifted):
    """Two powers of 2 whose product is 2^n, from n + TWO_BIASES: itself it may overflow or be subnormal."""
    both = bits32(shifted)
    first = both >> ONE_BIT
    return from_bits32(I32(first << MANTISSA_BITS)), from_bits32(I32((both - first) << MANTISSA_BITS))


@scalar_function
def exp32(x):
    """e^x."""
    x = clip(x, EXP_ZERO, EXP_INF)
    shifted = x * LOG2E + TWO_BIASES
    first, second = _two_powers(shifted)
    return (ONE + _expm1_of_rest(x, shifted - TWO_BIASES)) * first * second


@scalar_function
def exp2_32(x):
    """2^x, exact for integers."""
    x = clip(x, EXP2_ZERO, EXP2_INF)
    shifted = x + TWO_BIASES
    first, second = _two_powers(shifted)
    return (ONE + _reduced_expm1((x - (shifted - TWO_BIASES)) * LN2, ZERO)) * first * second


@scalar_function
def expm1_32(x):
    """e^x - 1, accurate near 0."""
    bounded = clip(x, EXPM1_MINUS_ONE, EXP_INF)
    shifted = bounded * LOG2E + HALF_BIAS
    half = _power_of_two(shifted)  # 2^(n-1): 2^128 is no float32
    p = _expm1_of_rest(bounded, shifted - HALF_BIAS)
    return select(abs(x) < TINY, x, TWO * (half * p + (half - HALF)))


@scalar_function
def _logistic_tail(a):
    """1 / (1 + e^a), a >= 0, as c / (c + b (1 + p)) with powers of two b and c, whose quotient may be subnormal.

    Where the next three stand in one loop, as an activation and its derivative do, LLVM computes it once.
    """
    a = clip(a, ZERO, EXP_LARGE)
    shifted = a * LOG2E + TWO_BIASES
    first, second = _two_powers(shifted)
    reciprocal = from_bits32(I32(TWO_BIASES_BITS - bits32(first)))
    rest = second * _expm1_of_rest(a, shifted - TWO_BIASES)
    # The sum of the two powers is exact while they are less than 2^24 apart.
    total = select(a > POWERS_APART, second + (reciprocal + rest), (reciprocal + second) + rest)
    return reciprocal / total


@scalar_function
def sigmoid32(x):
    """1 / (1 + e^-x), accurate in both tails."""
    tail = _logistic_tail(abs(x))
    return select(x < ZERO, tail, ONE - tail)


@scalar_function
def logistic_density32(x):
    """sigmoid(x) sigmoid(-x), the derivative of sigmoid."""
    tail = _logistic_tail(abs(x))
    return tail - tail * tail


@scalar_function
def tanh32(x):
    """Hyperbolic tangent: a polynomial below 0.625, 1 - 2 / (e^2x + 1) above."""
    a = abs(x)
    square = a * a
    small = a + a * square * horner(square, TANH)
    return copysign(select(a < TANH_SPLIT, small, ONE - TWO * _logistic_tail(abs(TWO * x))), x)


@scalar_function
def erf32(x):
    """The error function: a polynomial below 0.8, 1 - e^polynomial above."""
    a = clip(abs(x), ZERO, ERF_ONE)
    small = a + a * horner(a * a, ERF_SMALL)
    exponent = a * horner(a, ERF_LARGE)
    shifted = exponent * LOG2E + BIAS
    scale = _power_of_two(shifted)
    large = ONE - scale - scale * _expm1_of_rest(exponent, shifted - BIAS)
    return copysign(select(a < ERF_SPLIT, small, large), x)


# ---- logarithms: x = 2^k (1 + f) with 1 + f in [2/3, 4/3), log(x) = k ln2 + log1p(f)


@scalar_function
def _exponent(bits):
    """2^23 k, for the bits of a positive normal x."""
    return I32(I32(bits - TWO_THIRDS_BITS) & EXPONENT)


@scalar_function
def _curve(f):
    """log1p(f) - f."""
    return f * f * (f * horner(f, LOG1P) - HALF)


@scalar_function
def _split(x):
    """(k, f) of a positive x, subnormal or normal."""
    subnormal = x < SMALLEST_NORMAL
    bits = bits32(select(subnormal, x * TO_NORMAL, x))
    exponent = _exponent(bits)
    k = F(exponent) * ULP - select(subnormal, TO_NORMAL_BITS, ZERO)
    return k, from_bits32(I32(bits - exponent)) - ONE


@scalar_function
def _at_edges(x, value):
    """A logarithm's value, set right at 0, infinity and NaN and below 0."""
    value = select(x < INF, value, x)
    value = select(x == ZERO, -INF, value)
    return select(x < ZERO, NAN, value)


@scalar_function
def log32(x):
    """Natural logarithm."""
    k, f = _split(x)
    return _at_edges(x, k * LN2_HIGH + (f + (_curve(f) + k * LN2_LOW)))


@scalar_function
def log2_32(x):
    """Logarithm to base 2, exact for powers of 2."""
    k, f = _split(x)
    curve = _curve(f)
    return _at_edges(x, (k + f) + (curve + (f + curve) * LOG2E_MINUS_1))


@scalar_function
def log10_32(x):
    """Logarithm to base 10."""
    k, f = _split(x)
    return _at_edges(x, k * LOG10_2_HIGH + (f * HALF + (_curve(f) * LOG10E - f * HALF_MINUS_LOG10E + k * LOG10_2_LOW)))


@scalar_function
def log1p32(x):
    """log(1 + x), accurate near 0: f = 2^-k x + (2^-k - 1) is rounded once, where 1 + x would lose the end of x."""
    exponent = _exponent(bits32(ONE + x))
    four_scales = from_bits32(I32(FOUR_BITS - exponent))  # 4 * 2^-k: 2^-128 is subnormal
    f = x * four_scales * QUARTER + (four_scales * QUARTER - ONE)
    k = F(exponent) * ULP
    value = _at_edges(ONE + x, k * LN2_HIGH + (f + (_curve(f) + k * LN2_LOW)))
    return select(abs(x) < TINY, x, value)
