"""Convolutions and their transposes."""

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong


def batch(draw):
    """The batch axis, or none; sometimes empty."""
    return draw.one_of((), (0,), (1,), (2,))


def reach(kernel, dilation):
    """How far a window goes."""
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation))


def as_int(draw, values):
    """An int instead of equal values, half the time."""
    return values[0] if len(set(values)) == 1 and draw.flag() else values


def convolution(dims):
    def drawn(draw):
        groups, kernel, dilation = draw.integer(1, 2), draw.integers(dims, 1, 3), draw.integers(dims, 1, 2)
        inside, outside = draw.integers(2, 1, 2)
        padding = draw.one_of(draw.integers(dims, 0, 2), "same", "valid")
        stride = (1,) * dims if padding == "same" else draw.integers(dims, 1, 3)
        zeros = (0,) * dims if isinstance(padding, str) else padding
        spatial = tuple(max(1, r - 2 * p) + draw.integer(0, 2) for r, p in zip(reach(kernel, dilation), zeros))
        options = {
            "stride": as_int(draw, stride),
            "padding": padding if isinstance(padding, str) else as_int(draw, padding),
            "dilation": as_int(draw, dilation),
            "groups": groups,
        }
        x = draw.normal(*batch(draw), groups * inside, *spatial)
        return x, (groups * inside, groups * outside, kernel), options

    return drawn


def conv_module(dims):
    def drawn(draw):
        x, args, options = convolution(dims)(draw)
        options["bias"] = draw.flag()
        if options["padding"] != "valid" and draw.flag():  # room for what the modes copy
            sizes = tuple(n + 5 for n in x.shape[-dims:])
            x = draw.normal(*x.shape[:-dims], *sizes)
            options["padding_mode"] = draw.one_of("reflect", "replicate", "circular")
        return Call((x,), args, options)

    return drawn


def conv(dims):
    def drawn(draw):
        x, (inside, outside, kernel), options = convolution(dims)(draw)
        weight = draw.normal(outside, inside // options["groups"], *kernel)
        bias = (draw.normal(outside),) if draw.flag() else ()
        return Call((x, weight, *bias), (), options)

    return drawn


def transposed(dims):
    def drawn(draw):
        groups, kernel = draw.integer(1, 2), draw.integers(dims, 1, 3)
        stride, dilation = draw.integers(dims, 1, 3), draw.integers(dims, 1, 2)
        inside, outside = draw.integers(2, 1, 2)
        padding = draw.integers(dims, 0, 2)
        extra = tuple(draw.integer(0, max(s, d) - 1) for s, d in zip(stride, dilation))
        edges = zip(reach(kernel, dilation), padding, stride)
        spatial = tuple(1 + max(0, -(-(2 * p + 1 - r) // s)) + draw.integer(0, 2) for r, p, s in edges)
        options = {
            "stride": as_int(draw, stride),
            "padding": as_int(draw, padding),
            "output_padding": as_int(draw, extra),
            "dilation": as_int(draw, dilation),
            "groups": groups,
        }
        x = draw.normal(*batch(draw), groups * inside, *spatial)
        return x, (groups * inside, groups * outside, kernel), options

    return drawn


def conv_transpose_module(dims):
    def drawn(draw):
        x, args, options = transposed(dims)(draw)
        options["bias"] = draw.flag()
        return Call((x,), args, options, sizes(draw, x, dims, args[2], options) if draw.flag() else {})

    return drawn


def sizes(draw, x, dims, kernel, options):
    """An output_size that the convolution maps to the input's, of the spatial axes or of all."""
    stride, padding, dilation = (
        v if isinstance(v, tuple) else (v,) * dims for v in (options[n] for n in ("stride", "padding", "dilation"))
    )
    geometry = zip(x.shape[-dims:], stride, padding, reach(kernel, dilation))
    wanted = [(n - 1) * s - 2 * p + r + draw.integer(0, s - 1) for n, s, p, r in geometry]
    return {"output_size": [*draw.one_of((), x.shape[:-dims]), *wanted]}


def conv_transpose(dims):
    def drawn(draw):
        x, (inside, outside, kernel), options = transposed(dims)(draw)
        weight = draw.normal(inside, outside // options["groups"], *kernel)
        bias = (draw.normal(outside),) if draw.flag() else ()
        return Call((x, weight, *bias), (), options)

    return drawn


ROWS = [
    *(Row(f"Conv{n}d", conv_module(n)) for n in (1, 2, 3)),
    *(Row(f"conv{n}d", conv(n)) for n in (1, 2, 3)),
    *(Row(f"ConvTranspose{n}d", conv_transpose_module(n)) for n in (1, 2, 3)),
    *(Row(f"conv_transpose{n}d", conv_transpose(n)) for n in (1, 2, 3)),
]


def layer_channels(draw):
    n, m = draw.integers(2, 2, 9)
    x = mg.ones((1, n + 1, 5, 5))
    return lambda: nn.Conv2d(n, m, 3)(x), [f"expects {n} input channels, input has {n + 1}", x.shape, (m, n, 3, 3)]


def transposed_channels(draw):
    n, m = draw.integers(2, 2, 9)
    x, w = mg.ones((1, n + 1, 5)), mg.ones((n, m, 2))
    return lambda: F.conv_transpose1d(x, w), [f"expects {n} input channels, input has {n + 1}", x.shape, w.shape]


def rank(draw):
    n = draw.integer(2, 9)
    return lambda: nn.Conv3d(1, 1, 1)(mg.ones((n, n))), ["(N, C, D, H, W) or (C, D, H, W)", (n, n)]


def window(draw):
    n = draw.integer(2, 5)
    return lambda: nn.Conv1d(1, 1, 2, dilation=n)(mg.ones((1, 1, n))), [f"a window of size {(n + 1,)}", (n,)]


def filters(draw):
    n = draw.integer(2, 5)
    w = mg.ones((n + 1, 1, 1, 1))
    return lambda: F.conv2d(mg.ones((1, n, 2, 2)), w, groups=n), [f"a multiple of groups={n}", w.shape]


def bias(draw):
    n = draw.integer(2, 5)
    x, w = mg.ones((1, 1, 3)), mg.ones((n, 1, 2))
    return lambda: F.conv1d(x, w, mg.ones(1)), [f"a bias for each of {n} filters", (1,)]


def reflection(draw):
    n = draw.integer(2, 5)
    layer = nn.Conv1d(1, 1, 3, padding=n, padding_mode="reflect")
    return lambda: layer(mg.ones((1, 1, n))), [f"cannot pad {n} elements by {(n, n)}", (1, 1, n)]


def output_size(draw):
    n = draw.integer(2, 5)
    layer, x = nn.ConvTranspose1d(1, 1, 2, stride=3), mg.ones((1, 1, n))
    low, high = 3 * n - 1, 3 * n + 1
    return lambda: layer(x, output_size=[high + 1]), [f"between {(low,)} and {(high,)}", (high + 1,), x.shape]


def output_padding(draw):
    n = draw.integer(1, 4)
    x, w = mg.ones((1, 1, 3)), mg.ones((1, 1, 2))
    says = ["output_padding must be smaller than stride or dilation", (n,)]
    return lambda: F.conv_transpose1d(x, w, stride=n, output_padding=n), says


def groups(draw):
    n = draw.integer(2, 5)
    return lambda: nn.Conv2d(n + 1, n, 1, groups=n), [f"no multiples of groups={n}", n + 1]


def strided_same(draw):
    n = draw.integer(2, 5)
    return lambda: nn.Conv2d(1, 1, 3, stride=n, padding="same"), ["padding='same' needs stride 1", (n, n)]


def transposed_mode(draw):
    mode = draw.one_of("reflect", "replicate", "circular")
    return lambda: nn.ConvTranspose2d(1, 1, 1, padding_mode=mode), ["padding_mode must be one of 'zeros'", repr(mode)]


def integers(draw):
    return lambda: F.conv1d(mg.ones((1, 1, 3), dtype="int64"), mg.ones((1, 1, 1))), ["floating-point", "int64"]


def weight_rank(draw):
    n = draw.integer(2, 5)
    return lambda: F.conv2d(mg.ones((1, n, 2, 2)), mg.ones((1, n, 2))), ["a weight of rank 4", (1, n, 2)]


def groups_of_channels(draw):
    n = draw.integer(2, 5)
    x = mg.ones((1, n + 1, 2))
    return lambda: F.conv1d(x, mg.ones((n, 1, 1)), groups=n), [f"a multiple of groups={n}", x.shape]


def channels_of_a_group(draw):
    n = draw.integer(2, 5)
    x, w = mg.ones((1, 2 * n, 3)), mg.ones((2, 2 * n, 1))
    says = [f"expects {2 * n} input channels a group, input has {n}", x.shape, w.shape, "groups=2"]
    return lambda: F.conv1d(x, w, groups=2), says


def empty_kernel(draw):
    n = draw.integer(2, 5)
    return lambda: F.conv2d(mg.ones((1, n, 3, 3)), mg.ones((1, n, 0, 2))), ["does not fit", (3, 3)]


def nothing_left(draw):
    n = draw.integer(1, 5)
    x, w = mg.ones((1, 1, n)), mg.ones((1, 1, 2))
    return lambda: F.conv_transpose1d(x, w, padding=n), [f"nothing is left of {(n + 1,)}", x.shape, w.shape]


def stride(draw):
    n = draw.integer(-3, 0)
    return lambda: F.conv1d(mg.ones((1, 1, 3)), mg.ones((1, 1, 2)), stride=n), ["stride must be", "at least 1", n]


def strides(draw):
    wanted = draw.integers(3, 1, 3)
    return lambda: nn.Conv2d(1, 1, 1, stride=wanted), ["stride must be an integer or 2 of them", wanted]


def negative_padding(draw):
    n = draw.integer(-3, -1)
    return lambda: nn.ConvTranspose1d(1, 1, 1, padding=n), ["padding must be", "at least 0", n]


def named_padding(draw):
    return lambda: nn.Conv2d(1, 1, 1, padding="full"), ["padding must be one of 'same', 'valid'", "'full'"]


def mode(draw):
    return lambda: nn.Conv3d(1, 1, 1, padding_mode="mirror"), ["padding_mode must be one of 'zeros'", "'mirror'"]


WRONG = [
    Wrong("conv2d", layer_channels),
    Wrong("conv_transpose1d", transposed_channels),
    Wrong("conv3d", rank),
    Wrong("conv1d", window),
    Wrong("conv2d", filters),
    Wrong("conv1d", bias),
    Wrong("conv2d", weight_rank),
    Wrong("conv1d", groups_of_channels),
    Wrong("conv1d", channels_of_a_group),
    Wrong("conv2d", empty_kernel),
    Wrong("conv_transpose1d", nothing_left),
    Wrong("pad", reflection),
    Wrong("ConvTranspose1d", output_size),
    Wrong("conv_transpose1d", output_padding, ConfigError),
    Wrong("Conv2d", groups, ConfigError),
    Wrong("Conv2d", strided_same, ConfigError),
    Wrong("ConvTranspose2d", transposed_mode, ConfigError),
    Wrong("conv1d", stride, ConfigError),
    Wrong("Conv2d", strides, ConfigError),
    Wrong("ConvTranspose1d", negative_padding, ConfigError),
    Wrong("Conv2d", named_padding, ConfigError),
    Wrong("Conv3d", mode, ConfigError),
    Wrong("conv1d", integers, DtypeError),
]
