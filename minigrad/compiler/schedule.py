"""Fusion: which operations share a loop nest, and in which order the nests run.

Most operations iterate over a domain: the shape of their result, or of their input. Such an operation may join a nest
over the same domain if it reads what the nest makes at the very index at which it is made; anything else it reads must
come from earlier nests. Every other operation is a step of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from minigrad.compiler.graph import Graph, Op, Value
from minigrad.compiler.layout import Layout
from minigrad.compiler.scalars import ELEMENTWISE

REDUCTIONS = ("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_any", "reduce_all")
GATHERS = ("gather", "gather_along")
SCATTERS = ("scatter_add", "scatter_add_along", "gather_update", "fold_view")
CHECKS = (*GATHERS, "scatter_add", "scatter_add_along", "gather_update", "checked_index")
"""Operations that may find an index out of range."""


@dataclass
class Step:
    """A loop nest over `domain` that runs `ops`, or, with domain None, a single other operation."""

    domain: tuple[int, ...] | None
    ops: list[Op] = field(default_factory=list)


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
    made_in: dict[Value, int] = {}  # buffer -> the step that fills it
    for op in graph.ops:
        if layouts[op.outputs[0]].base is not op.outputs[0] or is_empty(op):
            continue  # a view
        domain = domain_of(op)
        earliest = 0
        for position, v in enumerate(op.inputs):
            if isinstance(v, Value):
                at = made_in.get(layouts[v].base, -1)
                earliest = max(
                    earliest, at if domain is not None and is_inside(op, position, layouts[v], domain) else at + 1
                )
        place = next((i for i in range(earliest, len(steps)) if domain is not None and steps[i].domain == domain), None)
        if place is None:
            place = len(steps)
            steps.append(Step(domain))
        steps[place].ops.append(op)
        made_in.update(dict.fromkeys(op.outputs, place))
    return steps


def is_inside(op: Op, position: int, layout: Layout, domain: tuple[int, ...]) -> bool:
    """Whether an operand is read at the index at which a nest over the domain makes it."""
    if op.name in GATHERS or op.name in ("scatter_add", "gather_update"):
        first_index = len(op.inputs) - len(indices(op))
        if position < first_index and (op.name in GATHERS or (op.name == "gather_update" and position == 0)):
            return False  # a table, read at an index that is computed
        if position >= first_index and "axes" in op.params and picked_axes(op)[1] != domain:
            return False
    return layout.whole and layout.shape == domain and not reduced(layout.base)


def reduced(value: Value) -> bool:
    """Whether a value comes out of a reduction or scatter, which is known only after the loop."""
    return value.op is not None and value.op.name in (*REDUCTIONS, *SCATTERS)
