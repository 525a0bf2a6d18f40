"""Reductions: fewer elements out than in. `axis` is None (all), an int or a tuple; `keepdims` keeps axes of size 1.

Gradients at ties: max and min share the cotangent evenly among the tied elements.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike, as_dtype
from minigrad.engine import primitive
from minigrad.errors import ShapeError
from minigrad.ops import elementwise as el
from minigrad.ops.movement import (
    as_tensor,
    broadcast,
    concat,
    flip,
    moveaxis,
    normalize_axis,
    permute_dims,
    reshape_to,
)

Axis = int | tuple[int, ...] | None


def normalize_axes(who: str, axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes as a sorted tuple of non-negative ints. Raises ShapeError if one is out of range or named twice."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if not isinstance(axis, (tuple, list)) else axis
    found = sorted(normalize_axis(who, a, ndim) for a in axes)
    if len(set(found)) != len(found):
        raise ShapeError(f"[{who}] an axis is named twice in axis={axis}.")
    return tuple(found)


def kept_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape after a reduction that keeps the reduced axes with size 1."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def kept(y: Tensor, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The reduced tensor y with the axes of x that it lost put back."""
    shape = kept_shape(x.shape, axes)
    return y if y.shape == shape else reshape_to(y, shape=shape)


def reduced(who: str, op: Any, x: Any, axis: Axis, keepdims: bool) -> Tensor:
    """Apply a reducing primitive along `axis`."""
    x = as_tensor(x)
    axes = normalize_axes(who, axis, x.ndim)
    return op(x, axes=axes, keepdims=keepdims)


# ---- sums


@primitive(kind="reduction")
def reduce_sum(x, *, axes, keepdims=False):
    """Sum over `axes`; `sum` is the public name."""
    return np.add.reduce(x, axis=axes, keepdims=keepdims)


reduce_sum.defvjp(lambda g, out, x, axes, keepdims=False: broadcast(kept(g, x, axes), shape=x.shape))


def sum(x: Any, axis: Axis = None, keepdims: bool = False, dtype: DtypeLike = None) -> Tensor:
    """The sum of the elements; booleans and integers are added as int64.

    >>> mg.sum(mg.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([4., 6.])
    """
    x = as_tensor(x)
    if dtype is not None:
        x = x.astype(as_dtype(dtype))
    return reduced("sum", reduce_sum, x, axis, keepdims)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean; NaN over no elements. Integers are averaged as floats.

    >>> mg.mean(mg.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    tensor([1.5, 3.5])
    """
    x = as_float(x)
    axes = normalize_axes("mean", axis, x.ndim)
    return reduce_sum(x, axes=axes, keepdims=keepdims) / float(count(x, axes))


def var(x: Any, axis: Axis = None, correction: float = 0, keepdims: bool = False) -> Tensor:
    """The variance: sum((x - mean)^2) / (n - correction).

    correction: 0 for the population variance, 1 for the unbiased sample variance.

    >>> mg.var(mg.tensor([1.0, 3.0]))
    tensor(1.)
    """
    x = as_float(x)
    axes = normalize_axes("var", axis, x.ndim)
    deviation = x - mean(x, axes, keepdims=True)
    return reduce_sum(deviation * deviation, axes=axes, keepdims=keepdims) / float(count(x, axes) - correction)


def std(x: Any, axis: Axis = None, correction: float = 0, keepdims: bool = False) -> Tensor:
    """The standard deviation, the square root of `var`.

    >>> mg.std(mg.tensor([1.0, 3.0]))
    tensor(1.)
    """
    return el.sqrt(var(x, axis, correction, keepdims))


def as_float(x: Any) -> Tensor:
    """x as a float tensor."""
    x = as_tensor(x)
    return x if x.data.dtype.kind == "f" else x.astype(float)


def count(x: Tensor, axes: tuple[int, ...]) -> int:
    """How many elements of x each result along `axes` is made of."""
    return math.prod(x.shape[a] for a in axes)


def count_nonzero(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """How many elements are not zero.

    >>> mg.count_nonzero(mg.tensor([0.0, 2.0, 3.0]))
    tensor(2)
    """
    return sum(el.not_equal(as_tensor(x), 0), axis, keepdims)


def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum of the elements that are not NaN.

    >>> mg.nansum(mg.tensor([1.0, float("nan")]))
    tensor(1.)
    """
    x = as_tensor(x)
    return sum(el.where(el.isnan(x), 0.0, x), axis, keepdims)


def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean of the elements that are not NaN.

    >>> mg.nanmean(mg.tensor([1.0, float("nan"), 3.0]))
    tensor(2.)
    """
    x = as_float(x)
    return nansum(x, axis, keepdims) / sum(el.logical_not(el.isnan(x)), axis, keepdims)


# ---- extrema


@primitive(kind="reduction")
def reduce_max(x, *, axes, keepdims=False):
    """Maximum over `axes`; `max` is the public name."""
    return np.maximum.reduce(x, axis=axes, keepdims=keepdims)


@primitive(kind="reduction")
def reduce_min(x, *, axes, keepdims=False):
    """Minimum over `axes`; `min` is the public name."""
    return np.minimum.reduce(x, axis=axes, keepdims=keepdims)


def _share_among_ties(g, out, x, axes, keepdims=False):
    tied = el.cast(el.equal(x, kept(out, x, axes)), dtype=x.dtype)
    return tied * (kept(g, x, axes) / reduce_sum(tied, axes=axes, keepdims=True))


reduce_max.defvjp(_share_among_ties)
reduce_min.defvjp(_share_among_ties)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element; NaN if there is one. Ties share the gradient evenly.

    >>> mg.max(mg.tensor([[1.0, 5.0], [3.0, 4.0]]), axis=1)
    tensor([5., 4.])
    """
    x = not_empty("max", x, axis)
    return reduced("max", reduce_max, x, axis, keepdims)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest element; NaN if there is one. Ties share the gradient evenly.

    >>> mg.min(mg.tensor([[1.0, 5.0], [3.0, 4.0]]), axis=1)
    tensor([1., 3.])
    """
    x = not_empty("min", x, axis)
    return reduced("min", reduce_min, x, axis, keepdims)


def not_empty(who: str, x: Any, axis: Axis) -> Tensor:
    """x as a tensor. Raises ShapeError if the extremum of no elements is asked for."""
    x = as_tensor(x)
    axes = normalize_axes(who, axis, x.ndim)
    if count(x, axes) == 0:
        raise ShapeError(f"[{who}] of no elements is undefined: shape {x.shape}, axis={axis}.")
    return x


@primitive(kind="reduction")
def arg_max(x, *, axis):
    """Index of the first maximum along one axis; `argmax` is the public name."""
    return np.argmax(x, axis=axis)


@primitive(kind="reduction")
def arg_min(x, *, axis):
    """Index of the first minimum along one axis; `argmin` is the public name."""
    return np.argmin(x, axis=axis)


def _arg(who: str, op: Any, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    x = not_empty(who, x, axis)
    if axis is None:
        index = op(reshape_to(x, shape=(x.size,)), axis=0)
        return reshape_to(index, shape=(1,) * x.ndim) if keepdims else index
    axis = normalize_axis(who, axis, x.ndim)
    index = op(x, axis=axis)
    return kept(index, x, (axis,)) if keepdims else index


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first maximum along `axis`, or into the flattened tensor.

    >>> mg.argmax(mg.tensor([1.0, 5.0, 5.0]))
    tensor(1)
    """
    return _arg("argmax", arg_max, x, axis, keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first minimum along `axis`, or into the flattened tensor.

    >>> mg.argmin(mg.tensor([1.0, 0.0, 0.0]))
    tensor(1)
    """
    return _arg("argmin", arg_min, x, axis, keepdims)


# ---- logic


@primitive(kind="reduction")
def reduce_any(x, *, axes, keepdims=False):
    """Whether one element is nonzero; `any` is the public name."""
    return np.logical_or.reduce(x, axis=axes, keepdims=keepdims)


@primitive(kind="reduction")
def reduce_all(x, *, axes, keepdims=False):
    """Whether all elements are nonzero; `all` is the public name."""
    return np.logical_and.reduce(x, axis=axes, keepdims=keepdims)


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether one of the elements is nonzero.

    >>> mg.any(mg.tensor([False, True]))
    tensor(True)
    """
    return reduced("any", reduce_any, x, axis, keepdims)


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all of the elements are nonzero.

    >>> mg.all(mg.tensor([False, True]))
    tensor(False)
    """
    return reduced("all", reduce_all, x, axis, keepdims)


# ---- products and running sums


@primitive(kind="reduction")
def reduce_prod(x, *, axes, keepdims=False):
    """Product over `axes`; `prod` is the public name."""
    return np.multiply.reduce(x, axis=axes, keepdims=keepdims)


def _prod_of_the_others(g, out, x, axes, keepdims=False):
    # Products from the left and from the right of each element: exact where elements are zero, unlike out / x.
    rest = tuple(a for a in range(x.ndim) if a not in axes)
    flat = permute_dims(x, rest + axes)
    rows = reshape_to(flat, shape=(*(x.shape[a] for a in rest), count(x, axes)))
    others = exclusive_cumprod(rows) * flip(exclusive_cumprod(flip(rows, axis=-1)), axis=-1)
    back = tuple(np.argsort(rest + axes).tolist())
    return kept(g, x, axes) * permute_dims(reshape_to(others, shape=flat.shape), back)


reduce_prod.defvjp(_prod_of_the_others)


def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product of the elements; its gradient is exact where elements are zero.

    >>> mg.prod(mg.tensor([2.0, 3.0]))
    tensor(6.)
    """
    return reduced("prod", reduce_prod, x, axis, keepdims)


@primitive(kind="reduction")
def cumulate_sum(x, *, axis):
    """Running sum along one axis; `cumsum` is the public name."""
    return np.add.accumulate(x, axis=axis)


cumulate_sum.defvjp(lambda g, out, x, axis: flip(cumulate_sum(flip(g, axis), axis=axis), axis))


def cumsum(x: Any, axis: int | None = None) -> Tensor:
    """The running sum along `axis` (needed unless x is 1-D).

    >>> mg.cumsum(mg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 3., 6.])
    """
    x = as_tensor(x)
    return cumulate_sum(x, axis=running_axis("cumsum", x, axis))


@primitive(kind="reduction", promotes=True)
def linear_recurrence(a, b):
    """s[0] = b[0], s[i] = a[i] s[i-1] + b[i] along the last axis; a[0] is not used. Its adjoint runs backwards."""
    from minigrad import kernels

    return kernels.linear_recurrence(a, b)


def shifted(x: Tensor, fill: float) -> Tensor:
    """x moved one place to the right along the last axis, `fill` coming in."""
    if x.shape[-1] == 0:
        return x
    first = Tensor(np.full((*x.shape[:-1], 1), fill, x.dtype))
    return concat([first, x[..., :-1]], axis=-1)


def _recurrence_cotangent(g, a):
    """db[i] = g[i] + a[i+1] db[i+1]: the same recurrence from the other end."""
    return flip(linear_recurrence(shifted(flip(a, -1), 0.0), flip(g, -1)), -1)


linear_recurrence.defvjp(
    lambda g, out, a, b: _recurrence_cotangent(g, a) * shifted(out, 0.0),
    lambda g, out, a, b: _recurrence_cotangent(g, a),
)


@primitive(kind="reduction")
def cumulate_prod(x, *, axis):
    """Running product along one axis; `cumprod` is the public name."""
    return np.multiply.accumulate(x, axis=axis)


def exclusive_cumprod(x: Tensor) -> Tensor:
    """The product of the elements before each, along the last axis."""
    return cumulate_prod(shifted(x, 1.0), axis=x.ndim - 1)


def _cumprod_cotangent(g, out, x, axis):
    # d/dx[i] = before[i] * s[i], s[i] = g[i] + x[i+1] s[i+1]: linear in length and exact where elements are zero.
    x, g = moveaxis(x, axis, -1), moveaxis(g, axis, -1)
    return moveaxis(exclusive_cumprod(x) * _recurrence_cotangent(g, x), -1, axis)


cumulate_prod.defvjp(_cumprod_cotangent)


def cumprod(x: Any, axis: int | None = None) -> Tensor:
    """The running product along `axis` (needed unless x is 1-D); its gradient is exact where elements are zero.

    >>> mg.cumprod(mg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 2., 6.])
    """
    x = as_tensor(x)
    return cumulate_prod(x, axis=running_axis("cumprod", x, axis))


def running_axis(who: str, x: Tensor, axis: int | None) -> int:
    """The axis of a running sum or product. Raises ShapeError where it must be named."""
    if axis is None and x.ndim != 1:
        raise ShapeError(f"[{who}] name the axis: x has shape {x.shape}.")
    return normalize_axis(who, axis or 0, x.ndim)


# ---- composites that need care at the edges


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))), without overflow; -inf where all elements are -inf.

    >>> mg.logsumexp(mg.tensor([1000.0, 1000.0]))
    tensor(1000.693)
    """
    x = as_float(x)
    axes = normalize_axes("logsumexp", axis, x.ndim)
    top = 0.0
    if count(x, axes):
        top = reduce_max(x.detach(), axes=axes, keepdims=True)
        top = el.select(el.isfinite(top), top, 0.0)  # inf - inf would be NaN
    total = el.log(reduce_sum(el.exp(x - top), axes=axes, keepdims=True)) + top
    return total if keepdims else reshape_to(total, shape=tuple(n for i, n in enumerate(x.shape) if i not in axes))


def norm(x: Any, ord: float = 2, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The vector norm (sum |x|^ord)^(1/ord); ord may be inf, -inf or 0 (the number of nonzero elements).

    The gradient at the zero vector is 0, the subgradient of smallest norm, as in PyTorch.

    >>> mg.norm(mg.tensor([3.0, 4.0]))
    tensor(5.)
    """
    x = as_float(x)
    if ord == math.inf:
        return max(el.abs(x), axis, keepdims)
    if ord == -math.inf:
        return min(el.abs(x), axis, keepdims)
    if ord == 0:
        return sum(el.not_equal(x, 0), axis, keepdims).astype(x.dtype)
    if ord == 1:
        return sum(el.abs(x), axis, keepdims)
    total = sum(x * x if ord == 2 else absolute_power(x, ord), axis, keepdims)
    nothing = el.equal(total, 0)
    root = el.select(nothing, 1.0, total)  # so that the untaken branch has a finite derivative
    return el.select(nothing, 0.0, el.sqrt(root) if ord == 2 else root ** (1 / ord))


def absolute_power(x: Tensor, exponent: float) -> Tensor:
    """|x|^exponent; its derivatives at 0 are 0, as those of |x| are, also where the power's are infinite."""
    nothing = el.equal(x, 0)
    return el.select(nothing, 0.0 if exponent > 0 else math.inf, el.abs(el.select(nothing, 1.0, x)) ** exponent)
