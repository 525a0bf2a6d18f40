"""Sliding windows in numba: the twins of reference/windows.py."""

import functools

import numpy as np
from numba import carray, cfunc, from_dtype, njit, types

from minigrad.kernels.cpu.launch import launch, record, sources, workers_for
from minigrad.kernels.cpu.memory import address, array_at
from minigrad.kernels.types import Pairs, Sizes

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
    """Plane number `tile`: x and its windows, both flat."""
    x_size = plan.space[0] * plan.space[1] * plan.space[2]
    windows = plan.out[0] * plan.out[1] * plan.out[2]
    window_size = plan.window[0] * plan.window[1] * plan.window[2]
    x = array_at(plan.x, (plan.planes, x_size), element)[tile]
    return x, array_at(plan.windows, (plan.planes, windows * window_size), element)[tile]


@njit
def _three(field):
    """A field of the plan as a tuple, which unlike the field no store can change."""
    return field[0], field[1], field[2]


@njit
def _taps_inside(corner, window, dilation, size):
    """The taps [first, last) with 0 <= corner + tap * dilation < size."""
    first = 0 if corner >= 0 else (dilation - 1 - corner) // dilation
    last = window if corner + (window - 1) * dilation < size else (size - corner + dilation - 1) // dilation
    return first, max(first, last)


@njit
def _move_row(x, at, step, windows, to, count, adjoint):
    """windows[to : to + count] = x[at :: step], or with `adjoint` the sum the other way."""
    # Unsigned: numba tests signed indices for being negative, which costs as much as the copy.
    at, step, to = types.uintp(at), types.uintp(step), types.uintp(to)
    for k in range(types.uintp(count)):
        if adjoint:
            x[at + k * step] += windows[to + k]
        else:
            windows[to + k] = x[at + k * step]


@functools.cache
def _windows_tile(dtype, adjoint):
    """Copy the taps inside of every window of plane number `tile`, or with `adjoint` add them back, in one pass."""
    element, version = from_dtype(dtype), sources()

    @cfunc(_TILE, cache=True)
    def windows_tile(plans, tile, tiles, worker):
        _ = version
        plan = carray(plans, 1)[0]
        x, windows = _plane(plan, tile, element)
        space, out, window = _three(plan.space), _three(plan.out), _three(plan.window)
        stride, low, dilation = _three(plan.stride), _three(plan.low), _three(plan.dilation)
        window_size, to = window[0] * window[1] * window[2], 0
        for t0 in range(out[0]):
            i = t0 * stride[0] - low[0]
            first0, last0 = _taps_inside(i, window[0], dilation[0], space[0])
            for t1 in range(out[1]):
                j = t1 * stride[1] - low[1]
                first1, last1 = _taps_inside(j, window[1], dilation[1], space[1])
                for t2 in range(out[2]):
                    k = t2 * stride[2] - low[2]
                    first2, last2 = _taps_inside(k, window[2], dilation[2], space[2])
                    for k0 in range(first0, last0):
                        for k1 in range(first1, last1):
                            line = (i + k0 * dilation[0]) * space[1] + j + k1 * dilation[1]
                            at = line * space[2] + k + first2 * dilation[2]
                            row = to + (k0 * window[1] + k1) * window[2] + first2
                            _move_row(x, at, dilation[2], windows, row, last2 - first2, adjoint)
                    to += window_size

    return windows_tile


def windows(x: np.ndarray, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> np.ndarray:
    """See reference/windows.py. Tiles: the (n, c) planes."""
    extent = zip(x.shape[2:], window, stride, padding, dilation)
    out = tuple((s + sum(pair) - d * (k - 1) - 1) // step + 1 for s, k, step, pair, d in extent)
    cols = np.zeros((*x.shape[:2], *out, *window), x.dtype)
    _run(np.ascontiguousarray(x), cols, stride, padding, dilation, adjoint=False)
    return cols


def fold_windows(cols: np.ndarray, spatial: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> np.ndarray:
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
