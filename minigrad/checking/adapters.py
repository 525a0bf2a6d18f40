"""Functions and gradients on plain NumPy arrays, as a problem that the checker understands."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from minigrad.checking.check import Settings, check_problem
from minigrad.checking.names import argument_names
from minigrad.checking.problem import Arrays
from minigrad.checking.report import GradcheckReport
from minigrad.core import Tensor
from minigrad.errors import DtypeError, GradcheckError, GraphError, ShapeError

Pull = Callable[[Arrays], Any]
"""From the cotangents of the results to whatever the gradient function returns."""
Evaluate = Callable[[tuple, dict], tuple[Sequence, Pull]]
"""From positional and keyword arguments to the results and their pullback."""


@dataclass(frozen=True)
class Arguments:
    """What a function is called with.  keywords: by name.  checked: the positions of what is differentiated."""

    names: list[str]
    values: list
    keywords: bool
    checked: list[int]

    def at(self, arrays: Arrays) -> tuple[tuple, dict]:
        """The arguments with other numbers; what is not differentiated is copied, as functions may write into it."""
        replaced = dict(zip(self.checked, arrays))
        values = [
            (replaced[i].item() if isinstance(v, float) else replaced[i]) if i in replaced else copy.deepcopy(v)
            for i, v in enumerate(self.values)
        ]
        return ((), dict(zip(self.names, values))) if self.keywords else (tuple(values), {})

    def gradients(self, who: str, returned: Any) -> list[np.ndarray | None]:
        """One gradient for each checked argument, from a lone one, a sequence, or a dict by name."""
        wanted = [self.names[i] for i in self.checked]
        if isinstance(returned, dict):
            found = [returned.get(name) for name in wanted]
        else:
            found = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        if len(found) == len(self.values):
            found = [found[i] for i in self.checked] if len(found) != len(wanted) else found
        if len(found) != len(wanted):
            raise ShapeError(
                f"[{who}] the gradient function returned {len(found)} gradients for {len(wanted)} arguments "
                f"({', '.join(wanted)}): return one for each, in that order."
            )
        return [None if g is None else as_array(f"{who}, gradient of {name}", g) for name, g in zip(wanted, found)]


def arguments_of(who: str, fn: Callable, inputs: Any, numbers: bool) -> Arguments:
    """Arguments from a tuple or list of positional ones, a dict of keyword ones, or the only one.

    Float arrays are differentiated, and Python floats too if `numbers`.
    """
    keywords = isinstance(inputs, dict)
    given = list(inputs.values()) if keywords else list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
    values = [v.numpy() if isinstance(v, Tensor) else v for v in given]
    names = list(inputs) if keywords else argument_names(fn, len(values))
    checked = [
        i
        for i, v in enumerate(values)
        if (isinstance(v, np.ndarray) and v.dtype.kind == "f") or (numbers and isinstance(v, float))
    ]
    if not checked:
        raise DtypeError(f"[{who}] expected at least one float array among the inputs, found none.")
    return Arguments(names, values, keywords, checked)


class ArrayProblem:
    """A function on arrays and its claimed gradient, to first order."""

    def __init__(self, who: str, arguments: Arguments, evaluate: Evaluate) -> None:
        self.who = who
        self.arguments = arguments
        self.evaluate = evaluate
        given = [np.asarray(arguments.values[i]) for i in arguments.checked]
        self.names = [arguments.names[i] for i in arguments.checked]
        self.point = [np.array(x, np.float64) for x in given]
        self.promoted = [name for name, x in zip(self.names, given) if x.dtype != np.float64]

    def results(self, arrays: Arrays) -> Sequence:
        """The results as the function returns them."""
        return self.evaluate(*self.arguments.at(arrays))[0]

    def values(self, arrays: Arrays) -> Arrays:
        return [as_array(f"{self.who}, result", y) for y in self.results(arrays)]

    def pullback(self, arrays: Arrays, cotangents: Arrays) -> list[np.ndarray | None]:
        _, pull = self.evaluate(*self.arguments.at(arrays))
        return self.arguments.gradients(self.who, pull(cotangents))

    def contributions(self, arrays: Arrays, cotangents: Arrays, argument: int) -> Arrays:
        """Nothing: what each use adds cannot be told from outside."""
        return []

    def derived(self, cotangents: Arrays) -> NoReturn:
        raise GraphError(f"[{self.who}] a gradient written in NumPy has no gradient of its own: order=1 is the most.")


def as_array(who: str, x: Any) -> np.ndarray:
    """A float64 array out of what a course's function returns: an array, a number, or a tensor that can become one."""
    for method in ("numpy", "to_numpy"):
        if hasattr(x, method):
            x = getattr(x, method)()
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"[{who}] expected an array of numbers, got {type(x).__name__} (dtype {array.dtype}).")
    return array.astype(np.float64, copy=False)


def check_arrays(
    fn: Any,
    problem: ArrayProblem,
    rtol: float = 1e-6,
    atol: float | None = None,
    full: bool = False,
    seed: int = 0,
    raise_exception: bool = True,
    more: Callable[[GradcheckReport, ArrayProblem, Settings], None] = lambda report, problem, settings: None,
) -> GradcheckReport:
    """The report on a problem.  more: a further check of one that passed."""
    report = GradcheckReport(getattr(fn, "__qualname__", type(fn).__name__).rpartition(".")[2])
    settings = Settings(rtol=rtol, atol=atol, full=full)
    with np.errstate(all="ignore"):
        check_problem(report, problem, 1, "", settings, seed)
        if report.passed:
            more(report, problem, settings)
    if raise_exception and not report.passed:
        raise GradcheckError(str(report))
    return report
