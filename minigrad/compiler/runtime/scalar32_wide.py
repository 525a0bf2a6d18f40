"""Functions of a float32 that compute in float64 and round once: nearly correctly rounded, half as many at a time.

Here belongs what would need sums of two floats to be right in float32: arguments of sin that must be reduced modulo
2 pi, powers, squares in an exponent, differences of nearly equal exponentials. No branches, no table.
"""

import math

import numpy as np

from minigrad.compiler.runtime.machine import (
    bits64,
    clip,
    copysign,
    from_bits64,
    horner,
    nearest,
    scalar_function,
    select,
)
from minigrad.compiler.runtime.scalar32 import INF, NAN, ZERO
from minigrad.compiler.runtime.scalar64 import lgamma64

D, F, L = np.float64, np.float32, np.int64


def doubles(*values):
    return tuple(D(value) for value in values)


NOUGHT, HALF, ONE, TWO, INFINITY, NO_NUMBER = doubles(0, 0.5, 1, 2, np.inf, np.nan)
UNIT = F(1)
LOG2E, LN2, HALF_PI, PI = doubles(1 / math.log(2), math.log(2), math.pi / 2, math.pi)
MANTISSA_BITS, EXPONENT, TWO_THIRDS_BITS, ONE_BITS = L(52), L(-(2**52)), bits64(D(2 / 3)), bits64(ONE)
SMALL_EXPONENT, LARGE_EXPONENT = doubles(-200, 200)  # beyond what a float32 result can show
BIAS = D(1.5 * 2**52 + 1023)  # added to a small number, leaves it as a float64's exponent in the low bits of the sum

# (expm1(r) - r) / r^2 on [-ln2 / 2, ln2 / 2], error 2^-32 of expm1(r)
EXPM1 = doubles(
    0.50000000468874539, 0.16666666818694645, 0.041666352533985734, 0.0083332726230234098, 0.0013941186284064004,
    0.00019914426269067038,
)  # fmt: skip
# (log1p(f) - f) / f^2 on [-1/3, 1/3], error 2^-33 of log1p(f)
LOG1P = doubles(
    -0.49999999963509767, 0.33333337739037189, -0.25000011767302127, 0.19999445223331705, -0.16665739432862503,
    0.1430826883572513, -0.12529730178924159, 0.10715694277792445, -0.09551719700295784, 0.12143564052691133,
    -0.11439552375232333,
)  # fmt: skip
# sin(r) / r and (cos(r) - 1) / r^2 in powers of r^2 on [-pi / 4, pi / 4], errors 2^-28.3 and 2^-34
SIN = doubles(0.99999999690749475, -0.16666650625936549, 0.0083320329182066093, -0.00019503509113480392)
COS = doubles(-0.49999999723428162, 0.041666623125946954, -0.0013886757322342641, 2.4389826607092738e-05)
# atan(t) / t in powers of t^2 on [-1, 1], error 2^-28.8
ATAN = doubles(
    0.9999999978792572, -0.33333287693543534, 0.19998374560529744, -0.14263051014664826, 0.10947795583592083,
    -0.083940069881361767, 0.057835884348976692, -0.031085709351704335, 0.010877076887531086, -0.0017873329651040264,
)  # fmt: skip
# erfc(a) e^(a^2) (1 + 2a) in powers of (a - 3) / (a + 3) on 0 <= a <= 10.1, error 2^-29 (Shepherd & Laframboise 1981)
ERFC = doubles(
    1.2530080591227324, -0.13562113929561442, -0.047562399489601788, 0.12964641445618585, -0.11927097477380384,
    0.068295768081153035, -0.023797532106648228, 0.0025673746288933622, 0.002001813647270154, -0.000777579479479096,
    -0.00026812616189789016,
)  # fmt: skip
ERFC_CENTRE, ERFC_ZERO = doubles(3, 10.1)

# 1 / (2 pi) = P0 + P1 + ... in pieces of 29 bits: the product with a float32's 24 bits is exact (Payne & Hanek 1983)
P0, P1, P2, P3, P4, P5, P6 = doubles(
    0x145F306D * 2.0**-31, 0x19391054 * 2.0**-60, 0x14FE13AB * 2.0**-89, 0x1D1F534D * 2.0**-118,
    0x1B81B6C5 * 2.0**-147, 0x5664F10 * 2.0**-176, 0x1C820FF2 * 2.0**-205,
)  # fmt: skip
QUARTER, FOUR, TURN, ROUND = doubles(0.25, 4, 2 * math.pi, 1.5 * 2**52)
ODD, HALF_TURN, TO_SIGN = L(1), L(2), L(62)


# ---- the same reductions as in scalar32, in float64


@scalar_function
def _scale_and_expm1(x):
    """(2^n, expm1(r)) with x = n ln2 + r, for |x| up to 700."""
    shifted = x * LOG2E + BIAS
    r = x - (shifted - BIAS) * LN2
    return from_bits64(bits64(shifted) << MANTISSA_BITS), r + r * r * horner(r, EXPM1)


@scalar_function
def _exp(x):
    """e^x, kept above 0 and below infinity."""
    scale, p = _scale_and_expm1(clip(x, SMALL_EXPONENT, LARGE_EXPONENT))
    return scale + scale * p


@scalar_function
def _expm1(x):
    """e^x - 1, below infinity."""
    scale, p = _scale_and_expm1(clip(x, SMALL_EXPONENT, LARGE_EXPONENT))
    return scale * p + (scale - ONE)


@scalar_function
def _log1p(x):
    """log(1 + x) for x > -1, accurate near 0; at and below -1 and at infinity and NaN as a logarithm's."""
    u = ONE + x
    exponent = (bits64(u) - TWO_THIRDS_BITS) & EXPONENT
    scale = from_bits64(ONE_BITS - exponent)
    f = x * scale + (scale - ONE)
    value = D(exponent) * D(2.0**-52 * math.log(2)) + (f + f * f * horner(f, LOG1P))
    value = select(u < INFINITY, value, u)
    value = select(u == NOUGHT, -INFINITY, value)
    return select(u < NOUGHT, NO_NUMBER, value)


@scalar_function
def _log2(x):
    """log2(x), x >= 0; -infinity at 0."""
    bits = bits64(x)
    exponent = (bits - TWO_THIRDS_BITS) & EXPONENT
    f = from_bits64(bits - exponent) - ONE
    value = D(exponent) * D(2.0**-52) + (f + f * f * horner(f, LOG1P)) * LOG2E
    value = select(x < INFINITY, value, x)
    return select(x == NOUGHT, -INFINITY, value)


# ---- powers, hyperbolic functions and their inverses


@scalar_function
def pow32(x, y):
    """x^y, with C's values at the edges: x^0 = 1^y = 1, a negative x needs an integer y."""
    wide = D(y)
    log2_x, half = _log2(D(abs(x))), wide * HALF
    z = select((log2_x == NOUGHT) | (wide == NOUGHT), NOUGHT, wide * log2_x)
    scale, p = _scale_and_expm1(clip(z, SMALL_EXPONENT, LARGE_EXPONENT) * LN2)
    magnitude = F(scale + scale * p)
    fractional, odd = nearest(wide) != wide, (nearest(half) != half) & (nearest(wide) == wide)
    value = select(odd, copysign(magnitude, x), magnitude)
    return select((x < ZERO) & (x > -INF) & fractional, NAN, value)


@scalar_function
def sinh32(x):
    """Hyperbolic sine."""
    e = _expm1(D(abs(x)))
    return copysign(F(HALF * (e + e / (e + ONE))), x)


@scalar_function
def cosh32(x):
    """Hyperbolic cosine."""
    e = _exp(D(abs(x)))
    return F(HALF * (e + ONE / e))


@scalar_function
def asinh32(x):
    """Inverse hyperbolic sine, log1p(a + a^2 / (1 + sqrt(a^2 + 1)))."""
    a = D(abs(x))
    # The square of infinity would make the quotient NaN.
    square = clip(a * a, NOUGHT, D(1e300))
    return copysign(F(_log1p(a + square / (ONE + np.sqrt(square + ONE)))), x)


@scalar_function
def acosh32(x):
    """Inverse hyperbolic cosine, log1p(t + sqrt(t^2 + 2t)) with t = x - 1."""
    t = D(x) - ONE
    return select(x < UNIT, NAN, F(_log1p(t + np.sqrt(abs(t * t + TWO * t)))))


@scalar_function
def atanh32(x):
    """Inverse hyperbolic tangent, log1p(2a / (1 - a)) / 2."""
    a = D(abs(x))
    return copysign(F(HALF * _log1p(TWO * a / (ONE - a))), x)


@scalar_function
def logaddexp32(x, y):
    """log(e^x + e^y).  Where it is near 0 its error is 2^-32, not relative to it."""
    larger = D(select(x > y, x, y))
    apart = select(x == y, NOUGHT, -abs(D(x) - D(y)))
    return F(larger + _log1p(_exp(apart)))


@scalar_function
def erfc32(x):
    """1 - erf(x), accurate where it is small."""
    a = clip(D(abs(x)), NOUGHT, ERFC_ZERO)
    tail = _exp(-a * a) * horner((a - ERFC_CENTRE) / (a + ERFC_CENTRE), ERFC) / (ONE + TWO * a)
    return F(select(x < ZERO, TWO - tail, tail))


# ---- trigonometric functions: x = (n + f) quarter turns


@scalar_function
def _part_of_turn(turns):
    return turns - nearest(turns)


@scalar_function
def _quarter_turns(x):
    """(n, r): x = n pi / 2 + r modulo 2 pi, |r| <= pi / 4, n in the last two bits of an integer.  Right for every x."""
    x = D(x)
    p0, p1, p2 = _part_of_turn(x * P0), _part_of_turn(x * P1), _part_of_turn(x * P2)
    p3, p4, p5, p6 = _part_of_turn(x * P3), _part_of_turn(x * P4), _part_of_turn(x * P5), x * P6
    shifted = (p0 + p1 + p2 + p3 + p4 + p5 + p6) * FOUR + ROUND
    # Whole quarters go first, where that is exact: what cancels cancels before anything is rounded.
    rest = (p0 - (shifted - ROUND) * QUARTER) + p1 + p2 + p3 + p4 + p5 + p6
    return bits64(shifted), rest * TURN


@scalar_function
def _sin_cos(r):
    z = r * r
    return r * horner(z, SIN), ONE + z * horner(z, COS)


@scalar_function
def _sin_of(n, r):
    """sin(n pi / 2 + r)."""
    s, c = _sin_cos(r)
    value = select((n & ODD) == ODD, c, s)
    return from_bits64(bits64(value) ^ ((n & HALF_TURN) << TO_SIGN))


@scalar_function
def sin32(x):
    """Sine."""
    n, r = _quarter_turns(x)
    return select(x == ZERO, x, F(_sin_of(n, r)))


@scalar_function
def cos32(x):
    """Cosine."""
    n, r = _quarter_turns(x)
    return F(_sin_of(n + ODD, r))


@scalar_function
def tan32(x):
    """Tangent."""
    n, r = _quarter_turns(x)
    s, c = _sin_cos(r)
    odd = (n & ODD) == ODD
    return select(x == ZERO, x, F(select(odd, -c, s) / select(odd, s, c)))


@scalar_function
def _atan(t):
    """atan of t >= 0, infinity too."""
    steep = t > ONE
    t = select(steep, ONE / t, t)
    value = t * horner(t * t, ATAN)
    return select(steep, HALF_PI - value, value)


@scalar_function
def atan32(x):
    """Inverse tangent."""
    return copysign(F(_atan(D(abs(x)))), x)


@scalar_function
def asin32(x):
    """Inverse sine, atan(a / sqrt(1 - a^2))."""
    a = D(abs(x))
    return copysign(F(_atan(a / np.sqrt((ONE - a) * (ONE + a)))), x)


@scalar_function
def acos32(x):
    """Inverse cosine, 2 atan(sqrt((1 - x) / (1 + x)))."""
    x = D(x)
    return F(TWO * _atan(np.sqrt((ONE - x) / (ONE + x))))


@scalar_function
def atan2_32(y, x):
    """The angle of the point (x, y), in [-pi, pi]; C's values at zeros and infinities."""
    rise, run = D(abs(y)), D(abs(x))
    slope = select(rise == run, ONE, rise / run)
    slope = select((rise == NOUGHT) & (run == NOUGHT), NOUGHT, slope)
    angle = _atan(slope)
    # The sign bit, because atan2(0, -0) is pi.
    angle = select(copysign(UNIT, x) < ZERO, PI - angle, angle)
    return copysign(F(angle), y)


@scalar_function
def hypot32(x, y):
    """sqrt(x^2 + y^2); infinite if one is, even beside NaN."""
    value = np.sqrt(D(x) * D(x) + D(y) * D(y))
    return F(select((abs(x) == INF) | (abs(y) == INF), INFINITY, value))


@scalar_function
def lgamma32(x):
    """log|Gamma(x)|, libm's in float64: the one function here that is called and does not vectorise."""
    return F(lgamma64(D(x)))
