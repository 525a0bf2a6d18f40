"""Where the elements of a value lie: a buffer, an offset and strides, all in elements.

Movement costs nothing where NumPy would make a view. Whether it would is asked of NumPy itself: the reference runs on
an empty array laid out like the input, and the answer is read off the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from minigrad import engine
from minigrad.compiler.graph import Op, Value, loops

VIEWS = ("reshape_to", "broadcast", "permute", "reverse", "slice_of", "window_view")
Strides = tuple[int, ...]


def window_view(x: np.ndarray, *, window: tuple, stride: tuple, dilation: tuple) -> np.ndarray:
    """All windows of x (N, C, *S) side by side without copying: (N, C, *T, *window)."""
    counts = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], window, stride, dilation)]
    steps = x.strides[2:]
    strides = [n * s for n, s in zip(steps, stride)] + [n * d for n, d in zip(steps, dilation)]
    return np.lib.stride_tricks.as_strided(x, (*x.shape[:2], *counts, *window), (*x.strides[:2], *strides))


def slice_view(x: np.ndarray, *, key: tuple) -> np.ndarray:
    """x[key], an array even where NumPy would make a number."""
    return x[key if Ellipsis in key else (*key, ...)]


def reverse_view(x: np.ndarray, *, axes: tuple) -> np.ndarray:
    """x backwards along `axes`, a view also of 0-d."""
    return x[(*(slice(None, None, -1 if d in axes else None) for d in range(x.ndim)), ...)]


AS_VIEW: dict[str, Callable] = {"window_view": window_view, "slice_of": slice_view, "reverse": reverse_view}
"""Where the layout rule is not the primitive's reference."""


@dataclass(frozen=True)
class Layout:
    """Element i of the value is element offset + sum(i * strides) of `base`."""

    base: Value
    offset: int
    shape: tuple[int, ...]
    strides: Strides

    @property
    def whole(self) -> bool:
        """Whether this is all of its buffer, in order."""
        return self == contiguous(self.base)

    @property
    def distinct(self) -> int:
        """How many elements of the buffer this shows, where windows do not overlap."""
        return math.prod(n for n, s in zip(self.shape, self.strides) if s)

    @property
    def dense(self) -> bool:
        """Whether its elements stand one after the other, in order."""
        return all(n == 1 or s == t for n, s, t in zip(self.shape, self.strides, row_major(self.shape)))


def row_major(shape: Iterable[int]) -> Strides:
    """The strides of an array that is contiguous in this shape."""
    strides, step = [], 1
    for n in reversed(tuple(shape)):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def contiguous(value: Value) -> Layout:
    """Row-major, from the start of a buffer of its own."""
    return Layout(value, 0, value.shape, row_major(value.shape))


def aligned(layout: Layout, domain: tuple[int, ...]) -> Strides:
    """The strides of a layout that is broadcast to a domain."""
    extra = len(layout.shape) - len(domain)  # leading axes of size 1, which an assignment may drop
    strides = tuple(0 if n == 1 else s for n, s in zip(layout.shape, layout.strides))
    return (0,) * -extra + strides[max(extra, 0) :]


def view(op: Op, source: Layout) -> Layout | None:
    """The layout of the op's result inside its input's buffer; None if the elements have to be copied."""
    if op.name not in VIEWS or 0 in source.shape:
        return None
    reference = AS_VIEW.get(op.name) or engine.PRIMITIVES[op.name].reference
    return through(source, lambda array: reference(array, **op.params))


def through(source: Layout, f: Callable[[np.ndarray], np.ndarray]) -> Layout | None:
    """The layout of f(array) for an array laid out like `source`; None if f copies."""
    memory = np.empty(max(source.base.size, 1), np.int8)  # a byte an element: strides in bytes are strides in elements
    array = np.lib.stride_tricks.as_strided(memory[source.offset :], source.shape, source.strides)
    out = f(array)
    if 0 in out.shape or not np.may_share_memory(out, memory):
        return None
    start = out.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    return Layout(source.base, start, out.shape, out.strides)


def place_outputs(op: Op, found: dict[Value, Layout]) -> None:
    """Add the layouts of an operation's results: inside its input's buffer, or each on its own."""
    for out in op.outputs:
        inside = view(op, found[op.inputs[0]]) if len(op.inputs) == 1 and isinstance(op.inputs[0], Value) else None
        found[out] = inside or contiguous(out)


def layouts(values: list[Value], ops: list[Op]) -> dict[Value, Layout]:
    """A layout for every value: views inside their source, all others on their own."""
    found = {v: contiguous(v) for v in values}
    for op in ops:
        place_outputs(op, found)
        for loop in loops(op):
            found.update(layouts(list(loop.body.inputs), loop.body.ops))
    return found
