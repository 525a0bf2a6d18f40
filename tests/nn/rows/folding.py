"""Windows as columns, and shuffles."""

import math

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong


def geometry(draw):
    """Sizes of an image, the window and its options, and how many windows there are along each side."""
    kernel, dilation, padding, stride = (draw.integers(2, low, 2) for low in (1, 1, 0, 1))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    spatial = tuple(max(1, r - 2 * p) + draw.integer(0, 2) for r, p in zip(reach, padding))
    grid = [(n + 2 * p - r) // s + 1 for n, r, p, s in zip(spatial, reach, padding, stride)]
    options = {"kernel_size": kernel, "dilation": dilation, "padding": padding, "stride": stride}
    return spatial, {name: equal(draw, value) for name, value in options.items()}, kernel, grid


def equal(draw, pair):
    """An int for two equal ones, half the time."""
    return pair[0] if pair[0] == pair[1] and draw.flag() else pair


def unfold(draw):
    spatial, options, _, _ = geometry(draw)
    return Call((draw.normal(*draw.one_of((), (0,), (2,)), draw.integer(1, 2), *spatial),), (), options)


def fold(draw):
    spatial, options, kernel, grid = geometry(draw)
    rows = draw.integer(1, 2) * math.prod(kernel)
    columns = draw.normal(*draw.one_of((), (0,), (2,)), rows, math.prod(grid))
    return Call((columns,), (equal(draw, spatial),), options)


def pixel_shuffle(draw):
    r, (channels, *spatial) = draw.integer(1, 3), draw.integers(3, 1, 2)
    return Call((draw.normal(*draw.shape(0, 2, 2), channels * r * r, *spatial),), (r,))


def pixel_unshuffle(draw):
    r, (channels, height, width) = draw.integer(1, 3), draw.integers(3, 1, 2)
    return Call((draw.normal(*draw.shape(0, 2, 2), channels, height * r, width * r),), (r,))


def channel_shuffle(draw):
    groups, each = draw.integers(2, 1, 3)
    return Call((draw.normal(draw.integer(1, 2), groups * each, *draw.shape(1, 3, 3)),), (groups,))


ROWS = [
    Row("Unfold", unfold),
    Row("unfold", unfold),
    Row("Fold", fold),
    Row("fold", fold),
    Row("PixelShuffle", pixel_shuffle),
    Row("pixel_shuffle", pixel_shuffle),
    Row("PixelUnshuffle", pixel_unshuffle),
    Row("pixel_unshuffle", pixel_unshuffle),
    Row("ChannelShuffle", channel_shuffle),
    Row("channel_shuffle", channel_shuffle),
]


def window(draw):
    n, c = draw.integers(2, 2, 5)
    return lambda: F.unfold(mg.ones((1, c, n, n)), n + 1), [f"a window of size {(n + 1, n + 1)}", (n, n)]


def columns(draw):
    n = draw.integer(2, 5)
    says = [f"expected a multiple of 4 rows and {n * n} columns", (1, 4, n)]
    return lambda: nn.Fold((n + 1, n + 1), 2)(mg.ones((1, 4, n))), says


def channels(draw):
    r = draw.integer(2, 4)
    return lambda: nn.PixelShuffle(r)(mg.ones((r, 2, 2))), [f"a multiple of {r * r} channels", (r, 2, 2)]


def sides(draw):
    r = draw.integer(2, 4)
    return lambda: F.pixel_unshuffle(mg.ones((1, r, r + 1)), r), [f"multiples of {r}", (1, r, r + 1)]


def groups(draw):
    n = draw.integer(2, 5)
    return lambda: F.channel_shuffle(mg.ones((1, n + 1, 2)), n), [f"a multiple of groups={n}", (1, n + 1, 2)]


def kernel(draw):
    n = draw.integer(2, 5)
    return lambda: nn.Unfold((n, n, n)), ["kernel_size must be an integer or 2 of them", (n, n, n)]


WRONG = [
    Wrong("unfold", window),
    Wrong("fold", columns),
    Wrong("pixel_shuffle", channels),
    Wrong("pixel_unshuffle", sides),
    Wrong("channel_shuffle", groups),
    Wrong("Unfold", kernel, ConfigError),
]
