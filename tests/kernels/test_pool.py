"""The places of window maxima: the reference against PyTorch and by hand, the numba twin against the reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.kernels.cpu import pool as cpu
from minigrad.kernels.reference import pool as reference
from tests.kernels.parity import assert_identical, laid_out

DTYPES = [np.float32, np.float64]
side = st.integers(0, 2)


@st.composite
def images(draw, shape, dtype, choices=(-np.inf, -1.0, -0.0, 0.0, 2.0, np.inf, np.nan)):
    """Few different values, so that windows are full of ties, in drawn strides."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return draw(laid_out(rng.choice(np.array(choices, dtype), shape)))


@st.composite
def axes(draw):
    """(size, starts, counts, dilation) of one dimension: any windows that have a tap inside."""
    size, dilation = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    inside = st.tuples(st.integers(0, size - 1), st.integers(0, 2), st.integers(0, 3))
    windows = draw(st.lists(inside, max_size=4))  # (a position inside, taps before it, taps after it)
    starts = np.array([place - before * dilation for place, before, _ in windows], np.int64)
    counts = np.array([before + 1 + after for _, before, after in windows], np.int64)
    return size, starts, counts, dilation


@st.composite
def problems(draw, dtype):
    """(x, starts, counts, dilation)"""
    sizes, starts, counts, dilation = zip(*draw(st.lists(axes(), min_size=1, max_size=3)), strict=True)
    return draw(images((draw(side), draw(side), *sizes), dtype)), starts, counts, dilation


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_cpu_matches_reference(dtype, data):
    x, starts, counts, dilation = data.draw(problems(dtype))
    before = x.copy()
    got = cpu.max_pool_indices(x, starts, counts, dilation)
    assert_identical(got, reference.max_pool_indices(before, starts, counts, dilation))
    assert_identical(x, before)


@pytest.mark.parametrize("kernel", [reference.max_pool_indices, cpu.max_pool_indices])
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([1.0, 3.0, 3.0, 2.0], 1),
        ([-np.inf, -np.inf, -np.inf, -np.inf], 0),
        ([0.0, np.nan, np.inf, np.nan], 1),
        ([np.inf, 0.0, np.nan, np.nan], 2),
        ([np.nan, np.inf, 0.0, 0.0], 0),
        ([-0.0, 0.0, -0.0, -1.0], 0),
    ],
)
def test_first_maximum_wins_and_nan_is_above_all(kernel, row, expected):
    window = (np.array([0]),), (np.array([4]),), (1,)
    np.testing.assert_array_equal(kernel(np.array([[row]]), *window), [[[expected]]])


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.data())
def test_reference_matches_torch(dims, window, stride, dilation, data):
    """Regular pooling; one NaN an image at most, for PyTorch takes the last of several."""
    torch = pytest.importorskip("torch")
    low = data.draw(st.integers(0, window // 2))
    size = dilation * (window - 1) + 1 + data.draw(st.integers(0, 3))
    x = np.array(data.draw(images((2, 2) + (size,) * dims, np.float64, choices=(-1.0, 0.0, 1.0))))
    x.reshape(2, 2, -1)[0, 0, data.draw(st.integers(0, size**dims - 1))] = np.nan
    function = getattr(torch.nn.functional, f"max_pool{dims}d")
    _, expected = function(torch.from_numpy(x), window, stride, low, dilation, return_indices=True)
    starts = np.arange(expected.shape[-1]) * stride - low
    counts = np.full(starts.size, window)
    got = reference.max_pool_indices(x, (starts,) * dims, (counts,) * dims, (dilation,) * dims)
    np.testing.assert_array_equal(got, expected.numpy(), strict=True)


def test_reference_matches_torch_on_adaptive_windows():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).integers(0, 4, (2, 3, 7, 5)).astype(np.float32)
    _, expected = torch.nn.functional.adaptive_max_pool2d(torch.from_numpy(x), (3, 4), return_indices=True)
    starts = [np.arange(t) * s // t for t, s in ((3, 7), (4, 5))]
    ends = [-(-(np.arange(t) + 1) * s // t) for t, s in ((3, 7), (4, 5))]
    counts = tuple(end - start for start, end in zip(starts, ends, strict=True))
    np.testing.assert_array_equal(reference.max_pool_indices(x, tuple(starts), counts, (1, 1)), expected.numpy())


def test_a_window_outside_the_input_is_refused():
    with pytest.raises(ValueError, match="no tap inside the 1 places of dimension 0"):
        cpu.max_pool_indices(np.ones((1, 1, 1)), (np.array([-1]),), (np.array([2]),), (2,))
