"""Tracing: run the user's function with symbolic tensors and record the primitives it calls.

Arguments become symbols. A concrete tensor met on the way (a parameter, a buffer) becomes an input by reference; what
is assigned to it, and the gradients left on it, become outputs. When the trace is over every tensor is as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.compiler.graph import Graph, Op, Value
from minigrad.core import Tensor
from minigrad.errors import TracingError

WAY_OUT = "use mg.where to choose between values, or do this outside the compiled function"


class Symbol:
    """Stands in a tensor for the array it will have: knows shape and dtype, and refuses to show values."""

    __slots__ = ("value", "shape", "dtype", "ndim", "size", "alive")

    def __init__(self, value: Value):
        self.value = value
        self.shape = value.shape
        self.dtype = value.dtype
        self.ndim = len(value.shape)
        self.size = value.size

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TracingError(
            f"[jit] the value of a tensor of shape {self.shape} is not known while tracing, at {engine.user_line()}: {WAY_OUT}."
        )

    item = tolist = view = copy = astype = __array__ = __bool__ = __int__ = __float__ = __index__ = _refuse
    __iter__ = __getitem__ = __len__ = min = max = any = all = __dlpack__ = _refuse
    __dlpack_device__ = _refuse


class Tracer:
    """Records the primitives that run while it is active."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.lifted: dict[int, tuple[Tensor, Value]] = {}
        self.kept: list[tuple[Tensor, Any, Any]] = []  # tensor, its data, its grad, before the trace

    # ---- inputs

    def argument(self, tensor: Tensor, position: int) -> Tensor:
        """The symbolic tensor for an argument."""
        value = self.input(tensor.data, ("argument", position))
        made = Tensor(Symbol(value))
        if tensor.node is not None:
            made.node = engine.Leaf(made)
        return made

    def input(self, array: np.ndarray, source: Any, weak: bool = False) -> Value:
        """A new input of the graph."""
        value = Value(np.shape(array), np.asarray(array).dtype, weak)
        self.graph.inputs[value] = source
        return value

    def lift(self, x: Any) -> Any:
        """The value for an operand: its symbol's, or a new input by reference; Python scalars stay."""
        if type(x) in engine.SCALARS:
            return x
        if isinstance(x.data, Symbol):
            return x.data.value
        if id(x) not in self.lifted:
            self.lifted[id(x)] = (x, self.input(x.data, ("tensor", x)))
            self.kept.append((x, x.data, x.grad))
        return self.lifted[id(x)][1]

    # ---- operations

    def run(self, op: engine.Primitive, inputs: Sequence, params: dict) -> Any:
        """Record one call; the result is symbolic, and linked into the gradient graph as in eager mode."""
        inputs = [engine.as_operand(x) for x in inputs]
        if op.promotes:
            promoted = engine.promote(op, inputs)
            if promoted is not inputs:
                return op(*promoted, **params)
        values = [self.lift(x) for x in inputs]
        recorded = Op(op.name, tuple(values), params, engine.user_line())
        out = op.reference(*map(dummy, values), **params)
        several = type(out) is tuple
        for i, array in enumerate(out if several else (out,)):
            array = np.asarray(array)
            recorded.outputs.append(Value(array.shape, array.dtype, op=recorded, index=i))
        self.graph.ops.append(recorded)
        symbols = [Symbol(v) for v in recorded.outputs]
        parents = [x.node if isinstance(x, Tensor) else None for x in inputs]
        tracked = engine.MODE.get().recording and any(p is not None for p in parents)
        saved = [v if type(v) in engine.SCALARS else Symbol(v) for v in values]
        if several:
            return engine.wrap_several(op, params, saved, parents, tuple(symbols), tracked)
        if not tracked or symbols[0].dtype.kind != "f":
            return Tensor(symbols[0])
        return Tensor(symbols[0], engine.Node(op, params, saved, parents, symbols[0]))


def dummy(x: Any) -> Any:
    """Something of the right shape and dtype to run a reference on, whose result is only asked for its own."""
    if not isinstance(x, Value):
        return x
    return np.broadcast_to(np.zeros((), x.dtype), x.shape)
