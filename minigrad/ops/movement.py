"""Movement: the same elements in another arrangement. Where NumPy can, the result is a view and costs nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.dtypes import result_type
from minigrad.engine import as_operand, primitive
from minigrad.errors import ShapeError

Axes = int | Sequence[int]


def normalize_axis(who: str, axis: int, ndim: int) -> int:
    """The axis as a non-negative int. Raises ShapeError if it is out of range."""
    if not -ndim <= axis < ndim:
        raise ShapeError(f"[{who}] axis {axis} is out of range for {ndim} dimension{'s' * (ndim != 1)}.")
    return int(axis) % ndim


def as_tensor(x: Any) -> Tensor:
    """x as a tensor, Python scalars included."""
    x = as_operand(x)
    return x if isinstance(x, Tensor) else Tensor(np.asarray(x, result_type(x)))


def as_axes(axis: Axes) -> tuple[int, ...]:
    """An axis or a sequence of axes as a tuple."""
    return (axis,) if isinstance(axis, int) else tuple(axis)


# ---- shape


@primitive(kind="movement")
def reshape_to(x, *, shape):
    """x in another shape of as many elements; `reshape` is the public name."""
    return x.reshape(shape)


reshape_to.defvjp(lambda g, out, x, shape: reshape_to(g, shape=x.shape))


def reshape(x: Any, shape: Axes) -> Tensor:
    """The elements in row-major order, in another shape; one size may be -1.

    Raises ShapeError if the sizes do not multiply to the number of elements.

    >>> mg.reshape(mg.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    x = as_tensor(x)
    wanted = tuple(int(n) for n in as_axes(shape))
    known = math.prod(n for n in wanted if n != -1)
    unknown = wanted.count(-1)
    full = wanted
    if unknown == 1 and known > 0:
        full = tuple(x.size // known if n == -1 else n for n in wanted)
    if unknown > 1 or min(full, default=0) < 0 or math.prod(full) != x.size:
        raise ShapeError(f"[reshape] cannot arrange {x.size} elements of shape {x.shape} as {wanted}.")
    return reshape_to(x, shape=full)


@primitive(kind="movement")
def broadcast(x, *, shape):
    """x repeated along axes of size 1 and new leading axes; `broadcast_to` is the public name."""
    if not x.flags.c_contiguous:
        return np.broadcast_to(x, shape)
    strides = [0 if n == 1 else s for n, s in zip(x.shape, x.strides)]
    return np.ndarray(shape, x.dtype, x, 0, [0] * (len(shape) - x.ndim) + strides)  # the same view, ten times as fast


broadcast.defvjp(lambda g, out, x, shape: g)  # the engine sums over what was repeated


def broadcast_to(x: Any, shape: Sequence[int]) -> Tensor:
    """x repeated along axes of size 1 and new leading axes until it has this shape. Raises ShapeError if it cannot.

    >>> mg.broadcast_to(mg.tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    x, shape = as_tensor(x), as_axes(shape)
    tail = shape[len(shape) - x.ndim :]
    if len(shape) < x.ndim or not all(a == b or a == 1 for a, b in zip(x.shape, tail, strict=True)):
        raise ShapeError(f"[broadcast_to] shape {x.shape} cannot be repeated to {shape}.")
    return x if shape == x.shape else broadcast(x, shape=shape)


def broadcast_arrays(*arrays: Any) -> list[Tensor]:
    """The tensors, each repeated to their common broadcast shape.

    >>> [a.shape for a in mg.broadcast_arrays(mg.zeros((2, 1)), mg.zeros(3))]
    [(2, 3), (2, 3)]
    """
    tensors = [as_tensor(x) for x in arrays]
    try:
        shape = np.broadcast_shapes(*(x.shape for x in tensors))
    except ValueError:
        shapes = ", ".join(str(x.shape) for x in tensors)
        raise ShapeError(f"[broadcast_arrays] shapes {shapes} do not broadcast together.") from None
    return [broadcast_to(x, shape) for x in tensors]


def expand_dims(x: Any, axis: Axes = 0) -> Tensor:
    """x with a new axis of size 1 at each position of `axis` (positions in the result).

    >>> mg.expand_dims(mg.zeros(3), axis=1).shape
    (3, 1)
    """
    x, axes = as_tensor(x), as_axes(axis)
    ndim = x.ndim + len(axes)
    new = {normalize_axis("expand_dims", a, ndim) for a in axes}
    if len(new) != len(axes):
        raise ShapeError(f"[expand_dims] an axis is named twice in axis={axis}.")
    sizes = iter(x.shape)
    return reshape_to(x, shape=tuple(1 if i in new else next(sizes) for i in range(ndim)))


def squeeze(x: Any, axis: Axes | None = None) -> Tensor:
    """x without those axes, which must have size 1 (None: without all that have).

    >>> mg.squeeze(mg.zeros((1, 3, 1)), axis=0).shape
    (3, 1)
    """
    x = as_tensor(x)
    if axis is None:
        gone = {i for i, n in enumerate(x.shape) if n == 1}
    else:
        gone = {normalize_axis("squeeze", a, x.ndim) for a in as_axes(axis)}
    if any(x.shape[i] != 1 for i in gone):
        raise ShapeError(f"[squeeze] only axes of size 1 can go: shape {x.shape}, axis={axis}.")
    return reshape_to(x, shape=tuple(n for i, n in enumerate(x.shape) if i not in gone))


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from start_dim to end_dim, both included, merged into one.

    >>> mg.flatten(mg.zeros((2, 3, 4)), 1).shape
    (2, 12)
    """
    x = as_tensor(x)
    if x.ndim == 0:
        return reshape_to(x, shape=(1,))
    first, last = normalize_axis("flatten", start_dim, x.ndim), normalize_axis("flatten", end_dim, x.ndim)
    if first > last:
        raise ShapeError(f"[flatten] start_dim {start_dim} comes after end_dim {end_dim}: shape {x.shape}.")
    merged = math.prod(x.shape[first : last + 1])
    return reshape_to(x, shape=(*x.shape[:first], merged, *x.shape[last + 1 :]))


# ---- order of the axes


@primitive(kind="movement")
def permute(x, *, axes):
    """x with its axes in another order; `permute_dims` is the public name."""
    return x.transpose(axes)


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


permute.defvjp(lambda g, out, x, axes: permute(g, axes=_inverse(axes)))


def permute_dims(x: Any, axes: Sequence[int]) -> Tensor:
    """x with its axes in the order given.

    >>> mg.permute_dims(mg.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    x = as_tensor(x)
    found = tuple(normalize_axis("permute_dims", a, x.ndim) for a in axes)
    if sorted(found) != list(range(x.ndim)):
        raise ShapeError(f"[permute_dims] axes {tuple(axes)} are no permutation of the {x.ndim} axes of {x.shape}.")
    return permute(x, axes=found)


def matrix_transpose(x: Any) -> Tensor:
    """The last two axes exchanged.

    >>> mg.matrix_transpose(mg.zeros((5, 2, 3))).shape
    (5, 3, 2)
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"[matrix_transpose] expected at least 2 dimensions, got shape {x.shape}.")
    return permute(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def moveaxis(x: Any, source: Axes, destination: Axes) -> Tensor:
    """The axes `source` moved to the places `destination`; the others keep their order.

    >>> mg.moveaxis(mg.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = as_tensor(x)
    source = [normalize_axis("moveaxis", a, x.ndim) for a in as_axes(source)]
    destination = [normalize_axis("moveaxis", a, x.ndim) for a in as_axes(destination)]
    if len(source) != len(destination) or len(set(source)) != len(source) or len(set(destination)) != len(source):
        raise ShapeError(f"[moveaxis] source {source} and destination {destination} must be as many distinct axes.")
    order = [a for a in range(x.ndim) if a not in source]
    for to, axis in sorted(zip(destination, source, strict=True)):
        order.insert(to, axis)
    return permute(x, axes=tuple(order))


# ---- order of the elements


@primitive(kind="movement")
def reverse(x, *, axes):
    """x backwards along `axes`; `flip` is the public name."""
    return np.flip(x, axes)


reverse.defvjp(lambda g, out, x, axes: reverse(g, axes=axes))


def flip(x: Any, axis: Axes | None = None) -> Tensor:
    """x backwards along `axis` (None: along all).

    >>> mg.flip(mg.tensor([1, 2, 3]))
    tensor([3, 2, 1])
    """
    x = as_tensor(x)
    axes = range(x.ndim) if axis is None else as_axes(axis)
    return reverse(x, axes=tuple(normalize_axis("flip", a, x.ndim) for a in axes))


def rot90(x: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """x turned k times by 90 degrees in the plane of two axes, from the first towards the second.

    >>> mg.rot90(mg.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    x = as_tensor(x)
    a, b = (normalize_axis("rot90", axis, x.ndim) for axis in axes)
    if a == b:
        raise ShapeError(f"[rot90] expected two different axes, got {axes}.")
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    match k % 4:
        case 1:
            return permute(flip(x, b), axes=tuple(order))
        case 2:
            return flip(x, (a, b))
        case 3:
            return flip(permute(x, axes=tuple(order)), b)
    return x


def roll(x: Any, shift: Axes, axis: Axes | None = None) -> Tensor:
    """x moved by `shift` places along `axis`, what leaves at the end coming in at the start.

    >>> mg.roll(mg.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
    x = as_tensor(x)
    if axis is None:
        return reshape_to(roll(flatten(x), shift, 0), shape=x.shape)
    axes, shifts = as_axes(axis), as_axes(shift)
    shifts = shifts * len(axes) if len(shifts) == 1 else shifts
    if len(axes) != len(shifts):
        raise ShapeError(f"[roll] expected as many shifts as axes, got shift={shift}, axis={axis}.")
    for a, s in zip(axes, shifts, strict=True):
        a = normalize_axis("roll", a, x.ndim)
        s = s % x.shape[a] if x.shape[a] else 0
        if s:
            before = (slice(None),) * a
            x = concat([x[(*before, slice(-s, None))], x[(*before, slice(None, -s))]], axis=a)
    return x


# ---- joining and splitting


@primitive(kind="movement", promotes=True)
def join(*tensors, axis):
    """The tensors one after the other along an axis; `concat` is the public name."""
    return np.concatenate(tensors, axis=axis)


def _split_cotangent(needs, g, out, *tensors, axis):
    ends = np.cumsum([x.shape[axis] for x in tensors]).tolist()
    before = (slice(None),) * axis
    return [
        g[(*before, slice(end - x.shape[axis], end))] if need else None
        for need, end, x in zip(needs, ends, tensors, strict=True)
    ]


join.defvjp_joint(_split_cotangent)


def concat(tensors: Sequence[Any], axis: int | None = 0) -> Tensor:
    """The tensors one after the other along an existing axis (None: all flattened first).

    Raises ShapeError if they differ in another axis.

    >>> mg.concat([mg.tensor([1, 2]), mg.tensor([3])])
    tensor([1, 2, 3])
    """
    tensors = [as_tensor(x) for x in tensors]
    if not tensors:
        raise ShapeError("[concat] expected at least one tensor, got none.")
    if axis is None:
        tensors, axis = [flatten(x) for x in tensors], 0
    axis = normalize_axis("concat", axis, tensors[0].ndim)
    rest = {x.shape[:axis] + x.shape[axis + 1 :] for x in tensors}
    if len(rest) > 1 or len({x.ndim for x in tensors}) > 1:
        shapes = ", ".join(str(x.shape) for x in tensors)
        raise ShapeError(f"[concat] the shapes may differ only along axis {axis}: {shapes}.")
    return join(*tensors, axis=axis)


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """The tensors, all of one shape, along a new axis.

    >>> mg.stack([mg.tensor([1, 2]), mg.tensor([3, 4])], axis=1)
    tensor([[1, 3],
            [2, 4]])
    """
    tensors = [as_tensor(x) for x in tensors]
    if len({x.shape for x in tensors}) > 1:
        raise ShapeError(f"[stack] expected one shape, got {', '.join(str(x.shape) for x in tensors)}.")
    return concat([expand_dims(x, axis) for x in tensors], axis)


def unstack(x: Any, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of x along an axis.

    >>> mg.unstack(mg.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    x = moveaxis(x, axis, 0)
    return tuple(x[i] for i in range(x.shape[0]))


def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """x in pieces along an axis: that many equal ones, or cut before each of the given indices (NumPy's `split`).

    Raises ShapeError if the axis does not divide evenly.

    >>> mg.split(mg.arange(6), 3)
    [tensor([0, 1]), tensor([2, 3]), tensor([4, 5])]
    """
    x = as_tensor(x)
    axis = normalize_axis("split", axis, x.ndim)
    n = x.shape[axis]
    if isinstance(indices_or_sections, int):
        parts = indices_or_sections
        if parts < 1 or n % parts:
            raise ShapeError(f"[split] {n} elements along axis {axis} do not divide into {parts} equal parts.")
        cuts = [n // parts * i for i in range(1, parts)]
    else:
        cuts = [int(c) for c in indices_or_sections]
    before = (slice(None),) * axis
    return [x[(*before, slice(a, b))] for a, b in zip([0, *cuts], [*cuts, n], strict=True)]


def tile(x: Any, repetitions: Axes) -> Tensor:
    """x repeated as a whole, `repetitions` times along each axis (NumPy's `tile`).

    >>> mg.tile(mg.tensor([1, 2]), 2)
    tensor([1, 2, 1, 2])
    """
    x, reps = as_tensor(x), as_axes(repetitions)
    ndim = max(x.ndim, len(reps))
    reps = (1,) * (ndim - len(reps)) + reps
    sizes = (1,) * (ndim - x.ndim) + x.shape
    paired = reshape_to(x, shape=tuple(n for size in sizes for n in (1, size)))
    repeated = broadcast_to(paired, tuple(n for pair in zip(reps, sizes, strict=True) for n in pair))
    return reshape_to(repeated, shape=tuple(r * n for r, n in zip(reps, sizes, strict=True)))


def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Tensor:
    """Each element repeated, by one number or a number for each position along the axis (NumPy's `repeat`).

    >>> mg.repeat(mg.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = flatten(x), 0
    axis = normalize_axis("repeat", axis, x.ndim)
    counts = np.broadcast_to(np.asarray(repeats), (x.shape[axis],))
    index = np.repeat(np.arange(x.shape[axis]), counts)
    return x[(*(slice(None),) * axis, index)]


# ---- padding


@primitive(kind="movement")
def pad_constant(x, *, widths, value):
    """x with `widths[i]` = (before, after) elements of one value around it; `pad` is the public name."""
    return np.pad(x, widths, constant_values=value)


def _unpad(g, out, x, widths, value):
    return g[tuple(slice(a, a + n) for (a, _), n in zip(widths, x.shape, strict=True))]


pad_constant.defvjp(_unpad)

PAD_MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def pad(x: Any, widths: Any, mode: str = "constant", constant_values: float = 0.0) -> Tensor:
    """x with elements added around it (NumPy's `pad`).

    widths: a number, a (before, after) pair for every axis, or one such pair for each.
    mode: "constant", "edge" (repeat the border), "reflect" (mirror without the border), "symmetric" (mirror with it),
    "wrap" (go on at the other end).  Raises ShapeError for negative widths, or a mirror of nothing.

    >>> mg.pad(mg.tensor([1, 2, 3]), 1, mode="reflect")
    tensor([2, 1, 2, 3, 2])
    """
    x = as_tensor(x)
    pairs = tuple(map(tuple, np.broadcast_to(np.asarray(widths, int), (x.ndim, 2)).tolist()))
    if min((n for pair in pairs for n in pair), default=0) < 0:
        raise ShapeError(f"[pad] widths must not be negative, got {widths}.")
    if mode == "constant":
        return pad_constant(x, widths=pairs, value=constant_values)
    if mode not in PAD_MODES:
        raise ValueError(f"[pad] mode must be one of {', '.join(PAD_MODES)}, got {mode!r}.")
    for axis, (pair, n) in enumerate(zip(pairs, x.shape, strict=True)):
        if pair == (0, 0):
            continue
        if n == 0:
            raise ShapeError(f"[pad] mode {mode!r} has nothing to copy along axis {axis} of shape {x.shape}.")
        x = x[(*(slice(None),) * axis, np.pad(np.arange(n), pair, mode=mode))]  # type: ignore[call-overload]
    return x
