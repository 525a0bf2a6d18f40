"""Convolution in numba: the twins of reference/conv.py.

Windows are gathered block by block into a small matrix that stays in cache and multiplied there with GEMM (im2col,
Chellapilla, Puri & Simard 2006). A block is one image, or some rows of it.
"""

import functools

import numpy as np
from numba import carray, cfunc, from_dtype, njit

from minigrad.kernels.cpu.columns import (
    add_columns,
    add_slab,
    block_at,
    carve,
    columns_of_tap,
    read_columns,
    read_slab,
)
from minigrad.kernels.cpu.conv_plan import TILE, plan_for
from minigrad.kernels.cpu.gemm import gemm
from minigrad.kernels.cpu.launch import sources
from minigrad.kernels.cpu.memory import array_at
from minigrad.kernels.types import Pairs, Sizes

PARTIALS = 8  # partial sums of a weight gradient, whatever the number of threads


@njit
def _scratch(plan, worker, element):
    """The flat scratch memory of one worker."""
    return array_at(plan.scratch, (worker + 1, plan.scratch_size), element)[worker]


@njit
def _image(plan, n, element):
    """Image n: (channels, *space)."""
    shape = (plan.batch, plan.channels, plan.space[0], plan.space[1], plan.space[2])
    return array_at(plan.image, shape, element)[n]


@njit
def _weight(plan, leading, rows, columns, element):
    """The weight memory: one matrix for each outer tap and group (leading, taps, groups, rows, columns)."""
    taps = plan.kernel[0] * plan.kernel[1] // (plan.inner[0] * plan.inner[1])
    return array_at(plan.weight, (leading, taps, plan.groups, rows, columns), element)


@njit
def _response(plan, n, z, y, height, element):
    """The response for image n, a row per filter (groups, filters // groups, T), and the block's range in a row."""
    shape = (plan.batch, plan.groups, plan.filters // plan.groups, plan.out[0] * plan.out[1] * plan.out[2])
    start = (z * plan.out[1] + y) * plan.out[2]
    return array_at(plan.response, shape, element)[n], start, start + height * plan.out[2]


@functools.cache
def _conv_tile(dtype):
    """response = weight @ columns for block number `tile`; weight is (taps, groups, filters // groups, entries).

    Each output element belongs to one block. A block of q windows takes 2 * filters * channels // groups * K * q flops.
    """
    element, version = from_dtype(dtype), sources()

    @cfunc(TILE, cache=True)
    def conv_tile(plans, tile, tiles, worker):
        _ = version
        plan = carray(plans, 1)[0]
        n, z, y, height = block_at(plan, tile)
        slab, columns, _ = carve(plan, _scratch(plan, worker, element), height)
        read_slab(plan, _image(plan, n, element), z, y, slab)
        read_columns(plan, slab, columns)
        filters, entries = plan.filters // plan.groups, columns.shape[0] // plan.groups
        weight = _weight(plan, 1, filters, entries, element)[0]
        response, start, stop = _response(plan, n, z, y, height, element)
        for group in range(plan.groups):
            for tap in range(weight.shape[0]):
                windows = columns_of_tap(plan, columns, height, group, tap)
                gemm(weight[tap, group], windows, response[group, :, start:stop], tap > 0, element)

    return conv_tile


@functools.cache
def _input_grad_tile(dtype):
    """image = the windows' gradients, weight @ response, each summed back to where the window is.

    weight is (taps, groups, entries, filters // groups). A tile is one image: its blocks overlap, so it takes them in
    turn.
    """
    element, version = from_dtype(dtype), sources()

    @cfunc(TILE, cache=True)
    def input_grad_tile(plans, tile, tiles, worker):
        _ = version
        plan = carray(plans, 1)[0]
        image = _image(plan, tile, element)
        image[:] = 0
        per_image = plan.blocks // plan.batch
        for block in range(tile * per_image, (tile + 1) * per_image):
            n, z, y, height = block_at(plan, block)
            slab, columns, _ = carve(plan, _scratch(plan, worker, element), height)
            slab[:] = 0
            columns[:] = 0
            filters, entries = plan.filters // plan.groups, columns.shape[0] // plan.groups
            weight = _weight(plan, 1, entries, filters, element)[0]
            response, start, stop = _response(plan, n, z, y, height, element)
            for group in range(plan.groups):
                for tap in range(weight.shape[0]):
                    windows = columns_of_tap(plan, columns, height, group, tap)
                    gemm(weight[tap, group], response[group, :, start:stop], windows, True, element)
            add_columns(plan, slab, columns)
            add_slab(plan, image, z, y, slab)

    return input_grad_tile


@functools.cache
def _weight_grad_tile(dtype):
    """weight[tile] = sum of columns @ response.T over the blocks of the tile.

    weight is (tiles, taps, groups, entries, filters // groups). A tile is a run of blocks; the partial sums are added
    up in order afterwards. The response is turned by hand: BLAS is slow on small matrices if one is transposed.
    """
    element, version = from_dtype(dtype), sources()

    @cfunc(TILE, cache=True)
    def weight_grad_tile(plans, tile, tiles, worker):
        _ = version
        plan = carray(plans, 1)[0]
        first, last = plan.blocks * tile // tiles, plan.blocks * (tile + 1) // tiles
        for block in range(first, last):
            n, z, y, height = block_at(plan, block)
            slab, columns, rest = carve(plan, _scratch(plan, worker, element), height)
            read_slab(plan, _image(plan, n, element), z, y, slab)
            read_columns(plan, slab, columns)
            filters, entries = plan.filters // plan.groups, columns.shape[0] // plan.groups
            weight = _weight(plan, tiles, entries, filters, element)[tile]
            response, start, stop = _response(plan, n, z, y, height, element)
            turned = rest[: (stop - start) * filters].reshape((stop - start, filters))
            for group in range(plan.groups):
                _transpose(response[group], start, turned)
                for tap in range(weight.shape[0]):
                    windows = columns_of_tap(plan, columns, height, group, tap)
                    gemm(windows, turned, weight[tap, group], block > first, element)

    return weight_grad_tile


@njit
def _transpose(source, start, target):
    """target = source[:, start : start + len(target)].T, both arrays contiguous: three times as fast as any strides."""
    for j in range(target.shape[0]):
        for i in range(target.shape[1]):
            target[j, i] = source[i, start + j]


def conv(x: np.ndarray, w: np.ndarray, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> np.ndarray:
    """See reference/conv.py. Tiles: blocks of windows."""
    extent = zip(x.shape[2:], w.shape[2:], stride, padding, dilation)
    spatial = tuple((s + sum(pair) - d * (k - 1) - 1) // step + 1 for s, k, step, pair, d in extent)
    return _correlate(x, w, spatial, stride, _low(padding), dilation, groups)


def conv_input_grad(
    g: np.ndarray, w: np.ndarray, spatial: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> np.ndarray:
    """See reference/conv.py. With stride 1 it is a convolution with the mirrored kernel; otherwise, tiles: images."""
    filters, channels, kernel = w.shape[0] // groups, w.shape[1], w.shape[2:]
    if max(stride) == 1:
        mirrored = w[:, :, *[slice(None, None, -1)] * len(kernel)].reshape(groups, filters, channels, *kernel)
        mirrored = mirrored.swapaxes(1, 2).reshape(groups * channels, filters, *kernel)
        low = tuple(d * (k - 1) - a for a, d, k in zip(_low(padding), dilation, kernel))
        return _correlate(g, mirrored, spatial, stride, low, dilation, groups)
    grad = np.zeros((g.shape[0], groups * channels, *spatial), g.dtype)
    if grad.size and g.size:
        plan = plan_for(grad.shape, g.shape, kernel, stride, _low(padding), dilation, groups)
        plan.run(_input_grad_tile, grad, plan.matrices(w, turned=True), g, tiles=grad.shape[0])
    return grad


def conv_weight_grad(
    x: np.ndarray, g: np.ndarray, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> np.ndarray:
    """See reference/conv.py. Tiles: runs of blocks, at most PARTIALS, each with its own partial sum."""
    grad = np.zeros((g.shape[1], x.shape[1] // groups, *kernel), x.dtype)
    if x.size and g.size:
        plan = plan_for(x.shape, g.shape, kernel, stride, _low(padding), dilation, groups)
        tiles = min(PARTIALS, plan.blocks)
        matrices = plan.matrices(grad, turned=True)
        partial = np.empty((tiles, *matrices.shape), x.dtype)
        plan.run(_weight_grad_tile, x, partial, g, tiles)
        matrices[...] = partial.sum(0)
    return grad


def _correlate(x, w, spatial, stride, low, dilation, groups):
    """`conv` with the output size given and padding that may be negative."""
    out = np.empty((x.shape[0], w.shape[0], *spatial), x.dtype)
    if not (x.size and w.size):
        out[...] = 0
    elif out.size:
        plan = plan_for(x.shape, out.shape, w.shape[2:], stride, low, dilation, groups)
        plan.run(_conv_tile, x, plan.matrices(w), out, tiles=plan.blocks)
    return out


def _low(padding):
    """The padding before the image in each dimension."""
    return tuple(low for low, _ in padding)
