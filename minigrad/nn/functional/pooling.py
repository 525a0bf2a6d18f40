"""Pooling over windows of one size: their maximum, mean or p-norm, in 1, 2 and 3 dimensions.

Along each dimension the windows begin at -padding, -padding + stride, ..., and there are as many as fit:
(n + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1, which is n - kernel_size + 1 for plain windows at every
position. With ceil_mode the division rounds up, so that a last window may run over the end, but none begins in the
padding behind it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import Size, batched, float_tensor, per_dim, size, unbatched
from minigrad.ops import abs, equal, gather_along, max_indices, negative, reduce_sum, reshape_to, select, windows

# ---- where the windows are


def window_arguments(
    who: str, dims: int, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1
) -> tuple[tuple[int, ...], ...]:
    """kernel_size, stride, padding and dilation for each dimension. Raises ConfigError for those that make no sense."""
    kernel = per_dim(who, "kernel_size", kernel_size, dims, 1)
    step = kernel if stride is None else per_dim(who, "stride", stride, dims, 1)
    pad = per_dim(who, "padding", padding, dims)
    spacing = per_dim(who, "dilation", dilation, dims, 1)
    for k, p, d in zip(kernel, pad, spacing):
        if 2 * p > d * (k - 1) + 1:
            raise ConfigError(f"[{who}] padding {p} is more than half of the window, {d * (k - 1) + 1}.")
    return kernel, step, pad, spacing


def window_places(
    who: str, input: Tensor, geometry: tuple[tuple[int, ...], ...], ceil_mode: bool
) -> tuple[tuple[int, ...], ...]:
    """Where the windows begin along each dimension. Raises ShapeError unless each of them meets the input.

    geometry: what `window_arguments` gives.
    """
    kernel, _, padding, dilation = geometry
    sizes = input.shape[-len(kernel) :]
    places = tuple(window_starts(*axis, bool(ceil_mode)) for axis in zip(sizes, *geometry))
    if () in places:
        extent = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation))
        raise ShapeError(
            f"[{who}] windows of size {extent} do not fit into {sizes}: "
            f"input {input.shape}, padding={padding}, dilation={dilation}."
        )
    return places


@lru_cache
def window_starts(n: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> tuple[int, ...]:
    """The position of each window's first tap, negative in the padding; () if there is no window, or an empty one."""
    span = n + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-span // stride) if ceil_mode else span // stride) + 1
    if ceil_mode and (count - 1) * stride >= n + padding:
        count -= 1
    starts = tuple(range(-padding, -padding + count * stride, stride))
    # A window that begins before 0 has its first tap inside at start % dilation, if anywhere.
    return () if n == 0 or any(start < 0 and start % dilation >= n for start in starts) else starts


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

    Returns (N, C, L') with L' = (L + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1, or with ceil_mode as
    `max_pool2d` has it.

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
    each dimension.  padding: at most half of the window; never the maximum.  ceil_mode: also a last window that runs
    over the end.  return_indices: also give the flat index, among the H W positions, of each maximum.
    Returns (N, C, H', W') with H' = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1; with ceil_mode the division
    rounds up, and a last window that would begin in the padding behind the input is left out.
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

    Returns (N, C, D', H', W') with D' = (D + 2 padding - dilation (KD - 1) - 1) // stride + 1, or with ceil_mode as
    `max_pool2d` has it.

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
    geometry = window_arguments(who, dims, kernel_size, stride, padding, dilation)
    kernel, _, _, spacing = geometry
    starts = window_places(who, input, geometry, ceil_mode)
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

    Returns (N, C, L') with L' = (L + 2 padding - kernel_size) // stride + 1, or with ceil_mode as `avg_pool2d` has it.

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
    dimension.  padding: zeros on both sides, at most half of the window.  ceil_mode: also a last window that runs over
    the end, of which what lies behind the padding never counts.  count_include_pad: whether the zeros count in the
    mean.  divisor_override: divide the sum by this instead.
    Returns (N, C, H', W') with H' = (H + 2 padding - KH) // stride + 1; with ceil_mode the division rounds up, and a
    last window that would begin in the padding behind the input is left out.
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

    Returns (N, C, D', H', W') with D' = (D + 2 padding - KD) // stride + 1, or with ceil_mode as `avg_pool2d` has it.

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
    geometry = window_arguments(who, dims, kernel_size, stride, padding)
    kernel, step, pad, _ = geometry
    axes = list(zip(window_places(who, input, geometry, ceil_mode), x.shape[2:], kernel, pad))
    pairs = tuple((p, max(starts[-1] + k - n, 0)) for starts, n, k, p in axes)
    cols = windows(x, window=kernel, stride=step, padding=pairs, dilation=(1,) * dims)
    total = reduce_sum(cols, axes=tuple(range(2 + dims, 2 + 2 * dims)))
    if divisor_override is not None:
        return unbatched(total / size(who, "divisor_override", divisor_override, 1), input)
    counts = [window_counts(starts, n, k, p if count_include_pad else 0) for starts, n, k, p in axes]
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


# ---- p-norm


def lp_pool1d(
    input: Any, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
) -> Tensor:
    """`lp_pool2d` for signals: input (N, C, L) or (C, L).

    Returns (N, C, L') with L' = (L - kernel_size) // stride + 1; with ceil_mode the division rounds up.

    >>> F.lp_pool1d(mg.tensor([[3.0, 4.0, 0.0, 0.0]]), 2, 2)
    tensor([[5., 0.]])
    """
    return lp_pool("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Any, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
) -> Tensor:
    """(sum of x^p over each window)^(1 / p), p = norm_type (Sermanet et al. 2012).

    p = 1 is the sum, p = 2 the norm, p = inf the largest absolute value, and -inf the smallest. As in PyTorch it is x,
    not |x|, that is raised to p: for odd p elements cancel, and the root of a negative sum is NaN. Where the sum is 0
    the gradient is 0 (p >= 1). x^p must not overflow.

    input: (N, C, H, W) or (C, H, W).  norm_type: any number but 0.  kernel_size, stride (default: kernel_size): an int,
    or one for each dimension.  ceil_mode: also a last window that runs over the end, for whose missing elements the
    mean of the others stands in.
    Returns (N, C, H', W') with H' = (H - KH) // stride + 1; with ceil_mode the division rounds up.
    Raises ShapeError if the window does not fit, ConfigError for other arguments.

    >>> F.lp_pool2d(mg.tensor([[[1.0, 2.0], [2.0, 4.0]]]), 2, 2)
    tensor([[[5.]]])
    """
    return lp_pool("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Any, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
) -> Tensor:
    """`lp_pool2d` for volumes: input (N, C, D, H, W) or (C, D, H, W).

    Returns (N, C, D', H', W') with D' = (D - KD) // stride + 1; with ceil_mode the division rounds up.

    >>> F.lp_pool3d(mg.ones((1, 1, 4, 4, 4)), 1, 2).shape
    (1, 1, 2, 2, 2)
    """
    return lp_pool("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool(
    who: str, dims: int, input: Any, norm_type: float, kernel_size: Size, stride: Size | None, ceil_mode: bool
) -> Tensor:
    """Pooling by the p-norm in `dims` spatial dimensions."""
    x = float_tensor(who, "input", input)
    p = norm_order(who, norm_type)
    if p == math.inf:
        return max_pool(who, dims, abs(x), kernel_size, stride, 0, 1, ceil_mode, False)
    if p == -math.inf:
        return negative(max_pool(who, dims, negative(abs(x)), kernel_size, stride, 0, 1, ceil_mode, False))
    mean = avg_pool(who, dims, x**p, kernel_size, stride, 0, ceil_mode, True, None)
    total = mean * float(math.prod(per_dim(who, "kernel_size", kernel_size, dims)))
    vanishes = equal(total, 0)
    root = select(vanishes, 1.0, total) ** (1 / p)  # the root's slope at 0 is infinite: it never gets there
    return select(vanishes, 0.0 if p > 0 else math.inf, root)


def norm_order(who: str, norm_type: float) -> float:
    """The p of a p-norm. Raises ConfigError unless it is a number other than 0."""
    if isinstance(norm_type, (int, float)) and norm_type != 0 and not math.isnan(norm_type):
        return norm_type
    raise ConfigError(f"[{who}] norm_type must be a number other than 0, got {norm_type!r}.")
