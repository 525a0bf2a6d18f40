"""Pooling: a maximum or a mean over windows, in 1, 2 and 3 dimensions."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import batched, float_tensor, per_dim, size, unbatched
from minigrad.ops import gather_along, matmul, max_indices, moveaxis, reduce_sum, reshape_to, windows

Size = int | tuple[int, ...]
OutputSize = int | None | tuple[int | None, ...]


# ---- where the windows are, along one dimension


@lru_cache
def window_starts(
    who: str, n: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> tuple[int, ...]:
    """The position of each window's first tap; negative in the padding.

    ceil_mode: also windows that run over the end, unless they start in the padding behind it.
    """
    if 2 * padding > dilation * (kernel - 1) + 1:
        raise ConfigError(f"[{who}] padding {padding} is more than half of the window, {dilation * (kernel - 1) + 1}.")
    span = n + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-span // stride) if ceil_mode else span // stride) + 1
    if ceil_mode and (count - 1) * stride >= n + padding:
        count -= 1
    if count < 1 or n == 0:
        raise ShapeError(f"[{who}] a window of {dilation * (kernel - 1) + 1} does not fit into {n} + 2 x {padding}.")
    starts = tuple(range(-padding, -padding + count * stride, stride))
    if any(start < 0 and start % dilation >= n for start in starts):  # the place of the first tap that is not before 0
        raise ShapeError(f"[{who}] a window has no tap inside: size {n}, padding {padding}, dilation {dilation}.")
    return starts


@lru_cache
def adaptive_windows(n: int, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Starts and lengths of `count` windows that divide n positions as evenly as possible; they may overlap by one."""
    starts = tuple(t * n // count for t in range(count))
    return starts, tuple(-(-(t + 1) * n // count) - start for t, start in enumerate(starts))


@lru_cache
def averaging_matrix(n: int, count: int, dtype: np.dtype) -> np.ndarray:
    """(n, count): column t averages over adaptive window t."""
    matrix = np.zeros((n, count), dtype)
    for t, (start, length) in enumerate(zip(*adaptive_windows(n, count))):
        matrix[start : start + length, t] = 1 / length
    return matrix


# ---- maximum


def max_pool1d(
    input: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """`max_pool2d` for signals: input (N, C, L) or (C, L).

    >>> F.max_pool1d(mg.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[3., 2.]])
    """
    return max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window. The gradient goes to the first maximum; NaN counts as the largest.

    input: (N, C, H, W) or (C, H, W).  kernel_size, stride (default: kernel_size), padding, dilation: an int, or one for
    each dimension.  padding: at most half of the window; never the maximum.  ceil_mode: also windows that run over the
    end.  return_indices: also give the flat index, among the H W positions, of each maximum.
    Returns (N, C, H', W') with H' = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1.
    Raises ShapeError if the window does not fit, ConfigError for other arguments.

    >>> F.max_pool2d(mg.reshape(mg.arange(16.0), (1, 1, 4, 4)), 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    return max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """`max_pool2d` for volumes: input (N, C, D, H, W) or (C, D, H, W).

    >>> F.max_pool3d(mg.ones((1, 1, 4, 4, 4)), 2).shape
    (1, 1, 2, 2, 2)
    """
    return max_pool("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool(
    who: str,
    dims: int,
    input: Any,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    dilation: Size,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    """Max pooling in `dims` spatial dimensions."""
    input = float_tensor(who, "input", input)
    x = batched(who, input, dims)
    kernel, step, pad = window_arguments(who, dims, kernel_size, stride, padding)
    spacing = per_dim(who, "dilation", dilation, dims, 1)
    starts = tuple(window_starts(who, *axis, bool(ceil_mode)) for axis in zip(x.shape[2:], kernel, step, pad, spacing))
    counts = tuple((k,) * len(axis) for k, axis in zip(kernel, starts))
    return maxima(input, x, starts, counts, spacing, return_indices)


def maxima(input: Tensor, x: Tensor, starts: Any, counts: Any, dilation: tuple[int, ...], return_indices: bool) -> Any:
    """The maximum of each window, and where it is: an index to gather with, whose gradient scatters back."""
    index = max_indices(x.detach(), starts=starts, counts=counts, dilation=dilation)
    batch, channels = x.shape[:2]
    flat = reshape_to(x, shape=(batch, channels, math.prod(x.shape[2:])))
    flat_index = reshape_to(index, shape=(batch, channels, math.prod(index.shape[2:])))
    out = unbatched(reshape_to(gather_along(flat, flat_index, axis=2), shape=index.shape), input)
    return (out, unbatched(index, input)) if return_indices else out


# ---- mean


def avg_pool1d(
    input: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """`avg_pool2d` for signals: input (N, C, L) or (C, L).

    >>> F.avg_pool1d(mg.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[2., 1.]])
    """
    return avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window.

    input: (N, C, H, W) or (C, H, W).  kernel_size, stride (default: kernel_size), padding: an int, or one for each
    dimension.  padding: zeros on both sides, at most half of the window.  ceil_mode: also windows that run over the
    end.  count_include_pad: whether the zeros count in the mean.  divisor_override: divide the sum by this instead.
    Returns (N, C, H', W') with H' = (H + 2 padding - KH) // stride + 1.
    Raises ShapeError if the window does not fit, ConfigError for other arguments.

    >>> F.avg_pool2d(mg.reshape(mg.arange(16.0), (1, 1, 4, 4)), 2)
    tensor([[[[ 2.5,  4.5],
              [10.5, 12.5]]]])
    """
    return avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """`avg_pool2d` for volumes: input (N, C, D, H, W) or (C, D, H, W).

    >>> F.avg_pool3d(mg.ones((1, 1, 4, 4, 4)), 2).shape
    (1, 1, 2, 2, 2)
    """
    return avg_pool(
        "avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool(
    who: str,
    dims: int,
    input: Any,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Tensor:
    """Average pooling in `dims` spatial dimensions."""
    input = float_tensor(who, "input", input)
    x = batched(who, input, dims)
    kernel, step, pad = window_arguments(who, dims, kernel_size, stride, padding)
    axes = list(zip(x.shape[2:], kernel, step, pad))
    starts = [window_starts(who, *axis, 1, bool(ceil_mode)) for axis in axes]
    pairs = tuple((p, max(a[-1] + k - n, 0)) for a, (n, k, _, p) in zip(starts, axes))
    cols = windows(x, window=kernel, stride=step, padding=pairs, dilation=(1,) * dims)
    total = reduce_sum(cols, axes=tuple(range(2 + dims, 2 + 2 * dims)))
    if divisor_override is not None:
        return unbatched(total / size(who, "divisor_override", divisor_override, 1), input)
    counts = [window_counts(a, n, k, p if count_include_pad else 0) for a, (n, k, _, p) in zip(starts, axes)]
    return unbatched(total / divisor(counts, x.dtype), input)


def window_counts(starts: tuple[int, ...], n: int, kernel: int, padding: int) -> np.ndarray:
    """How many positions of each window lie in the input or in so much padding around it."""
    first = np.asarray(starts)
    return np.minimum(first + kernel, n + padding) - np.maximum(first, -padding)


def divisor(counts: list[np.ndarray], dtype: np.dtype) -> Any:
    """The elements of each window: a number if all windows have as many."""
    product = np.ones(())
    for count in counts:
        product = np.multiply.outer(product, count)
    return float(product.flat[0]) if (product == product.flat[0]).all() else Tensor(product.astype(dtype))


def window_arguments(who: str, dims: int, kernel_size: Size, stride: Size | None, padding: Size) -> tuple:
    """kernel_size, stride and padding, for each dimension."""
    kernel = per_dim(who, "kernel_size", kernel_size, dims, 1)
    step = kernel if stride is None else per_dim(who, "stride", stride, dims, 1)
    return kernel, step, per_dim(who, "padding", padding, dims)


# ---- adaptive


def adaptive_avg_pool1d(input: Any, output_size: OutputSize) -> Tensor:
    """`adaptive_avg_pool2d` for signals: input (N, C, L) or (C, L).

    >>> F.adaptive_avg_pool1d(mg.tensor([[1.0, 2.0, 3.0]]), 2)
    tensor([[1.5, 2.5]])
    """
    return adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: OutputSize) -> Tensor:
    """The mean of each of output_size windows, which divide the input as evenly as possible.

    input: (N, C, H, W) or (C, H, W).  output_size: an int, or one for each dimension; None keeps the size.
    Returns (N, C, *output_size).  Raises ShapeError for an input of another rank, ConfigError for another output_size.

    >>> F.adaptive_avg_pool2d(mg.ones((1, 8, 7, 5)), (2, 1)).shape
    (1, 8, 2, 1)
    """
    return adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: OutputSize) -> Tensor:
    """`adaptive_avg_pool2d` for volumes: input (N, C, D, H, W) or (C, D, H, W).

    >>> F.adaptive_avg_pool3d(mg.ones((1, 8, 7, 5, 3)), 1).shape
    (1, 8, 1, 1, 1)
    """
    return adaptive_avg_pool("adaptive_avg_pool3d", 3, input, output_size)


def adaptive_avg_pool(who: str, dims: int, input: Any, output_size: OutputSize) -> Tensor:
    """The mean over a box is the mean of means along each axis, so it is a product with one small matrix an axis."""
    input = float_tensor(who, "input", input)
    x = batched(who, input, dims)
    counts = output_sizes(who, x, output_size)
    for axis, count in enumerate(counts, start=2):
        matrix = Tensor(averaging_matrix(x.shape[axis], count, x.dtype))
        x = moveaxis(matmul(moveaxis(x, axis, -1), matrix), -1, axis)
    return unbatched(x, input)


def adaptive_max_pool1d(input: Any, output_size: OutputSize, return_indices: bool = False) -> Any:
    """`adaptive_max_pool2d` for signals: input (N, C, L) or (C, L).

    >>> F.adaptive_max_pool1d(mg.tensor([[1.0, 3.0, 2.0]]), 2)
    tensor([[3., 3.]])
    """
    return adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Any, output_size: OutputSize, return_indices: bool = False) -> Any:
    """The maximum of each of output_size windows, which divide the input as evenly as possible.

    Arguments and errors as for `adaptive_avg_pool2d`; return_indices as for `max_pool2d`.

    >>> F.adaptive_max_pool2d(mg.ones((1, 8, 7, 5)), (2, 1)).shape
    (1, 8, 2, 1)
    """
    return adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Any, output_size: OutputSize, return_indices: bool = False) -> Any:
    """`adaptive_max_pool2d` for volumes: input (N, C, D, H, W) or (C, D, H, W).

    >>> F.adaptive_max_pool3d(mg.ones((1, 8, 7, 5, 3)), 1).shape
    (1, 8, 1, 1, 1)
    """
    return adaptive_max_pool("adaptive_max_pool3d", 3, input, output_size, return_indices)


def adaptive_max_pool(who: str, dims: int, input: Any, output_size: OutputSize, return_indices: bool) -> Any:
    """Adaptive max pooling in `dims` spatial dimensions."""
    input = float_tensor(who, "input", input)
    x = batched(who, input, dims)
    axes = [adaptive_windows(n, count) for n, count in zip(x.shape[2:], output_sizes(who, x, output_size))]
    starts, counts = zip(*axes)
    return maxima(input, x, starts, counts, (1,) * dims, return_indices)


def output_sizes(who: str, x: Tensor, output_size: OutputSize) -> tuple[int, ...]:
    """How many windows along each dimension."""
    spatial = x.shape[2:]
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * len(spatial)
    if len(wanted) != len(spatial):
        raise ConfigError(f"[{who}] output_size must be one size or {len(spatial)} of them, got {output_size!r}.")
    if 0 in spatial:
        raise ShapeError(f"[{who}] there is nothing to pool in an input of shape {x.shape}.")
    return tuple(n if count is None else size(who, "output_size", count, 1) for n, count in zip(spatial, wanted))
