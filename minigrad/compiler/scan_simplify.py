"""Simplifying scans: the same loop with other results is one loop; results that nobody reads are not made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from minigrad.compiler.graph import Graph, Loop, Op, Value, copies, is_live, loops


def same_loop(op: Op) -> tuple:
    """Equal for scans that do the same and at most make further stacks."""
    root = op.params["loop"].root
    return (root, *map(id, op.inputs[: len(root.body.inputs)]))


def join(first: Op, other: Op) -> dict[Value, Value]:
    """Let a scan make what another one of the same loop makes; returns what stands for the other's results."""
    a, b = first.params["loop"], other.params["loop"]
    given = dict(zip(a.body.inputs, first.inputs))
    for v, x in zip(b.body.inputs, other.inputs):
        given.setdefault(v, x)
    ops = dict.fromkeys([*a.body.ops, *b.body.ops])
    stacks = dict(zip(a.body.outputs[a.carries :], first.outputs[a.carries :]))
    same = dict(zip(other.outputs[: a.carries], first.outputs))
    for v, made in zip(b.body.outputs[b.carries :], other.outputs[b.carries :]):
        if v in stacks:
            same[made] = stacks[v]
            continue
        stacks[v] = made
        made.op, made.index = first, len(first.outputs)
        first.outputs.append(made)
    outputs = [*a.body.outputs[: a.carries], *stacks]
    first.inputs = tuple(given.values())
    first.params = {"loop": replace(a, body=Graph(dict.fromkeys(given, "of the loop"), list(ops), outputs))}
    return same


def with_simple_bodies(graph: Graph, simplify: Callable[[Graph], Graph]) -> Graph:
    """The graph with the bodies of its scans simplified; a stack that is made twice is made once."""
    same: dict[Value, Value] = {}
    for op in graph.ops:
        op.inputs = tuple(same.get(x, x) if isinstance(x, Value) else x for x in op.inputs)
        for loop in loops(op):
            copy = fresh(loop.body)
            body = replace(simplify(copy), inputs=copy.inputs)  # `prune` drops those that are not read any more
            op.params = {"loop": replace(loop, body=body, origin=None)}
            first: dict[Value, Value] = {}
            for v, stack in zip(body.outputs[loop.carries :], op.outputs[loop.carries :]):
                same[stack] = first.setdefault(v, stack)
    return replace(graph, outputs=[same.get(v, v) for v in graph.outputs])


def fresh(body: Graph) -> Graph:
    """A copy, which may be changed."""
    same: dict[Value, Any] = {v: Value(v.shape, v.dtype, v.weak) for v in body.inputs}
    inputs = {same[v]: source for v, source in body.inputs.items()}
    ops = copies(body.ops, same)
    return Graph(inputs, ops, [same[v] for v in body.outputs])


def prune(op: Op, live: set[Value], alive: Callable[[Graph], Graph]) -> None:
    """Drop what a scan makes that is not live, and what it reads for that alone."""
    loop: Loop = op.params["loop"]
    inputs, results = list(loop.body.inputs), list(zip(loop.body.outputs, op.outputs))
    handed_on = dict(zip(inputs, results[: loop.carries]))
    kept = {v for v, (_, final) in handed_on.items() if final in live}
    stacks = [(y, stack) for y, stack in results[loop.carries :] if stack in live]
    size = -1
    while len(kept) > size:  # a carry is needed if what is needed reads it
        size = len(kept)
        wanted = [handed_on[v][0] for v in handed_on if v in kept] + [y for y, _ in stacks]
        kept |= handed_on.keys() & read_for(wanted, loop.body.ops)
    body = alive(replace(loop.body, outputs=wanted))
    read = kept.union(v for v in inputs[loop.carries :] if v in body.inputs)
    used = [(v, x) for v, x in zip(inputs, op.inputs) if v in read]
    op.inputs = tuple(x for _, x in used)
    op.outputs = [handed_on[v][1] for v in handed_on if v in kept] + [stack for _, stack in stacks]
    for i, v in enumerate(op.outputs):
        v.index = i
    body.inputs = dict.fromkeys((v for v, _ in used), "of the loop")
    slices = sum(v in body.inputs for v in inputs[loop.carries : loop.shared])
    op.params = {"loop": replace(loop, body=body, carries=len(kept), slices=slices)}


def read_for(wanted: list[Value], ops: list[Op]) -> set[Value]:
    """What the operations read to make the wanted values, and these."""
    live = set(wanted)
    for op in reversed(ops):
        if is_live(op, live):
            live.update(op.values)
    return live
