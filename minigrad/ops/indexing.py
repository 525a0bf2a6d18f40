"""Indexing, gathering, scattering, sorting.

`x[key]` is taken apart into two primitives: `slice_of` for ints, slices, None and Ellipsis, whose adjoint `place` puts
a cotangent back among zeros; and `gather` for integer arrays, whose adjoint `scatter_add` adds into zeros, so that an
element picked twice gets both cotangents. Boolean masks become integer arrays first.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike, as_dtype, default_dtype
from minigrad.engine import primitive, tracer
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops import elementwise as el
from minigrad.ops.movement import (
    as_tensor,
    broadcast_to,
    expand_dims,
    flip,
    moveaxis,
    normalize_axis,
    reshape_to,
)

# ---- basic indexing


@primitive(kind="movement")
def slice_of(x, *, key):
    """x[key] for a tuple of ints, slices, None and Ellipsis: a view."""
    return x[key]


@primitive(kind="movement")
def place(g, *, key, shape):
    """Zeros of `shape` with g at `key`: the adjoint of `slice_of`."""
    out = np.zeros(shape, g.dtype)
    out[key] = g
    return out


slice_of.defvjp(lambda g, out, x, key: place(g, key=key, shape=x.shape))
place.defvjp(lambda g, out, x, key, shape: slice_of(g, key=key))


@primitive(kind="movement", promotes=False)
def slice_update(x, value, *, key):
    """x with `value` (of x's dtype, broadcast) at `key`."""
    out = x.copy()
    out[key] = value
    return out


def _updated_cotangent(needs, g, out, x, value, key):
    at_key = slice_of(g, key=key)
    return [slice_update(g, 0.0, key=key) if needs[0] else None, at_key if needs[1] else None]


slice_update.defvjp_joint(_updated_cotangent)

# ---- integer arrays


def _full_key(ndim: int, axes: tuple[int, ...], indices: tuple) -> tuple:
    key: list = [slice(None)] * ndim
    for axis, index in zip(axes, indices, strict=True):
        key[axis] = index
    return tuple(key)


@primitive(kind="index")
def gather(x, *indices, axes):
    """x indexed along `axes` by integer arrays that broadcast together, by NumPy's rules."""
    if len(axes) == 1:  # the same as indexing, which would leave the axis first in memory
        return x.take(indices[0].astype(np.intp, copy=False), axis=axes[0])
    return x[_full_key(x.ndim, axes, indices)]


@primitive(kind="index")
def scatter_add(g, *indices, axes, shape):
    """Zeros of `shape` with g added at the indices: the adjoint of `gather`."""
    if len(axes) == 1 and indices[0].ndim == 1:
        return kernels.index_add(shape, indices[0].astype(np.int64, copy=False), g, axes[0])
    out = np.zeros(shape, g.dtype)
    np.add.at(out, _full_key(len(shape), axes, indices), g)
    return out


gather.defvjp_joint(
    lambda needs, g, out, x, *indices, axes: [
        scatter_add(g, *indices, axes=axes, shape=x.shape), *[None] * len(indices)
    ]
)
scatter_add.defvjp_joint(
    lambda needs, g, out, x, *indices, axes, shape: [gather(g, *indices, axes=axes), *[None] * len(indices)]
)


@primitive(kind="index")
def gather_update(x, value, *indices, axes):
    """x with `value` at the indices; where an index repeats, the last value stays."""
    out = x.copy()
    out[_full_key(x.ndim, axes, indices)] = value
    return out


def _gather_updated_cotangent(needs, g, out, x, value, *indices, axes):
    return [
        gather_update(g, 0.0, *indices, axes=axes) if needs[0] else None,
        gather(g, *indices, axes=axes) if needs[1] else None,
        *[None] * len(indices),
    ]


gather_update.defvjp_joint(_gather_updated_cotangent)

# ---- x[key]


def get_item(x: Tensor, key: Any) -> Tensor:
    """x[key] by NumPy's rules: ints, slices with steps, None, Ellipsis, integer and boolean arrays or tensors."""
    basic, axes, indices = parse_key(x, key)
    if basic is not None:
        x = slice_of(x, key=basic)
    return gather(x, *indices, axes=axes) if axes else x


def set_item(x: Tensor, key: Any, value: Any) -> Tensor:
    """A new tensor: x with `value`, cast to x's dtype and broadcast, at `key`."""
    value = el.astype(value, x.dtype)
    basic, axes, indices = parse_key(x, key)
    shape = get_item(x.detach(), key).shape
    if value.ndim > len(shape):  # NumPy drops leading axes of size 1 when assigning
        value = reshape_to(value, shape=value.shape[value.ndim - len(shape) :])
    try:
        value = broadcast_to(value, shape)
    except ShapeError:
        raise ShapeError(f"[setitem] value {value.shape} does not fit {shape}, the part of {x.shape} chosen.") from None
    if not axes:
        return slice_update(x, value, key=basic if basic is not None else ())
    if basic is None:
        return gather_update(x, value, *indices, axes=axes)
    part = gather_update(slice_of(x, key=basic), value, *indices, axes=axes)
    return slice_update(x, part, key=basic)


def parse_key(x: Tensor, key: Any) -> tuple[tuple | None, tuple[int, ...], list[Tensor]]:
    """Split a key: a basic key (or None) to apply first, then axes of the result and the index arrays for them."""
    items = [as_index(x, k) for k in (key if isinstance(key, tuple) else (key,))]
    check_key(x, items)
    if not any(isinstance(k, Tensor) for k in items):
        return tuple(items), (), []
    pairs = list(split_items(x, expand_ellipsis(x, items)))
    basic = tuple(part for part, _ in pairs)
    axes = tuple(i for i, (_, index) in enumerate(pairs) if index is not None)
    plain = all(part == slice(None) for part in basic)
    return None if plain else basic, axes, [index for _, index in pairs if index is not None]


def as_index(x: Tensor, k: Any) -> Any:
    """One part of a key in canonical form: int, slice of ints, None, Ellipsis, or an integer or boolean tensor."""
    if k is None or k is Ellipsis:
        return k
    if isinstance(k, slice):
        return slice(*(None if v is None else operator.index(v) for v in (k.start, k.stop, k.step)))
    if isinstance(k, (int, np.integer)) and not isinstance(k, (bool, np.bool_)):
        return int(k)
    index = as_tensor(np.asarray(k, np.int64) if isinstance(k, list) and not k else k)
    if index.dtype.kind not in "iub":
        raise DtypeError(
            f"[getitem] an index must be an integer or boolean array, got {index.dtype} for shape {x.shape}."
        )
    return index


def is_mask(k: Any) -> bool:
    """Whether a part of a key is a boolean array."""
    return isinstance(k, Tensor) and k.dtype == np.bool_


def axes_used(k: Any) -> int:
    """How many axes a part of a key stands for."""
    if k is None or k is Ellipsis:
        return 0
    return k.ndim if is_mask(k) else 1


def split_items(x: Tensor, items: list) -> Iterator[tuple[Any, Tensor | None]]:
    """For each axis: what to apply first (a slice, or None for a new axis), and the index array for it, if any."""
    axis = 0
    for k in items:
        covered = x.shape[axis : axis + axes_used(k)]
        axis += axes_used(k)
        if isinstance(k, int):  # beside an array, an int is an index array too
            yield slice(None), Tensor(np.asarray(k))
        elif not isinstance(k, Tensor):
            yield k, None
        elif not is_mask(k):
            yield slice(None), k
        elif k.shape != covered:
            raise IndexError(f"[getitem] a mask of shape {k.shape} does not fit the axes {covered} of shape {x.shape}.")
        elif k.ndim == 0:  # an axis of its own, of size 1 or 0
            yield None, Tensor(np.nonzero(k.data[None])[0])
        else:
            yield from ((slice(None), Tensor(i)) for i in np.nonzero(k.data))


def expand_ellipsis(x: Tensor, items: list) -> list:
    """The key with full slices in place of the Ellipsis and of the axes it does not mention."""
    fill = [slice(None)] * (x.ndim - sum(map(axes_used, items)))
    at = next((i for i, k in enumerate(items) if k is Ellipsis), len(items))
    return items[:at] + fill + items[at + 1 :]


def check_key(x: Tensor, items: list) -> None:
    """Raise IndexError where NumPy would, with the shape in the message."""
    used = sum(map(axes_used, items))
    if used > x.ndim:
        raise IndexError(f"[getitem] {used} indices for a tensor of shape {x.shape}.")
    if len([k for k in items if k is Ellipsis]) > 1:
        raise IndexError("[getitem] a key may hold only one Ellipsis.")


# ---- along an axis


def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """The elements of x at `indices` along an axis (None: of the flattened x). Raises IndexError out of range.

    >>> mg.take(mg.tensor([10.0, 20.0, 30.0]), mg.tensor([2, 0]))
    tensor([30., 10.])
    """
    x, indices = as_tensor(x), as_index(as_tensor(x), indices)
    if axis is None:
        x, axis = reshape_to(x, shape=(x.size,)), 0
    axis = normalize_axis("take", axis, x.ndim)
    return gather(x, as_tensor(indices), axes=(axis,))


@primitive(kind="index")
def gather_along(x, index, *, axis):
    """out[..., i, ...] = x[..., index[..., i, ...], ...] along one axis; `take_along_axis` is the public name."""
    return kernels.take_along_axis(x, index, axis)


@primitive(kind="index")
def scatter_add_along(g, index, *, axis, shape):
    """Zeros of `shape` with g added along one axis at `index`: the adjoint of `gather_along`."""
    return kernels.scatter_add_along_axis(shape, index, g, axis)


def _full_shape(x: Tensor, index: Tensor, axis: int) -> tuple[int, ...]:
    """The shape x is read at: x's own along the axis, broadcast against the index elsewhere."""
    return tuple(
        n if i == axis else np.broadcast_shapes((n,), (m,))[0]
        for i, (n, m) in enumerate(zip(x.shape, index.shape, strict=True))
    )


gather_along.defvjp(lambda g, out, x, index, axis: scatter_add_along(g, index, axis=axis, shape=x.shape), None)
scatter_add_along.defvjp(lambda g, out, x, index, axis, shape: gather_along(g, index, axis=axis), None)


def take_along_axis(x: Any, indices: Any, axis: int = -1) -> Tensor:
    """out[..., i, ...] = x[..., indices[..., i, ...], ...]: picks by a different index in each row.

    indices: integers, of x's rank; the other axes broadcast.  Raises IndexError out of range, ShapeError otherwise.

    >>> mg.take_along_axis(mg.tensor([[1.0, 2.0], [3.0, 4.0]]), mg.tensor([[1], [0]]), axis=1)
    tensor([[2.],
            [3.]])
    """
    x, indices = as_tensor(x), as_tensor(indices)
    axis = normalize_axis("take_along_axis", axis, x.ndim)
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"[take_along_axis] indices must be integers, got {indices.dtype}.")
    if indices.ndim != x.ndim:
        raise ShapeError(f"[take_along_axis] x {x.shape} and indices {indices.shape} must have the same rank.")
    try:
        full = _full_shape(x, indices, axis)
    except ValueError:
        raise ShapeError(
            f"[take_along_axis] x {x.shape} and indices {indices.shape} do not broadcast outside axis {axis}."
        ) from None
    picked = tuple(indices.shape[axis] if i == axis else n for i, n in enumerate(full))
    return gather_along(broadcast_to(x, full), broadcast_to(indices, picked), axis=axis)


@primitive(kind="index")
def checked_index(index, *, size):
    """The index itself, if all of it lies in [0, size). Raises IndexError otherwise."""
    if index.size and not 0 <= index.min() <= index.max() < size:
        raise IndexError(f"[index] expected indices in [0, {size}), found {index.min()} to {index.max()}.")
    return index


# ---- sorting


@primitive(kind="index")
def arg_sort(x, *, axis):
    """Indices that sort along one axis, stable, NaN last; `argsort` is the public name."""
    return np.argsort(x, axis=axis, stable=True)


def argsort(x: Any, axis: int = -1, descending: bool = False) -> Tensor:
    """The indices that sort x along an axis; stable, also when descending.

    >>> mg.argsort(mg.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    """
    x = as_tensor(x)
    axis = normalize_axis("argsort", axis, x.ndim)
    if not descending:
        return arg_sort(x, axis=axis)
    backwards = flip(arg_sort(flip(x, axis), axis=axis), axis)  # flipped twice, so that ties keep their order
    return x.shape[axis] - 1 - backwards


def sort(x: Any, axis: int = -1, descending: bool = False) -> Tensor:
    """x sorted along an axis; the gradient follows the elements.

    >>> mg.sort(mg.tensor([3.0, 1.0, 2.0]), descending=True)
    tensor([3., 2., 1.])
    """
    x = as_tensor(x)
    axis = normalize_axis("sort", axis, x.ndim)
    return gather_along(x, argsort(x.detach(), axis, descending), axis=axis)


def topk(x: Any, k: int, axis: int = -1, largest: bool = True) -> tuple[Tensor, Tensor]:
    """The k largest (or smallest) elements along an axis, in order, and their indices.

    >>> mg.topk(mg.tensor([1.0, 5.0, 3.0]), 2)
    (tensor([5., 3.]), tensor([1, 2]))
    """
    x = as_tensor(x)
    axis = normalize_axis("topk", axis, x.ndim)
    if not 0 <= k <= x.shape[axis]:
        raise ShapeError(f"[topk] k={k} of the {x.shape[axis]} elements along axis {axis} of shape {x.shape}.")
    order = argsort(x.detach(), axis, descending=largest)
    index = order[(*(slice(None),) * axis, slice(0, k))]
    return gather_along(x, index, axis=axis), index


def nonzero(x: Any) -> tuple[Tensor, ...]:
    """The indices of the elements that are not zero, one tensor for each axis.

    >>> mg.nonzero(mg.tensor([0, 3, 0, 4]))
    (tensor([1, 3]),)
    """
    return tuple(Tensor(i) for i in np.nonzero(as_tensor(x).data))


def unique(x: Any) -> Tensor:
    """The distinct values of x, sorted.

    >>> mg.unique(mg.tensor([2, 1, 2]))
    tensor([1, 2])
    """
    return Tensor(np.unique(as_tensor(x).data))


def searchsorted(x: Any, values: Any, side: str = "left") -> Tensor:
    """Where `values` would have to be inserted into the sorted 1-D x to keep it sorted.

    >>> mg.searchsorted(mg.tensor([1.0, 3.0]), mg.tensor([2.0]))
    tensor([1])
    """
    found = np.searchsorted(as_tensor(x).data, as_tensor(values).data, side=side)  # type: ignore[call-overload]
    return Tensor(np.asarray(found))


# ---- one-hot, triangles, diagonals


def one_hot(indices: Any, num_classes: int | None = None, dtype: DtypeLike = None) -> Tensor:
    """A new last axis of `num_classes` zeros with a one at each index.

    indices: integers in [0, num_classes), any shape.  num_classes: by default the largest index plus one.
    Raises IndexError for an index out of range.

    >>> mg.one_hot(mg.tensor([0, 2]), 3)
    tensor([[1., 0., 0.],
            [0., 0., 1.]])
    """
    indices = as_tensor(indices)
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"[one_hot] indices must be integers, got {indices.dtype}.")
    if num_classes is None:
        num_classes = int(indices.data.max(initial=-1)) + 1
    if tracer() is not None:  # checked when the compiled code runs
        indices = checked_index(indices, size=num_classes)
    elif indices.size and not 0 <= indices.data.min() <= indices.data.max() < num_classes:
        low, high = indices.data.min(), indices.data.max()
        raise IndexError(f"[one_hot] indices must lie in [0, {num_classes}), found {low} to {high}.")
    hot = el.equal(expand_dims(indices, -1), Tensor(np.arange(num_classes)))
    return el.cast(hot, dtype=default_dtype() if dtype is None else as_dtype(dtype))


def tril(x: Any, k: int = 0) -> Tensor:
    """The lower triangle of the last two axes, up to the k-th diagonal; zeros above.

    >>> mg.tril(mg.ones((2, 2)))
    tensor([[1., 0.],
            [1., 1.]])
    """
    x = _matrices("tril", x)
    return el.where(lower_triangle(x, k), x, 0)


def triu(x: Any, k: int = 0) -> Tensor:
    """The upper triangle of the last two axes, from the k-th diagonal; zeros below.

    >>> mg.triu(mg.ones((2, 2)))
    tensor([[1., 1.],
            [0., 1.]])
    """
    x = _matrices("triu", x)
    return el.where(lower_triangle(x, k - 1), 0, x)


def _matrices(who: str, x: Any) -> Tensor:
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"[{who}] expected at least 2 dimensions, got shape {x.shape}.")
    return x


def lower_triangle(x: Tensor, k: int) -> Tensor:
    """The mask of the lower triangle of x's last two axes."""
    rows, cols = x.shape[-2:]
    return Tensor(np.tri(rows, cols, k, np.bool_))


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal x[i, i + offset] of two axes, as a new last axis (NumPy's `diagonal`).

    >>> mg.diagonal(mg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    x = moveaxis(_matrices("diagonal", x), (axis1, axis2), (-2, -1))
    rows, cols = x.shape[-2:]
    n = max(0, min(rows, cols - offset) if offset >= 0 else min(rows + offset, cols))
    i = np.arange(n)
    return gather(x, Tensor(i + max(-offset, 0)), Tensor(i + max(offset, 0)), axes=(x.ndim - 2, x.ndim - 1))


def diag(x: Any, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix, or the square matrix with a vector on its k-th diagonal.

    >>> mg.diag(mg.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    x = as_tensor(x)
    if x.ndim != 1:
        return diagonal(x, k)
    n, i = x.shape[0] + abs(k), np.arange(x.shape[0])
    rows, cols = Tensor(i + max(-k, 0)), Tensor(i + max(k, 0))
    return scatter_add(x, rows, cols, axes=(0, 1), shape=(n, n))


def diff(x: Any, n: int = 1, axis: int = -1) -> Tensor:
    """The n-th difference x[i+1] - x[i] along an axis.

    >>> mg.diff(mg.tensor([1.0, 4.0, 9.0]))
    tensor([3., 5.])
    """
    x = as_tensor(x)
    before = (slice(None),) * normalize_axis("diff", axis, x.ndim)
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x

