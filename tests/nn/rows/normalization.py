"""Normalization, of batches, samples, groups and rows."""

import math

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong


def eps(draw):
    return draw.one_of(1e-5, 1e-3, 0.1)


def channels_first(draw, low, high):
    """A shape (N, C, ...) with `low` to `high` axes behind C, and more than one value for each channel."""
    n, c = draw.integer(1, 4), draw.integer(1, 4)
    positions = draw.integers(draw.integer(low, high), 1, 3)
    return (n if n * math.prod(positions) > 1 else 2, c, *positions)


def channel_options(draw):
    """Arguments that batch norm and instance norm have."""
    return {
        "eps": eps(draw),
        "momentum": draw.one_of(None, 0.1, 0.7, 1.0),
        "affine": draw.flag(),
        "bias": draw.flag(),
        "track_running_stats": draw.flag(),
    }


def batch_norm_module(dims):
    def drawn(draw):
        shape = channels_first(draw, 0 if dims == 1 else dims, dims)
        return Call((2 + 3 * draw.normal(*shape),), (shape[1],), channel_options(draw))

    return drawn


def instance_norm_module(dims):
    def drawn(draw):
        shape = (draw.integer(1, 4), *draw.integers(dims - 1, 1, 3), draw.integer(2, 4))
        return Call((2 + 3 * draw.normal(*draw.leading(*shape)),), (shape[0],), channel_options(draw))

    return drawn


def batch_norm(draw):
    x = 2 + 3 * draw.normal(*channels_first(draw, 0, 3))
    return Call((x, None, None, *trained(draw, x)), (), {"training": True, "eps": eps(draw)})


def batch_norm_running(draw):
    x = 2 + 3 * draw.normal(*channels_first(draw, 0, 3))
    options = {"training": draw.flag(), "momentum": draw.number(0, 1), "eps": eps(draw)}
    return Call((x,), (*running(draw, x), *affine(draw, x)), options)


def instance_norm(draw):
    x = 2 + 3 * draw.normal(*spatial(draw))
    return Call((x, None, None, *trained(draw, x)), (), {"eps": eps(draw)})


def instance_norm_running(draw):
    x = 2 + 3 * draw.normal(*spatial(draw))
    options = {"use_input_stats": draw.flag(), "momentum": draw.number(0, 1), "eps": eps(draw)}
    return Call((x,), (*running(draw, x), *affine(draw, x)), options)


def spatial(draw):
    """A shape (N, C, ...) with more than one position."""
    return (*draw.integers(2, 1, 3), draw.integer(2, 4), *draw.integers(draw.integer(0, 2), 1, 3))


def affine(draw, x):
    """A weight and a bias for each channel, or not."""
    return tuple(draw.one_of(None, draw.normal(x.shape[1])) for _ in range(2))


def trained(draw, x):
    """As `affine`, but no bias without a weight, for which PyTorch has no second derivative."""
    weight, bias = affine(draw, x)
    return weight, None if weight is None else bias


def running(draw, x):
    """A running mean and variance for each channel."""
    return draw.normal(x.shape[1]), draw.uniform(0.1, 2, x.shape[1])


def layer_norm_module(draw):
    shape = draw.shape(1, 2)
    given = draw.one_of(shape, list(shape), *shape[1:] or shape)
    options = {"eps": eps(draw), "elementwise_affine": draw.flag(), "bias": draw.flag()}
    return Call((2 + 3 * draw.normal(*draw.shape(0, 2), *shape),), (given,), options)


def layer_norm(draw):
    shape = draw.shape(1, 2)
    weight, bias = (draw.one_of(None, draw.normal(*shape)) for _ in range(2))
    x = 2 + 3 * draw.normal(*draw.shape(0, 2), *shape)
    return Call((x,), (shape, weight, bias), {"eps": eps(draw)})


def rms_norm_module(draw):
    shape = draw.shape(1, 2)
    given = draw.one_of(shape, list(shape), *shape[1:] or shape)
    options = {"eps": draw.one_of(None, 1e-3), "elementwise_affine": draw.flag()}
    return Call((far_from_zero(draw, *draw.shape(0, 2), *shape),), (given,), options)


def rms_norm(draw):
    shape = draw.shape(1, 2)
    weight = draw.one_of(None, draw.normal(*shape))
    return Call((far_from_zero(draw, *draw.shape(0, 2), *shape),), (shape, weight), {"eps": draw.one_of(None, 1e-3)})


def far_from_zero(draw, *shape):
    """So that it does not matter which dtype the default eps is taken from: PyTorch's twin is always in float64."""
    return draw.uniform(0.5, 2, *shape) * draw.rng.choice([-1.0, 1.0], shape)


def grouped(draw):
    """An input (N, C, ...) and a number of groups."""
    groups, each = draw.integers(2, 1, 3)
    positions = draw.integers(draw.integer(0, 2), 1, 3)
    n = draw.integer(1 if each * math.prod(positions) > 1 else 2, 3)
    return 2 + 3 * draw.normal(n, groups * each, *positions), groups


def group_norm_module(draw):
    x, groups = grouped(draw)
    return Call((x,), (groups, x.shape[1]), {"eps": eps(draw), "affine": draw.flag(), "bias": draw.flag()})


def group_norm(draw):
    x, groups = grouped(draw)
    return Call((x,), (groups, *affine(draw, x)), {"eps": eps(draw)})


def local_response_norm(draw):
    x = 3 * draw.normal(*draw.integers(2, 1, 4), *draw.integers(draw.integer(1, 3), 1, 3))
    options = {"alpha": draw.one_of(1e-4, 0.5), "beta": draw.one_of(0.75, 1.0), "k": draw.one_of(1.0, 2.0)}
    return Call((x,), (draw.integer(1, 6),), options)


ROWS = [
    *(Row(f"BatchNorm{n}d", batch_norm_module(n)) for n in (1, 2, 3)),
    *(Row(f"InstanceNorm{n}d", instance_norm_module(n)) for n in (1, 2, 3)),
    Row("batch_norm", batch_norm),
    Row("batch_norm", batch_norm_running, label="running"),
    Row("instance_norm", instance_norm),
    Row("instance_norm", instance_norm_running, label="running"),
    Row("LayerNorm", layer_norm_module),
    Row("layer_norm", layer_norm),
    Row("RMSNorm", rms_norm_module),
    Row("rms_norm", rms_norm),
    Row("GroupNorm", group_norm_module),
    Row("group_norm", group_norm),
    Row("LocalResponseNorm", local_response_norm),
    Row("local_response_norm", local_response_norm),
]


def rank(draw):
    shape = draw.integers(3, 2, 9)
    return lambda: nn.BatchNorm2d(shape[1])(mg.ones(shape)), ["expected input of shape (N, C, H, W)", shape]


def channels(draw):
    shape = draw.integers(3, 2, 9)
    c = shape[1]
    return lambda: nn.BatchNorm1d(c + 1)(mg.ones(shape)), [f"expected {c + 1} channels, input has {c}", shape]


def one_value(draw):
    shape = (1, draw.integer(2, 9), 1, 1)
    says = ["expected more than one value per channel", shape, "model.eval()"]
    return lambda: nn.BatchNorm2d(shape[1])(mg.ones(shape)), says


def running_shape(draw):
    n, c = draw.integers(2, 2, 9)
    x, mean, var = mg.ones((n, c)), mg.zeros(c + 1), mg.ones(c)
    return lambda: F.batch_norm(x, mean, var), [f"running_mean expects shape {(c,)}", (c + 1,), (n, c)]


def running_missing(draw):
    x = mg.ones(draw.integers(2, 2, 9))
    return lambda: F.batch_norm(x, None, None), ["needs running_mean and running_var"]


def running_half(draw):
    x = mg.ones((3, 2))
    return lambda: F.batch_norm(x, mg.zeros(2), None, training=True), ["come together; running_var is None"]


def running_array(draw):
    return lambda: F.batch_norm(mg.ones((3, 1)), [0.0], [1.0]), ["running_mean must be a float tensor"]


def no_eps(draw):
    x = mg.ones((3, 1))
    return lambda: F.batch_norm(x, None, None, training=True, eps=0.0), ["eps must be positive in training"]


def no_momentum(draw):
    x = mg.ones((3, 2))
    return lambda: F.batch_norm(x, mg.zeros(2), mg.ones(2), None, None, True, None), ["momentum must be a number"]


def weight(draw):
    n, c = draw.integers(2, 2, 9)
    return lambda: F.batch_norm(mg.ones((n, c)), None, None, mg.ones((c, 1)), training=True), [
        f"weight expects shape {(c,)}", (c, 1), (n, c),
    ]  # fmt: skip


def momentum(draw):
    return lambda: nn.BatchNorm1d(3, momentum="0.1"), ["momentum must be a number", "'0.1'"]


def instance_rank(draw):
    shape = draw.integers(2, 2, 9)
    return lambda: nn.InstanceNorm2d(shape[0])(mg.ones(shape)), ["(N, C, H, W) or (C, H, W)", shape]


def instance_channels(draw):
    c, n = draw.integers(2, 2, 9)
    says = [f"expected {c} channels, input has {c + 1}", (1, c + 1, n)]
    return lambda: nn.InstanceNorm1d(c)(mg.ones((c + 1, n))), says


def one_position(draw):
    shape = (*draw.integers(2, 2, 9), 1)
    return lambda: F.instance_norm(mg.ones(shape)), ["more than one value per channel and sample", shape]


def no_channels(draw):
    return lambda: F.instance_norm(mg.ones(4)), ["expected input of shape (N, C, ...)", (4,)]


def rows(draw):
    n, m = draw.integers(2, 2, 9)
    return lambda: nn.LayerNorm(m)(mg.ones((n, m + 1))), [f"{(m,)} expects an input of shape (..., {m})", (n, m + 1)]


def layer_bias(draw):
    n, m = draw.integers(2, 2, 9)
    return lambda: F.layer_norm(mg.ones((n, m)), (m,), None, mg.ones((1, m))), [
        f"bias expects shape {(m,)}", (1, m), (n, m),
    ]  # fmt: skip


def nothing(draw):
    return lambda: nn.LayerNorm(()), ["must name at least one axis", "()"]


def negative(draw):
    return lambda: nn.LayerNorm(3, eps=-1.0), ["eps must be a number, at least 0", "-1.0"]


def no_number(draw):
    return lambda: nn.LayerNorm(3, eps="small"), ["eps must be a number", "'small'"]


def rms_weight(draw):
    n, m = draw.integers(2, 2, 9)
    return lambda: F.rms_norm(mg.ones((n, m)), (m,), mg.ones(m + 1)), [f"weight expects shape {(m,)}", (m + 1,), (n, m)]


def groups(draw):
    n, c = draw.integers(2, 2, 9)
    return lambda: F.group_norm(mg.ones((n, c)), c + 1), [f"{c} channels do not make {c + 1} groups", (n, c)]


def group_arguments(draw):
    return lambda: nn.GroupNorm(2, 3), ["3 channels do not make 2 groups"]


def one_in_each_group(draw):
    c = draw.integer(2, 9)
    return lambda: F.group_norm(mg.ones((1, c)), c), ["more than one value per group", (1, c), f"num_groups={c}"]


def response_rank(draw):
    shape = draw.integers(2, 2, 9)
    return lambda: nn.LocalResponseNorm(3)(mg.ones(shape)), ["expected input of shape (N, C, L, ...)", shape]


def response_size(draw):
    return lambda: nn.LocalResponseNorm(0), ["size must be an integer, at least 1", "0"]


def word(draw):
    return lambda: nn.LocalResponseNorm(3, k="1"), ["k must be a number", "'1'"]


WRONG = [
    Wrong("BatchNorm2d", rank),
    Wrong("BatchNorm1d", channels),
    *(Wrong("batch_norm", draw) for draw in (one_value, running_shape, weight)),
    *(Wrong("batch_norm", draw, ConfigError) for draw in (running_missing, running_half, no_eps, no_momentum)),
    Wrong("batch_norm", running_array, DtypeError),
    Wrong("BatchNorm1d", momentum, ConfigError),
    Wrong("InstanceNorm2d", instance_rank),
    Wrong("InstanceNorm1d", instance_channels),
    *(Wrong("instance_norm", draw) for draw in (one_position, no_channels)),
    *(Wrong("layer_norm", draw) for draw in (rows, layer_bias)),
    *(Wrong("LayerNorm", draw, ConfigError) for draw in (nothing, negative, no_number)),
    Wrong("rms_norm", rms_weight),
    *(Wrong("group_norm", draw) for draw in (groups, one_in_each_group)),
    Wrong("GroupNorm", group_arguments, ConfigError),
    Wrong("local_response_norm", response_rank),
    Wrong("LocalResponseNorm", response_size, ConfigError),
    Wrong("LocalResponseNorm", word, ConfigError),
]
