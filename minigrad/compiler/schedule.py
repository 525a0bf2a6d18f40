"""Fusion: which operations share a loop nest, and in which order the nests run.

An elementwise operation or a reduction iterates over a domain: its result's shape, or its input's. It may join a nest
over the same domain if it reads what the nest makes at the very index at which it is made; anything else it reads must
come from earlier nests. Every other operation is a step of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from minigrad import engine
from minigrad.compiler.graph import Graph, Op, Value
from minigrad.compiler.layout import Layout, contiguous

REDUCTIONS = ("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_any", "reduce_all")


GATHERS = ("gather", "gather_along")
SCATTERS = ("scatter_add", "scatter_add_along")


@dataclass
class Step:
    """A loop nest over `domain` that runs `ops`, or, with domain None, a single other operation."""

    domain: tuple[int, ...] | None
    ops: list[Op] = field(default_factory=list)


def domain_of(op: Op) -> tuple[int, ...] | None:
    """What an operation iterates over; None if it is no elementwise operation or reduction."""
    if op.name in REDUCTIONS or op.name in SCATTERS:
        return op.values[0].shape
    if op.name in GATHERS:
        return op.outputs[0].shape
    if op.name in ("copy", "checked_index") or engine.PRIMITIVES[op.name].kind == "elementwise":
        return op.outputs[0].shape
    return None


def schedule(graph: Graph, layouts: dict[Value, Layout]) -> list[Step]:
    """The steps in the order they run."""
    steps: list[Step] = []
    made_in: dict[Value, int] = {}  # buffer -> the step that fills it
    for op in graph.ops:
        if layouts[op.outputs[0]].base is not op.outputs[0]:
            continue  # a view
        domain = domain_of(op)
        earliest = 0
        for position, v in enumerate(op.inputs):
            if not isinstance(v, Value):
                continue
            layout = layouts[v]
            at = made_in.get(layout.base, -1)
            inside = layout == contiguous(layout.base) and layout.shape == domain and not reduced(layout.base)
            table = op.name in GATHERS and position == 0  # read at an index that is computed
            earliest = max(earliest, at if inside and domain is not None and not table else at + 1)
        place = next((i for i in range(earliest, len(steps)) if domain is not None and steps[i].domain == domain), None)
        if place is None:
            place = len(steps)
            steps.append(Step(domain))
        steps[place].ops.append(op)
        for out in op.outputs:
            made_in[out] = place
    return steps


def reduced(value: Value) -> bool:
    """Whether a value comes out of a reduction, which is known only after the loop."""
    return value.op is not None and value.op.name in (*REDUCTIONS, *SCATTERS)
