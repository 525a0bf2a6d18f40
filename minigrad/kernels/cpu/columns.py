"""A block of convolution windows as a matrix, and back.

Space is always three-dimensional here; 1-D and 2-D convolutions have leading dimensions of size 1. A block is a run of
output rows (t1 in [y, y + height), all t2) of one image n and one output plane z. Two moves lead from an image to the
matrix that GEMM wants, and both have their adjoint:

    image (C, *S)  --slab-->     (C, K0, rows, width)       the input that the block sees, zero outside the image
    slab           --columns-->  (entries, strips, lines, T2)      the taps of each window in a column

With `inner` = (K0, K1) a column has all taps of a window: entries = C * K0 * K1 * K2, strips = 1, lines = height, and
one product with the weight does it all. With `inner` = (1, 1) it has one row of them: entries = C * K2, strips = K0,
lines = rows, and K0 * K1 products each start at another row of columns. Windows above each other then share columns, so
there are K1 times fewer to write; it takes a stride of 1 between rows.

Functions take the record PLAN of conv_plan.py; what they use in inner loops they read from it first, for LLVM must
assume that a store changes it.
"""

from numba import njit, types

from minigrad.kernels.cpu.memory import copy_bytes, start_of


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
    strips = plan.kernel[0] // plan.inner[0]
    lines = height if plan.inner[1] == plan.kernel[1] else rows
    entries = plan.channels * plan.inner[0] * plan.inner[1] * plan.kernel[2]
    slab_size = plan.channels * plan.kernel[0] * rows * width
    columns_end = slab_size + entries * strips * lines * plan.out[2]
    slab = memory[:slab_size].reshape((plan.channels, plan.kernel[0], rows, width))
    columns = memory[slab_size:columns_end].reshape((entries, strips, lines, plan.out[2]))
    return slab, columns, memory[columns_end:]


@njit
def columns_of_tap(plan, columns, height, group, tap):
    """The matrix (entries of `group`, windows) that goes with outer tap number `tap`."""
    entries, strips, lines, length = columns.shape
    own = entries // plan.groups
    matrix = columns.reshape((entries, strips * lines * length))
    per_plane = plan.kernel[1] // plan.inner[1]
    plane = tap // per_plane
    start = (plane * lines + (tap - plane * per_plane) * plan.dilation[1]) * length
    return matrix[group * own : (group + 1) * own, start : start + height * length]


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
    source, target = start_of(image), start_of(slab)
    item, run = types.uintp(slab.itemsize), types.uintp((last - first) * slab.itemsize)
    slab[:] = 0
    for c in range(channels):
        for k in range(depth):
            plane = plane_at + k * plane_step
            for r in range(rows):
                line = line_at + r
                if 0 <= plane < planes and 0 <= line < lines:
                    to = types.uintp(((c * depth + k) * rows + r) * width + first)
                    start = types.uintp(((c * planes + plane) * lines + line) * length + skip)
                    copy_bytes(target + to * item, source + start * item, run)


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
def read_columns(plan, slab, columns):
    """columns[(c, i0, i1, k2), p, r, q] = slab[c, i0 + p, r * stride1 + i1 * dilation1, q * stride2 + k2 * dilation2].

    A row of columns at stride 1 is a row of the slab, copied as bytes.
    """
    channels, depth, rows, width = slab.shape
    strips, lines = columns.shape[1:3]
    i1_step, k2_step, r_step, q_step = plan.dilation[1], plan.dilation[2], plan.stride[1], plan.stride[2]
    i0_size, i1_size, k2_size = plan.inner[0], plan.inner[1], plan.kernel[2]
    source, target = slab.reshape(slab.size), columns.reshape(columns.size)
    source_at, target_at = start_of(slab), start_of(columns)
    # Unsigned throughout: numba tests signed indices for being negative, which costs as much as the copy.
    item, step, line_step = types.uintp(slab.itemsize), types.uintp(q_step), types.uintp(r_step * width)
    count, to = types.uintp(columns.shape[3]), types.uintp(0)
    for c in range(channels):
        for i0 in range(i0_size):
            for i1 in range(i1_size):
                for k2 in range(k2_size):
                    for p in range(strips):
                        start = types.uintp(((c * depth + i0 + p) * rows + i1 * i1_step) * width + k2 * k2_step)
                        for _ in range(lines):
                            if step == 1:
                                copy_bytes(target_at + to * item, source_at + start * item, count * item)
                            else:
                                for q in range(count):
                                    target[to + q] = source[start + q * step]
                            to += count
                            start += line_step


@njit
def add_columns(plan, slab, columns):
    """The adjoint of `read_columns`: add each column element to the slab element that it was read from."""
    channels, depth, rows, width = slab.shape
    strips, lines, count = columns.shape[1:]
    i1_step, k2_step, r_step, q_step = plan.dilation[1], plan.dilation[2], plan.stride[1], plan.stride[2]
    i0_size, i1_size, k2_size = plan.inner[0], plan.inner[1], plan.kernel[2]
    target, source = slab.reshape(slab.size), columns.reshape(columns.size)
    start = 0
    for c in range(channels):
        for i0 in range(i0_size):
            for i1 in range(i1_size):
                for k2 in range(k2_size):
                    for p in range(strips):
                        to = ((c * depth + i0 + p) * rows + i1 * i1_step) * width + k2 * k2_step
                        for _ in range(lines):
                            for q in range(count):
                                target[to + q * q_step] += source[start + q]
                            to += r_step * width
                            start += count
