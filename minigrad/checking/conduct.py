"""How a function behaves apart from its numbers: does it repeat itself, and does it leave alone what it was given?

Looked at first, because differences of a function that changes between calls mean nothing.
"""

from __future__ import annotations

import numpy as np

from minigrad.checking.causes import Cause
from minigrad.checking.point import Point, copies, split_like
from minigrad.checking.problem import Arrays

ALIASED = "the {} lives in memory that the next call overwrites: return a fresh array, not a view of a buffer."


def misconduct(point: Point) -> Cause | None:
    """The first thing that the function or its gradient does and must not do."""
    problem = point.problem
    given, cotangents = copies(problem.point), copies(split_like(point.weights, point.outputs))
    kept = problem.values(given)
    before = copies(kept)
    if changed := first_change(problem.names, problem.point, given):
        return Cause("input mutated", f"the function writes into its argument {changed}: work on a copy.")
    problem.values([x + 1e-3 * s for x, s in zip(problem.point, point.scales)])
    if not same(kept, before):
        return Cause("result aliased", ALIASED.format("result"))
    if not repeats(before, problem.values(copies(problem.point))):
        return Cause(
            "not deterministic",
            "the same arguments give different results: draw random numbers (dropout) from a generator that is seeded "
            "in the function, or from minigrad's default one, which is replayed for every call.",
        )
    gradient = known(problem.pullback(given, cotangents))
    first = copies(gradient)
    if changed := first_change(problem.names, problem.point, given):
        return Cause("input mutated", f"the gradient writes into the argument {changed}: work on a copy.")
    if not same(cotangents, split_like(point.weights, point.outputs)):
        return Cause("cotangent mutated", "the gradient writes into the cotangent it was given: work on a copy.")
    problem.pullback(copies(problem.point), [2 * c for c in cotangents])
    if not same(gradient, first):
        return Cause("result aliased", ALIASED.format("gradient"))
    if not repeats(first, known(problem.pullback(copies(problem.point), cotangents))):
        return Cause("not deterministic", "the same arguments and cotangents give different gradients.")
    return None


def known(gradients: list[np.ndarray | None]) -> Arrays:
    """The gradients without those of arguments that do not count."""
    return [g for g in gradients if g is not None]


def first_change(names: list[str], before: Arrays, after: Arrays) -> str | None:
    """The name of the first array that is no longer what it was."""
    return next((name for name, a, b in zip(names, before, after) if not same([a], [b])), None)


def same(left: Arrays, right: Arrays) -> bool:
    """Whether all arrays are equal, NaN to NaN."""
    return len(left) == len(right) and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(left, right))


def repeats(first: Arrays, second: Arrays) -> bool:
    """Whether two runs agree, up to the rounding that a different memory alignment may bring."""
    return len(first) == len(second) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-11, atol=1e-13 * np.abs(a).max(initial=0.0), equal_nan=True)
        for a, b in zip(first, second)
    )
