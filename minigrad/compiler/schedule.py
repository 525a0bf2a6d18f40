"""Fusion: which operations share a loop nest, and in which order the nests run.

Most operations iterate over a domain: the shape of their result, or of their input. Such an operation may join a nest
over the same domain if it reads what the nest makes at the very index at which it is made; anything else it reads must
come from earlier nests. It does join if arrays connect the two. Every other operation is a step of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from minigrad.compiler.graph import Graph, Loop, Op, Value, loops
from minigrad.compiler.layout import Layout
from minigrad.compiler.scalars import ELEMENTWISE

REDUCTIONS = ("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_any", "reduce_all")
GATHERS = ("gather", "gather_along")
SCATTERS = ("scatter_add", "scatter_add_along", "gather_update", "fold_view")
CHECKS = (*GATHERS, "scatter_add", "scatter_add_along", "gather_update", "checked_index")
"""Operations that may find an index out of range."""


class Obstacle(StrEnum):
    """Why an operation cannot run in a step: because of an operand of its own (the first five), or of the step."""

    ALONE = "it is no loop nest"
    TABLE = "it reads {value} at an index that it computes"
    INDEX = "its index {value} runs over other axes than its loops"
    REDUCED = "{value} comes out of a reduction, known only after the loops"
    ORDER = "it reads {value} in another shape or order than it is made in"
    LATER = "it reads {value}, which is made later"
    NO_NEST = "that one is no loop nest"
    DOMAIN = "that one has another domain"
    STRANGER = "they share no array"


@dataclass(frozen=True)
class Wait:
    """An operand that a step makes. With an obstacle it can be read only when that step is over."""

    step: int
    value: Value
    obstacle: Obstacle | None

    @property
    def earliest(self) -> int:
        """The first step that may read it."""
        return self.step if self.obstacle is None else self.step + 1


@dataclass(frozen=True)
class Refusal:
    """Why a step was opened although an earlier one was there: an obstacle, and the operand that it is about."""

    step: int
    obstacle: Obstacle
    value: Value | None = None


@dataclass
class Step:
    """A loop nest over `domain` that runs `ops`, or, with domain None, a single other operation.

    refusals: why its first operation runs in none of the steps that make its operands, nor in the step before.
    loop, steps: of a scan, what it repeats.
    """

    domain: tuple[int, ...] | None
    ops: list[Op] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    loop: Loop | None = None
    steps: list[Step] = field(default_factory=list)


def numbered(steps: list[Step], prefix: str = "") -> Iterator[tuple[str, Step]]:
    """The steps and those inside of them with their numbers: 0, 1, 1.0, 1.1, 2."""
    for i, step in enumerate(steps):
        yield f"{prefix}{i}", step
        yield from numbered(step.steps, f"{prefix}{i}.")


def every(steps: list[Step]) -> Iterator[Step]:
    """The steps, and those inside of them."""
    return (step for _, step in numbered(steps))


def domain_of(op: Op) -> tuple[int, ...] | None:
    """What an operation iterates over; None if it is no loop nest."""
    if op.name in ELEMENTWISE or op.name in GATHERS or op.name == "checked_index":
        return op.outputs[0].shape
    if op.name in REDUCTIONS or op.name in ("scatter_add_along", "fold_view"):
        return op.values[0].shape
    if op.name in ("scatter_add", "gather_update"):
        return picked_shape(op)
    return None


def picked_shape(op: Op) -> tuple[int, ...]:
    """The shape of x[..., index, ...] for the index arrays and axes of an operation, by NumPy's rules."""
    first, picked = picked_axes(op)
    rest = [n for d, n in enumerate(op.outputs[0].shape) if d not in op.params["axes"]]
    return (*rest[:first], *picked, *rest[first:])


def picked_axes(op: Op) -> tuple[int, tuple[int, ...]]:
    """Where the axes of the index arrays come to stand among the others, and their sizes."""
    axes = op.params["axes"]
    together = list(axes) == list(range(axes[0], axes[0] + len(axes)))
    return (axes[0] if together else 0), np.broadcast_shapes(*(x.shape for x in indices(op)))


def indices(op: Op) -> tuple[Value, ...]:
    """The index arrays among the inputs of a gather or scatter."""
    if op.name == "fold_view":
        return ()
    return op.inputs[2 if op.name == "gather_update" else 1 :]


def is_empty(op: Op) -> bool:
    """Whether there is nothing to compute: no element of the result, or, for one that is checked, of the input."""
    return all(v.size == 0 for v in op.outputs)


def schedule(graph: Graph, layouts: dict[Value, Layout]) -> list[Step]:
    """The steps in the order they run."""
    steps: list[Step] = []
    family = families(graph.ops, layouts)
    made_in: dict[Value, int] = {}  # buffer -> the step that fills it
    for op in graph.ops:
        if layouts[op.outputs[0]].base is not op.outputs[0] or is_empty(op):
            continue  # a view
        domain = domain_of(op)
        waits = [
            Wait(made_in[layouts[v].base], v, obstacle(op, position, layouts[v], domain))
            for position, v in enumerate(op.inputs)
            if isinstance(v, Value) and layouts[v].base in made_in
        ]
        earliest = max((w.earliest for w in waits), default=0)
        later = range(earliest, len(steps)) if domain is not None else ()
        place = next((i for i in later if steps[i].domain == domain and belongs(op, steps[i], family)), None)
        if place is None:
            place = len(steps)
            steps.append(Step(domain, refusals=refusals(waits, domain, steps)))
            for loop in loops(op):
                steps[place].loop, steps[place].steps = loop, schedule(loop.body, layouts)
        steps[place].ops.append(op)
        made_in.update(dict.fromkeys(op.outputs, place))
    return steps


def belongs(op: Op, step: Step, family: dict[Op, Op]) -> bool:
    """Whether an operation gains from joining a step over its domain: they share arrays, or are single numbers.

    The updates of all biases of one length, say, would make one long loop over hundreds of arrays.
    """
    return step.domain == () or family[op] is family[step.ops[0]]


def families(ops: list[Op], layouts: dict[Value, Layout]) -> dict[Op, Op]:
    """For each operation the first of those that arrays connect with it over one domain."""
    above = {op: op for op in ops}
    touched: dict[Any, Op] = {}

    def first(op: Op) -> Op:
        while above[op] is not op:
            above[op] = op = above[above[op]]
        return op

    for op in ops:
        domain = domain_of(op)
        for v in (*op.values, *op.outputs):
            if v.size > 1:
                other = first(touched.setdefault((layouts[v].base, domain), op))
                above[first(op)] = other
    return {op: first(op) for op in ops}


def obstacle(op: Op, position: int, layout: Layout, domain: tuple[int, ...] | None) -> Obstacle | None:
    """Why an operand cannot be read at the index at which a nest over the domain makes it; None if it can."""
    if domain is None:
        return Obstacle.ALONE
    if op.name in GATHERS or op.name in ("scatter_add", "gather_update"):
        first_index = len(op.inputs) - len(indices(op))
        if position < first_index and (op.name in GATHERS or (op.name == "gather_update" and position == 0)):
            return Obstacle.TABLE
        if position >= first_index and "axes" in op.params and picked_axes(op)[1] != domain:
            return Obstacle.INDEX
    if reduced(layout.base):
        return Obstacle.REDUCED
    return None if layout.whole and layout.shape == domain else Obstacle.ORDER


def refusals(waits: list[Wait], domain: tuple[int, ...] | None, steps: list[Step]) -> list[Refusal]:
    """Why an operation with these operands runs in no step that makes one, nor in the last one."""
    asked = {w.step for w in waits} | set(range(len(steps))[-1:])
    return [refusal(i, waits, domain, steps[i].domain) for i in sorted(asked)]


def refusal(i: int, waits: list[Wait], domain: tuple[int, ...] | None, other: tuple[int, ...] | None) -> Refusal:
    """Why an operation over `domain` does not run in step i, over another."""
    if domain is None:
        return Refusal(i, Obstacle.ALONE)
    if other is None:
        return Refusal(i, Obstacle.NO_NEST)
    late = max((w for w in waits if w.earliest > i), key=lambda w: w.step == i, default=None)
    if late is None:
        return Refusal(i, Obstacle.STRANGER if other == domain else Obstacle.DOMAIN)
    return Refusal(i, late.obstacle if late.step == i and late.obstacle else Obstacle.LATER, late.value)


def reduced(value: Value) -> bool:
    """Whether a value comes out of a reduction or scatter, which is known only after the loop."""
    return value.op is not None and value.op.name in (*REDUCTIONS, *SCATTERS)
