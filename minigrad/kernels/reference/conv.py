"""Convolution in 1, 2 or 3 spatial dimensions, and its two gradients.

All three are partial derivatives of one form, linear in the image x, the weight w and the response g,

    sum over n, o, t, c, k of   g[n, o, t] * w[o, c, k] * x[n, c, t * stride + k * dilation - low],

so the gradient of any of them is again one of them.

    x (N, C, *S)    w (O, C // groups, *K)    g (N, O, *T)

    T = (S + low + high - dilation * (K - 1) - 1) // stride + 1

`padding` holds one (low, high) pair of non-negative ints per spatial dimension, `stride` and `dilation` one int.
"""

import math

import numpy as np

from minigrad.kernels.reference.taps import pad, response_shape, tap_view
from minigrad.kernels.types import Pairs, Sizes


def conv(x: np.ndarray, w: np.ndarray, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> np.ndarray:
    """Cross-correlation: out[n, o, t] = sum over c, k of w[o, c, k] * x[n, c, t * stride + k * dilation - low]."""
    spatial = response_shape(x.shape[2:], w.shape[2:], stride, padding, dilation)
    padded = _split(pad(x, padding), groups, axis=1)
    grouped = _split(w, groups, axis=0)
    out = np.zeros((x.shape[0], groups, w.shape[0] // groups, *spatial), x.dtype)
    for tap in np.ndindex(*w.shape[2:]):
        out += np.einsum("ngc...,goc->ngo...", tap_view(padded, tap, spatial, stride, dilation), grouped[..., *tap])
    return out.reshape(x.shape[0], w.shape[0], *spatial)


def conv_input_grad(
    g: np.ndarray, w: np.ndarray, spatial: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> np.ndarray:
    """The gradient of sum(g * conv(x, w)) with respect to x (N, C, *spatial): the transposed convolution of g."""
    channels = w.shape[1] * groups
    grad = np.zeros((g.shape[0], channels, *spatial), g.dtype)
    padded = _split(pad(grad, padding), groups, axis=1)
    grouped, response = _split(w, groups, axis=0), _split(g, groups, axis=1)
    for tap in np.ndindex(*w.shape[2:]):
        view = tap_view(padded, tap, g.shape[2:], stride, dilation)
        view += np.einsum("ngo...,goc->ngc...", response, grouped[..., *tap])
    inside = tuple(slice(low, low + size) for (low, _), size in zip(padding, spatial))
    return padded[:, :, :, *inside].reshape(grad.shape)


def conv_weight_grad(
    x: np.ndarray, g: np.ndarray, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> np.ndarray:
    """The gradient of sum(g * conv(x, w)) with respect to w (O, C // groups, *kernel)."""
    filters, channels = g.shape[1], x.shape[1] // groups
    padded, response = _split(pad(x, padding), groups, axis=1), _split(g, groups, axis=1)
    grad = np.zeros((groups, filters // groups, channels, *kernel), x.dtype)
    for tap in np.ndindex(*kernel):
        view = tap_view(padded, tap, g.shape[2:], stride, dilation)
        grad[..., *tap] = np.einsum("ngot,ngct->goc", _flat(response), _flat(view))
    return grad.reshape(filters, channels, *kernel)


def _split(array, groups, axis):
    """Split one axis into (groups, size // groups)."""
    shape = array.shape
    return array.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def _flat(array):
    """(N, groups, channels, *T) with its spatial dimensions as one."""
    return array.reshape(*array.shape[:3], math.prod(array.shape[3:]))
