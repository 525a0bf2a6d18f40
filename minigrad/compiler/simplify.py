"""Simplification: drop what nobody needs, compute what is the same once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from minigrad.compiler.graph import Graph, Op, Value, is_live
from minigrad.compiler.scan_simplify import join, prune, same_loop, with_simple_bodies

NEUTRAL = {"multiply": "products with one", "reshape_to": "reshapes to the same shape"}
"""Operations that may give back an operand, as what they are left out."""


def simplify(graph: Graph) -> Graph:
    """An equal graph with fewer operations."""
    graph = with_simple_bodies(without_duplicates(graph), simplify)
    return without_dead_code(with_turned_products(graph))


def without_duplicates(graph: Graph) -> Graph:
    """Common subexpressions once; random draws are told apart by their call number."""
    same: dict[Value, Value] = {}
    seen: dict[Any, Op] = {}
    ops = []
    left_out = graph.left_out.copy()
    for op in graph.ops:
        op.inputs = tuple(same.get(x, x) if isinstance(x, Value) else x for x in op.inputs)
        kept = unchanged(op)
        if kept is not None:
            same[op.outputs[0]] = kept
            left_out[NEUTRAL[op.name]] += 1
            continue
        first = seen.setdefault(same_loop(op) if op.name == "scan" else same_call(op), op)
        if first is op:
            ops.append(op)
        else:
            same.update(join(first, op) if op.name == "scan" else zip(op.outputs, first.outputs))
            left_out["common subexpressions"] += 1
    outputs = [same.get(v, v) for v in graph.outputs]
    return Graph(graph.inputs, ops, outputs, left_out)


def unchanged(op: Op) -> Value | None:
    """The operand that an operation gives back: of a product with 1.0, or of a reshape to the shape it has."""
    if op.name not in NEUTRAL or (op.name == "multiply" and 1.0 not in [x for x in op.inputs if type(x) is float]):
        return None
    (kept, *_), (out,) = op.values, op.outputs
    return kept if (kept.shape, kept.dtype, kept.weak) == (out.shape, out.dtype, out.weak) else None


def same_call(op: Op) -> tuple:
    """Equal for calls of one primitive with the same inputs and parameters."""
    inputs = tuple((id(x) if isinstance(x, Value) else (type(x), repr(x))) for x in op.inputs)
    return op.name, inputs, repr(op.params)


def with_turned_products(graph: Graph) -> Graph:
    """(a b)' as b' a', so that the transpose of a product, as the gradient of a weight is one, needs no copy."""
    uses = Counter([*graph.outputs, *(v for op in graph.ops for v in op.values)])
    turned: set[Op] = set()
    for op in graph.ops:
        made = op.inputs[0].op if op.name == "permute" and uses[op.inputs[0]] == 1 else None
        if (
            made is not None
            and made.name == "matmul2"
            and op.params["axes"] == last_two_swapped(len(op.outputs[0].shape))
        ):
            a, b = made.inputs
            op.name, op.inputs = "matmul2", (b, a)
            op.params = {"ta": not made.params.get("tb", False), "tb": not made.params.get("ta", False)}
            turned.add(made)
    left_out = graph.left_out + Counter({"turned transposes": len(turned)})
    return Graph(graph.inputs, [op for op in graph.ops if op not in turned], graph.outputs, left_out)


def last_two_swapped(ndim: int) -> tuple[int, ...]:
    """The axes of a matrix transpose."""
    return (*range(ndim - 2), ndim - 1, ndim - 2)


def without_dead_code(graph: Graph) -> Graph:
    """Only the operations that an output depends on, or that may raise, and the inputs that they read."""
    live = set(graph.outputs)
    ops = []
    for op in reversed(graph.ops):
        if is_live(op, live):
            if op.name == "scan":
                prune(op, live, without_dead_code)
            live.update(op.values)
            ops.append(op)
    inputs = {v: source for v, source in graph.inputs.items() if v in live}
    left_out = graph.left_out + Counter({"dead code": len(graph.ops) - len(ops)})
    return Graph(inputs, ops[::-1], graph.outputs, left_out)
