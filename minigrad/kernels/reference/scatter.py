"""A gather, and scatter-adds, the adjoints of gathers: an index that occurs k times gets the sum of k contributions.

Indices follow NumPy: a negative one counts from the end, one out of range raises IndexError. The order in which the
contributions to one output element are added depends on the shapes alone.
"""

from typing import Any

import numpy as np


def index_add(shape: tuple[int, ...], index: np.ndarray, values: np.ndarray, axis: int) -> np.ndarray:
    """out = zeros(shape); out[..., index[k], ...] += values[..., k, ...].  Adjoint of x[..., index, ...].

    index: (K,) int64.  values: `shape` with K along `axis`, which is not negative.  Returns shape, of values' dtype.
    """
    out = np.zeros(shape, values.dtype)
    key: Any = (*(slice(None),) * axis, index)
    np.add.at(out, key, values)
    return out


def take_along_axis(x: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    """out[..., k, ...] = x[..., index[..., k, ...], ...], for x and index whose shapes differ in `axis` only."""
    return np.take_along_axis(x, index, axis)


def scatter_add_along_axis(shape: tuple[int, ...], index: np.ndarray, values: np.ndarray, axis: int) -> np.ndarray:
    """out = zeros(shape); out[..., index[..., k, ...], ...] += values[..., k, ...].  Adjoint of np.take_along_axis.

    values has the shape of take_along_axis(x, index, axis). `shape`, `index`, `values` have the same rank; outside of
    `axis` the first two broadcast to the third.  Returns shape, of values' dtype.
    """
    out = np.zeros(shape, values.dtype)
    position = list(np.ix_(*(np.arange(size) for size in shape)))
    position[axis] = index
    np.add.at(out, tuple(position), values)
    return out
