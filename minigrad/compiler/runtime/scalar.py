"""Mathematics on one number, for emitted code: `exp32(x)` on a float32, `exp64(x)` on a float64.

Inside a numba function these are inlined, without a branch or (in float32) a call, so that LLVM vectorises the loop
around them; from Python the same definitions run on NumPy scalars, and on arrays. Call them there under
`np.errstate(all="ignore")`: infinities and NaN are values. Names that end in a digit are spelt `log2_32`, `atan2_64`.

A float32 function is within ERRORS32 units in the last place of the exact result, in all of float32, subnormals
included, fused multiply-add or not. Overflow gives infinity, NaN passes, zeros keep their sign as in C. A float64
function is libm's.
"""

from minigrad.compiler.runtime.scalar32 import (
    copysign32,
    erf32,
    exp2_32,
    exp32,
    expm1_32,
    log1p32,
    log2_32,
    log10_32,
    log32,
    sigmoid32,
    sqrt32,
    tanh32,
)
from minigrad.compiler.runtime.scalar32_wide import (
    acos32,
    acosh32,
    asin32,
    asinh32,
    atan2_32,
    atan32,
    atanh32,
    cos32,
    cosh32,
    erfc32,
    hypot32,
    logaddexp32,
    pow32,
    sin32,
    sinh32,
    tan32,
)
