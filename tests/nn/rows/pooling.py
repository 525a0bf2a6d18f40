"""Pooling and unpooling."""

import math

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong

# ---- windows of one size


def geometry(draw, dims):
    """kernel_size, stride, padding, dilation, and the sizes of an input that they fit."""
    kernel, stride = draw.integers(dims, 1, 3), draw.integers(dims, 1, 3)
    dilation = draw.integers(dims, 1, 2)
    padding = tuple(draw.integer(0, k // 2) for k in kernel)
    sizes = tuple(max(d * (k - 1) + 1 - 2 * p, d) + draw.integer(0, 3) for d, k, p in zip(dilation, kernel, padding))
    return kernel, draw.one_of(None, stride), padding, dilation, sizes


def image(draw, sizes):
    """(N, C, *sizes), N = 0 included, or (C, *sizes)."""
    batch = (draw.integer(0, 3),) if draw.flag() else ()
    return draw.normal(*batch, draw.integer(1, 3), *sizes)


def max_pool(dims):
    def drawn(draw):
        kernel, stride, padding, dilation, sizes = geometry(draw, dims)
        flags = {"ceil_mode": draw.flag(), "return_indices": draw.flag()}
        return Call((image(draw, sizes),), (kernel, stride, padding, dilation), flags)

    return drawn


def avg_pool(dims):
    def drawn(draw):
        kernel, stride, padding, _, sizes = geometry(draw, dims)
        sizes = tuple(max(n, k) for n, k in zip(sizes, kernel))
        flags = {"ceil_mode": draw.flag(), "count_include_pad": draw.flag()}
        if dims > 1:
            flags["divisor_override"] = draw.one_of(None, 3)
        return Call((image(draw, sizes),), (kernel, stride, padding), flags)

    return drawn


def lp_pool(dims):
    def drawn(draw):
        p = draw.one_of(1, 2, 4, math.inf, -math.inf, 3, 1.5, -1)
        kernel = draw.integers(dims, 1, 3)
        sizes = tuple(k + draw.integer(0, 3) for k in kernel)
        x = image(draw, sizes)
        if p in (3, 1.5, -1):
            x = abs(x) + 0.1  # the root of a negative sum is NaN, and 1 / x steep near 0
        stride = draw.one_of(None, draw.integers(dims, 1, 3))
        if dims == 1:  # PyTorch's function takes numbers only
            kernel, stride = kernel[0], stride and stride[0]
        return Call((x,), (p, kernel, stride, draw.flag()))

    return drawn


# ---- a number of windows


def adaptive_pool(dims, *flags):
    def drawn(draw):
        sizes = draw.integers(dims, 1, 6)
        each = tuple(draw.one_of(*numbers) for numbers in [(1, 2, 3, 4, 7)] * dims)
        some = tuple(draw.one_of(None, n) for n in each)
        wanted = draw.one_of(each[0], each, some if dims > 1 else each)
        return Call((image(draw, sizes),), (wanted,), {name: draw.flag() for name in flags})

    return drawn


def global_pool(draw):
    return Call((draw.normal(*draw.integers(2, 1, 3), *draw.shape(1, 3)),))


def flat_mean(x):
    return x.flatten(2).mean(2)


def flat_max(x):
    return x.flatten(2).max(2).values


def torch_module(f):
    """A torch module, as a class, that applies f."""

    def made():
        import torch

        module = torch.nn.Module()
        module.forward = f
        return module

    return made


# ---- unpooling


def max_unpool(dims, module):
    def drawn(draw):
        kernel, stride = draw.integers(dims, 2, 3), draw.one_of(None, draw.integers(dims, 2, 3))
        padding, pooled = draw.integers(dims, 0, 1), draw.integers(dims, 2, 3)
        steps = stride or kernel
        sizes = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(pooled, steps, padding, kernel)]
        larger = tuple(n + draw.integer(0, s - 1) for n, s in zip(sizes, steps))
        wanted = draw.one_of(None, larger, (1, 1, *larger))
        x = image(draw, pooled)
        positions, n = math.prod(larger if wanted else sizes), math.prod(pooled)
        index = np.array([draw.rng.permutation(positions)[:n] for _ in range(x.size // n)], np.int64).reshape(x.shape)
        size = {"output_size": wanted}
        if module:
            return Call((x, index), (kernel, stride, padding), {}, size)
        return Call((x, index), (kernel, stride, padding), size)

    return drawn


DIMS = (1, 2, 3)
ROWS = [
    *(Row(f"MaxPool{n}d", max_pool(n)) for n in DIMS),
    *(Row(f"max_pool{n}d", max_pool(n)) for n in DIMS),
    *(Row(f"AvgPool{n}d", avg_pool(n)) for n in DIMS),
    *(Row(f"avg_pool{n}d", avg_pool(n)) for n in DIMS),
    *(Row(f"LPPool{n}d", lp_pool(n)) for n in DIMS),
    *(Row(f"lp_pool{n}d", lp_pool(n)) for n in DIMS),
    *(Row(f"AdaptiveAvgPool{n}d", adaptive_pool(n)) for n in DIMS),
    *(Row(f"adaptive_avg_pool{n}d", adaptive_pool(n)) for n in DIMS),
    *(Row(f"AdaptiveMaxPool{n}d", adaptive_pool(n, "return_indices")) for n in DIMS),
    *(Row(f"adaptive_max_pool{n}d", adaptive_pool(n, "return_indices")) for n in DIMS),
    *(Row(f"MaxUnpool{n}d", max_unpool(n, True)) for n in DIMS),
    *(Row(f"max_unpool{n}d", max_unpool(n, False)) for n in DIMS),
    Row("GlobalAvgPool", global_pool, twin=torch_module(flat_mean)),
    Row("global_avg_pool", global_pool, twin=flat_mean),
    Row("GlobalMaxPool", global_pool, twin=torch_module(flat_max)),
    Row("global_max_pool", global_pool, twin=flat_max),
]

# ---- refused


def window(draw):
    n, k = draw.integer(1, 4), draw.integer(5, 9)
    x = mg.ones((2, 3, 9, n))
    return lambda: nn.MaxPool2d(k)(x), [f"windows of size {(k, k)} do not fit into {(9, n)}", x.shape]


def rank_of_a_signal(draw):
    shape = draw.shape(4, 5)
    return lambda: F.lp_pool1d(mg.ones(shape), 2, 2), ["expected input of shape (N, C, L) or (C, L)", shape]


def padding(draw):
    k = draw.integer(1, 5)
    return lambda: nn.AvgPool3d(k, padding=k), [f"padding {k} is more than half of the window, {k}"]


def number_of_strides(draw):
    return lambda: nn.MaxPool3d(2, stride=(1, 2)), ["stride must be an integer or 3 of them", (1, 2)]


def rank(draw):
    shape = draw.integers(2, 3, 9)
    return lambda: nn.AvgPool2d(2)(mg.ones(shape)), ["expected input of shape (N, C, H, W) or (C, H, W)", shape]


def divisor(draw):
    n = -draw.integer(0, 3)
    return lambda: nn.AvgPool2d(2, divisor_override=n), ["divisor_override must be an integer, at least 1", n]


def order_zero(draw):
    return lambda: nn.LPPool2d(0, 2), ["norm_type must be a number other than 0", 0]


def output_sizes(draw):
    sizes = draw.integers(3, 1, 4)
    return lambda: nn.AdaptiveAvgPool2d(sizes), ["output_size must be one size or 2 of them", sizes]


def nothing(draw):
    shape = (draw.integer(1, 3), draw.integer(1, 3), 0)
    return lambda: F.adaptive_max_pool1d(mg.ones(shape), 2), ["nothing to pool in an input of shape", shape]


def no_positions(draw):
    shape = draw.integers(2, 1, 5)
    return lambda: nn.GlobalAvgPool()(mg.ones(shape)), ["expected input of shape (N, C, d1, ...)", shape]


def indices_of_another_shape(draw):
    n = draw.integer(2, 5)
    x, index = mg.ones((2, n)), mg.zeros((2, n + 1), dtype="int64")
    return lambda: nn.MaxUnpool1d(2)(x, index), ["indices must have the input's shape", x.shape, index.shape]


def indices_that_are_no_integers(draw):
    x = mg.ones((1, draw.integer(2, 5)))
    return lambda: F.max_unpool1d(x, x, 2), ["indices must be integers, got float32"]


def index_outside(draw):
    n = draw.integer(1, 4)
    x, index = mg.ones((1, n)), mg.full((1, n), 2 * n)
    return lambda: F.max_unpool1d(x, index, 2), [f"indices must lie in [0, {2 * n}), found {2 * n}", x.shape]


def unpooled_size(draw):
    n = draw.integer(1, 4)
    x, index = mg.ones((1, n, n)), mg.zeros((1, n, n), dtype="int64")
    size = (2 * n, 2 * n + 2)
    return (
        lambda: F.max_unpool2d(x, index, 2, output_size=size),
        [f"must differ from {(2 * n, 2 * n)} by less than the stride (2, 2)", size],
    )


def window_in_the_padding(draw):
    n = draw.integer(2, 5)
    x = mg.ones((1, 1))
    return lambda: F.max_pool1d(x, 2, padding=1, dilation=n), [f"windows of size {(n + 1,)} do not fit", x.shape]


def no_outputs(draw):
    return lambda: nn.AdaptiveMaxPool2d(0), ["output_size must be an integer, at least 1", 0]


WRONG = [
    Wrong("max_pool2d", window),
    Wrong("max_pool1d", window_in_the_padding),
    Wrong("AdaptiveMaxPool2d", no_outputs, ConfigError),
    Wrong("lp_pool1d", rank_of_a_signal),
    Wrong("AvgPool3d", padding, ConfigError),
    Wrong("MaxPool3d", number_of_strides, ConfigError),
    Wrong("avg_pool2d", rank),
    Wrong("AvgPool2d", divisor, ConfigError),
    Wrong("LPPool2d", order_zero, ConfigError),
    Wrong("AdaptiveAvgPool2d", output_sizes, ConfigError),
    Wrong("adaptive_max_pool1d", nothing),
    Wrong("global_avg_pool", no_positions),
    Wrong("max_unpool1d", indices_of_another_shape),
    Wrong("max_unpool1d", indices_that_are_no_integers, DtypeError),
    Wrong("max_unpool1d", index_outside, IndexError),
    Wrong("max_unpool2d", unpooled_size, ConfigError),
]
