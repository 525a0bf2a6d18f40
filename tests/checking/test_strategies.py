"""What the strategies promise: every kind of awkward array, and values where they were asked for."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from minigrad.checking import strategies as mgst

SEARCH = settings(max_examples=2000, database=None, phases=[Phase.generate])
SIMPLE = settings(max_examples=2000, database=None)


def some(strategy, condition):
    """Whether there is such an example."""
    find(strategy, condition, settings=SEARCH)


@given(mgst.shapes(min_dims=1, max_dims=2, min_side=2, max_side=3))
def test_shapes_keep_their_bounds(shape):
    assert 1 <= len(shape) <= 2
    assert all(2 <= n <= 3 for n in shape)


def test_shapes_are_awkward():
    for condition in (lambda s: s == (), lambda s: 0 in s, lambda s: 1 in s, lambda s: len(s) == 3 and min(s) > 1):
        some(mgst.shapes(), condition)


@given(mgst.broadcastable_shapes(3))
def test_broadcastable_shapes_broadcast(shapes):
    assert len(shapes) == 3
    np.broadcast_shapes(*shapes)


def test_broadcastable_shapes_differ():
    some(mgst.broadcastable_shapes(2), lambda s: len(s[0]) < len(s[1]))
    some(mgst.broadcastable_shapes(2), lambda s: len(s[0]) == len(s[1]) > 0 and s[0] != s[1] and 0 not in s[0] + s[1])


@given(mgst.shapes(), st.data())
def test_axes_are_taken_by_numpy(shape, data):
    x = np.ones(shape)
    assert np.sum(np.sum(x, axis=data.draw(mgst.axes(len(shape))))) == x.size


def test_axes_of_every_kind():
    for condition in (lambda a: a is None, lambda a: a == -2, lambda a: a == (), lambda a: a == (1, 0)):
        some(mgst.axes(2), condition)


@given(mgst.shapes(), st.data())
def test_a_layout_changes_no_value(shape, data):
    x = np.random.default_rng(0).normal(size=shape)
    laid_out = data.draw(mgst.layouts(x))
    np.testing.assert_array_equal(laid_out, x, strict=True)
    assert not np.shares_memory(laid_out, x)


def test_layouts_of_every_kind():
    x = np.ones((3, 4))
    for condition in (
        lambda a: a.flags.c_contiguous,
        lambda a: a.flags.f_contiguous,
        lambda a: min(a.strides) < 0,
        lambda a: min(map(abs, a.strides)) == 16,  # every second element
        lambda a: not a.flags.forc,
    ):
        some(mgst.layouts(x), condition)


@given(mgst.arrays(mgst.shapes(), min=-2.0, max=5.0, away_from=(0.0, 1.0)))
def test_values_keep_to_their_interval_and_away_from_kinks(x):
    assert x.dtype == np.float64
    assert ((x >= -2.0) & (x <= 5.0)).all()
    assert (np.abs(x) >= 0.13).all()
    assert (np.abs(x - 1.0) >= 0.13).all()


@given(mgst.arrays((4, 3), separated=True))
def test_separated_values_have_no_ties(x):
    gaps = np.diff(np.sort(x, axis=None))
    assert gaps.min() >= 6.0 / (32 + 4 * 12) * 0.99


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_dtype_and_contiguous_memory(dtype):
    @given(mgst.arrays((2, 3), dtype=dtype, layout=False))
    def check(x):
        assert x.dtype == dtype
        assert x.flags.c_contiguous

    check()


def test_examples_shrink_to_something_small():
    x = find(mgst.arrays(mgst.shapes()), lambda a: a.size > 0 and a.max() > 1.0, settings=SIMPLE)
    assert x.shape == ()
    assert x.flags.c_contiguous
    assert 1.0 < x < 1.01


@given(mgst.windows())
def test_windows_fit(g):
    assert 1 <= len(g.spatial) <= 3
    assert min(g.out) >= 1
    for n, k, s, (low, high), d, out in zip(g.spatial, g.window, g.stride, g.padding, g.dilation, g.out):
        assert (out - 1) * s + d * (k - 1) + 1 <= n + low + high


def test_hypothesis_is_imported_only_when_it_is_needed():
    code = "import sys, minigrad.checking as c; assert 'hypothesis' not in sys.modules; print(c.strategies.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "minigrad.checking.strategies", done.stderr
