"""First-order linear recurrences in numba: the twin of reference/recurrence.py."""

import math

import numpy as np
from numba import njit


@njit(cache=True)  # no "contract": a fused multiply-add would round differently from the reference
def _recur_rows(a, b, s):
    """a, b, s: (rows, n).  Rows are independent, each is serial: 2 flops for 3 elements moved."""
    rows, n = b.shape
    for row in range(rows):
        last = s[row, 0] = b[row, 0]
        for i in range(1, n):
            last = a[row, i] * last + b[row, i]
            s[row, i] = last


def linear_recurrence(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """s[..., 0] = b[..., 0];  s[..., i] = a[..., i] * s[..., i-1] + b[..., i].  a[..., 0] is not read."""
    s = np.empty(b.shape, b.dtype)
    if s.size:
        rows = (math.prod(b.shape[:-1]), b.shape[-1])
        _recur_rows(np.ascontiguousarray(a).reshape(rows), np.ascontiguousarray(b).reshape(rows), s.reshape(rows))
    return s
