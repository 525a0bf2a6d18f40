"""Grade an exercise: compare the student's gradient with numerical derivatives, and name the mistake."""

import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from answers import AnswerError, function_in, tidied
from catalog import Case, Exercise

from minigrad.checking import GradcheckReport, check_cs231n

HERE = Path(__file__).parent
SOLUTIONS = HERE / "solutions"
BLANK, WRONG, RIGHT = " ", "✗", "✓"


@dataclass(frozen=True)
class Grade:
    """mark: BLANK (not written yet), WRONG or RIGHT.  points: earned.  summary: in a line.  text: in full."""

    mark: str
    points: int
    summary: str
    text: str


def grade(exercise: Exercise, folder: Path = HERE, seed: int = 0) -> Grade:
    """Grade `backward` in the file of this exercise in `folder`; `forward` is always the exercise's own.

    A gradient earns its points if it is right in every case. The text holds the reports up to the first case that
    fails, the mistakes that were recognised there included.
    """
    path = folder / f"{exercise.name}.py"
    if not path.exists():
        return not_written(path)
    try:
        results = list(checked(exercise, path, seed))
    except NotImplementedError:
        return not_written(path)
    except AnswerError as error:
        return Grade(WRONG, 0, str(error).partition("\n")[0], str(error))
    wrong = {name for result in results for name in result.wrong}
    points = sum(worth for name, worth in exercise.points.items() if name not in wrong)
    failed = next((i for i, result in enumerate(results) if result.wrong), None)
    if failed is None:
        return Grade(RIGHT, points, "", "\n".join(result.text for result in results))
    text = "\n".join(result.text for result in results[: failed + 1])
    return Grade(WRONG, points, results[failed].summary, text)


def not_written(path: Path) -> Grade:
    """The grade of an exercise that nobody has begun."""
    return Grade(BLANK, 0, "not written yet", f"not written yet: edit {path}, its first lines say what to do.")


# ---- one case


@dataclass(frozen=True)
class Result:
    """wrong: the arguments whose gradient is wrong.  summary: the first mistake.  text: the report and the hints."""

    wrong: list[str]
    summary: str
    text: str


def checked(exercise: Exercise, path: Path, seed: int) -> Iterator[Result]:
    """The result of each case, for the `backward` in this file."""
    forward, backward = function_in(HERE / path.name, "forward"), function_in(path, "backward")
    solution = runpy.run_path(str(SOLUTIONS / path.name))
    for title, case in exercise.cases(np.random.default_rng(seed)).items():
        claim = tidied(backward, {name: case[name] for name in exercise.points})
        report = check_cs231n(forward, claim, case, seed=seed, raise_exception=False)
        report.name = f"{exercise.name}, {title}"
        yield Result([], "", str(report)) if report.passed else failure(report, solution, forward, claim, case)


def failure(
    report: GradcheckReport, solution: dict[str, Any], forward: Callable, claim: Callable, case: Case
) -> Result:
    """The result of a case that failed."""
    stage = report.stages[0]
    wrong = stage.names if "" in stage.causes else list(stage.causes)
    claimed, known = compared(stage.names, solution, forward, claim, case)
    hints = [hint for name in stage.causes if name for hint in recognised(name, claimed[name], known)]
    name, cause = next(iter(stage.causes.items()))
    summary = hints[0] if hints else f"d{name}: {cause.name}" if name else cause.name
    return Result(wrong, summary, "\n".join([str(report), *(f"  hint: {hint}" for hint in hints)]))


# ---- hints

Mistakes = list[tuple[str, np.ndarray, str]]
"""Gradients with a mistake: of which argument, its value, the hint."""


def compared(
    names: list[str], solution: dict[str, Any], forward: Callable, claim: Callable, case: Case
) -> tuple[dict[str, np.ndarray], Mistakes]:
    """The claimed gradients, and those with the known mistakes, for the same cotangent."""
    out, cache = forward(**case)
    dout = np.asarray(np.random.default_rng(0).normal(size=np.shape(out)))
    known = [(name, rule(dout, cache), hint) for name, rule, hint in solution["MISTAKES"]]
    unweighted = solution["backward"](np.ones_like(dout), cache)
    unweighted = unweighted if isinstance(unweighted, tuple) else (unweighted,)
    known += [(name, dx, f"d{name} does not depend on dout.") for name, dx in zip(names, unweighted)]
    # The claim comes last, and with a cotangent of its own: it may write into what it gets.
    return dict(zip(names, claim(dout.copy(), cache))), known


def recognised(name: str, claimed: np.ndarray, known: Mistakes) -> list[str]:
    """The hint of the first mistake that gives exactly the claimed gradient, in a list; or an empty one."""
    return [hint for of, mistaken, hint in known if of == name and same(claimed, mistaken)][:1]


def same(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether two arrays agree in shape, and in value up to rounding."""
    return left.shape == right.shape and np.allclose(left, right, rtol=1e-9, atol=1e-12)
