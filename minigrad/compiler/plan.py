"""Memory: which values are stored at all, and where in the arena of their dtype, by liveness."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from minigrad.compiler.graph import Graph, Value
from minigrad.compiler.inplace import carried_in_place
from minigrad.compiler.layout import Layout
from minigrad.compiler.schedule import Step, reduced

ALIGN = 16  # elements: a cache line of float32


@dataclass
class Plan:
    """offsets: where each stored temporary starts, in elements of the arena of its dtype.  sizes: of the arenas.

    live: for each step, the bytes of the temporaries that exist while it runs.  in_place: new carries of a loop, by the
    old ones whose buffer they take over.
    """

    offsets: dict[Value, int] = field(default_factory=dict)
    sizes: dict[np.dtype, int] = field(default_factory=dict)
    live: list[int] = field(default_factory=list)
    in_place: dict[Value, Value] = field(default_factory=dict)


def plan(graph: Graph, layouts: dict[Value, Layout], steps: list[Step]) -> Plan:
    """Static offsets: a buffer has its place from the step that makes it to the last that reads it."""
    external = set(graph.inputs) | {layouts[v].base for v in graph.outputs}
    return laid_out(external, last_reads(layouts, steps), layouts, steps)


def laid_out(external: set[Value], last: dict[Value, int], layouts: dict[Value, Layout], steps: list[Step]) -> Plan:
    """The plan, if `external` values are stored elsewhere and others are read last in these steps."""
    made, stays, rooms, live = Plan(), [], [], 0
    for i, step in enumerate(steps):
        taken = [v for op in step.ops for v in op.outputs if v not in external and stored(v, i, step, last)]
        stays += [Stay(v.dtype, rounded(v.size), i, last.get(v, i), v) for v in taken]
        inside = inside_of(step, layouts)
        rooms += [Stay(d, rounded(n), i, i, inside) for d, n in inside.sizes.items()]
        made.in_place.update(inside.in_place)
        live += sum(v.nbytes for v in taken)
        made.live.append(live + max(inside.live, default=0))
        live -= sum(s.of.nbytes for s in stays if s.last == i)
    for stay, start in placed([*stays, *rooms]):
        made.sizes[stay.dtype] = max(made.sizes.get(stay.dtype, 0), start + stay.size)
        if isinstance(stay.of, Value):
            made.offsets[stay.of] = start
        else:
            made.offsets.update({v: start + offset for v, offset in stay.of.offsets.items() if v.dtype == stay.dtype})
    return made


class Stay(NamedTuple):
    """So many elements of a dtype, in memory from the first step to the last: of a value, or a plan of inner steps."""

    dtype: np.dtype
    size: int
    first: int
    last: int
    of: Any


def placed(stays: list[Stay]) -> Iterator[tuple[Stay, int]]:
    """Where each starts: the largest first, at the lowest place that is free for as long as it stays."""
    there: list[tuple[int, Stay]] = []
    for stay in sorted(stays, key=lambda s: (-s.size, s.first)):
        start = 0
        for other_start, other in there:
            together = other.dtype == stay.dtype and other.first <= stay.last and stay.first <= other.last
            if together and other_start < start + stay.size:
                start = max(start, other_start + other.size)
        insort(there, (start, stay), key=lambda x: x[0])
        yield stay, start


def inside_of(step: Step, layouts: dict[Value, Layout]) -> Plan:
    """What the steps inside a step take: the same room in each iteration. New carries are there until the end."""
    if step.loop is None:
        return Plan()
    loop, in_place = step.loop, carried_in_place(step, layouts)
    external = {*loop.body.inputs, *loop.body.outputs[loop.carries :], *in_place}
    at_the_end = dict.fromkeys(loop.body.outputs[: loop.carries], len(step.steps))
    made = laid_out(external, last_reads(layouts, step.steps) | at_the_end, layouts, step.steps)
    made.in_place.update(in_place)
    return made


def stored(value: Value, i: int, step: Step, last: dict[Value, int]) -> bool:
    """Whether a value made in step i has memory: not if it is a scalar variable of one loop nest."""
    return step.domain is None or reduced(value) or last.get(value, i) > i


def last_reads(layouts: dict[Value, Layout], steps: list[Step]) -> dict[Value, int]:
    """For every buffer the last step that reads it."""
    return {layouts[v].base: i for i, step in enumerate(steps) for op in step.ops for v in op.values}


def rounded(n: int) -> int:
    """n up to a whole number of cache lines."""
    return -(-max(n, 1) // ALIGN) * ALIGN
