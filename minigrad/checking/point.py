"""Where a problem is checked: its point, a random cotangent, the size of steps, and what error is allowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minigrad.checking.numeric import Path, Slope, Tolerance
from minigrad.checking.problem import Arrays, Problem

FLOOR = 1e-10
"""A part of |f| so small that its change, when x changes by |x|, counts as none."""

ULPS, MOVES = 2.0**-48, 4
"""A relative change of the arguments in their last digits, done so many times, tells results from rounding errors."""


@dataclass(frozen=True)
class Settings:
    """How to check. rtol: relative tolerance.  atol: absolute one; None: 1e-10 of |f| for a change of x by |x|.

    directions: random directions for each argument.  full: every element, even if the directions agree.
    limit: the most elements of an argument that are looked at one by one (fewer if there are many results).
    """

    rtol: float = 1e-6
    atol: float | None = None
    directions: int = 2
    full: bool = False
    limit: int = 4096


class Point:
    """A problem at its point, with a random cotangent: what all comparisons of one stage share."""

    def __init__(self, problem: Problem, settings: Settings, rng: np.random.Generator) -> None:
        self.problem = problem
        self.settings = settings
        self.rng = rng
        self.outputs = [np.array(y, np.float64) for y in problem.values(copies(problem.point))]
        units = map(unit, self.outputs, self.changes())
        self.cotangents = [random_signs(rng, y.shape) / size for y, size in zip(self.outputs, units)]
        self.centre = flat(self.outputs)
        self.weights = np.where(np.isfinite(self.centre), flat(self.cotangents), 0.0)
        self.scales = [step_scale(x) for x in problem.point]
        self.contributions = np.nan_to_num(self.weights * self.centre, nan=0.0, posinf=0.0, neginf=0.0)

    def changes(self) -> Arrays:
        """How much each result changes at most when the arguments get other last digits."""
        rng = np.random.default_rng(0)
        greatest = [np.zeros(y.shape) for y in self.outputs]
        for _ in range(MOVES):
            moved = [x * (1 + ULPS * random_signs(rng, x.shape)) for x in self.problem.point]
            nearby = self.problem.values(moved)
            greatest = [np.fmax(most, np.abs(z - y)) for most, z, y in zip(greatest, nearby, self.outputs)]
        return greatest

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
        rtol, atol = self.settings.rtol, self.settings.atol

        def allowed(slope: Slope) -> float:
            numeric, _ = slope.along(self.weights)
            floor = FLOOR * np.linalg.norm(self.contributions[slope.moving]) if atol is None else atol * scale
            return rtol * max(abs(claimed), abs(numeric), size) + float(floor)

        return allowed


# ---- scales and shapes


def typical(x: np.ndarray) -> float:
    """The geometric mean of the nonzero magnitudes; 1 if there is none."""
    magnitudes = np.abs(x[np.isfinite(x) & (x != 0)])
    return float(np.exp(np.mean(np.log(magnitudes)))) if magnitudes.size else 1.0


def unit(y: np.ndarray, change: np.ndarray) -> float:
    """What is typical of one result, as `typical`, among the elements that are more than rounding errors.

    change: of each element when the arguments get other last digits.  If all of it is rounding errors, such as the
    gradient of a bias before a batch norm, whose true value is 0, then so much more that they count for nothing.
    """
    certain = (y != 0) & (change <= 1e-3 * np.abs(y))
    noise = change[np.isfinite(change) & (change > 0)]
    return typical(y[certain]) if certain.any() or not noise.size else float(noise.max()) / (0.01 * FLOOR)


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
