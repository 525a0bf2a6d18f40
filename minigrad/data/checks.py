"""Checks that every data source shares; each failure is a DataError that says what came and the way out."""

import numpy as np

from minigrad.errors import DataError

NOT_PLAIN = (
    "Python objects, which are never unpickled (images of unequal size end up so): store one plain numeric array"
)


def as_features(who: str, x: np.ndarray) -> np.ndarray:
    """`x` as float32 of shape (N, ...), or DataError if it is not numeric, finite and at least two-dimensional."""
    x = np.asarray(x)
    if x.dtype == object:
        raise DataError(f"[{who}] x holds {NOT_PLAIN}.")
    if x.dtype.kind not in "buif":
        raise DataError(f"[{who}] x must be numeric, got dtype {x.dtype}.")
    if x.ndim < 2:
        raise DataError(f"[{who}] x must have shape (N, ...), one row a sample, got {x.shape}.")
    if x.size == 0:
        raise DataError(f"[{who}] x is empty: shape {x.shape}.")
    with np.errstate(over="ignore"):  # what overflows becomes inf and is reported below
        x = np.ascontiguousarray(x, dtype=np.float32)
    check_finite(who, x)
    return x


def check_finite(who: str, x: np.ndarray) -> None:
    """Raise DataError with count and first place if `x` (N, ...) holds a NaN or an infinity."""
    finite = np.isfinite(x)
    if finite.all():
        return
    row, *rest = np.unravel_index(np.argmin(finite), x.shape)
    column = ", ".join(str(i) for i in rest)
    raise DataError(
        f"[{who}] x holds {x.size - np.count_nonzero(finite)} NaN or infinite values out of {x.size} "
        f"(as float32), the first in row {row}, column {column}: remove or fill them."
    )


def check_same_length(who: str, x: np.ndarray, y: np.ndarray) -> None:
    """Raise DataError unless `y` has shape (N,) for `x` of shape (N, ...)."""
    if y.shape != x.shape[:1]:
        raise DataError(f"[{who}] y must have one label a sample, shape ({len(x)},), got {y.shape} for x {x.shape}.")


def check_several_classes(who: str, y: np.ndarray, class_names: tuple[str, ...]) -> None:
    """Raise DataError if all labels are equal: there is nothing to learn."""
    if y.size and (y == y[0]).all():
        raise DataError(
            f"[{who}] all {y.size} labels are of one class ({class_names[y[0]]}): a classifier needs at least two."
        )
