"""Hypothesis strategies for testing array code: shapes, axes, values and memory layouts, awkward ones included.

    from minigrad.checking import strategies as mgst

    @given(mgst.arrays(mgst.shapes(), min=-3, max=3))
    def test_tanh(x):
        mg.gradcheck(mg.tanh, x)

Everything shrinks: to fewer dimensions, smaller sizes, rounder values, contiguous memory. Needs the `hypothesis`
package (the `test` extra).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

Shape = tuple[int, ...]

GRID = 1000
"""Values are multiples of the interval's length / GRID: round to read, and seldom equal."""


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4) -> SearchStrategy[Shape]:
    """Shapes, 0-d and sizes 0 and 1 among them."""
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable_shapes(draw: DrawFn, count: int, min_side: int = 0, max_dims: int = 3) -> tuple[Shape, ...]:
    """That many shapes which broadcast together: axes of size 1 and missing leading axes."""
    full = draw(shapes(max_dims=max_dims, min_side=min_side))

    def part() -> Shape:
        kept = full[draw(st.integers(0, len(full))) :]
        return tuple(1 if draw(st.booleans()) else n for n in kept)

    return tuple(full if draw(st.booleans()) else part() for _ in range(count))


def axes(ndim: int) -> SearchStrategy[Any]:
    """What `axis=` of a reduction may be: None, an int (negative too), or a tuple."""
    one = st.integers(-ndim, ndim - 1) if ndim else st.nothing()
    several = st.lists(st.integers(0, ndim - 1) if ndim else st.nothing(), unique=True, max_size=ndim).map(tuple)
    return st.none() | one | several


@st.composite
def layouts(draw: DrawFn, array: np.ndarray) -> np.ndarray:
    """The same values in another memory layout: axes permuted, every second element of a buffer, backwards."""
    order = draw(st.permutations(range(array.ndim)))
    steps = draw(st.lists(st.sampled_from([1, 2, -1, -2]), min_size=array.ndim, max_size=array.ndim))
    buffer = np.full([array.shape[axis] * abs(steps[axis]) for axis in order], 7, array.dtype)
    key: tuple[Any, ...] = (..., *(slice(None, None, step) for step in steps))  # "..." keeps a 0-d array an array
    view = buffer.transpose(np.argsort(order))[key]
    view[...] = array
    return view


@st.composite
def arrays(
    draw: DrawFn,
    shape: Shape | SearchStrategy[Shape],
    min: float = -3.0,
    max: float = 3.0,
    away_from: Sequence[float] = (),
    separated: bool = False,
    dtype: Any = np.float64,
    layout: bool = True,
) -> np.ndarray:
    """Arrays of numbers between min and max, in any memory layout.

    away_from: values to keep a distance of 2 % of the interval from (kinks, poles).  separated: no two elements are
    closer than a part of the interval (no ties for max and sort).  layout: False for contiguous memory.
    """
    size_of = shape if isinstance(shape, tuple) else draw(shape)
    n = math.prod(size_of)
    steps = 4 * n + (32 if separated else GRID)
    places = st.integers(0, steps).map(lambda k: min + (max - min) * k / steps)
    allowed = places.filter(lambda v: all(abs(v - a) >= 0.02 * (max - min) for a in away_from))
    values = draw(st.lists(allowed, min_size=n, max_size=n, unique=separated))
    array = np.array(values, np.float64).reshape(size_of).astype(dtype)
    return draw(layouts(array)) if layout else array


@dataclass(frozen=True)
class Windows:
    """A sliding-window geometry: one entry for each spatial dimension; each has at least one window."""

    spatial: Shape
    window: Shape
    stride: Shape
    padding: tuple[tuple[int, int], ...]
    dilation: Shape

    @property
    def out(self) -> Shape:
        """How many windows there are along each dimension."""
        dims = zip(self.spatial, self.window, self.stride, self.padding, self.dilation)
        return tuple((s + low + high - d * (k - 1) - 1) // step + 1 for s, k, step, (low, high), d in dims)


@st.composite
def _dimension(draw: DrawFn) -> tuple[int, int, int, tuple[int, int], int]:
    window, stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    padding = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    least = dilation * (window - 1) + 1 - sum(padding)
    size = draw(st.integers(least if least > 0 else 1, (least if least > 0 else 1) + 3))
    return size, window, stride, padding, dilation


def windows(min_dims: int = 1, max_dims: int = 3) -> SearchStrategy[Windows]:
    """Geometries of convolutions and pooling, with every stride, padding and dilation up to 3."""
    dimensions = st.lists(_dimension(), min_size=min_dims, max_size=max_dims)
    return dimensions.map(lambda dims: Windows(*zip(*dims)))
