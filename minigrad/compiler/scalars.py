"""The scalar expression of every elementwise primitive, as it stands in emitted source.

{0}, {1}, ... are the operands; {b} is 32 or 64, the width of the floats that the operation computes in.
"""

EXPRESSIONS = {
    "copy": "{0}",
    "add": "({0} + {1})",
    "subtract": "({0} - {1})",
    "multiply": "({0} * {1})",
    "divide": "({0} / {1})",
    "negative": "(-{0})",
    "pow": "pow{b}({0}, {1})",
    "floor_divide": "floor_divide({0}, {1})",
    "remainder": "remainder({0}, {1})",
    "abs": "abs({0})",
    "sign": "sign({0})",
    "maximum": "maximum({0}, {1})",
    "minimum": "minimum({0}, {1})",
    "floor": "floor({0})",
    "ceil": "ceil({0})",
    "trunc": "trunc({0})",
    "round": "rint({0})",
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
    "isinf": "(abs({0}) == INF)",
    "isfinite": "(abs({0}) < INF)",
    "signbit": "signbit({0})",
    "select": "({1} if {0} else {2})",
} | {
    name: f"{name}{{b}}({', '.join(f'{{{i}}}' for i in range(count))})"
    for count, names in {
        1: """sqrt exp exp2 expm1 log log2 log10 log1p sigmoid sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
        erf erfc lgamma""".split(),
        2: ["atan2", "hypot", "logaddexp"],
    }.items()
    for name in names
}
