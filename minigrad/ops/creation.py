"""Tensors out of nothing: from Python and NumPy values, constants, ranges, identity matrices."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike, as_dtype, default_dtype
from minigrad.engine import as_operand
from minigrad.errors import DtypeError, ShapeError

Shape = int | Sequence[int]


def tensor(data: Any, dtype: DtypeLike = None, requires_grad: bool = False) -> Tensor:
    """A new leaf holding a copy of `data`.

    data: nested lists of numbers, a scalar, a NumPy array, anything with `__array__`.
    dtype: by default that of an array, the default float dtype for Python floats, int64 for ints, bool for bools.
    Raises DtypeError for data that is not numeric, ShapeError for ragged lists.

    >>> mg.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    made = Tensor(np.array(_as_array("tensor", data, dtype), copy=True))
    return made.requires_grad_() if requires_grad else made


def asarray(data: Any, dtype: DtypeLike = None, copy: bool | None = None) -> Tensor:
    """`data` as a tensor, sharing memory with a NumPy array where that is possible (copy=True: never).

    A tensor of the right dtype comes back as it is. If you go on writing into a shared array, the tensor changes.

    >>> mg.asarray([1.5, 2.5])
    tensor([1.5, 2.5])
    """
    if isinstance(data, Tensor):
        same = data if dtype is None else data.astype(dtype)
        return tensor(same.data) if copy else same
    return Tensor(np.array(_as_array("asarray", data, dtype), copy=True if copy else None))


def _as_array(who: str, data: Any, dtype: DtypeLike) -> np.ndarray:
    if isinstance(data, (list, tuple)) and any(isinstance(x, Tensor) for x in data):
        data = [x.data if isinstance(x, Tensor) else x for x in data]
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ShapeError(f"[{who}] the nested lists are ragged: {error}.") from None
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"[{who}] expected numbers, got dtype {array.dtype} from a {type(data).__name__}.")
    if dtype is None:
        strong = hasattr(data, "dtype")
        dtype = array.dtype if strong or array.dtype.kind != "f" else default_dtype()
    return array.astype(as_dtype(dtype), copy=False)


def from_dlpack(x: Any) -> Tensor:
    """A tensor sharing the memory of any array that speaks DLPack (PyTorch, JAX, ...) on the CPU.

    >>> mg.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    array = np.from_dlpack(x)
    return Tensor(array.astype(as_dtype(array.dtype), copy=False))


def as_shape(shape: Shape) -> tuple[int, ...]:
    """A size or a sequence of sizes as a tuple. Raises ShapeError for a size that is negative or no integer."""
    sizes = (shape,) if not isinstance(shape, (tuple, list)) else shape
    try:
        found = tuple(map(operator.index, sizes))
    except TypeError:
        raise ShapeError(f"[shape] sizes must be integers, got {shape!r}.") from None
    if min(found, default=0) < 0:
        raise ShapeError(f"[shape] sizes must not be negative, got {shape}.")
    return found


def _dtype(dtype: DtypeLike) -> np.dtype:
    return default_dtype() if dtype is None else as_dtype(dtype)


def _leaf(array: np.ndarray, requires_grad: bool) -> Tensor:
    made = Tensor(array)
    return made.requires_grad_() if requires_grad else made


def full(shape: Shape, fill_value: float, dtype: DtypeLike = None, requires_grad: bool = False) -> Tensor:
    """A tensor filled with one value.

    >>> mg.full((2,), 7.0)
    tensor([7., 7.])
    """
    if dtype is None:
        dtype = np.asarray(fill_value).dtype if isinstance(fill_value, (bool, int)) else default_dtype()
    return _leaf(np.full(as_shape(shape), fill_value, as_dtype(dtype)), requires_grad)


def zeros(shape: Shape, dtype: DtypeLike = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros.

    >>> mg.zeros(2)
    tensor([0., 0.])
    """
    return _leaf(np.zeros(as_shape(shape), _dtype(dtype)), requires_grad)


def ones(shape: Shape, dtype: DtypeLike = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones.

    >>> mg.ones(2)
    tensor([1., 1.])
    """
    return _leaf(np.ones(as_shape(shape), _dtype(dtype)), requires_grad)


def empty(shape: Shape, dtype: DtypeLike = None, requires_grad: bool = False) -> Tensor:
    """A tensor with arbitrary contents.

    >>> mg.empty((2, 3)).shape
    (2, 3)
    """
    return _leaf(np.empty(as_shape(shape), _dtype(dtype)), requires_grad)


def full_like(x: Any, fill_value: float, dtype: DtypeLike = None) -> Tensor:
    """A tensor of x's shape (and dtype, unless given) filled with one value.

    >>> mg.full_like(mg.tensor([1, 2]), 7)
    tensor([7, 7])
    """
    x = as_operand(x)
    shape, own = (x.shape, x.dtype) if isinstance(x, Tensor) else ((), np.asarray(x).dtype)
    return Tensor(np.full(shape, fill_value, own if dtype is None else as_dtype(dtype)))


def zeros_like(x: Any, dtype: DtypeLike = None) -> Tensor:
    """Zeros of x's shape and dtype.

    >>> mg.zeros_like(mg.tensor([1.0, 2.0]))
    tensor([0., 0.])
    """
    return full_like(x, 0, dtype)


def ones_like(x: Any, dtype: DtypeLike = None) -> Tensor:
    """Ones of x's shape and dtype.

    >>> mg.ones_like(mg.tensor([1.0, 2.0]))
    tensor([1., 1.])
    """
    return full_like(x, 1, dtype)


def empty_like(x: Any, dtype: DtypeLike = None) -> Tensor:
    """A tensor of x's shape and dtype with arbitrary contents.

    >>> mg.empty_like(mg.zeros((2, 3))).shape
    (2, 3)
    """
    return full_like(x, 0, dtype)


def arange(start: float, stop: float | None = None, step: float = 1, dtype: DtypeLike = None) -> Tensor:
    """start, start + step, ... up to but without stop; arange(n) counts from 0. Integers give int64.

    >>> mg.arange(1, 7, 2)
    tensor([1, 3, 5])
    """
    if stop is None:
        start, stop = 0, start
    if dtype is None:
        dtype = np.int64 if all(isinstance(v, int) for v in (start, stop, step)) else default_dtype()
    return Tensor(np.arange(start, stop, step).astype(as_dtype(dtype)))


def linspace(start: float, stop: float, num: int, dtype: DtypeLike = None, endpoint: bool = True) -> Tensor:
    """`num` evenly spaced values from start to stop.

    >>> mg.linspace(0, 1, 3)
    tensor([0. , 0.5, 1. ])
    """
    return Tensor(np.linspace(start, stop, num, endpoint=endpoint).astype(_dtype(dtype)))


def eye(n_rows: int, n_cols: int | None = None, k: int = 0, dtype: DtypeLike = None) -> Tensor:
    """Ones on the k-th diagonal, zeros elsewhere.

    >>> mg.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    return Tensor(np.eye(n_rows, n_cols, k, dtype=_dtype(dtype)))


def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Tensor]:
    """Coordinate matrices out of 1-D coordinate vectors (NumPy's `meshgrid`); constants, without a gradient.

    >>> [a.shape for a in mg.meshgrid(mg.arange(3), mg.arange(2))]
    [(2, 3), (2, 3)]
    """
    grids = np.meshgrid(*(asarray(a).data for a in arrays), indexing=indexing)  # type: ignore[call-overload]
    return [Tensor(np.ascontiguousarray(g)) for g in grids]
