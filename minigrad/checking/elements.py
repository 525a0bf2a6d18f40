"""Claimed against numerical derivative element by element, with a verdict on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from minigrad.checking.directions import suspects
from minigrad.checking.numeric import Slope, Tolerance, derivative
from minigrad.checking.point import Point

KEPT = 1_000_000
"""Numbers of the numerical Jacobian to keep for finding the cause."""
WORK = 5_000_000
"""Elements examined times results computed, at most."""
THOROUGH_LOOKS = 16
"""After that many elements found wrong on a second look, the first look is enough."""

INVISIBLE = 1e-13
"""A part of a result so small that rounding hides it."""

Index = tuple[np.intp, ...]


class Verdict(IntEnum):
    """What came of one element."""

    UNCHECKED = 0
    AGREES = 1
    KINK = 2
    UNDECIDED = 3
    DIFFERS = 4


@dataclass
class Comparison:
    """One argument, element by element.

    analytic, numeric, uncertainty, verdict: of its shape.  slopes: by flat index of the elements examined, the
    numerical derivatives of all results, kept while they are small.
    """

    argument: int
    analytic: np.ndarray
    numeric: np.ndarray
    uncertainty: np.ndarray
    verdict: np.ndarray
    slopes: dict[int, np.ndarray] = field(default_factory=dict)

    def indices(self, verdict: Verdict) -> list[tuple[int, ...]]:
        """The elements that got this verdict."""
        return [tuple(map(int, i)) for i in np.argwhere(self.verdict == verdict)]


def compare_elements(point: Point, argument: int, gradient: np.ndarray) -> Comparison:
    """Compare the elements of one argument one at a time: all, or those that `examined` chooses."""
    shape, scale = gradient.shape, point.scales[argument]
    result = Comparison(argument, gradient, np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.int8))
    chosen = examined(point, argument, gradient)
    judge = Judge(point, argument, gradient)
    for i in chosen:
        index = np.unravel_index(i, shape)
        result.verdict[index], slope = judge(index)
        numeric, error = slope.along(point.weights)
        result.numeric[index], result.uncertainty[index] = numeric / scale[index], error / scale[index]
        if len(chosen) * point.centre.size <= KEPT:
            result.slopes[i] = slope.value / scale[index]
    return result


def examined(point: Point, argument: int, gradient: np.ndarray) -> Sequence[int]:
    """Which elements to look at: all, or if that is too much work those that look wrong and a random sample."""
    limit = min(point.settings.limit, max(256, WORK // max(point.centre.size, 1)))
    if gradient.size <= limit:
        return range(gradient.size)
    sample = point.rng.choice(gradient.size, limit // 2, replace=False).tolist()
    return sorted({*sample, *suspects(point, argument, gradient, limit=32)})


class Judge:
    """Gives the verdicts on one argument."""

    def __init__(self, point: Point, argument: int, gradient: np.ndarray) -> None:
        self.point = point
        self.argument = argument
        self.scale = point.scales[argument]
        self.claims = gradient * self.scale
        self.largest = float(np.nanmax(np.abs(self.claims), initial=0.0))
        self.found_wrong = 0

    def __call__(self, index: Index) -> tuple[Verdict, Slope]:
        """The verdict on one element; a second, thorough look before anything but agreement."""
        weights, claimed = self.point.weights, float(self.claims[index])
        tolerance = self.point.tolerance(claimed, 0.0, float(self.scale[index]))
        step = np.zeros(self.scale.shape)
        step[index] = self.scale[index]
        path = self.point.path(self.argument, step)
        slope = derivative(path, weights, tolerance)
        verdict = on_numbers(claimed, slope.along(weights), tolerance(slope))
        if slope.settled(weights, tolerance) and (verdict is Verdict.AGREES or self.found_wrong >= THOROUGH_LOOKS):
            return verdict, slope
        slope = derivative(path, weights, tolerance, thorough=True)
        verdict = self.after_all(index, slope, tolerance)
        self.found_wrong += verdict is Verdict.DIFFERS
        return verdict, slope

    def after_all(self, index: Index, slope: Slope, tolerance: Tolerance) -> Verdict:
        """The verdict when no more can be found out."""
        claimed, used = float(self.claims[index]), self.point.weights != 0
        if slope.kink[used].any():
            return Verdict.KINK
        if not np.isfinite(claimed) and not np.isfinite(self.point.centre).all():
            return Verdict.KINK  # where a result is not finite, neither is its derivative
        claimed = self.visible_part(index, slope.moving)
        allowed = tolerance(slope)
        if not slope.steady[used].all():
            # The scales contradict each other: a difference that is nothing beside the other elements is noise.
            allowed = max(allowed, self.point.settings.rtol * self.largest)
        return on_numbers(claimed, slope.along(self.point.weights), allowed)

    def visible_part(self, index: Index, moving: np.ndarray) -> float:
        """The claim without what it says about results too large to show it (1e-30 of a result that is about 1)."""
        claimed = float(self.claims[index])
        gradient = self.point.pullback(np.where(moving, self.point.weights, 0.0))[self.argument]
        part = 0.0 if gradient is None else float(gradient[index] * self.scale[index])
        invisible = INVISIBLE * np.linalg.norm(self.point.contributions[~moving])
        return part if abs(claimed - part) <= invisible else claimed


def on_numbers(claimed: float, found: tuple[float, float], allowed: float) -> Verdict:
    """The verdict from claim, numerical derivative with its error, and the difference allowed."""
    numeric, error = found
    distance = abs(claimed - numeric)
    if distance <= allowed:
        return Verdict.AGREES
    return Verdict.UNDECIDED if distance <= allowed + 5 * error else Verdict.DIFFERS
