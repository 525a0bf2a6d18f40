"""What `minigrad gradcheck` does: load a function from a file, draw inputs, check its gradient."""

from __future__ import annotations

import ast
import functools
import re
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.checking.check import gradcheck
from minigrad.checking.courses import check_cs231n, check_minitorch, check_needle, check_numpy
from minigrad.checking.names import argument_names
from minigrad.checking.report import GradcheckReport
from minigrad.errors import ConfigError, MinigradError

STYLES = ("tensor", "cs231n", "needle", "minitorch", "numpy")
EXAMPLES = (
    "x:4,3 for normal numbers, y:4:int<10 for labels, p:4:0.1..0.9 for an interval, s: for a single number, reg=0.1"
)


def check_file(target: str, inputs: str, style: str, order: int | None, seed: int, rtol: float) -> GradcheckReport:
    """Check the gradient that `target`, FILE.py:NAME or FILE.py:NAME,NAME, stands for in this style.

    inputs: drawn as `drawn` reads them.  order: derivatives to check, by default 2; for `tensor` only.
    Raises ConfigError if the file, the names or the inputs cannot be used, or if the code in the file raises.
    """
    if style != "tensor" and order not in (None, 1):
        raise ConfigError(f"[gradcheck] style {style} has first derivatives only: leave out --order.")
    file, _, names = target.rpartition(":")
    if not file or not names:
        raise ConfigError(f"[gradcheck] expected FILE.py:NAME, got {target!r}.")
    path = Path(file)
    with importable(path.parent), told_in_a_line(target, path):
        values = drawn(inputs, seed)
        found = chosen(Names(file, loaded(path)), names.split(","), style)
        arguments = in_order(signature_of(found[0], style), values)
        options: dict[str, Any] = {"seed": seed, "rtol": rtol, "raise_exception": False}
        if style == "tensor":
            return gradcheck(found[0], arguments, order=order or 2, **options)
        checks: dict[str, Callable] = {
            "cs231n": check_cs231n,
            "needle": check_needle,
            "minitorch": check_minitorch,
            "numpy": check_numpy,
        }
        return checks[style](*found, arguments, **options)


# ---- inputs


def drawn(text: str, seed: int) -> dict[str, Any]:
    """Inputs by name from words such as "x:4,3 y:4:int<10 reg=0.1": see EXAMPLES.

    >>> from minigrad.checking.command import drawn
    >>> drawn("y:2,2:int<1 reg=0.5", seed=0)
    {'y': array([[0, 0], [0, 0]]), 'reg': 0.5}
    """
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    for word in text.split():
        name, value = one_input(word, rng)
        if name in found:
            raise ConfigError(f"[gradcheck] two inputs are called {name}.")
        found[name] = value
    if not found:
        raise ConfigError(f"[gradcheck] expected inputs such as {EXAMPLES}; got none.")
    return found


def one_input(word: str, rng: np.random.Generator) -> tuple[str, Any]:
    """The name and the value of one input."""
    setting = re.fullmatch(r"(\w+)=(.+)", word)
    if setting:
        try:
            return setting[1], ast.literal_eval(setting[2])
        except (ValueError, SyntaxError) as error:
            raise ConfigError(f"[gradcheck] the value of {word!r} is no Python literal without spaces.") from error
    array = re.fullmatch(r"(\w+):((?:\d+(?:,\d+)*)?)(?::(.*))?", word)
    if not array:
        raise ConfigError(f"[gradcheck] cannot read the input {word!r}: write {EXAMPLES}.")
    shape = tuple(int(n) for n in array[2].split(",") if n)
    return array[1], numbers(word, array[3] or "", shape, rng)


def numbers(word: str, kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random numbers of this shape: normal, integers below a bound ("int<10"), or from an interval ("0.1..0.9")."""
    below = re.fullmatch(r"int<([1-9]\d*)", kind)
    if below:
        return np.asarray(rng.integers(int(below[1]), size=shape))
    number = r"([-+]?\d+(?:\.\d+)?)"
    interval = re.fullmatch(rf"{number}\.\.{number}", kind)
    if interval:
        return np.asarray(rng.uniform(float(interval[1]), float(interval[2]), shape))
    if kind:
        raise ConfigError(f"[gradcheck] cannot read {kind!r} in the input {word!r}: write {EXAMPLES}.")
    return np.asarray(rng.standard_normal(shape))


def in_order(fn: Callable, values: dict[str, Any]) -> tuple:
    """The values as positional arguments: in the order of the function if it knows the names, or else as given."""
    names = argument_names(fn, len(values))
    return tuple(values[name] for name in names) if set(names) == set(values) else tuple(values.values())


# ---- functions


class Names:
    """What a file defines."""

    def __init__(self, file: str, found: dict[str, Any]) -> None:
        self.file = file
        self.found = found

    def __call__(self, *candidates: str) -> Any:
        """The first of these that there is and that can be used."""
        for name in candidates:
            value = self.found.get(name)
            if callable(value) or hasattr(value, "forward") or hasattr(value, "compute"):
                return value
        raise ConfigError(f"[gradcheck] {self.file} has no function or class {' or '.join(candidates)}.")


def chosen(names: Names, given: list[str], style: str) -> list:
    """What is to be checked: one object, or a function and its gradient."""
    pairs = style in ("cs231n", "numpy")
    if len(given) > 1 + pairs:
        raise ConfigError(f"[gradcheck] style {style} takes {1 + pairs} names at most, got {','.join(given)}.")
    if len(given) == 2 or not pairs:
        return [names(name) for name in given]
    (name,) = given
    if style == "numpy":
        return [names(name), names(f"d{name}", f"{name}_grad", f"grad_{name}", f"{name}_prime")]
    if name not in names.found:
        name += "_forward"
    partner = name.replace("forward", "backward")
    return [names(name), names(partner) if partner != name else None]


def signature_of(found: Any, style: str) -> Callable:
    """The function whose arguments are the inputs."""
    if style == "minitorch":
        return functools.partial(found.forward, None)
    if style == "needle":
        return (found() if isinstance(found, type) else found).compute
    return found


def loaded(path: Path) -> dict[str, Any]:
    """What a Python file defines."""
    if not path.is_file():
        raise ConfigError(f"[gradcheck] there is no file {str(path)!r}.")
    return runpy.run_path(str(path))


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let a file import its neighbours, as when Python runs it."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@contextmanager
def told_in_a_line(target: str, path: Path) -> Iterator[None]:
    """Turn what the code in the file raises into one line that says where."""
    try:
        yield
    except MinigradError:
        raise
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f", line {lines[-1]}" if lines else ""
        raise ConfigError(f"[gradcheck] {target}{where}: {type(error).__name__}: {error}") from error
