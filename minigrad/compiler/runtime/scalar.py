"""Mathematics on one number, for emitted code: `exp32(x)` of a float32, `exp64(x)` of a float64.

In a numba function these are inlined without a branch and, in float32, without a call, so that LLVM vectorises the loop
around them. From Python the same definitions run on NumPy scalars, most of them on arrays too; there they want
`np.errstate(all="ignore")`, since infinities and NaN are values.

A float32 function is within ERRORS units in the last place (ulp) of the exact result for every float32, subnormals
included, with and without fused multiply-add. Overflow gives infinity, NaN passes, zeros keep their sign, and the rest
of the edges are C's. A float64 function is libm's.
"""

from minigrad.compiler.runtime import scalar32, scalar32_wide, scalar64

NARROW = "sqrt exp exp2 expm1 log log2 log10 log1p sigmoid logistic_density tanh erf".split()
"""What takes float32 arithmetic alone; the rest of the float32 functions compute in float64."""

WIDE = """sin cos tan asin acos atan atan2 sinh cosh asinh acosh atanh erfc pow hypot logaddexp lgamma""".split()

ERRORS = dict.fromkeys(WIDE, 0.6) | {
    "sqrt": 0.5, "exp": 1.0, "exp2": 1.1, "expm1": 1.7, "log": 1.0, "log2": 1.7, "log10": 1.8, "log1p": 1.8,
    "sigmoid": 1.8, "logistic_density": 1.9, "tanh": 1.3, "erf": 1.2,
}  # fmt: skip
"""Operation -> largest error in ulp of its float32 function.  logaddexp's is 2^-32 more where the result is near 0."""


def scalar_name(operation: str, bits: int) -> str:
    """How emitted code spells an operation on floats of 32 or 64 bits.

    >>> scalar_name("exp", 32), scalar_name("log2", 64)
    ('exp32', 'log2_64')
    """
    return f"{operation}_{bits}" if operation[-1].isdigit() else f"{operation}{bits}"


FUNCTIONS = {
    scalar_name(operation, bits): getattr(module, scalar_name(operation, bits))
    for operations, modules in ((NARROW, (scalar32, scalar64)), (WIDE, (scalar32_wide, scalar64)))
    for operation in operations
    for bits, module in zip((32, 64), modules)
}
"""Name -> function: what emitted code may call."""
