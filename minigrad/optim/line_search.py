"""A line search for the strong Wolfe conditions, on numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Point(NamedTuple):
    """The objective at x + t d: its value, its gradient, and its slope g.d along the line."""

    t: float
    f: float
    g: np.ndarray
    slope: float


def strong_wolfe(
    phi: Callable[[float], Point],
    start: Point,
    t: float,
    size: float,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance: float = 1e-9,
    limit: int = 25,
) -> tuple[Point, int]:
    """A point with f <= f(0) + c1 t slope(0) and |slope| <= c2 |slope(0)|, and how often phi was evaluated.

    phi: the objective along the line.  start: phi(0), with a negative slope.  t: tried first.  size: the largest
    element of |d|; the search ends where the interval times it is below `tolerance`.  limit: of evaluations, nearly.
    If none is found the lowest end of the last interval is returned.
    Source: Nocedal & Wright (2006), algorithms 3.5 and 3.6, with the safeguards of Schmidt's minFunc (2005).
    """

    def falls_enough(x: Point) -> bool:
        return x.f <= start.f + c1 * x.t * start.slope  # False for NaN

    def is_flat(x: Point) -> bool:
        return abs(x.slope) <= -c2 * start.slope

    before, now, tried = start, phi(t), 0
    while tried < limit:  # go on until the interval from `before` to `now` holds a minimum
        if not falls_enough(now) or (tried > 1 and now.f >= before.f):
            break
        if is_flat(now):
            return now, tried + 1
        if now.slope >= 0:
            break
        t = cubic_minimum(before, now, now.t + 0.01 * (now.t - before.t), 10 * now.t)
        before, now = now, phi(t)
        tried += 1
    ends = [before if tried < limit else start, now]
    low, stuck = lower(ends), False
    while tried < limit and abs(ends[1].t - ends[0].t) * size >= tolerance:  # make it smaller
        t, stuck = inside(ends, stuck)
        new = phi(t)
        tried += 1
        if not falls_enough(new) or new.f >= ends[low].f:
            ends[1 - low] = new
            low = lower(ends)
            continue
        if not is_flat(new) and new.slope * (ends[1 - low].t - ends[low].t) >= 0:
            ends[1 - low] = ends[low]
        ends[low] = new
        if is_flat(new):
            break
    return ends[low], tried + 1


def lower(ends: list[Point]) -> int:
    """Which end is lower."""
    return 0 if ends[0].f <= ends[1].f or math.isnan(ends[1].f) else 1


def inside(ends: list[Point], stuck: bool) -> tuple[float, bool]:
    """Where to look between the ends, away from them if the last look was close to one, and whether this one is."""
    left, right = sorted(end.t for end in ends)
    t, margin = cubic_minimum(ends[0], ends[1], left, right), 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if stuck or t >= right or t <= left:
        return (right - margin if abs(t - right) < abs(t - left) else left + margin), False
    return t, True


def cubic_minimum(a: Point, b: Point, low: float, high: float) -> float:
    """The minimum, in [low, high], of the cubic with the values and slopes of two points; the middle if it has none."""
    a, b = sorted((a, b), key=lambda point: point.t)
    middle = (low + high) / 2
    if a.t == b.t:
        return middle
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not 0 <= square < math.inf:
        return middle
    d2 = math.sqrt(square)
    divisor = b.slope - a.slope + 2 * d2
    if divisor == 0:
        return middle
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / divisor), low), high)
