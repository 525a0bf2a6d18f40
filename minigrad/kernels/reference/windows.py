"""Sliding windows in 1, 2 or 3 spatial dimensions, laid out side by side, and the adjoint that sums them back."""

import numpy as np

from minigrad.kernels.reference.taps import pad, response_shape, tap_view
from minigrad.kernels.types import Pairs, Sizes


def windows(x: np.ndarray, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> np.ndarray:
    """Copies of all windows of x (N, C, *S), zero padded: (N, C, *T, *window), T as for a convolution.

    out[n, c, t, k] = x[n, c, t * stride + k * dilation - low]
    """
    spatial = response_shape(x.shape[2:], window, stride, padding, dilation)
    padded = pad(x, padding)
    out = np.zeros((*x.shape[:2], *spatial, *window), x.dtype)
    for tap in np.ndindex(*window):
        out[..., *tap] = tap_view(padded, tap, spatial, stride, dilation)
    return out


def fold_windows(cols: np.ndarray, spatial: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> np.ndarray:
    """The adjoint of `windows`: x (N, C, *spatial), each element the sum of its copies in cols (N, C, *T, *window)."""
    dims = len(spatial)
    count, window = cols.shape[2 : 2 + dims], cols.shape[2 + dims :]
    padded = pad(np.zeros((*cols.shape[:2], *spatial), cols.dtype), padding)
    for tap in np.ndindex(*window):
        view = tap_view(padded, tap, count, stride, dilation)
        view += cols[..., *tap]
    inside = tuple(slice(low, low + size) for (low, _), size in zip(padding, spatial))
    return padded[:, :, *inside].copy()
