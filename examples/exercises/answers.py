"""A student's file and its functions, with a message for everything that can go wrong before there is a gradient."""

import runpy
import traceback
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np


class AnswerError(Exception):
    """The file, or a function in it, gives nothing that could be a set of gradients; the message says why."""


def function_in(path: Path, name: str) -> Callable:
    """A function that a file defines; what it raises becomes an AnswerError.

    Raises AnswerError if the file does not run or has no such function.
    """
    found = explaining(path, runpy.run_path)(str(path)).get(name)
    if not callable(found):
        raise AnswerError(f"{path.name} defines no function {name}.")
    return explaining(path, found)


def explaining(path: Path, function: Callable) -> Callable:
    """The same function, but an exception becomes an AnswerError that names the line of the file."""

    @wraps(function)
    def explained(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except NotImplementedError:
            raise  # the stub
        except Exception as error:
            lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
            where = f" in line {lines[-1].lineno}, `{lines[-1].line}`" if lines else ""
            raise AnswerError(f"{type(error).__name__}{where}: {error}") from error

    return explained


def tidied(backward: Callable, inputs: dict[str, np.ndarray]) -> Callable:
    """The same `backward`, returning a list with one float64 array for each input, or raising AnswerError.

    inputs: the arguments with a gradient, in the order in which `backward` returns them. Where it returns None for one
    of several, that is not written yet: zeros.
    """

    def tidy(dout: np.ndarray, cache: Any) -> list[np.ndarray]:
        shapes = ", ".join(f"{name} {x.shape}" for name, x in {"dout": dout, **inputs}.items())
        try:
            answer = backward(dout, cache)
        except AnswerError as error:
            raise AnswerError(f"{error}\n  the shapes were: {shapes}") from error
        return list(gradients(answer, inputs))

    return tidy


def gradients(answer: Any, inputs: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
    """What `backward` returned, one array an input."""
    expected = ", ".join(f"d{name}" for name in inputs)
    parts = answer if isinstance(answer, (tuple, list)) else (answer,)
    if all(part is None for part in parts):
        raise AnswerError(f"backward returned None: end it with `return {expected}`.")
    if len(parts) != len(inputs):
        raise AnswerError(f"backward returned {len(parts)} values, expected {len(inputs)}: return {expected}.")
    for (name, x), part in zip(inputs.items(), parts):
        gradient = np.zeros_like(x) if part is None else np.asarray(part)
        if gradient.dtype.kind not in "fiub":
            raise AnswerError(f"d{name} should hold real numbers, but has dtype {gradient.dtype}.")
        yield gradient.astype(np.float64)
