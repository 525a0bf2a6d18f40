"""Lowering: from the primitives that were recorded to operations that can be written as loops and products.

rewritten     convolutions, windows, random draws and short rows in terms of simpler operations
materialized  copies where an operation needs its elements in another order than a view gives
with_lowered_bodies  (scan_lower) the bodies of loops, and what can be taken out of them
own_outputs   every output a buffer of its own
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler import lower_random, lower_rows, lower_windows, own
from minigrad.compiler.emit_ops import EMITTERS, has_gemm_layout, matrices
from minigrad.compiler.graph import CUSTOM, Graph, Op, Value
from minigrad.compiler.layout import VIEWS, Layout, contiguous, layouts, place_outputs, view
from minigrad.compiler.rewrite import Builder
from minigrad.compiler.scalars import ELEMENTWISE
from minigrad.compiler.scan_lower import with_lowered_bodies
from minigrad.compiler.schedule import GATHERS, REDUCTIONS, SCATTERS, reduced
from minigrad.compiler.simplify import simplify
from minigrad.compiler.trace import Unsupported

FROM_NOTHING = {*REDUCTIONS, "scatter_add", "scatter_add_along", "gather_update"}
RULES: dict[str, Callable] = {**lower_windows.RULES, **lower_random.RULES, **lower_rows.RULES}
SUPPORTED = {*ELEMENTWISE, *REDUCTIONS, *GATHERS, *SCATTERS, *VIEWS, *EMITTERS, *RULES, "checked_index", "scan"}
UNSUPPORTED = {
    "recomputed": "a checkpoint's second run cannot be recorded yet",
    "float16": "float16 is for storage; the compiler has no arithmetic on it",
    "pow": "an integer power raises for negative exponents, which are known only when it runs",
}
"""Why an operation cannot be compiled, by name: a primitive, or a dtype."""


def refusal(op: Op) -> str | None:
    """Why an operation cannot be compiled; None if it can."""
    if any(v.dtype == np.float16 for v in (*op.values, *op.outputs)):
        return UNSUPPORTED["float16"]
    if op.name == "pow":
        exponent = op.inputs[1]
        return UNSUPPORTED["pow"] if op.outputs[0].dtype.kind in "iu" and isinstance(exponent, Value) else None
    if op.name.startswith(CUSTOM):
        return own.refusal(op)
    return None if op.name in SUPPORTED else UNSUPPORTED.get(op.name, f"{op.name} has no rule in the compiler")


def lower(graph: Graph) -> Graph:
    """The graph in operations that the emitter knows, each on operands laid out as it needs them."""
    for op in graph.ops:
        reason = refusal(op)
        if reason:
            raise Unsupported(f"[jit] {op.name}, called at {op.where}: {reason}.")
    return own_outputs(materialized(with_lowered_bodies(simplify(rewritten(graph)), lower)))


def rewritten(graph: Graph) -> Graph:
    """The graph without the operations that have a rule in RULES."""
    build = Builder(graph)
    for op in graph.ops:
        build.where = op.where
        if op.name in FROM_NOTHING and op.outputs[0].size and not all(v.size for v in op.values):
            build.same[op.outputs[0]] = from_nothing(build, op)
        elif op.name in RULES and op.outputs[0].size:
            made = RULES[op.name](build, op, *map(build.new, op.inputs))
            if made is None:
                build.add(op)
            else:
                build.same[op.outputs[0]] = made
        elif op.name == "matmul2" and op.outputs[0].dtype.kind != "f" and op.values[0].size:
            build.same[op.outputs[0]] = products(build, op, *map(build.new, op.inputs))
        else:
            build.add(op)
    return build.graph(graph.outputs)


def from_nothing(build: Builder, op: Op) -> Value:
    """What a reduction, scatter or gather makes of no elements."""
    out = op.outputs[0]
    if op.name == "gather_update":
        return build.new(op.inputs[0])
    start = np.array(op.name in ("reduce_prod", "reduce_all"), out.dtype)
    return build("broadcast", build.constant(start), shape=out.shape)


def products(build: Builder, op: Op, a: Value, b: Value) -> Value:
    """A matrix product of integers, which BLAS does not know: products, summed."""
    m, n = op.outputs[0].shape[-2:]
    a, b = (swapped(build, x) if op.params.get(flag) else x for x, flag in ((a, "ta"), (b, "tb")))
    left = build("reshape_to", a, shape=(*a.shape[:-2], m, 1, a.shape[-1]))
    right = swapped(build, b)
    right = build("reshape_to", right, shape=(*right.shape[:-2], 1, n, right.shape[-1]))
    terms = build("multiply", left, right)
    total = build("reduce_sum", terms, axes=(len(terms.shape) - 1,))
    return total if total.dtype == op.outputs[0].dtype else build("cast", total, dtype=op.outputs[0].dtype)


def is_outside(x: Any, places: dict[Value, Layout], n: int) -> bool:
    """Whether an operand is an input that is read again and again, as a bias is.

    LLVM does not know that an input and the arena do not overlap, and gives up on short inner loops: five times slower.
    """
    return isinstance(x, Value) and places[x].base.op is None and 1 < x.size < n


def swapped(build: Builder, x: Value) -> Value:
    """The last two axes exchanged."""
    n = len(x.shape)
    return build("permute", x, axes=(*range(n - 2), n - 1, n - 2))


def own_outputs(graph: Graph) -> Graph:
    """Every output a buffer of its own: inputs, views and repeated outputs are copied, and sums made in the arena."""
    places = layouts(list(graph.inputs), graph.ops)
    outputs: list[Value] = []
    for v in graph.outputs:
        if v in graph.inputs or v in outputs or places[v] != contiguous(v) or (is_sum(v) and v.size > 1):
            v = copied(v, graph.ops)
        outputs.append(v)
    return Graph(graph.inputs, graph.ops, outputs, graph.left_out)


def is_sum(v: Value) -> bool:
    """Whether each element is read and written again until it is done."""
    return reduced(v) and v.op is not None and v.op.name != "gather_update"


def copied(v: Value, ops: list[Op], where: str = "") -> Value:
    """A copy of a value, in row-major order, for an operation at some line."""
    op = Op("copy", (v,), {}, where if v.op is None else v.op.where)
    op.outputs.append(Value(v.shape, v.dtype, v.weak, op))
    ops.append(op)
    return op.outputs[0]


def materialized(graph: Graph) -> Graph:
    """The graph with copies of views before reshapes that cannot be views and before products that cannot read them.

    Inputs that are read again and again are copied before all else: in between, a copy would part what can be one nest.
    """
    places: dict[Value, Layout] = {v: contiguous(v) for v in graph.inputs}
    early: list[Op] = []  # views of inputs, and these copies
    ops: list[Op] = []
    copies: dict[Value, Value] = {}

    def copy(v: Value, where: str, into: list[Op] = ops) -> Value:
        if v not in copies:
            copies[v] = copied(v, into, where)
            places[copies[v]] = contiguous(copies[v])
        return copies[v]

    for op in graph.ops:
        if op.name == "arg_sort" and op.outputs[0].size:
            op.outputs.append(Value((op.values[0].shape[op.params["axis"]],), np.dtype(np.int64), op=op, index=1))
        if op.name in VIEWS and op.outputs[0].size and view(op, places[op.inputs[0]]) is None:
            op.inputs = (copy(op.inputs[0], op.where),)
        elif op.name == "matmul2" and op.outputs[0].size:
            fits = map(has_gemm_layout, matrices(op, places))
            op.inputs = tuple(x if ok else copy(x, op.where) for x, ok in zip(op.inputs, fits))
        elif op.name.startswith(CUSTOM):
            op.inputs = tuple(
                copy(x, op.where) if isinstance(x, Value) and places[x] != contiguous(x) else x for x in op.inputs
            )
        elif op.name == "scan":
            first = op.params["loop"].carries
            op.inputs = (*op.inputs[:first], *(x if places[x].dense else copy(x, op.where) for x in op.inputs[first:]))
        elif op.name in ELEMENTWISE:
            op.inputs = tuple(
                copy(x, op.where, early) if is_outside(x, places, op.outputs[0].size) else x for x in op.inputs
            )
        place_outputs(op, places)
        (early if op.name in VIEWS and places[op.outputs[0]].base.op is None else ops).append(op)
    return Graph(graph.inputs, early + ops, graph.outputs, graph.left_out)
