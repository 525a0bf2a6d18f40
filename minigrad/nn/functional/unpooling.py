"""Unpooling: maxima go back to where they were found (Zeiler et al. 2011), in 1, 2 and 3 dimensions."""

from __future__ import annotations

import math
from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import Size, batched, float_tensor, integer_tensor, per_dim, unbatched, within
from minigrad.nn.functional.pooling import window_arguments
from minigrad.ops import gather_along, ones_like, reshape_to, scatter_add_along

OutputSize = int | tuple[int, ...] | None


def max_unpool1d(
    input: Any,
    indices: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: OutputSize = None,
) -> Tensor:
    """`max_unpool2d` for signals: input (N, C, L) or (C, L).

    Returns (N, C, L') with L' = (L - 1) stride - 2 padding + kernel_size, or output_size.

    >>> y, indices = F.max_pool1d(mg.tensor([[1.0, 3.0, 2.0, 0.0]]), 2, return_indices=True)
    >>> F.max_unpool1d(y, indices, 2)
    tensor([[0., 3., 2., 0.]])
    """
    return max_unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Any,
    indices: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: OutputSize = None,
) -> Tensor:
    """Zeros with the values of the input at `indices`: a partial inverse of `max_pool2d(..., return_indices=True)`.

    Values with the same index share its place: their mean is there. So a maximum that overlapping windows found twice
    comes back as it was, with its gradient. (PyTorch leaves open which of them it keeps, and gives each the gradient
    of all.)

    input: (N, C, H, W) or (C, H, W).  indices: integers of that shape, flat positions in the output's H' W'.
    kernel_size, stride (default: kernel_size), padding: those of the pooling.  output_size: (H', W'), which may differ
    from the size below by less than stride, since pooling maps several sizes to one; the output's whole shape will do.
    Returns (N, C, H', W') with H' = (H - 1) stride - 2 padding + KH, or output_size.
    Raises ShapeError if the shapes differ, DtypeError for indices that are no integers, IndexError for those outside of
    the output, ConfigError for other arguments.

    >>> y, indices = F.max_pool2d(mg.reshape(mg.arange(9.0), (1, 1, 3, 3)), 2, return_indices=True)
    >>> F.max_unpool2d(y, indices, 2, output_size=(3, 3))
    tensor([[[[0., 0., 0.],
              [0., 4., 0.],
              [0., 0., 0.]]]])
    """
    return max_unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any,
    indices: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: OutputSize = None,
) -> Tensor:
    """`max_unpool2d` for volumes: input (N, C, D, H, W) or (C, D, H, W).

    Returns (N, C, D', H', W') with D' = (D - 1) stride - 2 padding + KD, or output_size.

    >>> F.max_unpool3d(mg.ones((1, 1, 1, 1, 1)), mg.zeros((1, 1, 1, 1, 1), dtype="int64"), 2).shape
    (1, 1, 2, 2, 2)
    """
    return max_unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


def max_unpool(
    who: str,
    dims: int,
    input: Any,
    indices: Any,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    output_size: OutputSize,
) -> Tensor:
    """Unpooling in `dims` spatial dimensions."""
    input = float_tensor(who, "input", input)
    x = batched(who, input, dims)
    spatial = unpooled_size(who, dims, x.shape[2:], kernel_size, stride, padding, output_size)
    flat = (*x.shape[:2], math.prod(x.shape[2:]))
    positions = math.prod(spatial)
    index = reshape_to(position_indices(who, input, indices, positions), shape=flat)
    target = {"axis": 2, "shape": (*x.shape[:2], positions)}
    values = reshape_to(x, shape=flat)
    sharing = scatter_add_along(ones_like(values.detach()), index, **target)
    out = scatter_add_along(values / gather_along(sharing, index, axis=2), index, **target)
    return unbatched(reshape_to(out, shape=(*x.shape[:2], *spatial)), input)


def unpooled_size(
    who: str,
    dims: int,
    pooled: tuple[int, ...],
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    output_size: OutputSize,
) -> tuple[int, ...]:
    """The spatial shape that pooling took to `pooled`. Raises ConfigError for one that it cannot have been."""
    kernel, step, pad, _ = window_arguments(who, dims, kernel_size, stride, padding)
    usual = tuple((n - 1) * s - 2 * p + k for n, s, p, k in zip(pooled, step, pad, kernel))
    if output_size is None:
        return usual
    if isinstance(output_size, (tuple, list)) and len(output_size) == dims + 2:
        output_size = tuple(output_size[2:])
    wanted = per_dim(who, "output_size", output_size, dims)
    if any(not u - s < n < u + s for n, u, s in zip(wanted, usual, step)):
        raise ConfigError(f"[{who}] output_size must differ from {usual} by less than the stride {step}, got {wanted}.")
    return wanted


def position_indices(who: str, input: Tensor, indices: Any, positions: int) -> Tensor:
    """`indices` as a tensor of integers, one for each element of the input, in [0, positions)."""
    index = integer_tensor(who, "indices", indices)
    if index.data.shape != input.data.shape:
        raise ShapeError(f"[{who}] indices must have the input's shape: input {input.shape}, indices {index.shape}.")
    return within(who, "indices", index, positions, f": input {input.shape}")
