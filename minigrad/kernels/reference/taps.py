"""Sliding windows as strided views: tap k of window t looks at input position t * stride + k * dilation - low."""

import numpy as np


def response_shape(spatial, window, stride, padding, dilation):
    """The number of windows along each spatial dimension."""
    dims = zip(spatial, window, stride, padding, dilation)
    return tuple((s + low + high - d * (k - 1) - 1) // step + 1 for s, k, step, (low, high), d in dims)


def pad(x, padding):
    """A zero-padded copy of x in its spatial dimensions."""
    return np.pad(x, [(0, 0), (0, 0), *padding])


def tap_view(padded, tap, count, stride, dilation):
    """What tap `tap` sees: a view of the trailing dimensions of `padded`, one element for each of `count` windows."""
    starts = [k * d for k, d in zip(tap, dilation)]
    return padded[..., *(slice(a, a + (n - 1) * s + 1, s) if n else slice(0) for a, n, s in zip(starts, count, stride))]
