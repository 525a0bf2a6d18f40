"""The operations that are no loop nest of their own: products, joins, scans, sorts, random draws.

EMITTERS[name](emitter, op) writes the source of one operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.compiler.graph import Op, Value
from minigrad.compiler.layout import Layout, aligned, contiguous, row_major, slice_view, through
from minigrad.compiler.names import literal, scaled, total
from minigrad.compiler.nest import Loops
from minigrad.compiler.parallel import of_product, spread

if TYPE_CHECKING:
    from minigrad.compiler.emit import Emitter

# ---- products


def matmul2(emitter: Emitter, op: Op) -> None:
    """Matrix products through BLAS; a transposed view is a flag."""
    a, b = matrices(op, emitter.layouts)
    out = emitter.layouts[op.outputs[0]]
    m, n = out.shape[-2:]
    k = a.shape[-1]
    if k == 0:
        emitter.fill(out.base, literal(0, out.base.dtype))
        return
    batch = out.shape[:-2]
    strides = [aligned(Layout(x.base, 0, x.shape[:-2], x.strides[:-2]), batch) for x in (a, b, out)]
    loops = Loops(batch, strides)
    itemsize = out.base.dtype.itemsize
    name, cut = f"gemm{8 * itemsize}", emitter.decide(of_product(emitter.number, loops, strides, m, n, k, itemsize))
    inside = cut if cut and cut.loop < len(loops.sizes) else None
    places = emitter.places(inside)
    found = [places.array(x.base, x.offset, loops.merged(s)) for x, s in zip((a, b, out), strides)]
    (left, right, to) = [f"{array}, {loops.position(start, s)}" for (array, start), s in zip(found, strides)]
    (ta, lda), (tb, ldb) = matrix(a), matrix(b)
    given = f"{k}, {ta}, {left}, {lda}, {tb}, {right}, {ldb}, {to}, {n}"
    with emitter.nested(loops, places):
        if cut is None or inside:
            emitter.source.add(f"{name}({m}, {n}, {given})")
        elif cut.loop == len(loops.sizes):
            emitter.source.add(spread(name.replace("gemm", "gemm_rows"), cut, [str(n), given]))
        else:
            emitter.source.add(spread(name.replace("gemm", "gemm_columns"), cut, [str(m), given]))


def matrices(op: Op, layouts: dict[Value, Layout]) -> tuple[Layout, Layout]:
    """The layouts of both operands, as they are multiplied."""
    a, b = (layouts[v] for v in op.values)
    return (swap(a) if op.params.get("ta") else a), (swap(b) if op.params.get("tb") else b)


def swap(x: Layout) -> Layout:
    """The last two axes exchanged."""
    *s, a, b = x.shape
    *t, c, d = x.strides
    return Layout(x.base, x.offset, (*s, b, a), (*t, d, c))


def matrix(x: Layout) -> tuple[int, int]:
    """A matrix for BLAS: whether it is stored transposed, and its leading dimension."""
    (m, n), (row, column) = x.shape[-2:], x.strides[-2:]
    if is_row_major(m, n, row, column):
        return 0, max(row if m > 1 else n, n, 1)
    return 1, max(column if n > 1 else m, m, 1)


def is_row_major(m: int, n: int, row: int, column: int) -> bool:
    """Whether the rows of an (m, n) matrix are contiguous and do not overlap."""
    return (column == 1 or n == 1) and (row >= n or m == 1)


def has_gemm_layout(x: Layout) -> bool:
    """Whether BLAS can read a matrix, as it is or transposed."""
    (m, n), (row, column) = x.shape[-2:], x.strides[-2:]
    return is_row_major(m, n, row, column) or is_row_major(n, m, column, row)


# ---- what is put together from parts


def place(emitter: Emitter, op: Op) -> None:
    """Zeros, and a value at a key."""
    out = op.outputs[0]
    emitter.fill(out, literal(0, out.dtype))
    emitter.copy(region(out, op.params["key"]), source(emitter, op, 0))


def pad_constant(emitter: Emitter, op: Op) -> None:
    """A constant, and the input inside it."""
    out, widths = op.outputs[0], op.params["widths"]
    emitter.fill(out, literal(op.params["value"], out.dtype))
    key = tuple(slice(low, n - high) for (low, high), n in zip(widths, out.shape))
    emitter.copy(region(out, key), source(emitter, op, 0))


def slice_update(emitter: Emitter, op: Op) -> None:
    """A copy of the input, or the input itself, with a value at a key."""
    out = op.outputs[0]
    emitter.copy_unless_in_place(op)
    emitter.copy(region(out, op.params["key"]), source(emitter, op, 1))


def join(emitter: Emitter, op: Op) -> None:
    """The inputs one after the other."""
    out, axis, start = op.outputs[0], op.params["axis"], 0
    for i, x in enumerate(op.inputs):
        key = (*(slice(None),) * axis, slice(start, start + x.shape[axis]))
        emitter.copy(region(out, key), source(emitter, op, i))
        start += x.shape[axis]


def source(emitter: Emitter, op: Op, i: int) -> Any:
    """The layout of an operand, or the number that it is."""
    x = op.inputs[i]
    return emitter.layouts[x] if isinstance(x, Value) else x


def region(out: Value, key: tuple) -> Layout:
    """The part of a new buffer that a key chooses; of no elements if it chooses none."""
    return through(contiguous(out), lambda array: slice_view(array, key=key)) or Layout(out, 0, (0,), (1,))


# ---- along one axis


def rows(emitter: Emitter, op: Op, axis: int, write: Callable[..., str]) -> None:
    """One line for each row along an axis. `write` gets the length and, for every array, its name, start and stride."""
    out, reduces = op.outputs[0], op.name in ("arg_max", "arg_min")
    layouts = [emitter.layouts[x] for x in op.values]
    shape = layouts[0].shape
    axis %= len(shape)
    outer = without(shape, axis)
    own = row_major(out.shape)
    strides = [*(without(x.strides, axis) for x in layouts), own if reduces else without(own, axis)]
    loops = Loops(outer, strides)
    steps = [*(x.strides[axis] for x in layouts), 0 if reduces else own[axis]]
    arrays = [emitter.buffer(v) for v in (*(x.base for x in layouts), *op.outputs)]
    starts = [loops.position(offset, s) for offset, s in zip([*(x.offset for x in layouts), 0], strides)]
    with emitter.nested(loops):
        emitter.source.add(write(shape[axis], arrays, starts, steps))


def without(xs: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """All but one."""
    return (*xs[:axis], *xs[axis + 1 :])


def arg_extremum(emitter: Emitter, op: Op) -> None:
    """arg_max and arg_min."""

    def write(n: int, arrays: list, starts: list, steps: list) -> str:
        return f"{arrays[1]}[{starts[1]}] = {op.name}_row({arrays[0]}, {starts[0]}, {steps[0]}, {n})"

    rows(emitter, op, op.params["axis"], write)


def cumulate(emitter: Emitter, op: Op) -> None:
    """Running sums and products."""

    def write(n: int, arrays: list, starts: list, steps: list) -> str:
        given = ", ".join(f"{array}, {start}, {step}" for array, start, step in zip(arrays, starts, steps))
        return f"{op.name}_row({given}, {n})"

    rows(emitter, op, op.params["axis"], write)


def arg_sort(emitter: Emitter, op: Op) -> None:
    """Stable order; the second output is room for n indices."""

    def write(n: int, arrays: list, starts: list, steps: list) -> str:
        given = ", ".join(f"{array}, {start}, {step}" for array, start, step in zip(arrays, starts, steps))
        return f"arg_sort_row({given}, {n}, {arrays[2]})"

    rows(emitter, op, op.params["axis"], write)


def linear_recurrence(emitter: Emitter, op: Op) -> None:
    """s[i] = a[i] s[i-1] + b[i] along the last axis."""

    def write(n: int, arrays: list, starts: list, steps: list) -> str:
        (a, b, out), (a0, b0, out0), (da, db, _) = arrays, starts, steps
        return f"recurrence_row({a}, {a0}, {da}, {b}, {b0}, {db}, {out}, {out0}, {n})"

    rows(emitter, op, -1, write)


# ---- windows and random words


def max_taps(emitter: Emitter, op: Op) -> None:
    """Where each window of x (N, C, *S) has its first maximum. Inputs: x, the first taps of each axis, the counts."""
    x, *tables = (emitter.layouts[v] for v in op.values)
    (out,) = op.outputs
    dims, dilation = len(x.shape) - 2, op.params["dilation"]
    starts, counts = tables[:dims], tables[dims:]
    axes = range(len(out.shape))
    loops = Loops(out.shape, [], [[d == axis for d in axes] for axis in axes])  # no two of them merge
    index = dict(zip(loops.last, loops.index))
    t = [index.get(2 + i, "0") for i in range(dims)]
    tables_names = [emitter.buffer(v.base) for v in tables]
    values, to, add = emitter.buffer(x.base), emitter.buffer(out), emitter.source.add
    image = total(x.offset, *(scaled(index[d], x.strides[d]) for d in (0, 1) if d in index))
    flat = row_major(x.shape[2:])
    with emitter.nested(loops):
        add(f"best, at = {values}[{image}], -1")
        depth = emitter.source.depth
        for i in range(dims):
            first = f"{tables_names[i]}[{total(starts[i].offset, t[i])}]"
            add(f"for j{i} in range({tables_names[dims + i]}[{total(counts[i].offset, t[i])}]):")
            emitter.source.depth += 1
            add(f"q{i} = {first} + j{i} * {dilation[i]}")
            add(f"if q{i} >= 0 and q{i} < {x.shape[2 + i]}:")
            emitter.source.depth += 1
        tap = total(image, *(scaled(f"q{i}", s) for i, s in enumerate(x.strides[2:])))
        add(f"x = {values}[{tap}]")
        add("if at < 0 or is_better(x, best):")
        add(f"    best, at = x, {total(*(scaled(f'q{i}', s) for i, s in enumerate(flat)))}")
        emitter.source.depth = depth
        add(f"{to}[{loops.position(0, row_major(out.shape))}] = at")


def random_words(emitter: Emitter, op: Op) -> None:
    """The words of one random call."""
    seed, call = (scalar(emitter, x) for x in op.inputs)
    emitter.source.add(f"random_words({seed}, {call}, {emitter.buffer(op.outputs[0])})")


def scalar(emitter: Emitter, x: Any) -> str:
    """A 0-d operand as a 64-bit word."""
    if not isinstance(x, Value):
        return literal(x, np.dtype(np.uint64))
    layout = emitter.layouts[x]
    return f"U64({emitter.buffer(layout.base)}[{layout.offset}])"


EMITTERS = {
    "matmul2": matmul2,
    "place": place,
    "pad_constant": pad_constant,
    "slice_update": slice_update,
    "join": join,
    "arg_max": arg_extremum,
    "arg_min": arg_extremum,
    "cumulate_sum": cumulate,
    "cumulate_prod": cumulate,
    "linear_recurrence": linear_recurrence,
    "arg_sort": arg_sort,
    "max_taps": max_taps,
    "random_words": random_words,
}
