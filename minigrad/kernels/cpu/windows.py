"""Sliding windows in numba: the twins of reference/windows.py."""

import functools

import numpy as np
from numba import carray, cfunc, from_dtype, njit, types

from minigrad.kernels.cpu.launch import launch, record, sources, workers_for
from minigrad.kernels.cpu.memory import address, array_at

PLAN = np.dtype(
    [
        ("x", np.int64),  # address of x or its gradient (planes, *space)
        ("windows", np.int64),  # address of the windows (planes, *out, *window)
        ("planes", np.int64),
        ("space", np.int64, 3),
        ("out", np.int64, 3),
        ("window", np.int64, 3),
        ("stride", np.int64, 3),
        ("low", np.int64, 3),
        ("dilation", np.int64, 3),
    ]
)
_RECORD = from_dtype(PLAN)
_TILE = types.void(types.CPointer(_RECORD), types.int64, types.int64, types.int64)


@njit
def _plane(plan, tile, element):
    """Plane number `tile`: x (*space) and its windows (*out, *window)."""
    space = (plan.planes, plan.space[0], plan.space[1], plan.space[2])
    out, window = plan.out, plan.window
    windows = (plan.planes, out[0], out[1], out[2], window[0], window[1], window[2])
    return array_at(plan.x, space, element)[tile], array_at(plan.windows, windows, element)[tile]


@njit
def _three(field):
    """A field of the plan as a tuple, which unlike the field no store can change."""
    return field[0], field[1], field[2]


@njit
def _read_window(x, corner, dilation, window):
    """window[k] = x[corner + k * dilation], 0 outside."""
    for k0 in range(window.shape[0]):
        i = corner[0] + k0 * dilation[0]
        for k1 in range(window.shape[1]):
            j = corner[1] + k1 * dilation[1]
            inside = 0 <= i < x.shape[0] and 0 <= j < x.shape[1]
            for k2 in range(window.shape[2]):
                k = corner[2] + k2 * dilation[2]
                window[k0, k1, k2] = x[i, j, k] if inside and 0 <= k < x.shape[2] else 0


@njit
def _add_window(x, corner, dilation, window):
    """The adjoint of `_read_window`: add each tap to the element that it was read from."""
    for k0 in range(window.shape[0]):
        i = corner[0] + k0 * dilation[0]
        for k1 in range(window.shape[1]):
            j = corner[1] + k1 * dilation[1]
            if 0 <= i < x.shape[0] and 0 <= j < x.shape[1]:
                for k2 in range(window.shape[2]):
                    k = corner[2] + k2 * dilation[2]
                    if 0 <= k < x.shape[2]:
                        x[i, j, k] += window[k0, k1, k2]


@functools.cache
def _windows_tile(dtype, adjoint):
    """Read every window of plane number `tile`, or with `adjoint` add it back.  One pass over the windows."""
    element, version = from_dtype(dtype), sources()

    @cfunc(_TILE, cache=True)
    def windows_tile(plans, tile, tiles, worker):
        _ = version
        plan = carray(plans, 1)[0]
        x, windows = _plane(plan, tile, element)
        stride, low, dilation = _three(plan.stride), _three(plan.low), _three(plan.dilation)
        for t0 in range(windows.shape[0]):
            for t1 in range(windows.shape[1]):
                for t2 in range(windows.shape[2]):
                    corner = t0 * stride[0] - low[0], t1 * stride[1] - low[1], t2 * stride[2] - low[2]
                    if adjoint:
                        _add_window(x, corner, dilation, windows[t0, t1, t2])
                    else:
                        _read_window(x, corner, dilation, windows[t0, t1, t2])

    return windows_tile


def windows(x, window, stride, padding, dilation):
    """See reference/windows.py. Tiles: the (n, c) planes."""
    extent = zip(x.shape[2:], window, stride, padding, dilation)
    out = tuple((s + sum(pair) - d * (k - 1) - 1) // step + 1 for s, k, step, pair, d in extent)
    cols = np.zeros((*x.shape[:2], *out, *window), x.dtype)
    _run(np.ascontiguousarray(x), cols, stride, padding, dilation, adjoint=False)
    return cols


def fold_windows(cols, spatial, stride, padding, dilation):
    """See reference/windows.py. Tiles: the (n, c) planes."""
    grad = np.zeros((*cols.shape[:2], *spatial), cols.dtype)
    _run(grad, np.ascontiguousarray(cols), stride, padding, dilation, adjoint=True)
    return grad


def _run(x, cols, stride, padding, dilation, adjoint):
    """Run the tile kernel on x and its windows, with leading dimensions of size 1 up to three."""
    tiles, dims = x.shape[0] * x.shape[1], x.ndim - 2
    if x.size == 0 or cols.size == 0:
        return
    ones = (1,) * (3 - dims)
    plan = record(
        PLAN,
        x=address(x),
        windows=address(cols),
        planes=tiles,
        space=(*ones, *x.shape[2:]),
        out=(*ones, *cols.shape[2 : 2 + dims]),
        window=(*ones, *cols.shape[2 + dims :]),
        stride=(*ones, *stride),
        low=(*(0,) * (3 - dims), *(low for low, _ in padding)),
        dilation=(*ones, *dilation),
    )
    launch(_windows_tile(x.dtype, adjoint), plan, tiles, workers_for(tiles))
