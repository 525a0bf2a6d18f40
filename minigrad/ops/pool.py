"""Windows over 1, 2 and 3 spatial dimensions: what pooling is made of.

`windows` and `fold_windows` are adjoint, so each is the other's gradient; average pooling is a mean over windows.
`max_indices` says where the maxima are; max pooling gathers there, and the gradient scatters back.
"""

from __future__ import annotations

import functools

import numpy as np

from minigrad import kernels
from minigrad.engine import primitive


@primitive(kind="window")
def windows(x, *, window, stride, padding, dilation):
    """All windows of x (N, C, *S), zero padded: (N, C, *T, *window), T as for a convolution."""
    return kernels.windows(x, window, stride, padding, dilation)


@primitive(kind="window")
def fold_windows(cols, *, spatial, stride, padding, dilation):
    """The adjoint of `windows`: (N, C, *spatial), each element the sum of its copies."""
    return kernels.fold_windows(cols, spatial, stride, padding, dilation)


def _window(cols, spatial):
    return cols.shape[2 + len(spatial) :]


windows.defvjp(lambda g, out, x, window, **p: fold_windows(g, spatial=x.shape[2:], **p))
fold_windows.defvjp(lambda g, out, cols, spatial, **p: windows(g, window=_window(cols, spatial), **p))


@primitive(kind="window")
def max_indices(x, *, starts, counts, dilation):
    """Flat index, among the spatial positions of x (N, C, *S), of the first maximum of each window: (N, C, *T).

    Window t has the taps starts[i][t] + k dilation[i], k < counts[i][t], along dimension i; taps outside are skipped.
    starts and counts are tuples of tuples of ints.
    """
    return kernels.max_pool_indices(x, *_as_arrays(starts, counts), dilation)


@functools.lru_cache(64)
def _as_arrays(starts, counts):
    return [tuple(np.asarray(axis, np.int64) for axis in part) for part in (starts, counts)]
