"""Property-based gradient checks: hypothesis draws the inputs, and shrinks those that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.checking.check import gradcheck
from minigrad.errors import GradcheckError

NOTHING_CHECKED = {"not finite", "only kinks"}


def given(*strategies: Any, order: int = 2, **named: Any) -> Callable[[Callable], Callable]:
    """Decorator: check the gradient of a function at inputs that hypothesis draws; for any pytest suite.

    strategies, named: what the arguments are drawn from (see `checking.strategies`). A single strategy may draw all
    arguments, as a tuple or a dict, where they depend on one another.  order: as for `gradcheck`.
    The decorated function returns float tensors; what stands in its place is a test without arguments. If it fails,
    hypothesis shrinks the inputs to the smallest shapes and the simplest values at which the gradient is wrong, and the
    error, GradcheckError, ends with code that repeats the check. Inputs at which there is nothing to check, or nothing
    but kinks, are drawn anew. Combine it with `hypothesis.settings`. Needs the `hypothesis` package.

    >>> from minigrad.checking import strategies as mgst
    >>> @mg.checking.given(x=mgst.arrays(mgst.shapes(min_side=1)))
    ... def test_cube(x):
    ...     return x**3
    >>> test_cube()
    """
    import hypothesis
    from hypothesis import strategies as st

    if bool(strategies) == bool(named):
        raise TypeError("[given] expected either positional or named strategies, one for each argument.")
    drawn = st.fixed_dictionaries(named) if named else strategies[0] if len(strategies) == 1 else st.tuples(*strategies)

    def decorate(fn: Callable) -> Callable:
        def check(inputs: Any) -> None:
            report = gradcheck(fn, inputs, order=order, raise_exception=False)
            if {cause.name for cause in report.causes} & NOTHING_CHECKED:
                hypothesis.reject()
            if not report.passed:
                raise GradcheckError(f"{report}\n\nThe smallest inputs that show it:\n\n{code(fn, inputs, order)}")

        check.__name__, check.__doc__, check.__module__ = fn.__name__, fn.__doc__, fn.__module__
        return hypothesis.given(inputs=drawn)(check)

    return decorate


def code(fn: Callable, inputs: Any, order: int) -> str:
    """Python that repeats a check."""
    return f"mg.gradcheck({fn.__name__}, {literal(inputs)}, order={order})"


def literal(x: Any) -> str:
    """An expression for a value: arrays with their elements and dtype."""
    if isinstance(x, dict):
        return "{" + ", ".join(f"{k!r}: {literal(v)}" for k, v in x.items()) + "}"
    if isinstance(x, tuple):
        return "(" + ", ".join(map(literal, x)) + ("," if len(x) == 1 else "") + ")"
    if not isinstance(x, np.ndarray):
        return repr(x)
    shape = "" if x.size else f".reshape({x.shape})"
    return f"np.array({x.tolist()}, np.{x.dtype.name}){shape}"
