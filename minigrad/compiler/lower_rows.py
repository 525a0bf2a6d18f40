"""Lowering for rows too short for wide registers: a batch of scores for ten classes, say.

A loop over ten elements is ten scalar steps. Functions that need many instructions are taken over all rows at once, as
one long row, and sums over rows or columns are products with a vector of ones. (A sum over rows of 16 elements is a
loop that LLVM unrolls before it looks for wide registers.)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.compiler.graph import Op, Value
from minigrad.compiler.layout import VIEWS
from minigrad.compiler.rewrite import Builder
from minigrad.compiler.scalars import BINARY, UNARY

WIDE = 16
"""Elements of a wide register: rows of a multiple of them are not short."""
MANY = 64
"""Rows of so many elements are not short: what is left over beside the whole registers counts little."""
FEW = 1 << 16
"""Sums over more elements than this stay loops, which need no vector of ones."""


def has_short_rows(shape: tuple[int, ...]) -> bool:
    """Whether there are several rows, and a loop over one of them does not fill wide registers."""
    return len(shape) > 1 and 1 < shape[-1] < MANY and shape[-1] % WIDE != 0 and math.prod(shape[:-1]) > 1


def is_stored(x: Value) -> bool:
    """Whether a value lies in memory in order."""
    if x.op is not None and x.op.name == "reshape_to":
        return is_stored(x.op.values[0])
    return x.op is None or x.op.name not in VIEWS


def function(build: Builder, op: Op, *inputs: Any) -> Value | None:
    """A function of every element, over all rows as one; None where that does not help."""
    shape = op.outputs[0].shape
    arrays = [x for x in inputs if isinstance(x, Value)]
    if not has_short_rows(shape) or not all(x.shape == shape and is_stored(x) for x in arrays):
        return None
    flat = [build("reshape_to", x, shape=(math.prod(shape),)) if isinstance(x, Value) else x for x in inputs]
    return build("reshape_to", build(op.name, *flat, **op.params), shape=shape)


def total(build: Builder, op: Op, x: Value) -> Value | None:
    """The sums of rows or columns as a product with ones; None where that does not help."""
    (out,), axes = op.outputs, op.params["axes"]
    last = len(x.shape) - 1
    over_columns = axes == (last,) and has_short_rows(x.shape)
    over_rows = last > 0 and axes == tuple(range(last)) and 1 < x.shape[-1] <= 2 * WIDE
    if not (over_columns or over_rows) or not is_stored(x) or x.size > FEW or out.dtype.kind != "f":
        return None
    rows, columns = math.prod(x.shape[:-1]), x.shape[-1]
    ones = build.constant(np.ones((columns, 1) if over_columns else (1, rows), x.dtype))
    matrix = build("reshape_to", x, shape=(rows, columns))
    product = build("matmul2", matrix, ones) if over_columns else build("matmul2", ones, matrix)
    return build("reshape_to", product, shape=out.shape)


RULES = dict.fromkeys((*UNARY, *BINARY), function) | {"reduce_sum": total}
"""What stands for an operation on short rows."""
