"""Gathers and scatter-adds in numba: the twins of reference/scatter.py."""

import math

import numpy as np
from numba import njit

OK = -1


@njit(cache=True)
def _add_rows(out, index, values):
    """out (outer, size, inner) += values (outer, K, inner) by rows.  Serial over K: rows may collide.

    Returns OK or the bad k.
    """
    size = out.shape[1]
    for o in range(out.shape[0]):
        for k in range(index.size):
            row = index[k] + size if index[k] < 0 else index[k]
            if not 0 <= row < size:
                return k
            for j in range(out.shape[2]):
                out[o, row, j] += values[o, k, j]
    return OK


@njit(cache=True)
def _add_along(out, index, values):
    """out (outer, size, inner) += values (outer, K, inner) at index.  Returns OK or the flat place of the bad index."""
    outer, count, inner = index.shape
    size = out.shape[1]
    for o in range(outer):
        for k in range(count):
            for j in range(inner):
                i = index[o, k, j]
                if i < 0:
                    i += size
                if not 0 <= i < size:
                    return (o * count + k) * inner + j
                out[o, i, j] += values[o, k, j]
    return OK


@njit(cache=True)
def _take_along(x, index, out):
    """out (outer, K, inner) = x (outer, size, inner) at index.  Returns OK or the flat place of the bad index."""
    outer, count, inner = index.shape
    size = x.shape[1]
    for o in range(outer):
        for k in range(count):
            for j in range(inner):
                i = index[o, k, j]
                if i < 0:
                    i += size
                if not 0 <= i < size:
                    return (o * count + k) * inner + j
                out[o, k, j] = x[o, i, j]
    return OK


def _raise_if_bad(place, index, axis, size):
    if place != OK:
        raise IndexError(f"index {index.flat[place]} is out of bounds for axis {axis} with size {size}")


def index_add(shape: tuple[int, ...], index: np.ndarray, values: np.ndarray, axis: int) -> np.ndarray:
    """out = zeros(shape); out[..., index[k], ...] += values[..., k, ...].  index: (K,) int64."""
    out = np.zeros(shape, values.dtype)
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    # Contiguous arrays only: one compiled version per dtype, whatever the strides.
    rows = np.ascontiguousarray(values).reshape(outer, index.size, inner)
    place = _add_rows(out.reshape(outer, shape[axis], inner), np.ascontiguousarray(index), rows)
    _raise_if_bad(place, index, axis, shape[axis])
    return out


def take_along_axis(x: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    """out[..., k, ...] = x[..., index[..., k, ...], ...], for x and index whose shapes differ in `axis` only."""
    axis %= x.ndim
    outer, inner = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    out = np.empty(index.shape, x.dtype)
    blocks = (outer, index.shape[axis], inner)
    flat = np.ascontiguousarray(x).reshape(outer, x.shape[axis], inner)
    place = _take_along(flat, np.ascontiguousarray(index).reshape(blocks), out.reshape(blocks))
    _raise_if_bad(place, index, axis, x.shape[axis])
    return out


def scatter_add_along_axis(shape: tuple[int, ...], index: np.ndarray, values: np.ndarray, axis: int) -> np.ndarray:
    """out = zeros(shape); out[..., index[..., k, ...], ...] += values[..., k, ...].  Adjoint of np.take_along_axis."""
    axis %= len(shape)
    index = np.ascontiguousarray(np.broadcast_to(index, values.shape))
    blocks = (math.prod(values.shape[:axis]), values.shape[axis], math.prod(values.shape[axis + 1 :]))
    out = np.zeros((*values.shape[:axis], shape[axis], *values.shape[axis + 1 :]), values.dtype)
    flat = out.reshape(blocks[0], shape[axis], blocks[2])
    place = _add_along(flat, index.reshape(blocks), np.ascontiguousarray(values).reshape(blocks))
    _raise_if_bad(place, index, axis, shape[axis])
    broadcast = tuple(d for d, size in enumerate(shape) if size != out.shape[d])
    return out.sum(axis=broadcast, keepdims=True, dtype=out.dtype) if broadcast else out
