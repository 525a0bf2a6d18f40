"""How many outputs windows make: n - k + 1, generalised to padding, dilation, stride and rounding up."""

import itertools
import math

import pytest

import minigrad as mg
from minigrad.nn import functional as F

GRID = list(itertools.product(range(1, 7), range(1, 5), range(1, 4), range(3), range(1, 4)))
"""n, kernel, stride, padding, dilation."""


def outputs(n, kernel, stride=1, padding=0, dilation=1, ceil_mode=False):
    """The formula that the docstrings have."""
    steps = (n + 2 * padding - dilation * (kernel - 1) - 1) / stride
    count = (math.ceil(steps) if ceil_mode else math.floor(steps)) + 1
    begins_behind = (count - 1) * stride >= n + padding
    return count - 1 if ceil_mode and begins_behind else count


def transposed(n, kernel, stride, padding, dilation, extra):
    """The same of transposed convolution."""
    return (n - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1


def fits(n, kernel, stride, padding, dilation):
    """Whether there is a window at all."""
    return outputs(n, kernel, stride, padding, dilation) >= 1


def fits_pool(n, kernel, stride, padding, dilation):
    """Whether pooling takes it: padding at most half of the window, and no window in it alone."""
    reach = dilation * (kernel - 1) + 1
    return fits(n, kernel, stride, padding, dilation) and 2 * padding <= reach and (padding == 0 or n >= dilation)


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_formula_counts_windows(ceil_mode):
    """Those that end inside the padded input; with ceil_mode one more that runs over its end, if it begins before."""
    for n, kernel, stride, padding, dilation in filter(lambda g: fits_pool(*g), GRID):
        end, reach = n + padding, dilation * (kernel - 1) + 1
        starts = [a for a in range(-padding, n, stride) if a + reach <= end]
        following = starts[-1] + stride
        over = ceil_mode and starts[-1] + reach < end and following < n
        assert outputs(n, kernel, stride, padding, dilation, ceil_mode) == len(starts) + over


def test_plain_windows():
    assert F.conv2d(mg.zeros((1, 1, 28, 20)), mg.zeros((1, 1, 5, 3))).shape == (1, 1, 28 - 5 + 1, 20 - 3 + 1)
    assert F.max_pool2d(mg.zeros((1, 1, 28, 20)), (5, 3), 1).shape == (1, 1, 28 - 5 + 1, 20 - 3 + 1)
    assert F.unfold(mg.zeros((1, 1, 28, 20)), (5, 3)).shape == (1, 5 * 3, (28 - 5 + 1) * (20 - 3 + 1))


def conv(dims, x, kernel, stride, padding, dilation):
    return getattr(F, f"conv{dims}d")(x, mg.zeros((1, 1, *kernel)), None, stride, padding, dilation)


def max_pool(dims, x, kernel, stride, padding, dilation, ceil_mode=False):
    return getattr(F, f"max_pool{dims}d")(x, kernel, stride, padding, dilation, ceil_mode)


def avg_pool(dims, x, kernel, stride, padding, _, ceil_mode=False):
    return getattr(F, f"avg_pool{dims}d")(x, kernel, stride, padding, ceil_mode)


def lp_pool(dims, x, kernel, stride, _, __, ceil_mode=False):
    return getattr(F, f"lp_pool{dims}d")(x, 2.0, kernel, stride, ceil_mode)


def plain(*, padding):
    """Geometries without dilation, and perhaps without padding."""
    return lambda g: fits_pool(*g) and g[4] == 1 and (padding or g[3] == 0)


CASES = [
    (conv, lambda g: fits(*g), (False,)),
    (max_pool, lambda g: fits_pool(*g), (False, True)),
    (avg_pool, plain(padding=True), (False, True)),
    (lp_pool, plain(padding=False), (False, True)),
]


def several(dims, geometries):
    """Each geometry once or more, `dims` of them together: n, kernel, ... for each dimension."""
    found = list(geometries)
    for first in range(0, len(found), dims):
        yield tuple(zip(*(found[(first + 7 * i) % len(found)] for i in range(dims))))


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize(("f", "allowed", "modes"), CASES, ids=[f.__name__ for f, _, _ in CASES])
def test_windows(f, allowed, modes, dims):
    for (n, *geometry), ceil_mode in itertools.product(several(dims, filter(allowed, GRID)), modes):
        options = {"ceil_mode": True} if ceil_mode else {}
        expected = [outputs(*axis, ceil_mode) for axis in zip(n, *geometry)]
        assert f(dims, mg.zeros((1, 1, *n)), *geometry, **options).shape == (1, 1, *expected)


def test_unfold_and_fold():
    for n, kernel, stride, padding, dilation in several(2, filter(lambda g: fits(*g), GRID)):
        grid = [outputs(*axis) for axis in zip(n, kernel, stride, padding, dilation)]
        columns = F.unfold(mg.zeros((1, 1, *n)), kernel, dilation, padding, stride)
        assert columns.shape == (1, math.prod(kernel), math.prod(grid))
        assert F.fold(columns, n, kernel, dilation, padding, stride).shape == (1, 1, *n)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_transposed_convolution(dims):
    """Of all sizes that a convolution maps to n, output_padding chooses one."""
    makes_some = [g for g in GRID if transposed(*g, 0) >= 1]
    for n, kernel, stride, padding, dilation in several(dims, makes_some):
        extra = tuple(m % s for m, s in zip(n, stride))
        expected = tuple(transposed(*axis) for axis in zip(n, kernel, stride, padding, dilation, extra))
        function = getattr(F, f"conv_transpose{dims}d")
        y = function(mg.zeros((1, 1, *n)), mg.zeros((1, 1, *kernel)), None, stride, padding, extra, 1, dilation)
        assert y.shape == (1, 1, *expected)
        assert tuple(outputs(*axis) for axis in zip(expected, kernel, stride, padding, dilation)) == n
