"""A student's `backward` beside the `forward` it belongs to, in the form in which minigrad checks gradients."""

import runpy
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from catalog import Case

Arrays = list[np.ndarray]


class AnswerError(Exception):
    """The student's file or its `backward` gives nothing that could be a set of gradients; the message says why."""


def function_in(path: Path, name: str) -> Callable:
    """A function that a file defines. Raises AnswerError if the file does not run or has no such function."""
    found = answered(path, lambda: runpy.run_path(str(path))).get(name)
    if not callable(found):
        raise AnswerError(f"{path.name} defines no function {name}.")
    return found


def answered(path: Path, call: Callable[[], Any]) -> Any:
    """Call the student's code. Whatever it raises becomes an AnswerError that names the line of the file."""
    try:
        return call()
    except NotImplementedError:
        raise  # the stub
    except Exception as error:
        lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f" in line {lines[-1].lineno}, `{lines[-1].line}`" if lines else ""
        raise AnswerError(f"{type(error).__name__}{where}: {error}") from error


@dataclass(frozen=True)
class Attempt:
    """A `minigrad.checking.problem.Problem`: the values come from `forward`, the claimed gradient from `backward`.

    names: the arguments with a gradient, in the order in which `backward` returns them.  case: all arguments.
    path: the file of `backward`.
    """

    forward: Callable
    backward: Callable
    path: Path
    names: list[str]
    case: Case
    promoted: list[str] = field(default_factory=list)

    @property
    def point(self) -> Arrays:
        """Where the gradient is checked."""
        return [self.case[name] for name in self.names]

    def run(self, arrays: Arrays) -> tuple[np.ndarray, Any]:
        """The result and the cache for these values of the named arguments."""
        out, cache = answered(self.path, lambda: self.forward(**self.case | dict(zip(self.names, arrays))))
        return np.asarray(out), cache

    def values(self, arrays: Arrays) -> Arrays:
        """The result, in a list."""
        return [self.run(arrays)[0]]

    def pullback(self, arrays: Arrays, cotangents: Arrays) -> Arrays:
        """The claimed gradients."""
        _, cache = self.run(arrays)
        shapes = {"dout": cotangents[0].shape} | {name: x.shape for name, x in zip(self.names, arrays)}
        try:
            answer = answered(self.path, lambda: self.backward(cotangents[0], cache))
        except AnswerError as error:
            told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise AnswerError(f"{error}\n  the shapes were: {told}") from error
        return list(self.gradients(answer))

    def contributions(self, arrays: Arrays, cotangents: Arrays, argument: int) -> Arrays:
        """Nothing: a `backward` does not show its parts."""
        return []

    def gradients(self, answer: Any) -> Iterator[np.ndarray]:
        """What `backward` returned, one float64 array an argument; zeros where it returned None for one of several."""
        expected = ", ".join(f"d{name}" for name in self.names)
        parts = answer if isinstance(answer, (tuple, list)) else (answer,)
        if all(part is None for part in parts):
            raise AnswerError(f"backward returned None: end it with `return {expected}`.")
        if len(parts) != len(self.names):
            raise AnswerError(f"backward returned {len(parts)} values, expected {len(self.names)}: return {expected}.")
        for name, part in zip(self.names, parts):
            gradient = np.zeros_like(self.case[name]) if part is None else np.asarray(part)
            if gradient.dtype.kind not in "fiub":
                raise AnswerError(f"d{name} should hold real numbers, but has dtype {gradient.dtype}.")
            yield gradient.astype(np.float64)
