"""Complex step: derivatives of analytic NumPy functions to machine precision (Squire & Trapp 1998).

f'(x) = Im f(x + ih) / h: there is no difference, so nothing cancels and h can be as small as one likes.
"""

from __future__ import annotations

import warnings

import numpy as np

from minigrad.checking.adapters import ArrayProblem
from minigrad.checking.causes import likely_cause
from minigrad.checking.elements import Comparison, Verdict
from minigrad.checking.evidence import Evidence
from minigrad.checking.numeric import EPS, derivative
from minigrad.checking.point import Point, Settings
from minigrad.checking.report import GradcheckReport, Stage

STEP = 1e-30
STRICTER = 1e-3
"""Of the tolerance for differences."""


def check_by_complex_step(report: GradcheckReport, problem: ArrayProblem, settings: Settings) -> None:
    """A second, stricter stage for a gradient that passed, if the function takes complex numbers and has no kink."""
    if report.kinks:
        return
    point = Point(problem, settings, np.random.default_rng(0))
    stage = Stage(1, "complex step", problem.names)
    for argument, name in enumerate(problem.names):
        comparison = compare(problem, point, argument)
        if comparison is None:
            return
        stage.comparisons[name] = comparison
        if (comparison.verdict == Verdict.DIFFERS).any():
            stage.causes[name] = likely_cause(Evidence(point, comparison, connected=True))
    report.stages.append(stage)


def compare(problem: ArrayProblem, point: Point, argument: int) -> Comparison | None:
    """Claimed against exact derivatives, or None where complex step does not apply."""
    claimed = point.pullback(point.weights)[argument]
    exact = gradient(problem, point, argument)
    if exact is None or claimed is None:
        return None
    size = float(np.nanmax(np.abs(exact), initial=0.0))
    wrong = np.abs(claimed - exact) > STRICTER * point.settings.rtol * size
    if wrong.any() and not confirmed(point, argument, claimed, exact):
        return None
    verdict = np.select([np.isnan(exact), wrong], [Verdict.UNCHECKED, Verdict.DIFFERS], Verdict.AGREES)
    return Comparison(argument, claimed, exact, np.full(exact.shape, EPS * size), verdict)


def gradient(problem: ArrayProblem, point: Point, argument: int) -> np.ndarray | None:
    """The derivative by each element examined (NaN for others); None if the function does not take complex numbers."""
    x, limit = problem.point[argument], point.settings.limit
    found = np.full(x.shape, np.nan)
    for i in range(x.size) if x.size <= limit else point.rng.choice(x.size, limit, replace=False):
        index = np.unravel_index(i, x.shape)
        h = STEP * point.scales[argument][index]
        moved = x.astype(complex)
        moved[index] += 1j * h
        change = imaginary_part(problem, argument, moved)
        if change is None:
            return None
        found[index] = point.weights @ change / h
    return found


def imaginary_part(problem: ArrayProblem, argument: int, moved: np.ndarray) -> np.ndarray | None:
    """Of all results at a complex point, in one vector; None if the function refuses it or drops it."""
    arrays = [*problem.point[:argument], moved, *problem.point[argument + 1 :]]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            results = [np.asarray(y) for y in problem.results(arrays)]
    except (TypeError, ValueError, ArithmeticError, np.exceptions.ComplexWarning):
        return None
    if any(y.dtype.kind != "c" for y in results):
        return None
    return np.concatenate([y.imag.ravel() for y in results])


def confirmed(point: Point, argument: int, claimed: np.ndarray, exact: np.ndarray) -> bool:
    """Whether differences, too, are nearer to `exact` than to `claimed`, at the element where these are farthest apart.

    If not, the function is not analytic: abs, real or conj take complex numbers and mean something else.
    """
    scale = point.scales[argument]
    index = np.unravel_index(int(np.nanargmax(np.abs(claimed - exact))), exact.shape)
    step = np.zeros(exact.shape)
    step[index] = unit = float(scale[index])
    tolerance = point.tolerance(float(claimed[index]) * unit, 0.0, unit)
    slope = derivative(point.path(argument, step), point.weights, lambda *_: 1e-4 * tolerance(*_), thorough=True)
    numeric = slope.along(point.weights)[0] / unit
    return bool(abs(numeric - exact[index]) < abs(numeric - claimed[index]))
