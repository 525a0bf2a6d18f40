"""The scalar expression of every elementwise operation, as it stands in emitted source.

{0}, {1}, ... are the operands, {b} is the width of the floats that the operation computes in, 32 or 64, {T} their type,
{f} the function for that width; parameters of the operation go by their names. Integers are computed in int64 and
wrapped when they are done.
"""

from __future__ import annotations

import numpy as np

from minigrad.compiler.graph import Op, Value
from minigrad.compiler.names import sized, type_name

UNARY = """sqrt exp exp2 expm1 log log2 log10 log1p sigmoid logistic_density sin cos tan asin acos atan sinh cosh tanh
asinh acosh atanh erf erfc lgamma""".split()
BINARY = "pow floor_divide remainder atan2 hypot logaddexp".split()

FLOAT = {
    "add": "({0} + {1})",
    "subtract": "({0} - {1})",
    "multiply": "({0} * {1})",
    "divide": "({0} / {1})",
    "negative": "(-{0})",
    "abs": "abs({0})",
    "sign": "select({0} > {T}(0), {T}(1), select({0} < {T}(0), {T}(-1), select({0} == {T}(0), {T}(0), {0})))",
    "maximum": "maximum({0}, {1})",
    "minimum": "minimum({0}, {1})",
    "relu": "select({0} <= {T}(0), {T}(0), {0})",
    "floor": "floor({0})",
    "ceil": "ceil({0})",
    "trunc": "trunc({0})",
    "round": "nearest({0})",
    "equal": "({0} == {1})",
    "not_equal": "({0} != {1})",
    "less": "({0} < {1})",
    "less_equal": "({0} <= {1})",
    "greater": "({0} > {1})",
    "greater_equal": "({0} >= {1})",
    "logical_and": "(({0} != 0) & ({1} != 0))",
    "logical_or": "(({0} != 0) | ({1} != 0))",
    "logical_xor": "(({0} != 0) ^ ({1} != 0))",
    "logical_not": "({0} == 0)",
    "isnan": "({0} != {0})",
    "isinf": "(abs({0}) == {T}(inf))",
    "isfinite": "(abs({0}) < {T}(inf))",
    "signbit": "(bits{b}({0}) < 0)",
    "select": "select({0}, {1}, {2})",
    "copy": "{0}",
    "below": "(F64({0}) < floor(F64({1}) * F64(4294967296.0)))",
    "polygamma": "{T}(polygamma({order}, F64({0})))",
    "standard_normal": "{T}(standard_normal({0}, {1}, {2}))",
} | {
    name: f"{{f}}({operands})" for operands, names in (("{0}", UNARY), ("{0}, {1}", BINARY)) for name in names
} | {
    "lgamma": "select({0} == {T}(-inf), {0}, {f}({0}))",  # as SciPy; C says +inf
}  # fmt: skip

# Integers, and booleans where an expression means the same for both.
INTEGER = FLOAT | {
    "sign": "(I64({0} > 0) - I64({0} < 0))",
    "pow": "pow_int({0}, {1})",
    "floor_divide": "floor_divide_int({0}, {1})",
    "remainder": "remainder_int({0}, {1})",
    "isinf": "({0} != {0})",
    "isfinite": "({0} == {0})",
    "signbit": "({0} < 0)",
    "unit32": "(F32({0} >> U32(8)) * F32(2.0**-24))",
    "unit64": "(F64(word64({0}, {1}) >> U64(11)) * F64(2.0**-53))",
    "short_unit": "(F64({0}) * F64(2.0**-32))",
    "word64": "word64({0}, {1})",
    "scaled_word": "scaled_word({0}, {1}, U64({span}), I64({low}))",
} | dict.fromkeys(("floor", "ceil", "trunc", "round"), "{0}")  # fmt: skip

BOOLEAN = INTEGER | {
    "add": "({0} | {1})",
    "multiply": "({0} & {1})",
    "maximum": "({0} | {1})",
    "minimum": "({0} & {1})",
    "less": "(({0} == 0) & ({1} != 0))",
    "less_equal": "(({0} == 0) | ({1} != 0))",
    "greater": "(({0} != 0) & ({1} == 0))",
    "greater_equal": "(({0} != 0) | ({1} == 0))",
    "abs": "{0}",
    "signbit": "({0} != {0})",
    "select": "({1} if {0} else {2})",
}  # fmt: skip

TABLES = {"f": FLOAT, "i": INTEGER, "u": INTEGER, "b": BOOLEAN}
RANDOM = ("unit32", "unit64", "short_unit", "word64", "below", "scaled_word", "standard_normal")
"""Elementwise operations on random words that exist in the compiler alone; each operand keeps its own dtype."""

ELEMENTWISE = frozenset([*FLOAT, "cast", *RANDOM])
COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def computed_in(op: Op) -> np.dtype:
    """The dtype in which an elementwise operation computes: that of its inputs, weak ones aside."""
    if op.name in ("select", "copy", "standard_normal"):
        return op.outputs[0].dtype
    values = op.values
    strong = [v.dtype for v in values if not v.weak]
    dtype = np.result_type(*strong or [v.dtype for v in values])
    out = op.outputs[0].dtype
    if out.kind == "f" and dtype.kind != "f" and op.name not in (*RANDOM, "cast"):
        return out  # a weak integer in a function of floats
    return np.dtype(np.int64) if dtype.kind == "b" and out.kind == "i" and op.name != "cast" else dtype


def conversion(dtype: np.dtype, made: np.dtype, x: str) -> str:
    """x, of one dtype, as another."""
    if dtype == made:
        return x
    return f"({x} != 0)" if made.kind == "b" else f"{type_name(made)}({x})"


def expression(op: Op, operands: list[str]) -> str:
    """The right-hand side of an elementwise operation on variables that have the dtype it computes in."""
    dtype, out = computed_in(op), op.outputs[0].dtype
    if op.name == "cast":
        return conversion(op.values[0].dtype, out, operands[0])
    template = TABLES[dtype.kind][op.name]
    bits = 8 * dtype.itemsize
    narrow = dtype.kind in "iu" and dtype.itemsize < 8 and op.name not in RANDOM
    if narrow:
        operands = [operands[0] if op.name == "select" and i == 0 else f"I64({x})" for i, x in enumerate(operands)]
    text = template.format(*operands, b=bits, f=sized(op.name, bits), T=type_name(dtype), **op.params)
    return f"{type_name(out)}({text})" if narrow and out.kind != "b" else text


def operand_dtype(op: Op, position: int) -> np.dtype | None:
    """The dtype an operand is brought to; None: it keeps its own."""
    x = op.inputs[position]
    if op.name == "select" and position == 0:
        return np.dtype(np.bool_)
    if (op.name in RANDOM or op.name == "cast") and isinstance(x, Value):
        return None
    dtype = computed_in(op) if op.name not in RANDOM else np.dtype(np.float64)
    if op.name in COMPARISONS and type(x) is int and dtype.kind in "iu" and not fits(x, dtype):
        return np.dtype(np.int64)
    return dtype


def fits(x: int, dtype: np.dtype) -> bool:
    """Whether an integer has its place in a dtype."""
    return bool(np.iinfo(dtype).min <= x <= np.iinfo(dtype).max)
