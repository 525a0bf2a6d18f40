"""A block of convolution windows as a matrix, and back.

Space is always three-dimensional here; 1-D and 2-D convolutions have leading dimensions of size 1. A block is a run of
output rows (t1 in [y, y + height), all t2) of one image n and one output plane z. Two moves lead from an image to the
matrix that GEMM wants, and both have their adjoint:

    image (C, *S)  --slab-->  (C, K0, rows, width)   the input that the block sees, zero where it leaves the image
    slab        --columns-->  (C * K, height * T2)   one column for each window

The slab takes all bounds checks away from the columns, which are K times as many. Functions take the record PLAN of
conv.py; what they use in inner loops they read from it first, for LLVM must assume that a store changes it.
"""

from numba import njit

from minigrad.kernels.cpu.memory import copy_row


def span(count, window, stride, dilation):
    """How many neighbouring positions `count` windows cover in one dimension."""
    return (count - 1) * stride + (window - 1) * dilation + 1


_span = njit(span)


@njit
def block_at(plan, index):
    """Block number `index`: (image n, output plane z, first output row y, number of rows)."""
    per_plane = -(-plan.out[1] // plan.rows)
    plane = index // per_plane
    y = (index - plane * per_plane) * plan.rows
    n = plane // plan.out[0]
    return n, plane - n * plan.out[0], y, min(plan.rows, plan.out[1] - y)


@njit
def carve(plan, memory, height):
    """The slab and the columns of a block of `height` rows in flat scratch memory, and what remains of it."""
    rows = _span(height, plan.kernel[1], plan.stride[1], plan.dilation[1])
    width = _span(plan.out[2], plan.kernel[2], plan.stride[2], plan.dilation[2])
    slab_size = plan.channels * plan.kernel[0] * rows * width
    entries, windows = plan.channels * plan.kernel[0] * plan.kernel[1] * plan.kernel[2], height * plan.out[2]
    columns_end = slab_size + entries * windows
    slab = memory[:slab_size].reshape((plan.channels, plan.kernel[0], rows, width))
    columns = memory[slab_size:columns_end].reshape((entries, windows))
    return slab, columns, memory[columns_end:]


@njit
def _inside(plan, width):
    """The part [first, last) of a slab row that lies inside the image."""
    first = min(max(plan.low[2], 0), width)
    return first, max(first, min(width, plan.low[2] + plan.space[2]))


@njit
def read_slab(plan, image, z, y, slab):
    """slab[c, k, r, q] = image[c, z * stride0 + k * dilation0 - low0, y * stride1 + r - low1, q - low2], 0 outside."""
    channels, depth, rows, width = slab.shape
    planes, lines, length = image.shape[1:]
    first, last = _inside(plan, width)
    plane_at, plane_step = z * plan.stride[0] - plan.low[0], plan.dilation[0]
    line_at, skip = y * plan.stride[1] - plan.low[1], first - plan.low[2]
    source, target = image.reshape(image.size), slab.reshape(slab.size)
    target[:] = 0
    for c in range(channels):
        for k in range(depth):
            plane = plane_at + k * plane_step
            for r in range(rows):
                line = line_at + r
                if 0 <= plane < planes and 0 <= line < lines:
                    to = ((c * depth + k) * rows + r) * width + first
                    copy_row(target, to, source, ((c * planes + plane) * lines + line) * length + skip, last - first)


@njit
def add_slab(plan, image, z, y, slab):
    """The adjoint of `read_slab`: add each slab element to the image element that it was read from."""
    channels, depth, rows, width = slab.shape
    planes, lines = image.shape[1:3]
    first, last = _inside(plan, width)
    plane_at, plane_step = z * plan.stride[0] - plan.low[0], plan.dilation[0]
    line_at, skip = y * plan.stride[1] - plan.low[1], plan.low[2]
    for c in range(channels):
        for k in range(depth):
            plane = plane_at + k * plane_step
            for r in range(rows):
                line = line_at + r
                if 0 <= plane < planes and 0 <= line < lines:
                    for q in range(first, last):
                        image[c, plane, line, q - skip] += slab[c, k, r, q]


@njit
def read_columns(plan, slab, height, columns):
    """columns[(c, k0, k1, k2), (r, q)] = slab[c, k0, r * stride1 + k1 * dilation1, q * stride2 + k2 * dilation2]."""
    channels, depth, rows, width = slab.shape
    k1_step, k2_step, r_step, q_step = plan.dilation[1], plan.dilation[2], plan.stride[1], plan.stride[2]
    k1_size, k2_size, count = plan.kernel[1], plan.kernel[2], plan.out[2]
    source, target = slab.reshape(slab.size), columns.reshape(columns.size)
    to = 0
    for plane in range(channels * depth):
        for k1 in range(k1_size):
            for k2 in range(k2_size):
                for r in range(height):
                    start = (plane * rows + r * r_step + k1 * k1_step) * width + k2 * k2_step
                    if q_step == 1:
                        copy_row(target, to, source, start, count)
                    else:
                        for q in range(count):
                            target[to + q] = source[start + q * q_step]
                    to += count


@njit
def add_columns(plan, slab, height, columns):
    """The adjoint of `read_columns`: add each column element to the slab element that it was read from."""
    channels, depth, rows, width = slab.shape
    k1_step, k2_step, r_step, q_step = plan.dilation[1], plan.dilation[2], plan.stride[1], plan.stride[2]
    k1_size, k2_size, count = plan.kernel[1], plan.kernel[2], plan.out[2]
    target, source = slab.reshape(slab.size), columns.reshape(columns.size)
    start = 0
    for plane in range(channels * depth):
        for k1 in range(k1_size):
            for k2 in range(k2_size):
                for r in range(height):
                    to = (plane * rows + r * r_step + k1 * k1_step) * width + k2 * k2_step
                    for q in range(count):
                        target[to + q * q_step] += source[start + q]
                    start += count
