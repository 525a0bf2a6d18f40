"""First-order linear recurrences: cumulative sums and products, their gradients, moving averages."""

import numpy as np


def linear_recurrence(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """s[..., 0] = b[..., 0];  s[..., i] = a[..., i] * s[..., i-1] + b[..., i].  a[..., 0] is not read.

    a, b: (..., n), of one float dtype, in which the sum is kept.  Returns (..., n).
    """
    s = b.copy()
    for i in range(1, b.shape[-1]):
        s[..., i] += a[..., i] * s[..., i - 1]
    return s
