"""Windows of an image as columns of a matrix, and back."""

from __future__ import annotations

import math
from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.nn.arguments import Size, batched, float_tensor, per_dim
from minigrad.nn.functional.conv import check_window
from minigrad.ops import fold_windows, permute, reshape_to, windows


def unfold(input: Any, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> Tensor:
    """The windows that a convolution sees, as columns: conv2d is a product of the flattened filters with them.

    input: (N, C, H, W) or (C, H, W).  kernel_size, dilation, padding (zeros on both sides), stride: an int, or one for
    each of height and width.  Returns (N, C KH KW, L): column l holds the l-th window, of
    L = H' W' with H' = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1.
    Raises ShapeError if the window does not fit, ConfigError for other arguments.

    >>> F.unfold(mg.reshape(mg.arange(6.0), (1, 2, 3)), 2)
    tensor([[0., 1.],
            [1., 2.],
            [3., 4.],
            [4., 5.]])
    """
    input = float_tensor("unfold", "input", input)
    x = batched("unfold", input, 2)
    kernel, geometry = window_geometry("unfold", kernel_size, dilation, padding, stride)
    check_window("unfold", x.shape[2:], kernel, geometry["padding"], geometry["dilation"])
    seen = windows(x, window=kernel, **geometry)  # (N, C, H', W', KH, KW)
    n, channels, *grid = seen.shape[:4]
    rows = reshape_to(permute(seen, axes=(0, 1, 4, 5, 2, 3)), shape=(n, channels * math.prod(kernel), math.prod(grid)))
    return unbatched_columns(rows, input.ndim == 4)


def fold(
    input: Any, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
) -> Tensor:
    """The adjoint of `unfold`: adds up the columns where their windows lie; what lies in the padding is dropped.

    input: (N, C KH KW, L) or (C KH KW, L).  output_size: (H, W), or an int for both; the rest as for `unfold`.
    Returns (N, C, H, W).  Raises ShapeError unless L is the number of windows of such an image.

    >>> F.fold(mg.ones((4, 2)), (2, 3), 2)
    tensor([[[1., 2., 1.],
             [1., 2., 1.]]])
    """
    input = float_tensor("fold", "input", input)
    if input.ndim not in (2, 3):
        raise ShapeError(f"[fold] expected input of shape (N, C * kernel, L) or (C * kernel, L), got {input.shape}.")
    spatial = per_dim("fold", "output_size", output_size, 2, 1)
    kernel, geometry = window_geometry("fold", kernel_size, dilation, padding, stride)
    check_window("fold", spatial, kernel, geometry["padding"], geometry["dilation"])
    grid = tuple(
        (n + 2 * low - d * (k - 1) - 1) // s + 1
        for n, k, (low, _), d, s in zip(spatial, kernel, geometry["padding"], geometry["dilation"], geometry["stride"])
    )
    rows, columns = input.shape[-2:]
    if rows % math.prod(kernel) or columns != math.prod(grid):
        raise ShapeError(
            f"[fold] expected a multiple of {math.prod(kernel)} rows and {math.prod(grid)} columns, {grid} windows of "
            f"{kernel} in {spatial}: input {input.shape}."
        )
    n = input.shape[0] if input.ndim == 3 else 1
    taps = reshape_to(input, shape=(n, rows // math.prod(kernel), *kernel, *grid))
    out = fold_windows(permute(taps, axes=(0, 1, 4, 5, 2, 3)), spatial=spatial, **geometry)
    return unbatched_columns(out, input.ndim == 3)


def window_geometry(who: str, kernel_size: Size, dilation: Size, padding: Size, stride: Size) -> tuple[Any, dict]:
    """The window, and what else `windows` and `fold_windows` take."""
    return per_dim(who, "kernel_size", kernel_size, 2, 1), {
        "stride": per_dim(who, "stride", stride, 2, 1),
        "padding": tuple((p, p) for p in per_dim(who, "padding", padding, 2)),
        "dilation": per_dim(who, "dilation", dilation, 2, 1),
    }


def unbatched_columns(out: Tensor, batched: bool) -> Tensor:
    """Without the batch axis if the input had none."""
    return out if batched else reshape_to(out, shape=out.shape[1:])
