"""Comma-separated tables: a header line, then one sample a line; one column holds the labels, the others numbers."""

import csv
import io
from collections import Counter
from pathlib import Path

import numpy as np

from minigrad.data.gzipped import read_bytes
from minigrad.data.labels import listing
from minigrad.errors import DataError


def read_table(path: str | Path, label: str, delimiter: str = ",", need_labels: bool = True):
    """The features (N, columns) float32, the labels (N,) as text, and the names of the feature columns.

    The labels are None if the table has no column `label` and `need_labels` is False.
    Raises DataError naming line and column of the first cell that is not a finite number.
    """
    rows = csv.reader(io.StringIO(_decode(path), newline=""), delimiter=delimiter)
    try:
        header = [name.strip() for name in next(rows)]
        _check_header(path, header, label, need_labels)
        numbered = [(rows.line_num, cells) for cells in rows if cells]  # blank lines are no samples
    except csv.Error as error:
        raise DataError(f"[load] {path}, line {rows.line_num}: {error}.") from error
    if not numbered:
        raise DataError(f"[load] {str(path)!r} has a header but no samples.")
    labels = _take_labels(path, header, numbered, label)
    return _numbers(path, header, numbered), labels, tuple(header)


def _decode(path):
    content = read_bytes(path)
    if not content.strip():
        raise DataError(f"[load] {str(path)!r} is empty.")
    try:
        return content.decode("utf-8-sig").lstrip()
    except UnicodeDecodeError as error:
        raise DataError(f"[load] {str(path)!r} is not UTF-8 text ({error.reason} at byte {error.start}).") from error


def _check_header(path, header, label, need_labels):
    name, count = Counter(header).most_common(1)[0]
    if count > 1:
        raise DataError(f"[load] {str(path)!r} has {count} columns of the name {name!r}.")
    if need_labels and label not in header:
        raise DataError(
            f"[load] {str(path)!r} has no column {label!r}; its first line names: {listing(header)}. "
            f"Say which column holds the labels: label=... (--label)."
        )
    if header == [label]:
        raise DataError(f"[load] {str(path)!r} has no feature columns beside {label!r}.")


def _take_labels(path, header, numbered, label):
    """Remove the label column from header and rows and return it; None if there is none."""
    for line, cells in numbered:
        if len(cells) != len(header):
            raise DataError(f"[load] {path}, line {line}: {len(cells)} cells, but the header has {len(header)}.")
    if label not in header:
        return None
    at = header.index(label)
    del header[at]
    return np.array([cells.pop(at) for _, cells in numbered])


def _numbers(path, header, numbered):
    x = np.empty((len(numbered), len(header)), dtype=np.float32)
    with np.errstate(over="ignore"):  # what overflows becomes inf and is reported below
        for row, (line, cells) in zip(x, numbered, strict=True):
            try:
                row[:] = [float(cell) for cell in cells]
            except ValueError:
                column, cell = next(pair for pair in zip(header, cells, strict=True) if not _is_number(pair[1]))
                raise DataError(f"[load] {path}, line {line}, column {column!r}: {cell!r} is not a number.") from None
    finite = np.isfinite(x)
    if not finite.all():
        row, column = np.unravel_index(np.argmin(finite), x.shape)
        raise DataError(
            f"[load] {path} holds {x.size - np.count_nonzero(finite)} NaN or infinite values (as float32), the first "
            f"in line {numbered[row][0]}, column {header[column]!r}: remove or fill them."
        )
    return x


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True
