"""Grade the exercises: `python check.py` lists all, `python check.py affine` explains one."""

import argparse
import sys
from pathlib import Path

from catalog import EXERCISES
from grading import HERE, RIGHT, Grade, grade


def main(arguments: list[str] | None = None) -> int:
    """Grade what was asked for and print it. Returns 0 if all of it is right, 1 if not."""
    options = parser().parse_args(arguments)
    if options.exercise:
        return explain(options.exercise, options.folder, options.seed)
    return overview(options.folder, options.seed)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("exercise", nargs="?", choices=[e.name for e in EXERCISES], help="explain one; without, list all")
    made.add_argument("--folder", type=Path, default=HERE, help="where the answers are (default: beside this file)")
    made.add_argument("--seed", type=int, default=0, help="of the inputs (default: 0)")
    return made


def overview(folder: Path, seed: int) -> int:
    """A line an exercise, and the sum."""
    total = 0
    for exercise in EXERCISES:
        result = grade(exercise, folder, seed)
        total += result.points
        print(f"{result.mark} {exercise.name:<22}{score(result, exercise.worth)}   {result.summary}".rstrip())
    worth = sum(exercise.worth for exercise in EXERCISES)
    print(f"  {'total':<22}{total:>2} / {worth}")
    return int(total < worth)


def explain(name: str, folder: Path, seed: int) -> int:
    """Everything about one."""
    exercise = next(e for e in EXERCISES if e.name == name)
    result = grade(exercise, folder, seed)
    print(result.text)
    print(f"{result.mark} {name}: {result.points} of {exercise.worth} points")
    return int(result.mark != RIGHT)


def score(result: Grade, worth: int) -> str:
    """Points earned of points to earn."""
    return f"{result.points:>2} / {worth}"


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal without Unicode shows ? for the marks
    sys.exit(main())
