"""Simplification: drop what nobody needs, compute what is the same once."""

from __future__ import annotations

from typing import Any

from minigrad.compiler.graph import Graph, Op, Value


def simplify(graph: Graph) -> Graph:
    """An equal graph with fewer operations."""
    return without_dead_code(without_duplicates(graph))


def without_duplicates(graph: Graph) -> Graph:
    """Common subexpressions once; random draws are told apart by their call number."""
    same: dict[Value, Value] = {}
    seen: dict[Any, Op] = {}
    ops = []
    for op in graph.ops:
        op.inputs = tuple(same.get(x, x) if isinstance(x, Value) else x for x in op.inputs)
        if op.name == "multiply" and 1.0 in [x for x in op.inputs if type(x) is float]:
            kept = op.values[0]
            if kept.shape == op.outputs[0].shape and kept.dtype == op.outputs[0].dtype:
                same[op.outputs[0]] = kept
                continue
        key = (op.name, tuple((id(x) if isinstance(x, Value) else (type(x), repr(x))) for x in op.inputs), repr(op.params))
        first = seen.setdefault(key, op)
        if first is op:
            ops.append(op)
        else:
            same.update(zip(op.outputs, first.outputs))
    outputs = [same.get(v, v) for v in graph.outputs]
    return Graph(graph.inputs, ops, outputs)


def without_dead_code(graph: Graph) -> Graph:
    """Only the operations that an output depends on, and the inputs that they read."""
    live = set(graph.outputs)
    ops = []
    for op in reversed(graph.ops):
        if live.intersection(op.outputs):
            live.update(op.values)
            ops.append(op)
    inputs = {v: source for v, source in graph.inputs.items() if v in live}
    return Graph(inputs, ops[::-1], graph.outputs)
