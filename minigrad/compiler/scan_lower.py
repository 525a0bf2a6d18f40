"""Lowering scans: their bodies, and out of them what is the same in every iteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from minigrad.compiler.graph import Graph, Op, Value, copies, loops
from minigrad.compiler.layout import VIEWS


def with_lowered_bodies(graph: Graph, lower: Callable[[Graph], Graph]) -> Graph:
    """The graph with the bodies of its scans lowered; the constants of a body become inputs of the graph around it."""
    inputs, ops = dict(graph.inputs), []
    for op in graph.ops:
        for loop in loops(op):
            body = lower(loop.body)
            constants = {v: source for v, source in body.inputs.items() if v not in loop.body.inputs}
            for v, source in constants.items():
                outside = Value(v.shape, v.dtype, v.weak)
                inputs[outside] = source
                op.inputs = (*op.inputs, outside)
            body.inputs = {**loop.body.inputs, **constants}
            op.params = {"loop": replace(loop, body=body)}
            ops += hoisted(op)
        ops.append(op)
    return replace(graph, inputs=inputs, ops=ops)


def hoisted(op: Op) -> list[Op]:
    """Take what every iteration would compute anew, and alike, out of a scan: the operations to run before it."""
    loop = op.params["loop"]
    body: Graph = loop.body
    outside: dict[Value, Any] = dict(list(zip(body.inputs, op.inputs))[loop.shared :])
    before: list[Op] = []
    ops, moved = [], []
    for inner in body.ops:
        if outside.keys() >= set(inner.values) and not set(inner.outputs) & set(body.outputs):
            before += copies([inner], outside)
            if inner.name not in VIEWS:  # which cost nothing, and whose readers are still inside
                moved += inner.outputs
                continue
        ops.append(inner)
    used = {v for inner in ops for v in inner.values}
    shared = [v for v in moved if v in used]
    for v in moved:
        v.op = None
    op.inputs = (*op.inputs, *(outside[v] for v in shared))
    inputs = {**body.inputs, **dict.fromkeys(shared, "of the loop")}
    op.params = {"loop": replace(loop, body=replace(body, inputs=inputs, ops=ops))}
    return read_by(before, op)


def read_by(before: list[Op], op: Op) -> list[Op]:
    """Those of the operations before a scan that it needs."""
    live, found = set(op.values), []
    for made in reversed(before):
        if not live.isdisjoint(made.outputs):
            live.update(made.values)
            found.append(made)
    return found[::-1]
