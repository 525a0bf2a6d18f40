"""Images at another size: along each axis, output position t looks at the input around s(t)."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import Size, choice, float_tensor, number, per_dim
from minigrad.nn.functional.adaptive_pooling import adaptive_avg_pool
from minigrad.ops import gather, matmul2, reshape_to

Factor = float | tuple[float, ...]

DIMS = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
    "area": (1, 2, 3),
}
"""The modes, and of how many spatial dimensions they are."""
PICKING = ("nearest", "nearest-exact", "area")
"""The modes that have no corners to align."""


def interpolate(
    input: Any,
    size: Size | None = None,
    scale_factor: Factor | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """The input at another size: n elements along an axis become m, of which the t-th looks at the position s(t).

    input: (N, C, *S) of 1 to 3 spatial dimensions.
    size, scale_factor: either m or m / n, rounded down: a number, or one for each dimension.
    mode: "nearest" or "nearest-exact", element floor(t r) or floor((t + 1/2) r), where r = n / m, or 1 / scale_factor;
    "linear", "bilinear" or "trilinear", by the number of dimensions, or "bicubic" (Keys 1981, a = -3/4), between the
    elements around s(t) = (t + 1/2) r - 1/2; "area", the mean over a window as in `adaptive_avg_pool2d`.
    align_corners: for the linear and cubic modes, s(t) = t (n - 1) / (m - 1): the first and last elements stay there.
    recompute_scale_factor: with a scale_factor, whether r = n / m all the same.
    antialias: for "bilinear" and "bicubic" (then a = -1/2): where the image shrinks, the weights reach r times as far.
    Returns (N, C, *S').  Raises ShapeError for an input of another rank or without elements, ConfigError for other
    arguments.  The linear and cubic modes are a product with a matrix along each axis, so that an infinity reaches all
    of its row and column.

    >>> F.interpolate(mg.tensor([[[1.0, 3.0]]]), size=4, mode="linear")
    tensor([[[1. , 1.5, 2.5, 3. ]]])
    """
    check_arguments("interpolate", size, scale_factor, mode, align_corners, recompute_scale_factor)
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ConfigError(f"[interpolate] antialias goes with modes 'bilinear' and 'bicubic', not with {mode!r}.")
    x = float_tensor("interpolate", "input", input)
    dims = x.ndim - 2
    if dims not in DIMS[mode]:
        wanted = " or ".join(str(n + 2) for n in DIMS[mode])
        raise ShapeError(f"[interpolate] mode {mode!r} expects input (N, C, *S) of rank {wanted}, got {x.shape}.")
    counts, factors = targets(x.shape[2:], size, scale_factor)
    if 0 in x.shape[1:] or min(counts) < 1:
        raise ShapeError(f"[interpolate] expected sizes of at least 1, got {counts} of input {x.shape}.")
    if mode == "area":
        return adaptive_avg_pool("interpolate", dims, x, counts)
    if recompute_scale_factor:
        factors = (None,) * dims
    for axis, (count, factor) in enumerate(zip(counts, factors), start=2):
        n = x.shape[axis]
        if mode == "nearest" and dims == 2 and count in (n, 2 * n):
            factor = None  # PyTorch has it so in two dimensions, not in one or three
        if n == count and (factor is None or antialias or mode.endswith("linear")):
            continue
        if mode in PICKING:
            x = gather(x, Tensor(nearest(n, count, factor, mode, x.dtype)), axes=(axis,))
        else:
            matrix = mixing_matrix(n, count, factor, mode == "bicubic", bool(align_corners), bool(antialias), x.dtype)
            x = mixed(x, axis, Tensor(matrix))
    return x


def mixed(x: Tensor, axis: int, matrix: Tensor) -> Tensor:
    """The matrix, (count, n), times x along one axis."""
    (count, n), before, after = matrix.shape, x.shape[:axis], x.shape[axis + 1 :]
    if not after:  # one product; the general one would be of as many matrices of one column
        rows = matmul2(reshape_to(x, shape=(math.prod(before), n)), matrix, tb=True)
    else:
        rows = matmul2(matrix, reshape_to(x, shape=(math.prod(before), n, math.prod(after))))
    return reshape_to(rows, shape=(*before, count, *after))


@lru_cache
def nearest(n: int, count: int, factor: float | None, mode: str, dtype: np.dtype) -> np.ndarray:
    """(count,): the index of the input for each output position, computed in the roundings of PyTorch."""
    t = np.arange(count, dtype=dtype)
    ratio = dtype.type(1 / factor) if factor else dtype.type(n) / dtype.type(count)
    position = (t + dtype.type(0.5) if mode == "nearest-exact" else t) * ratio
    return np.minimum(np.floor(position.astype(np.float32)).astype(np.int64), n - 1)


@lru_cache
def mixing_matrix(
    n: int, count: int, factor: float | None, cubic: bool, align_corners: bool, antialias: bool, dtype: np.dtype
) -> np.ndarray:
    """(count, n): the weights of the inputs in each output."""
    if align_corners:
        step = (n - 1) / (count - 1) if count > 1 else 0.0
    else:
        step = 1 / factor if factor else n / count
    t = np.arange(count)
    if antialias:
        return smoothing_matrix((t + 0.5) * step - 0.5, n, max(step, 1.0), cubic).astype(dtype)
    position = t * step if align_corners else (t + 0.5) * step - 0.5
    first = np.floor(position)
    matrix = np.zeros((count, n))
    for tap in (-1, 0, 1, 2) if cubic else (0, 1):
        distance = np.abs(position - first - tap)
        at = np.clip(first + tap, 0, n - 1).astype(np.int64)  # beyond the border is the border
        np.add.at(matrix, (t, at), keys_kernel(distance, -0.75) if cubic else triangle(distance))
    return matrix.astype(dtype)


def smoothing_matrix(position: np.ndarray, n: int, width: float, cubic: bool) -> np.ndarray:
    """(count, n): weights that reach `width` times as far, of those elements that there are."""
    distance = np.abs(position[:, None] - np.arange(n)) / width
    weights = keys_kernel(distance, -0.5) if cubic else triangle(distance)
    return weights / weights.sum(axis=1, keepdims=True)


def triangle(distance: np.ndarray) -> np.ndarray:
    """The weights of linear interpolation."""
    return np.maximum(1 - distance, 0)


def keys_kernel(distance: np.ndarray, a: float) -> np.ndarray:
    """Those of cubic convolution (Keys 1981)."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0))


def targets(
    spatial: tuple[int, ...], size: Size | None, scale_factor: Factor | None
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The new size of each dimension, and the factor that it was given by, if any."""
    dims = len(spatial)
    if size is not None:
        return per_dim("interpolate", "size", size, dims, 1), (None,) * dims
    factors: Any = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * dims
    if len(factors) != dims:
        raise ConfigError(f"[interpolate] scale_factor must be a number or {dims} of them, got {scale_factor!r}.")
    return tuple(math.floor(n * f) for n, f in zip(spatial, factors)), factors


def check_arguments(
    who: str,
    size: Size | None,
    scale_factor: Factor | None,
    mode: str,
    align_corners: bool | None,
    recompute_scale_factor: bool | None,
) -> None:
    """Raises ConfigError for what does not go together, whatever the input."""
    choice(who, "mode", mode, tuple(DIMS))
    if (size is None) == (scale_factor is None):
        raise ConfigError(f"[{who}] give either size or scale_factor, got {size!r} and {scale_factor!r}.")
    if scale_factor is not None:
        for factor in scale_factor if isinstance(scale_factor, (tuple, list)) else (scale_factor,):
            number(who, "scale_factor", factor, above=0)
    if align_corners is not None and mode in PICKING:
        raise ConfigError(f"[{who}] align_corners goes with linear and cubic modes, not with mode {mode!r}.")
    if recompute_scale_factor and size is not None:
        raise ConfigError(f"[{who}] recompute_scale_factor goes with scale_factor, got size={size!r}.")
