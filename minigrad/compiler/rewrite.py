"""Building graphs: operations appended one by one, their shapes and dtypes asked of the references."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.compiler.graph import Graph, Op, Value
from minigrad.compiler.layout import window_view
from minigrad.compiler.trace import Reference
from minigrad.core import Tensor


def _of(dtype: Any) -> Callable:
    """The shape rule of an elementwise operation with results of a dtype."""
    return lambda *xs, **params: np.empty(np.broadcast_shapes(*map(np.shape, xs)), dtype)


INTERNAL: dict[str, Callable] = {
    "copy": lambda x: x,
    "window_view": window_view,
    "fold_view": lambda x, *, shape, windows: np.empty(shape, x.dtype),
    "max_taps": lambda x, *taps, counts, dilation: np.empty((*x.shape[:2], *counts), np.int64),
    "random_words": lambda seed, call, *, shape: np.empty(shape, np.uint32),
    "unit32": _of(np.float32),
    "unit64": _of(np.float64),
    "short_unit": _of(np.float64),
    "word64": _of(np.uint64),
    "below": _of(np.bool_),
    "scaled_word": _of(np.int64),
    "standard_normal": lambda u, v, sine, *, dtype: np.empty(u.shape, dtype),
}
"""Operations that exist in the compiler alone: the shape and dtype of their results."""


class Builder:
    """A graph under construction that stands for another one; `same` maps old values to new ones."""

    def __init__(self, graph: Graph) -> None:
        self.inputs, self.left_out = dict(graph.inputs), graph.left_out
        self.ops: list[Op] = []
        self.same: dict[Value, Any] = {}
        self.where = ""

    def new(self, x: Any) -> Any:
        """What stands for a value or number of the old graph."""
        return self.same.get(x, x) if isinstance(x, Value) else x

    def add(self, op: Op) -> None:
        """Take an operation over as it is, on the new values."""
        op.inputs = tuple(map(self.new, op.inputs))
        self.ops.append(op)

    def __call__(self, name: str, *inputs: Any, **params: Any) -> Value:
        """A new operation; returns its result."""
        op = Op(name, inputs, params, self.where)
        reference = INTERNAL.get(name) or engine.PRIMITIVES[name].reference
        out = np.asarray(reference(*map(stand_in, inputs), **params))
        op.outputs.append(Value(out.shape, out.dtype, op=op))
        self.ops.append(op)
        return op.outputs[0]

    def constant(self, array: np.ndarray) -> Value:
        """An array as an input."""
        value = Value(array.shape, array.dtype)
        self.inputs[value] = Reference(Tensor(array))
        return value

    def graph(self, outputs: list[Value]) -> Graph:
        """The graph, with the old one's outputs."""
        return Graph(self.inputs, self.ops, [self.new(v) for v in outputs], self.left_out)


def stand_in(x: Any) -> Any:
    """Something to run a reference on whose result is asked for its shape and dtype only."""
    return np.broadcast_to(np.zeros((), x.dtype), x.shape) if isinstance(x, Value) else x
