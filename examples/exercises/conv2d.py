"""Convolution of images, as networks mean it: a window slides over the padded image, the kernel is not flipped.

    xp = x with `pad` zeros on each of the four sides
    out[n, f, h, v] = b[f] + sum over c, i, j of xp[n, c, h * stride + i, v * stride + j] * w[f, c, i, j]

    x: (N, C, H, W)   w: (F, C, I, J)   b: (F,)
    out: (N, F, out_H, out_W) with out_H = 1 + (H + 2 pad - I) // stride, out_W = 1 + (W + 2 pad - J) // stride

Write `backward`. Loops are fine. One way: for each (i, j) of the kernel, the part of xp that w[:, :, i, j] meets is
xp[:, :, i : i + stride * out_H : stride, j : j + stride * out_W : stride]. Windows overlap, so an element of xp
collects from several of them; at the end cut the padding off. Rows that no window reaches have gradient 0.
"""

import numpy as np


def forward(x, w, b, stride, pad):
    """Returns out, and (xp, w, stride, pad) for `backward`."""
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(xp, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchvij,fcij->nfhv", windows, w) + b[:, None, None], (xp, w, stride, pad)


def backward(dout, cache):
    """dout: the shape of out.  cache: (xp, w, stride, pad).  Returns dx (N, C, H, W), dw (F, C, I, J), db (F,)."""
    raise NotImplementedError("conv2d: write backward here and return dx, dw, db.")
