"""Memory: which values are stored at all, and where in the arena of their dtype, by liveness."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    """Static offsets: a buffer is taken at the step that makes it and given back after the last that reads it."""
    external = set(graph.inputs) | {layouts[v].base for v in graph.outputs}
    return laid_out(external, last_reads(layouts, steps), layouts, steps)


def laid_out(external: set[Value], last: dict[Value, int], layouts: dict[Value, Layout], steps: list[Step]) -> Plan:
    """The plan, if `external` values are stored elsewhere and others are read last in these steps."""
    made = Plan()
    free: dict[np.dtype, list[tuple[int, int]]] = {}
    live = 0
    for i, step in enumerate(steps):
        taken = [v for op in step.ops for v in op.outputs if v not in external and stored(v, i, step, last)]
        for v in taken:
            made.offsets[v] = take(free.setdefault(v.dtype, []), made.sizes, v.dtype, v.size)
        inside = inside_of(step, layouts)
        room = {d: (take(free.setdefault(d, []), made.sizes, d, n), n) for d, n in inside.sizes.items()}
        made.offsets.update({v: room[v.dtype][0] + offset for v, offset in inside.offsets.items()})
        made.in_place.update(inside.in_place)
        live += sum(v.nbytes for v in taken)
        made.live.append(live + max(inside.live, default=0))
        for d, (start, n) in room.items():
            give(free[d], start, rounded(n))
        over = [v for v in made.offsets if last.get(v, i) == i and (v in taken or v in last)]
        for v in over:
            give(free[v.dtype], made.offsets[v], rounded(v.size))
        live -= sum(v.nbytes for v in over)
    return made


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


def take(free: list[tuple[int, int]], sizes: dict[np.dtype, int], dtype: np.dtype, size: int) -> int:
    """The first gap that is large enough, or new room at the end."""
    n = rounded(size)
    for i, (start, length) in enumerate(free):
        if length >= n:
            free[i : i + 1] = [(start + n, length - n)] if length > n else []
            return start
    start = sizes.get(dtype, 0)
    sizes[dtype] = start + n
    return start


def give(free: list[tuple[int, int]], start: int, length: int) -> None:
    """Return a stretch, merging it with its neighbours."""
    free.append((start, length))
    free.sort()
    merged: list[tuple[int, int]] = []
    for a, n in free:
        if merged and merged[-1][0] + merged[-1][1] == a:
            merged[-1] = (merged[-1][0], merged[-1][1] + n)
        else:
            merged.append((a, n))
    free[:] = merged
