"""Loops along one axis that are no plain reduction, for emitted code, and as they stand in Python.

A row is n elements of a buffer from a start, a stride apart.
"""

from numba.extending import register_jitable

row_function = register_jitable(error_model="numpy")


@row_function
def arg_max_row(x, start, stride, n):
    """The index of the first maximum; NaN is above all."""
    best, at = x[start], 0
    for i in range(1, n):
        v = x[start + i * stride]
        if is_better(v, best):
            best, at = v, i
    return at


@row_function
def arg_min_row(x, start, stride, n):
    """The index of the first minimum; NaN is below all."""
    best, at = x[start], 0
    for i in range(1, n):
        v = x[start + i * stride]
        if v < best or (v != v and best == best):
            best, at = v, i
    return at


@row_function
def cumulate_sum_row(x, x0, dx, out, y0, dy, n):
    """Running sums."""
    if n > 0:
        out[y0] = x[x0]
    for i in range(1, n):
        out[y0 + i * dy] = out[y0 + (i - 1) * dy] + x[x0 + i * dx]


@row_function
def cumulate_prod_row(x, x0, dx, out, y0, dy, n):
    """Running products."""
    if n > 0:
        out[y0] = x[x0]
    for i in range(1, n):
        out[y0 + i * dy] = out[y0 + (i - 1) * dy] * x[x0 + i * dx]


@row_function
def recurrence_row(a, a0, da, b, b0, db, out, y0, n):
    """out[i] = a[i] out[i-1] + b[i]."""
    if n > 0:
        out[y0] = b[b0]
    for i in range(1, n):
        out[y0 + i] = a[a0 + i * da] * out[y0 + i - 1] + b[b0 + i * db]


@row_function
def _after(x, y):
    """Whether x sorts strictly after y; NaN is last."""
    return x > y or (x != x and y == y)


@row_function
def arg_sort_row(x, x0, dx, out, y0, dy, n, spare):
    """The stable order of a row, by merging runs of doubling length; `spare` holds n indices."""
    for i in range(n):
        out[y0 + i * dy] = i
    width = 1
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            i, j = low, middle
            for k in range(low, high):
                left = i < middle
                if left and j < high:
                    left = not _after(x[x0 + out[y0 + i * dy] * dx], x[x0 + out[y0 + j * dy] * dx])
                if left:
                    spare[k] = out[y0 + i * dy]
                    i += 1
                else:
                    spare[k] = out[y0 + j * dy]
                    j += 1
        for k in range(n):
            out[y0 + k * dy] = spare[k]
        width *= 2


@row_function
def is_better(v, best):
    """Whether v takes the maximum over from best: it is larger, or the first NaN."""
    return v > best or (v != v and best == best)
