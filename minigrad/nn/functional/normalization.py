"""Normalization: batch, instance, layer and group norm, RMS norm, local response norm.

Mean and variance take two passes. The first finds a center, the mean but for rounding, which is a constant to the
gradient, since what is computed from the deviations does not depend on it; the second finds the mean of the deviations,
which is almost 0, and their variance. So large offsets cost no digits, neither here nor in the derivatives.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import no_grad
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.nn.arguments import float_tensor, number, size
from minigrad.nn.functional.pooling import avg_pool2d
from minigrad.ops import minimum, pad, reduce_sum, reshape_to, sqrt

Shape = int | tuple[int, ...]


def batch_norm(
    input: Any,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, one mean and variance for each channel (Ioffe & Szegedy 2015).

    input: (N, C, ...).  running_mean, running_var: (C,), both or neither.  weight, bias: (C,), or None for 1 and 0.
    training: take mean and variance of the batch and, if there are running ones, give these the new values
    (1 - momentum) running + momentum batch, with the unbiased variance; otherwise take the running ones.
    Returns the shape of the input.  Raises ShapeError for other shapes, or in training for one value per channel,
    ConfigError for an eps that is negative or, in training, 0, and where running statistics are missing.

    >>> F.batch_norm(mg.tensor([[1.0], [3.0]]), None, None, training=True)
    tensor([[-0.999995],
            [ 0.999995]])
    """
    x, (w, b) = channels_of("batch_norm", 2, input, weight=weight, bias=bias)
    running = statistics("batch_norm", x, running_mean, running_var)
    number("batch_norm", "eps", eps, at_least=0)
    if training and eps == 0:
        raise ConfigError("[batch_norm] eps must be positive in training; got 0.")
    if not training:
        return by_running_statistics("batch_norm", x, running, w, b, eps)
    found = moments(x, (0, *range(2, x.data.ndim)))
    if found.elements == 1:
        raise ShapeError(
            f"[batch_norm] expected more than one value per channel in training: input {x.shape}. Take larger batches, "
            "leave out a last one of one sample (drop_last=True), or call model.eval() to evaluate."
        )
    if running and x.size:
        update("batch_norm", running, found, momentum)
    return scaled(found, eps, w, b)


def instance_norm(
    input: Any,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`batch_norm` with a mean and variance for each channel of each sample (Ulyanov et al. 2016).

    input: (N, C, ...).  use_input_stats: as `training` there; running statistics are given the mean of those of all
    samples.  Other arguments, result and errors as there; one value per channel and sample is too few.

    >>> F.instance_norm(mg.tensor([[[1.0, 3.0]]]))
    tensor([[[-0.999995,  0.999995]]])
    """
    x, (w, b) = channels_of("instance_norm", 2, input, weight=weight, bias=bias)
    running = statistics("instance_norm", x, running_mean, running_var)
    number("instance_norm", "eps", eps, at_least=0)
    if not use_input_stats:
        return by_running_statistics("instance_norm", x, running, w, b, eps)
    found = moments(x, tuple(range(2, x.data.ndim)))
    if found.elements == 1:
        raise ShapeError(f"[instance_norm] expected more than one value per channel and sample: input {x.shape}.")
    if running and x.size:
        update("instance_norm", running, found, momentum)
    return scaled(found, eps, w, b)


def layer_norm(
    input: Any, normalized_shape: Shape, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, mean and variance over the last axes (Ba et al. 2016).

    input: (..., *normalized_shape).  weight, bias: normalized_shape, or None for 1 and 0.
    Returns the shape of the input.  Raises ShapeError for other shapes, ConfigError for a negative eps.

    >>> F.layer_norm(mg.tensor([[1.0, 3.0], [5.0, 5.0]]), (2,))
    tensor([[-0.999995,  0.999995],
            [ 0.      ,  0.      ]])
    """
    x, axes, (w, b) = last_axes("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    number("layer_norm", "eps", eps, at_least=0)
    out = scaled(moments(x, axes), eps, None, None)
    out = out if w is None else out * w
    return out if b is None else out + b


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, for each sample and group of channels (Wu & He 2018).

    input: (N, C, ...).  num_groups: how many groups, neighbours together; divides C.  weight, bias: (C,), or None for
    1 and 0.  Returns the shape of the input.
    Raises ShapeError for other shapes, and for one sample with one value per group; ConfigError for a negative eps.

    >>> F.group_norm(mg.tensor([[1.0, 3.0, 5.0, 5.0]]), 2)
    tensor([[-0.999995,  0.999995,  0.      ,  0.      ]])
    """
    x, (w, b) = channels_of("group_norm", 2, input, weight=weight, bias=bias)
    number("group_norm", "eps", eps, at_least=0)
    groups = size("group_norm", "num_groups", num_groups, 1)
    channels = x.shape[1]
    if channels % groups:
        raise ShapeError(f"[group_norm] {channels} channels do not make {groups} groups: input {x.shape}.")
    if x.size == groups:
        raise ShapeError(f"[group_norm] expected more than one value per group: input {x.shape}, num_groups={groups}.")
    grouped = (groups, channels // groups)
    split = reshape_to(x, shape=(x.shape[0], *grouped, math.prod(x.shape[2:])))
    w, b = (v if v is None else reshape_to(v, shape=(*grouped, 1)) for v in (w, b))
    return reshape_to(scaled(moments(split, (2, 3)), eps, w, b), shape=x.shape)


def rms_norm(input: Any, normalized_shape: Shape, weight: Any = None, eps: float | None = None) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight, the mean over the last axes (Zhang & Sennrich 2019).

    input: (..., *normalized_shape).  weight: normalized_shape, or None for 1.  eps: by default the spacing of floats
    at 1, `finfo(input.dtype).eps`.
    Returns the shape of the input.  Raises ShapeError for other shapes, ConfigError for a negative eps.

    >>> F.rms_norm(mg.tensor([[1.0, 7.0]]), (2,))
    tensor([[0.2, 1.4]])
    """
    x, axes, (w,) = last_axes("rms_norm", input, normalized_shape, weight=weight)
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    number("rms_norm", "eps", eps, at_least=0)
    out = x / sqrt(mean(x * x, axes) + eps)
    return out if w is None else out * w


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha m)^beta, m the mean of x^2 over `size` neighbouring channels (Krizhevsky et al. 2012).

    input: (N, C, ...) of rank 3 or more.  Channels before the first and after the last count as 0; of an even size,
    one more is taken before than after.
    Returns the shape of the input.  Raises ShapeError for a lower rank, ConfigError for a size below 1.

    >>> F.local_response_norm(mg.ones((1, 3, 1)), 3, alpha=3.0, beta=1.0).tolist()
    [[[0.3333333432674408], [0.25], [0.3333333432674408]]]
    """
    x, _ = channels_of("local_response_norm", 3, input)
    taps = window("local_response_norm", size)
    if x.size == 0:
        return x
    planes = reshape_to(x * x, shape=(x.shape[0], 1, x.shape[1], math.prod(x.shape[2:])))
    padded = pad(planes, ((0, 0), (0, 0), (taps // 2, (taps - 1) // 2), (0, 0)))
    near = reshape_to(avg_pool2d(padded, (taps, 1), stride=1), shape=x.shape)
    return x / (k + alpha * near) ** beta


# ---- mean and variance


class Moments(NamedTuple):
    """Mean and variance along some axes, kept with size 1.

    deviation: x - center.  center: a constant near the mean.  offset: mean - center.  var: the biased variance.
    elements: how many each of them is of.
    """

    deviation: Tensor
    center: Tensor
    offset: Tensor
    var: Tensor
    elements: int


def mean(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The mean along axes that stay, with size 1; 0 over no elements."""
    return reduce_sum(x, axes=axes, keepdims=True) / float(max(1, count(x, axes)))


def count(x: Tensor, axes: tuple[int, ...]) -> int:
    """How many elements each mean is taken over."""
    return math.prod(x.shape[axis] for axis in axes)


def moments(x: Tensor, axes: tuple[int, ...]) -> Moments:
    """Mean and variance of x along `axes`."""
    center = mean(x.detach(), axes)
    deviation = x - center
    offset = mean(deviation, axes)
    var = mean(deviation * deviation, axes) - offset * offset
    var = var - minimum(var.detach(), 0.0)  # rounding may leave less than 0; the derivatives stay those of the variance
    return Moments(deviation, center, offset, var, count(x, axes))


def scaled(found: Moments, eps: float, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, where weight and bias fit to the moments.

    What there is one of for each mean is put together first, which leaves two passes over x.
    """
    scale = 1.0 / sqrt(found.var + eps)
    scale = scale if weight is None else scale * weight
    shift = found.offset * scale
    return found.deviation * scale + (-shift if bias is None else bias - shift)


# ---- running statistics


def statistics(who: str, x: Tensor, running_mean: Any, running_var: Any) -> tuple[Tensor, Tensor] | None:
    """The running mean and variance, if there are any, checked."""
    if running_mean is None and running_var is None:
        return None
    for name, value in (("running_mean", running_mean), ("running_var", running_var)):
        if value is None:
            raise ConfigError(f"[{who}] running_mean and running_var come together; {name} is None.")
        if not isinstance(value, Tensor) or value.dtype.kind != "f":
            raise DtypeError(f"[{who}] {name} must be a float tensor, whose values can be changed; got {value!r}.")
        expect_per_channel(who, name, value, x)
    return running_mean, running_var


def by_running_statistics(
    who: str,
    x: Tensor,
    running: tuple[Tensor, Tensor] | None,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """(x - running mean) / sqrt(running variance + eps) * weight + bias."""
    if running is None:
        raise ConfigError(f"[{who}] without statistics of the input it needs running_mean and running_var.")
    center, var = (along_channels(v, x) for v in running)
    scale = 1.0 / sqrt(var + eps)
    scale = scale if weight is None else scale * weight
    out = (x - center) * scale
    return out if bias is None else out + bias


def update(who: str, running: tuple[Tensor, Tensor], found: Moments, momentum: Any) -> None:
    """(1 - momentum) running + momentum new, where the new ones are means over samples that have their own."""
    if momentum is None:
        raise ConfigError(f"[{who}] momentum must be a number: only a module that counts its batches can do without.")
    with no_grad():
        unbiased = found.var * (found.elements / (found.elements - 1))
        for old, new in zip(running, (found.center + found.offset, unbiased)):
            old.assign_((1 - momentum) * old + momentum * reshape_to(mean(new, (0,)), shape=old.shape))


# ---- arguments


def channels_of(who: str, rank: int, input: Any, **per_channel: Any) -> tuple[Tensor, list[Tensor | None]]:
    """The input, of at least this rank, and what there is for each channel, ready to broadcast with it."""
    x = float_tensor(who, "input", input)
    if x.data.ndim < rank:
        raise ShapeError(f"[{who}] expected input of shape (N, C{', L' * (rank - 2)}, ...), got {x.shape}.")
    return x, [aligned(who, name, value, x) for name, value in per_channel.items()]


def aligned(who: str, name: str, value: Any, x: Tensor) -> Tensor | None:
    """A value for each channel, ready to broadcast with x; None stays."""
    if value is None:
        return None
    value = float_tensor(who, name, value)
    expect_per_channel(who, name, value, x)
    return along_channels(value, x)


def expect_per_channel(who: str, name: str, value: Tensor, x: Tensor) -> None:
    """Raises ShapeError unless there is one value for each channel."""
    if value.shape != x.shape[1:2]:
        raise ShapeError(f"[{who}] {name} expects shape {x.shape[1:2]}, got {value.shape}: input {x.shape}.")


def along_channels(value: Tensor, x: Tensor) -> Tensor:
    """(C,) as (C, 1, ...), to broadcast with (N, C, ...)."""
    return reshape_to(value, shape=(*value.shape, *(1,) * (x.data.ndim - 2)))


def last_axes(
    who: str, input: Any, normalized_shape: Any, **elementwise: Any
) -> tuple[Tensor, tuple[int, ...], list[Tensor | None]]:
    """The input, its axes that normalized_shape names, and what has this shape."""
    x = float_tensor(who, "input", input)
    shape = trailing_shape(who, normalized_shape)
    if x.shape[-len(shape) :] != shape:
        listed = ", ".join(map(str, shape))
        raise ShapeError(f"[{who}] normalized_shape {shape} expects an input of shape (..., {listed}), got {x.shape}.")
    values = [None if v is None else float_tensor(who, name, v) for name, v in elementwise.items()]
    for name, value in zip(elementwise, values):
        if value is not None and value.shape != shape:
            raise ShapeError(f"[{who}] {name} expects shape {shape}, got {value.shape}: input {x.shape}.")
    return x, tuple(range(x.data.ndim - len(shape), x.data.ndim)), values


def trailing_shape(who: str, value: Any) -> tuple[int, ...]:
    """An int, or several, as a tuple. Raises ConfigError for anything else, and for none."""
    sizes = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not sizes:
        raise ConfigError(f"[{who}] normalized_shape must name at least one axis, got {value!r}.")
    return tuple(size(who, "normalized_shape", n) for n in sizes)


def window(who: str, value: Any) -> int:
    """The number of channels in a window."""
    return size(who, "size", value, 1)
