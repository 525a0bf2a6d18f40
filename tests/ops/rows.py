"""What a row of the op table is made of.

`row(mg.log1p, inputs=real(min=-0.9, max=50), reference=np.log1p)` says: for arrays of any shape and layout with
values in this interval, `mg.log1p` does what `np.log1p` does, in value, and its derivatives are those of its values.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minigrad.checking import strategies as mgst


@dataclass(frozen=True)
class Case:
    """One call: fn(*args, **kwargs). The float arrays among args are what is differentiated."""

    args: tuple
    kwargs: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One operation. See `row` for the fields."""

    name: str
    fn: Callable
    cases: Any
    reference: Callable
    smooth: bool
    integers: str | None
    specials: int
    rtol: float
    order: int
    free: bool


@dataclass(frozen=True)
class Real:
    """An interval of numbers, and what to keep away from in it."""

    min: float = -3.0
    max: float = 3.0
    away_from: tuple = ()
    separated: bool = False

    def of_shape(self, shape):
        return mgst.arrays(shape, self.min, self.max, self.away_from, self.separated)


real = Real
positive = Real(0.1, 4.0)


def row(
    fn,
    *,
    reference,
    inputs=None,
    options=None,
    shape=None,
    name=None,
    smooth=True,
    integers=None,
    specials=0,
    rtol=1e-13,
    order=2,
):
    """A row of the table.

    inputs: an interval (default: [-3, 3]) for an operation on one array, a tuple of them for one on arrays that
    broadcast together, or a strategy of `Case`s.
    options: from the shape of the first array, a strategy of keyword arguments.
    shape: the strategy of shapes, for one array.  smooth: whether there is a gradient at all.
    integers: the dtype that int32 input gives; None if integers make no sense.
    specials: how many arguments take NaN, infinities and -0.0 as NumPy does (0: not tested).
    rtol: of values, against the reference.  order: up to which derivatives are compared with numerical ones.
    The row is `free` if no float argument has to stay in an interval or away from something.
    """
    cases = inputs if isinstance(inputs, st.SearchStrategy) else calls(inputs or real(), options, shape)
    free = cases is inputs or all(x == real() for x in (inputs if isinstance(inputs, tuple) else [inputs or real()]))
    return Row(name or fn.__name__, fn, cases, reference, smooth, integers, specials, rtol, order, free)


@st.composite
def calls(draw, inputs, options, shape):
    """Cases from intervals."""
    if isinstance(inputs, tuple):
        shapes = draw(mgst.broadcastable_shapes(len(inputs)))
        args = tuple(draw(domain.of_shape(s)) for domain, s in zip(inputs, shapes))
    else:
        args = (draw(inputs.of_shape(draw(mgst.shapes() if shape is None else shape))),)
    return Case(args, draw(options(args[0].shape)) if options else {})


# ---- options


def reduction(shape):
    """axis= and keepdims= of a reduction."""
    return st.fixed_dictionaries({}, optional={"axis": mgst.axes(len(shape)), "keepdims": st.booleans()})


def one_axis(shape):
    """axis= that must be one axis."""
    return st.fixed_dictionaries({"axis": st.integers(-len(shape), len(shape) - 1)})


def at_least(dims, side=0):
    """Shapes with that many dimensions, and that size along each."""
    return mgst.shapes(min_dims=dims, min_side=side)


def cases(build):
    """Decorator: a strategy of cases from a function of draw."""
    return st.composite(build)()


def array_of(draw, shape, **domain):
    """An array of this shape in some layout."""
    return draw(mgst.arrays(shape, **domain))


def indices(draw, shape, below):
    """Integers in [0, below), as an array of this shape."""
    n = math.prod(shape)
    return np.array(draw(st.lists(st.integers(0, below - 1), min_size=n, max_size=n)), np.int64).reshape(shape)
