"""The gradient of a scan: a scan the other way round.

The body's history is rebuilt and differentiated in a trace of its own. The operations of body and gradient fall into
two parts. What depends on a cotangent is the body of the backward loop; the rest stays in the forward loop, which
stacks the values that the backward loop reads. Both are loops as any other: the rule can be applied to them again.

    forward    c' , y   = f(c, x, w)                       and stacks of what the gradient needs
    backward   gc, gw  <-  gc df/dc + gy dy/dc, gw + gc df/dw + gy dy/dw        gx = gc df/dx + gy dy/dx
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import engine
from minigrad.compiler.graph import Graph, Loop, Op, Value
from minigrad.compiler.trace import Symbol
from minigrad.core import Tensor

if TYPE_CHECKING:
    from minigrad.compiler.scan import BodyTracer

CHEAP = {
    "add", "subtract", "multiply", "negative", "cast", "select", "relu", "maximum", "minimum", "equal", "not_equal",
    "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_not",
    "reshape_to", "permute", "broadcast", "slice_of", "reverse",
}  # fmt: skip
"""What is rather computed again than kept for the gradient."""


def pull_back(
    primitive: engine.Primitive, body: BodyTracer, needs: Sequence[bool], g: Sequence[Tensor], out: Sequence[Tensor],
    *inputs: Tensor, loop: Loop,
) -> list[Tensor | None]:  # fmt: skip
    """The cotangents of a scan's inputs, given those of its results."""
    given = summed(loop.body.outputs[loop.carries :], g[loop.carries :])
    gradient = Gradient(body, loop, needs, given)
    outside = {**dict(zip(loop.body.inputs, inputs)), **body.closed_over()}
    kept = gradient.kept()
    if kept:
        longer = gradient.forward(kept, body.closed_over())
        made = primitive(*(outside[v] for v in longer.body.inputs), loop=longer)
        stacks = dict(zip(longer.body.outputs[loop.carries :], made[loop.carries :]))
        outside.update({v: stacks[v] for v in kept})
    finals = dict(zip(loop.body.inputs, g))
    starts = [finals[v] for v in gradient.carried] + [zeros(v) for v in gradient.shared]
    backward = gradient.backward(kept)
    rest = list(backward.body.inputs)[backward.carries + len(gradient.cotangents) :]
    found = primitive(*starts, *gradient.cotangents.values(), *(outside[v] for v in rest), loop=backward)
    cotangents = dict(zip([*gradient.carried, *gradient.shared, *gradient.stacked], found))
    return [cotangents.get(v) if need else None for v, need in zip(loop.body.inputs, needs)]


def summed(values: Sequence[Value], cotangents: Sequence[Tensor]) -> dict[Value, Tensor]:
    """The cotangent of each value that has one; of a value that is returned twice, the sum."""
    found: dict[Value, Tensor] = {}
    for v, g in zip(values, cotangents):
        if not is_zero(g):
            found[v] = engine.PRIMITIVES["add"](found[v], g) if v in found else g
    return found


def is_zero(x: Tensor) -> bool:
    """Whether a cotangent is known to be zero: nobody used what it belongs to."""
    return x.dtype.kind != "f" or not (isinstance(x.data, Symbol) or x.data.any())


def zeros(v: Any) -> Tensor:
    """Zeros of the shape and dtype of a value."""
    return engine.PRIMITIVES["broadcast"](Tensor(np.zeros((), v.dtype)), shape=v.shape)


class Gradient:
    """The body of a loop and its gradient, in one trace.

    carried, stacked, shared: the inputs whose cotangent is wanted, by what they are.
    cotangents: the stacks of cotangents that the backward loop goes through, by the input that is a slice of one.
    """

    def __init__(self, body: BodyTracer, loop: Loop, needs: Sequence[bool], given: dict[Value, Tensor]) -> None:
        self.body, self.loop = body, loop
        carries, slices, shared = loop.inputs
        wanted = {v for v, need in zip(loop.body.inputs, needs) if need}
        active = reached(loop, wanted)
        self.carried = [v for v in carries if v in active]
        self.stacked = [v for v in slices if v in wanted]
        self.shared = [v for v in shared if v in wanted]
        values = body.resumed(loop)
        roots = [y for y in given if values[y].node is not None]
        seeds = {y: body.symbol(y.shape, y.dtype) for y in roots}
        self.finals = {v: body.symbol(v.shape, v.dtype) for v in self.carried}
        self.sums = {v: body.symbol(v.shape, v.dtype) for v in self.shared}
        self.cotangents = {seeds[y].data.value: given[y] for y in roots}
        handed_on = dict(zip(carries, loop.body.outputs))
        pairs = [(values[handed_on[v]], g) for v, g in self.finals.items()] + [(values[y], g) for y, g in seeds.items()]
        with body.running():
            self.outputs = self.differentiated([(y, g) for y, g in pairs if y.node is not None], values)

    def differentiated(self, pairs: list[tuple[Tensor, Tensor]], values: dict[Value, Tensor]) -> list[Value]:
        """The cotangents that one iteration of the backward loop makes: of the carries, the sums, the slices."""
        wanted = {values[v].node for v in (*self.carried, *self.shared, *self.stacked)}
        with engine.switched(recording=True):
            found = engine.backward([y for y, _ in pairs], [g for _, g in pairs], wanted, create_graph=True)
            cotangents = {v: found.get(values[v].node) for v in (*self.carried, *self.shared, *self.stacked)}
            for v, total in self.sums.items():
                g = cotangents[v]
                cotangents[v] = total if g is None else engine.PRIMITIVES["add"](total, g)
            return [self.body.output(zeros(v) if g is None else g) for v, g in cotangents.items()]

    # ---- the two loops

    @property
    def own(self) -> list[Value]:
        """The inputs of the backward loop that the forward loop does not have."""
        return [x.data.value for x in (*self.finals.values(), *self.sums.values())] + list(self.cotangents)

    @property
    def fixed(self) -> set[Value]:
        """The inputs that are the same in each iteration."""
        return {*self.loop.inputs[2], *self.body.closed_over()}

    def kept(self) -> list[Value]:
        """What the forward loop must stack: values that the backward loop reads and cannot cheaply compute."""
        ops = self.body.graph.ops
        carries, slices, _ = self.loop.inputs
        varying, constant = dependents(ops, self.own), made_of(ops, self.fixed)
        forward = {v for op in ops for v in op.outputs} - varying - constant
        border = read_by(needed(ops, self.outputs, forward), self.outputs) & forward.union(carries)
        found = [v for v in carries if v in border]
        known = {*constant, *slices, *found}
        for op in ops:
            if op.name in CHEAP and known.issuperset(op.values):
                known.update(op.outputs)
            else:
                new = [v for v in op.outputs if v in border]
                found += new
                known.update(new)
        return found

    def forward(self, kept: list[Value], closures: dict[Value, Tensor]) -> Loop:
        """The loop with the stacks that the gradient needs."""
        loop, old = self.loop, set(self.loop.body.ops)
        more_stacks = [v for v in kept if v not in loop.body.outputs[loop.carries :]]
        more = set(needed(self.body.graph.ops, kept, set()))
        ops = [op for op in self.body.graph.ops if op in old or op in more]
        used = read_by(ops, kept)
        inputs = [*loop.body.inputs, *(v for v in closures if v in used)]
        body = Graph(dict.fromkeys(inputs, "of the loop"), ops, [*loop.body.outputs, *more_stacks])
        return replace(loop, body=body, origin=loop.root)

    def backward(self, kept: list[Value]) -> Loop:
        """The loop that runs the other way."""
        loop = self.loop
        ops = needed(self.body.graph.ops, self.outputs, set(kept))
        used = read_by(ops, self.outputs)
        _, slices, shared = loop.inputs
        slices = [v for v in slices if v in used]
        shared = [v for v in (*shared, *self.body.closed_over()) if v in used]
        inputs = [*self.own, *slices, *kept, *shared]
        body = Graph(dict.fromkeys(inputs, "of the loop"), ops, self.outputs)
        stacks = len(self.cotangents) + len(slices) + len(kept)
        return Loop(body, loop.length, not loop.reverse, len(self.carried) + len(self.shared), stacks)


# ---- what depends on what


def reached(loop: Loop, wanted: set[Value]) -> set[Value]:
    """The values of a body, in any iteration, through which a gradient flows back to the wanted inputs."""
    found, size = set(wanted), -1
    while len(found) > size:
        size = len(found)
        for op in loop.body.ops:
            if any(linked and x in found for x, linked in zip(op.inputs, op.linked)):
                found.update(v for v in op.outputs if v.dtype.kind == "f")
        found.update(v for v, new in zip(loop.body.inputs, loop.body.outputs[: loop.carries]) if new in found)
    return found


def dependents(ops: Iterable[Op], values: Iterable[Value]) -> set[Value]:
    """What is computed from one of the values, and these."""
    found = set(values)
    for op in ops:
        if not found.isdisjoint(op.values):
            found.update(op.outputs)
    return found


def made_of(ops: Iterable[Op], values: Iterable[Value]) -> set[Value]:
    """What is computed from nothing but the values, and these."""
    found = set(values)
    for op in ops:
        if found.issuperset(op.values):
            found.update(op.outputs)
    return found


def needed(ops: Sequence[Op], outputs: Iterable[Value], known: set[Value]) -> list[Op]:
    """The operations that the outputs take, if some values are known."""
    wanted, found = set(outputs) - known, []
    for op in reversed(ops):
        if not wanted.isdisjoint(op.outputs):
            wanted.update(set(op.values) - known)
            found.append(op)
    return found[::-1]


def read_by(ops: Iterable[Op], outputs: Iterable[Value]) -> set[Value]:
    """What the operations read, and the outputs."""
    return {v for op in ops for v in op.values} | set(outputs)
