"""Convolution of images: the solution, and mistakes that are easy to make."""

import numpy as np


def backward(dout, cache):
    """dout: the shape of out.  Returns dx (N, C, H, W), dw (F, C, I, J), db (F,)."""
    xp, w, stride, pad = cache
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i, j in np.ndindex(w.shape[2:]):
        met = part_of_image(i, j, dout, stride)
        dxp[met] += np.einsum("nfhv,fc->nchv", dout, w[:, :, i, j])
        dw[:, :, i, j] = np.einsum("nfhv,nchv->fc", dout, xp[met])
    return cut(dxp, pad), dw, dout.sum(axis=(0, 2, 3))


def part_of_image(i, j, dout, stride):
    """The part of the padded image that the kernel's element (i, j) meets, as an index."""
    rows, columns = dout.shape[2:]
    return (..., slice(i, i + stride * rows, stride), slice(j, j + stride * columns, stride))


def cut(dxp, pad):
    """The image without its padding."""
    return dxp[:, :, pad : dxp.shape[2] - pad, pad : dxp.shape[3] - pad]


def overwritten(dout, cache):
    """dx with `=` where `+=` belongs, in a loop over the kernel."""
    xp, w, stride, pad = cache
    dxp = np.zeros_like(xp)
    for i, j in np.ndindex(w.shape[2:]):
        dxp[part_of_image(i, j, dout, stride)] = np.einsum("nfhv,fc->nchv", dout, w[:, :, i, j])
    return cut(dxp, pad)


def overwritten_by_window(dout, cache):
    """The same in a loop over the windows, and over the filters inside: the last of both stays."""
    xp, w, stride, pad = cache
    dxp = np.zeros_like(xp)
    for h, v in np.ndindex(dout.shape[2:]):
        window = (..., slice(h * stride, h * stride + w.shape[2]), slice(v * stride, v * stride + w.shape[3]))
        dxp[window] = dout[:, -1, h, v][:, None, None, None] * w[-1]
    return cut(dxp, pad)


def turned(dout, cache):
    """dx with the kernel turned by 180 degrees."""
    xp, w, stride, pad = cache
    return backward(dout, (xp, w[:, :, ::-1, ::-1], stride, pad))[0]


def without_stride(dout, cache):
    """All gradients as if the window moved by one."""
    xp, w, _, pad = cache
    return backward(dout, (xp, w, 1, pad))


def with_padding(dout, cache):
    """dx with the padding left on."""
    xp, w, stride, _ = cache
    return backward(dout, (xp, w, stride, 0))[0]


def cut_at_one_end(dout, cache):
    """dx with all of the padding cut off at the end."""
    pad = cache[3]
    dxp = with_padding(dout, cache)
    return dxp[:, :, : dxp.shape[2] - 2 * pad, : dxp.shape[3] - 2 * pad]


IGNORED = "{} ignores the stride: neighbours in out are `stride` apart in xp."
ASSIGNED = "windows overlap: add to an element of dx (+=) instead of assigning to it."

MISTAKES = (
    (
        "x",
        turned,
        "the kernel is flipped the wrong way: it is turned by 180 degrees if dx is a correlation over dout, and not "
        "at all if each window of dx gets its part of dout.",
    ),
    ("x", overwritten, ASSIGNED),
    ("x", overwritten_by_window, ASSIGNED),
    ("x", with_padding, "the padding is still on dx: cut `pad` rows and columns off each side."),
    ("x", cut_at_one_end, "the padding is cut off at one end only: it stands on all four sides."),
    (
        "w",
        lambda dout, cache: backward(dout, cache)[1][:, :, ::-1, ::-1],
        "dw is flipped: its element (i, j) comes from the part of xp that begins at (i, j).",
    ),
    ("x", lambda dout, cache: without_stride(dout, cache)[0], IGNORED.format("dx")),
    ("w", lambda dout, cache: without_stride(dout, cache)[1], IGNORED.format("dw")),
    (
        "w",
        lambda dout, cache: backward(dout, cache)[1] / len(dout),
        "dw is a mean over the batch: forward takes none, so sum.",
    ),
    ("b", lambda dout, cache: dout.sum(axis=(2, 3)), "db is not summed over the batch: all N images share the one b."),
    ("b", lambda dout, cache: dout.sum(axis=0), "db is not summed over the positions: all of them share the one b."),
    ("b", lambda dout, cache: dout.mean(axis=(0, 2, 3)), "db is a mean: forward takes none, so sum."),
)
