"""The dtypes, the default float dtype, and how dtypes promote.

Promotion follows the Python Array API standard, with two additions every deep-learning user expects: Python scalars are
*weak* (`x + 2.5` keeps float32), and an integer or boolean array meeting a float array takes the float's dtype.
float16 is for storage: convert it before computing.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import numpy as np
import numpy.typing as npt

from minigrad.errors import DtypeError

DtypeLike = npt.DTypeLike | None

float16 = np.dtype("float16")
float32 = np.dtype("float32")
float64 = np.dtype("float64")
int8 = np.dtype("int8")
int16 = np.dtype("int16")
int32 = np.dtype("int32")
int64 = np.dtype("int64")
uint8 = np.dtype("uint8")
bool_ = np.dtype("bool")

SUPPORTED = (float32, float64, float16, int8, int16, int32, int64, uint8, bool_)
_default: ContextVar[np.dtype] = ContextVar("default_dtype", default=float32)


class set_default_dtype:
    """Set the dtype that Python floats get when they become tensors; as a context manager, only inside the block.

    dtype: float32 or float64.  Raises DtypeError otherwise.  Holds for the current thread or async task.

    >>> with mg.set_default_dtype(mg.float64):
    ...     mg.tensor([1.0]).dtype
    dtype('float64')
    """

    def __init__(self, dtype: DtypeLike) -> None:
        dtype = as_dtype(dtype)
        if dtype not in (float32, float64):
            raise DtypeError(f"[set_default_dtype] expected float32 or float64, got {dtype}.")
        self._previous = _default.get()
        _default.set(dtype)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: object) -> None:
        _default.set(self._previous)


def default_dtype() -> np.dtype:
    """The dtype that Python floats get: float32 unless `set_default_dtype` changed it.

    >>> mg.default_dtype()
    dtype('float32')
    """
    return _default.get()


def as_dtype(dtype: DtypeLike) -> np.dtype:
    """The supported NumPy dtype that `dtype` names; `float` means the default float dtype.

    Raises DtypeError for complex, string, object and the other dtypes minigrad does not have.
    """
    if dtype is float:
        return _default.get()
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise DtypeError(f"[dtype] {dtype!r} names no dtype; supported are {_list()}.") from None
    if found not in SUPPORTED:
        raise DtypeError(f"[dtype] {found} is not supported; supported are {_list()}.")
    return found


def result_type(*operands: Any) -> np.dtype:
    """The dtype an operation on these tensors, arrays, dtypes and Python scalars computes in.

    >>> mg.result_type(mg.float32, mg.int64, 2.5)
    dtype('float32')
    """
    weak = [x for x in operands if isinstance(x, (bool, int, float))]
    strong = [_dtype_of(x) for x in operands if not isinstance(x, (bool, int, float))]
    floats = [d for d in strong if d.kind == "f"]
    if floats:
        return np.result_type(*floats)
    if any(isinstance(x, float) for x in weak):
        return _default.get()
    dtype = np.result_type(*strong) if strong else bool_
    if dtype == bool_ and any(not isinstance(x, bool) for x in weak):
        return int64
    return dtype


def can_cast(source: Any, to: DtypeLike) -> bool:
    """Whether every value of dtype `source` has its place in dtype `to` (Array API `can_cast`).

    >>> mg.can_cast(mg.float32, mg.float64), mg.can_cast(mg.float64, mg.float32)
    (True, False)
    """
    return bool(np.can_cast(_dtype_of(source), as_dtype(to)))


def finfo(dtype: DtypeLike) -> np.finfo:
    """Machine limits of a float dtype (NumPy's `finfo`).

    >>> float(mg.finfo(mg.float32).eps)
    1.1920928955078125e-07
    """
    return np.finfo(as_dtype(dtype))


def iinfo(dtype: DtypeLike) -> np.iinfo:
    """Limits of an integer dtype (NumPy's `iinfo`).

    >>> mg.iinfo(mg.int8).max
    127
    """
    return np.iinfo(as_dtype(dtype))


def _dtype_of(x: Any) -> np.dtype:
    return as_dtype(getattr(x, "dtype", x))


def _list() -> str:
    return ", ".join(map(str, SUPPORTED))
