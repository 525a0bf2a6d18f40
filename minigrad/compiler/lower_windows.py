"""Windows and convolutions in terms of padding, views, copies and matrix products.

A convolution is one large product for each group: filters (O, C K) times columns (C K, N T), where the columns are a
copy of all windows of the padded image. The gradient in the filters reuses the columns; the gradient in the image is,
at stride 1, a convolution with the filters turned around.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler.graph import Op, Value
from minigrad.compiler.rewrite import Builder


def padded(build: Builder, x: Value, padding: tuple) -> Value:
    """Zeros around the spatial axes; none are left out."""
    if not any(map(any, padding)):
        return x
    return build("pad_constant", x, widths=((0, 0), (0, 0), *padding), value=0.0 if x.dtype.kind == "f" else 0)


def windows(build: Builder, op: Op, x: Value) -> Value:
    """A view of the padded image."""
    p = op.params
    x = padded(build, x, p["padding"])
    return build("window_view", x, window=p["window"], stride=p["stride"], dilation=p["dilation"])


def fold_windows(build: Builder, op: Op, cols: Value) -> Value:
    """The windows added to a padded image, tap after tap; then the image without its border."""
    p = op.params
    dims = len(p["spatial"])
    axes = (*range(2 + dims, 2 + 2 * dims), *range(2 + dims))  # the taps first: the inner loops run over positions
    taps_first = build("permute", cols, axes=axes)
    return unpadded(build, taps_first, p["spatial"], cols.shape[2 + dims :], p)


def unpadded(build: Builder, taps: Value, spatial: tuple, window: tuple, p: dict) -> Value:
    """The image (N, C, *spatial) under windows (*window, N, C, *T)."""
    dims = len(spatial)
    n, c = taps.shape[dims : dims + 2]
    full = tuple(low + s + high for s, (low, high) in zip(spatial, p["padding"]))
    view = {"window": window, "stride": p["stride"], "dilation": p["dilation"]}
    image = build("fold_view", taps, shape=(n, c, *full), windows=view)
    if full == tuple(spatial):
        return image
    inside = tuple(slice(low, low + s) for s, (low, _) in zip(spatial, p["padding"]))
    return build("slice_of", image, key=(slice(None), slice(None), *inside))


def max_indices(build: Builder, op: Op, x: Value) -> Value:
    """Loops over windows given by tables of first taps and counts, which become inputs."""
    p = op.params
    tables = [build.constant(np.array(axis, np.int64)) for part in ("starts", "counts") for axis in p[part]]
    return build("max_taps", x, *tables, counts=tuple(map(len, p["starts"])), dilation=p["dilation"])


# ---- convolution


def columns(build: Builder, x: Value, window: tuple, groups: int, p: dict) -> Value:
    """All windows as a matrix for each group: (groups, C / groups * K, N * T)."""
    dims = len(window)
    seen = build(
        "window_view", padded(build, x, p["padding"]), window=window, stride=p["stride"], dilation=p["dilation"]
    )
    axes = (1, *range(2 + dims, 2 + 2 * dims), 0, *range(2, 2 + dims))
    taps = build("permute", seen, axes=axes)  # (C, *K, N, *T)
    rows = x.shape[1] // groups * math.prod(window)
    return build("reshape_to", taps, shape=(groups, rows, taps.shape[1 + dims] * math.prod(taps.shape[2 + dims :])))


def filters(build: Builder, w: Value, groups: int) -> Value:
    """The weight as a matrix for each group: (groups, O / groups, C / groups * K)."""
    return build("reshape_to", w, shape=(groups, w.shape[0] // groups, math.prod(w.shape[1:])))


def responses(build: Builder, g: Value, groups: int) -> Value:
    """(N, O, *T) as a matrix for each group: (groups, O / groups, N * T)."""
    n, o, *t = g.shape
    by_channel = build("permute", g, axes=(1, 0, *range(2, len(g.shape))))
    return build("reshape_to", by_channel, shape=(groups, o // groups, n * math.prod(t)))


def images(build: Builder, rows: Value, channels: int, n: int, spatial: tuple) -> Value:
    """The inverse of `responses`."""
    by_channel = build("reshape_to", rows, shape=(channels, n, *spatial))
    return build("permute", by_channel, axes=(1, 0, *range(2, 2 + len(spatial))))


def convolve(build: Builder, op: Op, x: Value, w: Value) -> Value:
    """Filters times columns."""
    return correlation(build, x, w, op.params, op.outputs[0].shape[2:])


def correlation(build: Builder, x: Value, w: Value, p: dict, spatial: tuple) -> Value:
    """The convolution of x with w, of these spatial sizes."""
    groups = p["groups"]
    out = build("matmul2", filters(build, w, groups), columns(build, x, w.shape[2:], groups, p))
    return images(build, out, w.shape[0], x.shape[0], spatial)


def convolve_weight(build: Builder, op: Op, x: Value, g: Value) -> Value:
    """Responses times columns."""
    p, window = op.params, op.params["kernel"]
    groups = p["groups"]
    out = build("matmul2", responses(build, g, groups), columns(build, x, window, groups, p), tb=True)
    return build("reshape_to", out, shape=op.outputs[0].shape)


def convolve_input(build: Builder, op: Op, g: Value, w: Value) -> Value:
    """A convolution with turned filters where it can be one, else the columns' gradient folded back."""
    p = op.params
    reach = [d * (k - 1) for k, d in zip(w.shape[2:], p["dilation"])]
    border = tuple((r - low, r - high) for r, (low, high) in zip(reach, p["padding"]))
    if all(s == 1 for s in p["stride"]) and min(map(min, border)) >= 0:
        exact = all(
            t + r == s + low + high for t, r, s, (low, high) in zip(g.shape[2:], reach, p["spatial"], p["padding"])
        )
        if exact:
            return correlation(build, g, turned(build, w, p["groups"]), {**p, "padding": border}, p["spatial"])
    return folded(build, g, w, p)


def turned(build: Builder, w: Value, groups: int) -> Value:
    """Filters (O, C / groups, *K) with their taps reversed and in- and outputs exchanged: (C, O / groups, *K)."""
    o, c, *window = w.shape
    spatial = range(3, 3 + len(window))
    backwards = build("reverse", w, axes=tuple(range(2, 2 + len(window))))
    grouped = build("reshape_to", build("copy", backwards), shape=(groups, o // groups, c, *window))
    return build(
        "reshape_to", build("permute", grouped, axes=(0, 2, 1, *spatial)), shape=(groups * c, o // groups, *window)
    )


def folded(build: Builder, g: Value, w: Value, p: dict[str, Any]) -> Value:
    """Turned filters times responses: the gradient of the columns, added up where windows overlap."""
    groups, window, dims = p["groups"], w.shape[2:], len(w.shape) - 2
    cols = build("matmul2", filters(build, w, groups), responses(build, g, groups), ta=True)
    n, channels = g.shape[0], w.shape[1] * groups
    taps = build("reshape_to", cols, shape=(channels, *window, n, *g.shape[2:]))
    axes = (*range(1, 1 + dims), 1 + dims, 0, *range(2 + dims, 2 + 2 * dims))
    return unpadded(build, build("permute", taps, axes=axes), p["spatial"], window, p)


RULES: dict[str, Callable] = {
    "windows": windows,
    "fold_windows": fold_windows,
    "max_indices": max_indices,
    "convolve": convolve,
    "convolve_input": convolve_input,
    "convolve_weight": convolve_weight,
}
