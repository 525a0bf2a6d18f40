"""Where each pooling window has its maximum, in numba: the twin of reference/pool.py."""

import functools

import numpy as np
from numba import carray, cfunc, from_dtype, njit, types

from minigrad.kernels.cpu.launch import launch, record, sources, workers_for
from minigrad.kernels.cpu.memory import address, array_at

PLAN = np.dtype(
    [
        ("x", np.int64),  # address of x (planes, *space)
        ("out", np.int64),  # address of the indices (planes, *windows)
        ("firsts", np.int64),  # address of the first tap inside of every window, the three dimensions in a row
        ("taps", np.int64),  # address of the number of taps inside, likewise
        ("planes", np.int64),
        ("space", np.int64, 3),
        ("windows", np.int64, 3),
        ("dilation", np.int64, 3),
    ]
)
_RECORD = from_dtype(PLAN)
_TILE = types.void(types.CPointer(_RECORD), types.int64, types.int64, types.int64)


@functools.cache
def _max_pool_tile(dtype):
    """The indices of plane number `tile`.  Reads each tap of each window once."""
    element, version = from_dtype(dtype), sources()

    @cfunc(_TILE, cache=True)
    def max_pool_tile(plans, tile, tiles, worker):
        _ = version
        plan = carray(plans, 1)[0]
        planes, lines, length = plan.space[0], plan.space[1], plan.space[2]
        x = array_at(plan.x, (plan.planes, planes * lines * length), element)[tile]
        out = array_at(plan.out, (plan.planes, plan.windows[0], plan.windows[1], plan.windows[2]), types.int64)[tile]
        ends = plan.windows[0], plan.windows[0] + plan.windows[1], plan.windows[0] + plan.windows[1] + plan.windows[2]
        first = array_at(plan.firsts, (ends[2],), types.int64)
        taps = array_at(plan.taps, (ends[2],), types.int64)
        plane_step, line_step, step = plan.dilation[0] * lines * length, plan.dilation[1] * length, plan.dilation[2]
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                corner = (first[i] * lines + first[ends[0] + j]) * length
                for k in range(out.shape[2]):
                    start = corner + first[ends[1] + k]
                    box = taps[i], taps[ends[0] + j], taps[ends[1] + k]
                    out[i, j, k] = _first_maximum(x, start, box, (plane_step, line_step, step))

    return max_pool_tile


@njit(error_model="numpy")
def _first_maximum(x, start, taps, steps):
    """The index of the first maximum among x[start + k0 * steps0 + k1 * steps1 + k2 * steps2]; NaN is above all."""
    best, where = x[start], start
    for k0 in range(taps[0]):
        for k1 in range(taps[1]):
            row = start + k0 * steps[0] + k1 * steps[1]
            for k2 in range(taps[2]):
                at = row + k2 * steps[2]
                value = x[np.uint64(at)]
                better = (value > best) | ((value != value) & (best == best))
                best = max(best, value) if value == value else value
                where ^= (where ^ at) & -np.int64(better)  # a branch here would be a coin toss
    return where


def max_pool_indices(x, starts, counts, dilation):
    """See reference/pool.py. Tiles: the (n, c) planes."""
    missing = 3 - len(starts)
    out = np.zeros((*x.shape[:2], *map(len, starts)), np.int64)
    if out.size == 0:
        return out
    inside = [_clip(*axis) for axis in zip(starts, counts, dilation, x.shape[2:])]
    x = np.ascontiguousarray(x)
    firsts = np.concatenate([np.zeros(missing, np.int64), *(first for first, _ in inside)])
    taps = np.concatenate([np.ones(missing, np.int64), *(count for _, count in inside)])
    tiles = x.shape[0] * x.shape[1]
    plan = record(
        PLAN,
        x=address(x),
        out=address(out),
        firsts=address(firsts),
        taps=address(taps),
        planes=tiles,
        space=(*(1,) * missing, *x.shape[2:]),
        windows=(*(1,) * missing, *out.shape[2:]),
        dilation=(*(1,) * missing, *dilation),
    )
    launch(_max_pool_tile(x.dtype), plan, tiles, workers_for(tiles))
    return out


def _clip(start, count, dilation, size):
    """The first tap of each window that lies inside [0, size) and the number of taps that do."""
    before = np.maximum(0, -(start // dilation))  # ceil(-start / dilation) taps lie left of 0
    last = np.minimum(count, -((start - size) // dilation))  # ceil((size - start) / dilation) lie left of size
    return start + before * dilation, last - before
