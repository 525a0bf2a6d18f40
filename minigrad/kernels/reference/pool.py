"""Where each pooling window has its maximum."""

import math
from itertools import product

import numpy as np

from minigrad.kernels.types import Sizes


def max_pool_indices(
    x: np.ndarray, starts: tuple[np.ndarray, ...], counts: tuple[np.ndarray, ...], dilation: Sizes
) -> np.ndarray:
    """Flat index, among the spatial positions of x (N, C, *S), of the first maximum of each window: int64 (N, C, *T).

    Along spatial dimension i, window t has the taps starts[i][t] + k * dilation[i] for k in range(counts[i][t]); starts
    and counts are int64 arrays of length T_i. Taps outside x are skipped; every window has one inside. NaN counts as
    the maximum. Windows given one by one serve regular, ceil-mode and adaptive pooling alike.
    """
    batch, channels, *spatial = x.shape
    taps = [
        [[p for p in range(a, a + n * d, d) if 0 <= p < size] for a, n in zip(start, count)]
        for start, count, d, size in zip(starts, counts, dilation, spatial)
    ]
    flat = x.reshape(batch, channels, math.prod(spatial))
    out = np.zeros((batch, channels, *map(len, starts)), np.int64)
    for t in np.ndindex(*out.shape[2:]):
        inside = [np.ravel_multi_index(p, spatial) for p in product(*(axis[i] for axis, i in zip(taps, t)))]
        positions = np.asarray(inside, np.int64)
        out[..., *t] = positions[flat[..., positions].argmax(-1)]  # argmax: the first maximum, NaN above all
    return out
