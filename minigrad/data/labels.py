"""Labels as they come (names, numbers, text) to class indices 0 .. C-1 and class names."""

import numpy as np

from minigrad.data.checks import NOT_PLAIN
from minigrad.errors import DataError


def encode_labels(
    who: str, raw: np.ndarray, class_names: tuple[str, ...] | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class indices (N,) int64 and the class names.

    raw: (N,) of numbers, which must already be indices 0 .. C-1, or of strings, which may be anything.
    class_names: the names to use; without them text is numbered in sorted order (numerically where all are whole
        numbers), and numbers are their own names, every one of 0 .. C-1 having to occur.
    Raises DataError for labels that are not whole, negative, too large, empty, or not among `class_names`.
    """
    raw = np.asarray(raw)
    if raw.dtype == object:
        raise DataError(f"[{who}] the labels are {NOT_PLAIN}.")
    if raw.ndim != 1:
        raise DataError(f"[{who}] labels must have shape (N,), got {raw.shape}; undo a one-hot encoding with argmax.")
    if raw.dtype.kind == "U":
        return _encode_text(who, raw, class_names)
    if raw.dtype.kind not in "buif":
        raise DataError(f"[{who}] labels must be whole numbers or text, got dtype {raw.dtype}.")
    return _encode_numbers(who, raw, class_names)


def _encode_text(who, raw, class_names):
    distinct, inverse = np.unique(raw, return_inverse=True)
    spelling = [_canonical(who, str(text), raw) for text in distinct]
    if class_names is None:
        class_names = tuple(sorted(set(spelling), key=_sort_key(spelling)))
    index = {name: i for i, name in enumerate(class_names)}
    for text, name in zip(distinct, spelling, strict=True):
        if name not in index:
            raise DataError(
                f"[{who}] label {str(text)!r} in row {np.argmax(raw == text)} is none of the {len(index)} classes: "
                f"{listing(class_names)}."
            )
    codes = np.array([index[name] for name in spelling], dtype=np.int64)
    return codes[inverse], class_names


def _canonical(who, text, raw):
    """One spelling for ' 3', '3' and '3.0'; names stay as they are."""
    name = text.strip()
    if not name:
        raise DataError(f"[{who}] the label in row {np.argmax(raw == text)} is empty.")
    try:
        value = float(name)
    except ValueError:
        return name
    if not value.is_integer():  # also NaN and infinities
        raise DataError(
            f"[{who}] label {name!r} in row {np.argmax(raw == text)} is no class: "
            f"labels are names or whole numbers (regression targets are not supported)."
        )
    return str(int(value))


def _sort_key(names):
    return int if all(name.lstrip("-").isdecimal() for name in names) else str


def _encode_numbers(who, raw, class_names):
    fractional = ~np.isfinite(raw) | (raw != np.floor(raw))
    if fractional.any():
        row = np.argmax(fractional)
        raise DataError(
            f"[{who}] label {raw[row]} in row {row} is not a whole number: labels are class indices 0 .. C-1."
        )
    if raw.size == 0:
        raise DataError(f"[{who}] there are no labels.")
    classes = int(raw.max()) + 1 if class_names is None else len(class_names)
    outside = (raw < 0) | (raw >= classes)
    if outside.any():
        row = np.argmax(outside)
        raise DataError(
            f"[{who}] labels must lie in 0 .. {classes - 1}: {np.count_nonzero(outside)} do not, "
            f"the first is {raw[row]} in row {row}."
        )
    if class_names is None:
        _check_no_gap(who, np.unique(raw))
        class_names = tuple(str(i) for i in range(classes))
    return raw.astype(np.int64), class_names


def _check_no_gap(who, distinct):
    """Without class names a class that never occurs is a mistake: labels from 1, or a stray 255."""
    gap = np.flatnonzero(distinct != np.arange(distinct.size))
    if gap.size:
        raise DataError(
            f"[{who}] labels run up to {distinct[-1]:.0f} but class {gap[0]} never occurs: number the classes "
            f"0 .. C-1 without gaps, give the labels as text, or store an array class_names beside them."
        )


def listing(names, limit: int = 20) -> str:
    """'a, b, c' with at most `limit` names."""
    shown = ", ".join(str(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown}, ... ({len(names)} in all)"
