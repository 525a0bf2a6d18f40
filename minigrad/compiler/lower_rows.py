"""Lowering for rows too short for wide registers: a batch of scores for ten classes, say.

A loop over ten elements is ten scalar steps. Functions that need many instructions are taken over all rows at once, as
one long row, and sums over rows or columns are products with a vector of ones.
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


def is_stored(x: Any) -> bool:
    """Whether an operand lies in memory in order: no view."""
    return not isinstance(x, Value) or x.op is None or x.op.name not in VIEWS


def function(build: Builder, op: Op, *inputs: Any) -> Value | None:
    """A function of every element, over all rows as one; None where that does not help."""
    shape = op.outputs[0].shape
    arrays = [x for x in inputs if isinstance(x, Value) and x.shape != ()]
    if not has_short_rows(shape) or not all(x.shape == shape and is_stored(x) for x in arrays):
        return None
    flat = [build("reshape_to", x, shape=(math.prod(shape),)) if x in arrays else x for x in inputs]
    return build("reshape_to", build(op.name, *flat, **op.params), shape=shape)


def total(build: Builder, op: Op, x: Value) -> Value | None:
    """The sums of rows or columns as a product with ones; None where that does not help."""
    (out,), axes = op.outputs, op.params["axes"]
    last = len(x.shape) - 1
    over_columns, over_rows = axes == (last,), axes == tuple(range(last))
    if not has_short_rows(x.shape) or x.size > FEW or out.dtype.kind != "f" or out.dtype != x.dtype:
        return None
    if not is_stored(x) or not (over_columns or over_rows):
        return None
    rows, columns = math.prod(x.shape[:-1]), x.shape[-1]
    ones = build.constant(np.ones((columns, 1) if over_columns else (1, rows), x.dtype))
    matrix = build("reshape_to", x, shape=(rows, columns))
    product = build("matmul2", matrix, ones) if over_columns else build("matmul2", ones, matrix)
    return build("reshape_to", product, shape=out.shape)


RULES = dict.fromkeys((*UNARY, *BINARY), function) | {"reduce_sum": total}
"""What stands for an operation on short rows."""
