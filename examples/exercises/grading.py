"""Grade an exercise: compare the student's gradient with numerical derivatives, and name the mistake."""

import runpy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from attempt import AnswerError, Attempt, function_in
from catalog import Exercise

from minigrad.checking import GradcheckReport
from minigrad.checking.check import Settings, check_problem

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
    for title, case in exercise.cases(np.random.default_rng(seed)).items():
        yield check(exercise.name, title, Attempt(forward, backward, path, list(exercise.points), case), seed)


def check(name: str, title: str, attempt: Attempt, seed: int) -> Result:
    """Check the gradient on one case of an exercise."""
    report = GradcheckReport(f"{name}, {title}")
    with np.errstate(all="ignore"):
        check_problem(report, attempt, 1, "", Settings(), seed)
        causes = report.stages[0].causes
        hints = list(recognised(name, attempt, set(causes), seed))
    if report.passed:
        return Result([], "", str(report))
    wrong = attempt.names if "" in causes else list(causes)
    summary = hints[0] if hints else f"{next(iter(causes.values())).name} in d{wrong[0]}"
    return Result(wrong, summary, "\n".join([str(report), *(f"  hint: {hint}" for hint in hints)]))


def recognised(exercise: str, attempt: Attempt, wrong: set[str], seed: int) -> Iterator[str]:
    """A hint for each wrong gradient that is exactly what one of the known mistakes gives."""
    if not wrong:
        return
    out, cache = attempt.run(attempt.point)
    dout = np.asarray(np.random.default_rng(seed).normal(size=out.shape))
    claimed = dict(zip(attempt.names, attempt.pullback(attempt.point, [dout.copy()])))
    solution = runpy.run_path(str(SOLUTIONS / f"{exercise}.py"))
    known = [(name, rule(dout, cache), hint) for name, rule, hint in solution["MISTAKES"]]
    unweighted = attempt.gradients(solution["backward"](np.ones_like(dout), cache))
    known += [(name, dx, f"d{name} does not depend on dout.") for name, dx in zip(attempt.names, unweighted)]
    for name in sorted(wrong & set(claimed), key=attempt.names.index):
        yield from [hint for of, mistaken, hint in known if of == name and same(claimed[name], mistaken)][:1]


def same(left: np.ndarray, right: Any) -> bool:
    """Whether two arrays agree in shape, and in value up to rounding."""
    return left.shape == np.shape(right) and np.allclose(left, right, rtol=1e-9, atol=1e-12)
