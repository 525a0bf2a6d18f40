"""Convolution in numba: the twins of reference/conv.py.

Windows are gathered block by block into a small matrix that stays in cache and multiplied there with GEMM (im2col,
Chellapilla, Puri & Simard 2006). A block is one image, or some rows of it. The three kernels share one record, PLAN.
"""

import functools
import math

import numpy as np
from numba import carray, cfunc, from_dtype, njit, types

from minigrad.kernels.cpu.columns import add_columns, add_slab, block_at, carve, read_columns, read_slab, span
from minigrad.kernels.cpu.gemm import gemm, single_threaded_blas
from minigrad.kernels.cpu.launch import launch, record, sources, workers_for
from minigrad.kernels.cpu.memory import address, array_at

BLOCK = 2**16  # elements of the column matrix of one block: it should stay in a core's second-level cache
PARTIALS = 8  # partial sums of a weight gradient, whatever the number of threads

PLAN = np.dtype(
    [
        ("image", np.int64),  # address of x or its gradient (batch, channels, *space)
        ("weight", np.int64),  # address of w or its gradient, laid out as the kernel's docstring says
        ("response", np.int64),  # address of the output or its cotangent (batch, filters, *out)
        ("scratch", np.int64),  # address of the workers' own memory (workers, scratch_size)
        ("scratch_size", np.int64),
        ("batch", np.int64),
        ("channels", np.int64),
        ("filters", np.int64),
        ("groups", np.int64),
        ("blocks", np.int64),  # in the whole batch
        ("rows", np.int64),  # output rows in a block
        ("space", np.int64, 3),
        ("out", np.int64, 3),
        ("kernel", np.int64, 3),
        ("stride", np.int64, 3),
        ("low", np.int64, 3),  # padding before the image; negative crops
        ("dilation", np.int64, 3),
    ]
)
_RECORD = from_dtype(PLAN)
_TILE = types.void(types.CPointer(_RECORD), types.int64, types.int64, types.int64)


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
def _weight(plan, outer, inner, leading, element):
    """The weight memory as (leading, groups, outer, inner)."""
    return array_at(plan.weight, (leading, plan.groups, outer, inner), element)


@njit
def _response(plan, n, z, y, height, element):
    """The block of the response, one row per filter: (groups, filters // groups, height * T2)."""
    shape = (plan.batch, plan.groups, plan.filters // plan.groups, plan.out[0], plan.out[1] * plan.out[2])
    return array_at(plan.response, shape, element)[n, :, :, z, y * plan.out[2] : (y + height) * plan.out[2]]


@functools.cache
def _conv_tile(dtype):
    """response = weight @ columns for block number `tile`; weight is (groups, filters // groups, entries).

    Each output element belongs to one block. A block of q windows takes 2 * filters * entries * q flops on
    groups * entries * q scratch elements, entries = channels // groups * kernel size.
    """
    element, version = from_dtype(dtype), sources()

    @cfunc(_TILE, cache=True)
    def conv_tile(plans, tile, tiles, worker):
        _ = version
        plan = carray(plans, 1)[0]
        n, z, y, height = block_at(plan, tile)
        slab, columns, _ = carve(plan, _scratch(plan, worker, element), height)
        read_slab(plan, _image(plan, n, element), z, y, slab)
        read_columns(plan, slab, height, columns)
        entries = columns.shape[0] // plan.groups
        weight = _weight(plan, plan.filters // plan.groups, entries, 1, element)[0]
        response = _response(plan, n, z, y, height, element)
        for group in range(plan.groups):
            gemm(weight[group], columns[group * entries : (group + 1) * entries], response[group], False, element)

    return conv_tile


@functools.cache
def _input_grad_tile(dtype):
    """image = the windows' gradients, weight @ response, each summed back to where the window is.

    weight is (groups, entries, filters // groups). A tile is one image, whose blocks it takes in turn: they overlap.
    """
    element, version = from_dtype(dtype), sources()

    @cfunc(_TILE, cache=True)
    def input_grad_tile(plans, tile, tiles, worker):
        _ = version
        plan = carray(plans, 1)[0]
        image = _image(plan, tile, element)
        image[:] = 0
        per_image = plan.blocks // plan.batch
        for block in range(tile * per_image, (tile + 1) * per_image):
            n, z, y, height = block_at(plan, block)
            slab, columns, _ = carve(plan, _scratch(plan, worker, element), height)
            entries = columns.shape[0] // plan.groups
            weight = _weight(plan, entries, plan.filters // plan.groups, 1, element)[0]
            response = _response(plan, n, z, y, height, element)
            for group in range(plan.groups):
                gemm(weight[group], response[group], columns[group * entries : (group + 1) * entries], False, element)
            slab[:] = 0
            add_columns(plan, slab, height, columns)
            add_slab(plan, image, z, y, slab)

    return input_grad_tile


@functools.cache
def _weight_grad_tile(dtype):
    """weight[tile] = sum of columns @ response.T over the blocks of the tile.

    weight is (tiles, groups, entries, filters // groups). A tile is a run of blocks; the partial sums are added up in
    order afterwards. The response is turned by hand: BLAS takes twice as long for small matrices if one is transposed.
    """
    element, version = from_dtype(dtype), sources()

    @cfunc(_TILE, cache=True)
    def weight_grad_tile(plans, tile, tiles, worker):
        _ = version
        plan = carray(plans, 1)[0]
        first, last = plan.blocks * tile // tiles, plan.blocks * (tile + 1) // tiles
        for block in range(first, last):
            n, z, y, height = block_at(plan, block)
            slab, columns, rest = carve(plan, _scratch(plan, worker, element), height)
            read_slab(plan, _image(plan, n, element), z, y, slab)
            read_columns(plan, slab, height, columns)
            entries = columns.shape[0] // plan.groups
            weight = _weight(plan, entries, plan.filters // plan.groups, tiles, element)[tile]
            response = _response(plan, n, z, y, height, element)
            for group in range(plan.groups):
                turned = rest[: response[group].size].reshape((response.shape[2], response.shape[1]))
                _transpose(response[group], turned)
                own = columns[group * entries : (group + 1) * entries]
                gemm(own, turned, weight[group], block > first, element)

    return weight_grad_tile


@njit
def _transpose(source, target):
    """target = source.T"""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[j, i] = source[i, j]


def conv(x, w, stride, padding, dilation, groups):
    """See reference/conv.py. Tiles: blocks of windows."""
    extent = zip(x.shape[2:], w.shape[2:], stride, padding, dilation)
    spatial = tuple((s + sum(pair) - d * (k - 1) - 1) // step + 1 for s, k, step, pair, d in extent)
    return _correlate(x, w, spatial, stride, _low(padding), dilation, groups)


def conv_input_grad(g, w, spatial, stride, padding, dilation, groups):
    """See reference/conv.py. With stride 1 it is a convolution with the mirrored kernel; otherwise, tiles: images."""
    filters, channels, kernel = w.shape[0] // groups, w.shape[1], w.shape[2:]
    grouped = w.reshape(groups, filters, channels, *kernel).swapaxes(1, 2)
    if max(stride) == 1:
        mirrored = np.flip(grouped, range(3, grouped.ndim)).reshape(groups * channels, filters, *kernel)
        low = tuple(d * (k - 1) - a for a, d, k in zip(_low(padding), dilation, kernel))
        return _correlate(g, mirrored, spatial, stride, low, dilation, groups)
    grad = np.zeros((g.shape[0], groups * channels, *spatial), g.dtype)
    if grad.size and g.size:
        turned = np.moveaxis(grouped, 2, -1)  # (groups, channels, *kernel, filters)
        _run(_input_grad_tile, grad, turned, g, kernel, stride, _low(padding), dilation, groups, tiles=grad.shape[0])
    return grad


def conv_weight_grad(x, g, kernel, stride, padding, dilation, groups):
    """See reference/conv.py. Tiles: runs of blocks, at most PARTIALS, each with its own partial sum."""
    filters, channels = g.shape[1] // groups, x.shape[1] // groups
    if not (x.size and g.size):
        return np.zeros((g.shape[1], channels, *kernel), x.dtype)
    tiles = min(PARTIALS, _blocks(x.shape[1] * math.prod(kernel), g.shape)[1])
    partial = np.empty((tiles, groups, channels, *kernel, filters), x.dtype)
    _run(_weight_grad_tile, x, partial, g, kernel, stride, _low(padding), dilation, groups, tiles)
    total = np.moveaxis(partial.sum(0), -1, 1)
    return np.ascontiguousarray(total).reshape(g.shape[1], channels, *kernel)


def _correlate(x, w, spatial, stride, low, dilation, groups):
    """`conv` with the output size given and padding that may be negative."""
    out = np.zeros((x.shape[0], w.shape[0], *spatial), x.dtype)
    if out.size and x.size and w.size:
        tiles = _blocks(x.shape[1] * math.prod(w.shape[2:]), out.shape)[1]
        _run(_conv_tile, x, w, out, w.shape[2:], stride, low, dilation, groups, tiles)
    return out


def _run(tile_kernel, image, weight, response, kernel, stride, low, dilation, groups, tiles):
    """Run `tiles` tiles on the three arrays; the one that the kernel writes must be contiguous."""
    image, weight, response = map(np.ascontiguousarray, (image, weight, response))
    kernel, stride, low, dilation = _three(kernel), _three(stride), _three(low, 0), _three(dilation)
    space, out = _three(image.shape[2:]), _three(response.shape[2:])
    rows, blocks = _blocks(image.shape[1] * math.prod(kernel), response.shape)
    workers = workers_for(tiles)
    slab = image.shape[1] * kernel[0] * math.prod(map(span, (rows, out[2]), kernel[1:], stride[1:], dilation[1:]))
    windows = rows * out[2]
    size = slab + windows * (image.shape[1] * math.prod(kernel) + response.shape[1])
    scratch = np.empty((workers, size), image.dtype)
    plan = record(
        PLAN,
        image=address(image),
        weight=address(weight),
        response=address(response),
        scratch=address(scratch),
        scratch_size=size,
        batch=image.shape[0],
        channels=image.shape[1],
        filters=response.shape[1],
        groups=groups,
        blocks=blocks,
        rows=rows,
        space=space,
        out=out,
        kernel=kernel,
        stride=stride,
        low=low,
        dilation=dilation,
    )
    with single_threaded_blas:
        launch(tile_kernel(image.dtype), plan, tiles, workers)


def _blocks(entries, shape):
    """(output rows in a block, blocks in the batch): the columns of a block have about BLOCK elements."""
    planes, lines, length = _three(shape[2:])
    most = max(1, BLOCK // (entries * length))
    per_plane = -(-lines // most)
    return -(-lines // per_plane), shape[0] * planes * per_plane


def _low(padding):
    """The padding before the image in each dimension."""
    return tuple(low for low, _ in padding)


def _three(sizes, fill=1):
    """The sizes of 1 to 3 dimensions with leading ones up to three."""
    return (*(fill,) * (3 - len(sizes)), *sizes)
