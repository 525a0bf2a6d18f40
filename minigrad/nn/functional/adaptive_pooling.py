"""Pooling into a given number of windows, adaptive pooling, and into a single one, global pooling."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import batched, float_tensor, size, unbatched
from minigrad.nn.functional.pooling import maxima
from minigrad.ops import broadcast_to, flatten, gather, reduce_sum, reshape_to, select

OutputSize = int | None | tuple[int | None, ...]


@lru_cache
def adaptive_windows(n: int, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Starts and lengths of `count` windows that divide n positions as evenly as possible; they may overlap by one."""
    starts = tuple(t * n // count for t in range(count))
    return starts, tuple(-(-(t + 1) * n // count) - start for t, start in enumerate(starts))


def output_sizes(who: str, dims: int, output_size: OutputSize) -> tuple[int | None, ...]:
    """How many windows along each dimension; None for as many as elements. Raises ConfigError for anything else."""
    wanted = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * dims
    if len(wanted) != dims:
        raise ConfigError(f"[{who}] output_size must be one size or {dims} of them, got {output_size!r}.")
    return tuple(None if count is None else size(who, "output_size", count, 1) for count in wanted)


def window_numbers(who: str, x: Tensor, dims: int, output_size: OutputSize) -> tuple[int, ...]:
    """How many windows along each dimension of x (N, C, *S). Raises ShapeError if a dimension is empty."""
    if 0 in x.shape[2:]:
        raise ShapeError(f"[{who}] there is nothing to pool in an input of shape {x.shape}.")
    return tuple(n if count is None else count for n, count in zip(x.shape[2:], output_sizes(who, dims, output_size)))


# ---- mean


def adaptive_avg_pool1d(input: Any, output_size: OutputSize) -> Tensor:
    """`adaptive_avg_pool2d` for signals: input (N, C, L) or (C, L). Returns (N, C, output_size).

    >>> F.adaptive_avg_pool1d(mg.tensor([[1.0, 2.0, 3.0]]), 2)
    tensor([[1.5, 2.5]])
    """
    return adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: OutputSize) -> Tensor:
    """The mean of each of output_size windows, which divide the input as evenly as possible.

    Of m windows over n positions, window t reaches from floor(t n / m) to ceil((t + 1) n / m): if m divides n, they are
    those of `avg_pool2d` with kernel_size n / m; else neighbours overlap by one position.

    input: (N, C, H, W) or (C, H, W).  output_size: an int, or one for each dimension; None keeps the size.
    Returns (N, C, *output_size).  Raises ShapeError for an input of another rank, ConfigError for another output_size.

    >>> F.adaptive_avg_pool2d(mg.ones((1, 8, 7, 5)), (2, 1)).shape
    (1, 8, 2, 1)
    """
    return adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: OutputSize) -> Tensor:
    """`adaptive_avg_pool2d` for volumes: input (N, C, D, H, W) or (C, D, H, W). Returns (N, C, *output_size).

    >>> F.adaptive_avg_pool3d(mg.ones((1, 8, 7, 5, 3)), 1).shape
    (1, 8, 1, 1, 1)
    """
    return adaptive_avg_pool("adaptive_avg_pool3d", 3, input, output_size)


def adaptive_avg_pool(who: str, dims: int, input: Any, output_size: OutputSize) -> Tensor:
    """The mean over a box is the mean of means along each axis."""
    input = float_tensor(who, "input", input)
    x = batched(who, input, dims)
    for axis, count in enumerate(window_numbers(who, x, dims, output_size), start=2):
        x = window_means(x, axis, count)
    return unbatched(x, input)


def window_means(x: Tensor, axis: int, count: int) -> Tensor:
    """The means of `count` adaptive windows along one axis."""
    before, n, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    if n % count == 0:
        return reduce_sum(reshape_to(x, shape=(*before, count, n // count, *after)), axes=(axis + 1,)) / (n // count)
    starts, lengths = adaptive_windows(n, count)
    tap, length = np.arange(max(lengths)), np.asarray(lengths)[:, None]
    index = np.minimum(np.asarray(starts)[:, None] + tap, n - 1)
    taps = gather(x, Tensor(index.reshape(-1)), axes=(axis,))
    taps = reshape_to(taps, shape=(*before, *index.shape, *after))  # (..., count, longest, ...)
    inside = Tensor((tap < length).reshape(*index.shape, *(1,) * len(after)))
    total = reduce_sum(select(broadcast_to(inside, taps.shape), taps, 0.0), axes=(axis + 1,))
    return total / Tensor(length.reshape(count, *(1,) * len(after)).astype(x.dtype))


# ---- maximum


def adaptive_max_pool1d(input: Any, output_size: OutputSize, return_indices: bool = False) -> Any:
    """`adaptive_max_pool2d` for signals: input (N, C, L) or (C, L). Returns (N, C, output_size).

    >>> F.adaptive_max_pool1d(mg.tensor([[1.0, 3.0, 2.0]]), 2)
    tensor([[3., 3.]])
    """
    return adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Any, output_size: OutputSize, return_indices: bool = False) -> Any:
    """The maximum of each of output_size windows, which divide the input as evenly as possible.

    Windows, arguments, shapes and errors as for `adaptive_avg_pool2d`; return_indices as for `max_pool2d`.

    >>> F.adaptive_max_pool2d(mg.ones((1, 8, 7, 5)), (2, 1)).shape
    (1, 8, 2, 1)
    """
    return adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Any, output_size: OutputSize, return_indices: bool = False) -> Any:
    """`adaptive_max_pool2d` for volumes: input (N, C, D, H, W) or (C, D, H, W). Returns (N, C, *output_size).

    >>> F.adaptive_max_pool3d(mg.ones((1, 8, 7, 5, 3)), 1).shape
    (1, 8, 1, 1, 1)
    """
    return adaptive_max_pool("adaptive_max_pool3d", 3, input, output_size, return_indices)


def adaptive_max_pool(who: str, dims: int, input: Any, output_size: OutputSize, return_indices: bool) -> Any:
    """Adaptive max pooling in `dims` spatial dimensions."""
    input = float_tensor(who, "input", input)
    x = batched(who, input, dims)
    axes = [adaptive_windows(n, count) for n, count in zip(x.shape[2:], window_numbers(who, x, dims, output_size))]
    starts, counts = zip(*axes)
    return maxima(input, x, starts, counts, (1,) * dims, return_indices)


# ---- one window over everything


def global_avg_pool(input: Any) -> Tensor:
    """The mean of each channel over all positions: one number a feature map (Lin et al. 2013).

    input: (N, C, d1, ...), any number of spatial dimensions.  Returns (N, C): what `adaptive_avg_pool2d` to size 1
    gives, without the axes of size 1.  Raises ShapeError if there is no spatial dimension, or an empty one.

    >>> F.global_avg_pool(mg.tensor([[[1.0, 3.0], [2.0, 6.0]]]))
    tensor([[2., 4.]])
    """
    x = flat_channels("global_avg_pool", input)
    return reduce_sum(x, axes=(2,)) / x.shape[2]


def global_max_pool(input: Any) -> Tensor:
    """The maximum of each channel over all positions; the gradient goes to the first one (Oquab et al. 2015).

    input: (N, C, d1, ...), any number of spatial dimensions.  Returns (N, C): what `adaptive_max_pool2d` to size 1
    gives, without the axes of size 1.  Raises ShapeError if there is no spatial dimension, or an empty one.

    >>> F.global_max_pool(mg.tensor([[[1.0, 3.0], [6.0, 2.0]]]))
    tensor([[3., 6.]])
    """
    x = flat_channels("global_max_pool", input)
    return reshape_to(adaptive_max_pool("global_max_pool", 1, x, 1, False), shape=x.shape[:2])


def flat_channels(who: str, input: Any) -> Tensor:
    """(N, C, positions). Raises ShapeError if there is nothing to pool."""
    x = float_tensor(who, "input", input)
    if x.data.ndim < 3 or 0 in x.shape[2:]:
        raise ShapeError(f"[{who}] expected input of shape (N, C, d1, ...) with something to pool, got {x.shape}.")
    return flatten(x, 2)
