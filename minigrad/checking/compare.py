"""Claimed against numerical derivative: first along random directions, then, where needed, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from minigrad.checking.numeric import Path, Slope, Tolerance, derivative
from minigrad.checking.problem import Arrays, Problem


class Verdict(IntEnum):
    """What came of one element."""

    UNCHECKED = 0
    AGREES = 1
    KINK = 2
    UNDECIDED = 3
    DIFFERS = 4


@dataclass(frozen=True)
class Settings:
    """How to check. rtol: relative tolerance.  atol: absolute one; None: 1e-10 of |f| for a change of x by |x|.

    directions: random directions for each argument.  full: every element, even if the directions agree.
    limit: the most elements of an argument that are looked at one by one.
    """

    rtol: float = 1e-6
    atol: float | None = None
    directions: int = 2
    full: bool = False
    limit: int = 4096


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


class Point:
    """A problem at its point, with a random cotangent: what all comparisons of one stage share."""

    def __init__(self, problem: Problem, settings: Settings, rng: np.random.Generator) -> None:
        self.problem = problem
        self.settings = settings
        self.rng = rng
        self.outputs = [np.array(y, np.float64) for y in problem.values(copies(problem.point))]
        self.cotangents = [random_signs(rng, y.shape) / typical(y) for y in self.outputs]
        self.centre = flat(self.outputs)
        self.weights = np.where(np.isfinite(self.centre), flat(self.cotangents), 0.0)
        self.scales = [step_scale(x) for x in problem.point]
        self.magnitude = float(np.linalg.norm(self.weights * np.where(np.isfinite(self.centre), self.centre, 0.0)))

    def pullback(self, weights: np.ndarray) -> list[np.ndarray | None]:
        """The claimed gradient of the weighted sum of all results."""
        return self.problem.pullback(copies(self.problem.point), split_like(weights, self.outputs))

    def path(self, argument: int, direction: np.ndarray) -> Path:
        """The results along a line through the point, as a function of the step."""
        arrays = list(self.problem.point)
        x = arrays[argument]

        def along(t: float) -> np.ndarray:
            moved = [*arrays[:argument], x + t * direction, *arrays[argument + 1 :]]
            return flat(self.problem.values(moved))

        return along

    def tolerance(self, claimed: float, size: float, scale: float) -> Tolerance:
        """How far a numerical derivative may be from `claimed`, both in units of a relative change."""
        settings = self.settings
        floor = 1e-10 * self.magnitude if settings.atol is None else settings.atol * scale
        return lambda numeric: settings.rtol * max(abs(claimed), abs(numeric), size) + floor


# ---- along random directions


def agrees_along_directions(point: Point, argument: int) -> bool:
    """Whether the claimed gradient of one argument fits along random directions, with no kink and no doubt."""
    gradient = point.pullback(point.weights)[argument]
    x, scale = point.problem.point[argument], point.scales[argument]
    gradient = np.zeros(x.shape) if gradient is None else gradient
    if gradient.shape != x.shape:
        return False
    for _ in range(point.settings.directions):
        direction = scale * random_signs(point.rng, x.shape)
        claimed = float(np.sum(gradient * direction))
        size = float(np.linalg.norm(gradient * direction))
        # Stricter than the elements: a doubt costs no more than a look at each of them.
        tolerance = point.tolerance(claimed, size, float(np.max(scale, initial=0.0)))
        slope = derivative(point.path(argument, direction), point.weights, tolerance)
        numeric, _ = slope.along(point.weights)
        if not slope.settled(point.weights, tolerance) or not abs(claimed - numeric) <= 0.1 * tolerance(numeric):
            return False
    return True


# ---- element by element


def compare_elements(point: Point, argument: int, gradient: np.ndarray) -> Comparison:
    """Compare the elements of one argument (at most `limit` of them, drawn at random) one at a time."""
    x, scale = point.problem.point[argument], point.scales[argument]
    result = Comparison(
        argument,
        gradient,
        np.full(x.shape, np.nan),
        np.full(x.shape, np.nan),
        np.full(x.shape, Verdict.UNCHECKED, np.int8),
    )
    chosen: Sequence[int] = range(x.size)
    if x.size > point.settings.limit:
        chosen = sorted(point.rng.choice(x.size, point.settings.limit, replace=False).tolist())
    keep = len(chosen) * point.centre.size <= 1_000_000
    for i in chosen:
        index = np.unravel_index(i, x.shape)
        step = np.zeros(x.shape)
        step[index] = scale[index]
        claimed = float(gradient[index] * scale[index])
        tolerance = point.tolerance(claimed, 0.0, float(scale[index]))
        verdict, slope = judge(point, point.path(argument, step), claimed, tolerance)
        numeric, error = slope.along(point.weights)
        result.numeric[index] = numeric / scale[index]
        result.uncertainty[index] = error / scale[index]
        result.verdict[index] = verdict
        if keep:
            result.slopes[i] = slope.value / scale[index]
    return result


def judge(point: Point, path: Path, claimed: float, tolerance: Tolerance) -> tuple[Verdict, Slope]:
    """The verdict on one element; a second, thorough look before anything but agreement."""
    slope = derivative(path, point.weights, tolerance)
    numeric, _ = slope.along(point.weights)
    if slope.settled(point.weights, tolerance) and abs(claimed - numeric) <= tolerance(numeric):
        return Verdict.AGREES, slope
    slope = derivative(path, point.weights, tolerance, thorough=True)
    numeric, error = slope.along(point.weights)
    if slope.kink[point.weights != 0].any():
        return Verdict.KINK, slope
    if not np.isfinite(claimed):
        # Where a result is not finite either, neither is its derivative.
        return (Verdict.DIFFERS if np.isfinite(point.centre).all() else Verdict.KINK), slope
    if abs(claimed - numeric) <= tolerance(numeric):
        return Verdict.AGREES, slope
    return (Verdict.DIFFERS if abs(claimed - numeric) > tolerance(numeric) + 5 * error else Verdict.UNDECIDED), slope


# ---- scales and shapes


def typical(x: np.ndarray) -> float:
    """The geometric mean of the nonzero magnitudes; 1 if there is none."""
    magnitudes = np.abs(x[np.isfinite(x) & (x != 0)])
    return float(np.exp(np.mean(np.log(magnitudes)))) if magnitudes.size else 1.0


def step_scale(x: np.ndarray) -> np.ndarray:
    """What a relative change of 1 means for each element: its magnitude, or the typical one for zeros and the like.

    Powers of two, so that a step is added without rounding wherever it can be.
    """
    usual = typical(x)
    scale = np.where(np.isfinite(x) & (x != 0), np.maximum(np.abs(x), 1e-3 * usual), usual)
    return np.asarray(2.0 ** np.ceil(np.log2(scale)))


def random_signs(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of either sign with magnitudes in [0.5, 1.5): none of them hides an error."""
    return np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))


def copies(arrays: Arrays) -> Arrays:
    """Arrays that may be written to."""
    return [np.array(x) for x in arrays]


def flat(arrays: Arrays) -> np.ndarray:
    """All elements in one vector."""
    return np.concatenate([np.asarray(x, np.float64).ravel() for x in arrays]) if arrays else np.zeros(0)


def split_like(vector: np.ndarray, arrays: Arrays) -> Arrays:
    """The vector in pieces of these shapes."""
    ends = np.cumsum([x.size for x in arrays])
    pieces = np.split(vector, ends[:-1]) if arrays else []
    return [piece.reshape(x.shape) for piece, x in zip(pieces, arrays)]
