"""gradcheck: is the gradient of this function right, and if not, why?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.checking.causes import Cause, likely_cause
from minigrad.checking.conduct import misconduct
from minigrad.checking.directions import agrees_along_directions
from minigrad.checking.elements import Verdict, compare_elements
from minigrad.checking.evidence import Evidence
from minigrad.checking.point import Point, Settings, random_signs
from minigrad.checking.problem import Problem, tensor_problem
from minigrad.checking.report import GradcheckReport, Stage
from minigrad.errors import GradcheckError

FAULTS = (Verdict.DIFFERS, Verdict.UNDECIDED, Verdict.KINK)


def gradcheck(
    fn: Callable,
    inputs: Any,
    *,
    order: int = 2,
    params: bool = True,
    atol: float | None = None,
    rtol: float = 1e-6,
    full: bool = False,
    seed: int = 0,
    raise_exception: bool = True,
) -> GradcheckReport:
    """Check the gradient of fn against numerical derivatives, in float64, and say what is wrong with it.

    fn: a function of tensors (nested as you like) that returns float tensors; or a Module, which is checked in training
    and in evaluation mode.  inputs: a tuple of positional arguments, a dict of keyword arguments, or the only argument;
    if some of the tensors require a gradient only these are checked, otherwise all that hold floats.
    order: 1 checks the gradient, 2 also the gradient of the gradient, and so on.
    params: check a module's parameters too.  full: compare every element, not only those of arguments that look wrong.
    rtol: relative tolerance.  atol: absolute tolerance; by default a 1e-10th of |f| when x changes by |x|, so badly
    scaled inputs need no tuning.  seed: of the random cotangents and directions.  raise_exception: raise on failure.

    Differentiates the sum of the results weighted with a random cotangent. Each argument is first tried along random
    directions, where one wrong element shows; only if they do not fit, element by element. Numerical derivatives are
    central differences, extrapolated (Richardson 1911; Ridders 1982) over a sweep of steps. Elements at a kink, where
    the one-sided derivatives differ, are skipped and listed. Random numbers from minigrad's default generator are the
    same in every call, so dropout can be checked.

    Returns a report: true if all is well; print it for the explanation, see `.failures`, `.kinks`, `.causes`.
    Raises GradcheckError with the report as its message, unless raise_exception is False.

    >>> print(mg.gradcheck(lambda w, x: mg.tanh(x @ w), (mg.ones((3, 2)), mg.ones((4, 3)))))
    gradcheck of <lambda>: passed
      checked in float64, although given in another precision: w, x
      gradient: right for w, x
      second derivative: right for w, x, cotangent
    """
    settings = Settings(rtol=rtol, atol=atol, full=full)
    parameters = trainable(fn) if params else {}
    report = GradcheckReport(getattr(fn, "__qualname__", type(fn).__name__).rpartition(".")[2])
    for mode in modes(fn):
        with in_mode(fn, mode), np.errstate(all="ignore"):
            check_problem(report, tensor_problem(fn, inputs, parameters), order, mode, settings, seed)
    if raise_exception and not report.passed:
        raise GradcheckError(str(report))
    return report


def check_problem(
    report: GradcheckReport, problem: Problem, order: int, mode: str, settings: Settings, seed: int
) -> None:
    """Check a problem and its derivatives up to `order`, a stage of the report for each; stop at the first failure."""
    report.promoted = problem.promoted
    rng = np.random.default_rng(seed)
    for k in range(1, order + 1):
        stage = check_stage(problem, k, mode, settings, rng)
        report.stages.append(stage)
        if stage.causes:
            return
        if k < order:
            problem = problem.derived([random_signs(rng, y.shape) for y in problem.values(problem.point)])


def check_stage(problem: Problem, order: int, mode: str, settings: Settings, rng: np.random.Generator) -> Stage:
    """Check one function: its conduct, then each argument."""
    point = Point(problem, settings, rng)
    stage = Stage(order, mode, problem.names, left_out=int(np.sum(~np.isfinite(point.centre))))
    cause = misconduct(point) or nothing_to_check(point)
    if cause:
        stage.causes[""] = cause
        return stage
    for argument, (name, gradient) in enumerate(zip(problem.names, point.pullback(point.weights))):
        check_argument(stage, point, argument, name, gradient)
    return stage


def check_argument(stage: Stage, point: Point, argument: int, name: str, gradient: np.ndarray | None) -> None:
    """Check one argument along random directions, or element by element; where it is wrong, find the cause."""
    x = point.problem.point[argument]
    claimed = np.zeros(x.shape) if gradient is None else gradient
    if claimed.shape != x.shape:
        stage.causes[name] = wrong_shape(name, claimed.shape, x.shape)
    elif not point.settings.full and agrees_along_directions(point, argument, claimed):
        stage.agreed.append(name)
    else:
        comparison = stage.comparisons[name] = compare_elements(point, argument, claimed)
        cause = cause_of(Evidence(point, comparison, gradient is not None))
        if cause:
            stage.causes[name] = cause


def cause_of(evidence: Evidence) -> Cause | None:
    """Why the comparison of an argument fails, None if it does not."""
    verdicts = evidence.comparison.verdict
    differs, undecided, kinks = (int(np.sum(verdicts == v)) for v in FAULTS)
    if differs > undecided:
        return likely_cause(evidence)
    if undecided:
        return Cause(
            "precision too low",
            "the values are too noisy to decide: does the function compute in float32, or cancel large numbers? "
            "Choose other inputs, or a larger rtol or atol.",
        )
    if 0 < verdicts.size == kinks:
        return Cause(
            "only kinks",
            f"every element of {evidence.name} is at a kink, so nothing was checked: move the inputs off it.",
        )
    return None


def wrong_shape(name: str, claimed: tuple[int, ...], expected: tuple[int, ...]) -> Cause:
    """The cause for a gradient that does not have its argument's shape."""
    if len(claimed) > len(expected) or any(n == 1 != m for n, m in zip(expected, claimed)):
        return Cause(
            "broadcast axis not summed",
            f"the gradient of {name} has shape {claimed}, {name} has {expected}: sum over the axes along which it was "
            "broadcast.",
        )
    return Cause("wrong shape", f"the gradient of {name} has shape {claimed}, {name} has {expected}.")


def nothing_to_check(point: Point) -> Cause | None:
    """Why nothing can be said at this point, if so."""
    if point.centre.size and not np.isfinite(point.centre).any():
        return Cause("not finite", "the function is NaN or infinite at these inputs: choose others.")
    return None


# ---- modules, recognised by what they can do


def trainable(fn: Callable) -> dict[str, Any]:
    """The float parameters of a module that want a gradient, by name."""
    named = getattr(fn, "named_parameters", None)
    return {name: p for name, p in named() if p.requires_grad} if named else {}


def modes(fn: Callable) -> list[str]:
    """ "train" and "eval" for a module, "" for a function."""
    return ["train", "eval"] if hasattr(fn, "named_parameters") and hasattr(fn, "train") else [""]


@contextmanager
def in_mode(fn: Any, mode: str) -> Iterator[None]:
    """Run a block with a module, and each of its parts, in this mode."""
    parts = list(fn.modules()) if mode and hasattr(fn, "modules") else [fn] if mode else []
    before = [part.training for part in parts]
    try:
        if mode:
            fn.train(mode == "train")
        yield
    finally:
        for part, training in zip(parts, before):
            part.training = training
