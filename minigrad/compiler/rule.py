"""Elementwise rules, such as an optimizer's update, as one loop in place over arrays of any length.

The rule is traced on arrays and on numbers. What it computes from numbers alone Python computes at each call, as eager
code would; what it does with arrays is emitted without contraction or reordering. Both leave no room for rounding, so
that results are NumPy's, bit for bit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.compiler.emit import Emitter, Source
from minigrad.compiler.graph import Graph, Op, Value
from minigrad.compiler.layout import Strides, layouts
from minigrad.compiler.load import compiled, is_on_disk
from minigrad.compiler.lower import Unsupported, lower
from minigrad.compiler.nest import Nest, Places
from minigrad.compiler.plan import plan
from minigrad.compiler.schedule import schedule
from minigrad.compiler.simplify import without_dead_code
from minigrad.compiler.trace import Argument, Symbol, Tracer
from minigrad.core import Tensor

SOURCE = '''"""Generated: an elementwise rule, in place. S holds numbers, n is the length of the arrays."""

from numba import njit

from minigrad.compiler.runtime import *


@njit(cache=True, error_model="numpy", nogil=True)
def step({arrays}, S, n):
{body}
'''
TRACED = 1024  # elements; any number that no operation treats apart
ON_NUMBERS: dict[str, Callable] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
    "pow": operator.pow, "negative": operator.neg, "abs": abs, "less": operator.lt, "less_equal": operator.le,
    "greater": operator.gt, "greater_equal": operator.ge, "equal": operator.eq, "not_equal": operator.ne,
    "select": lambda condition, x, y: x if condition else y,
}  # fmt: skip
"""What a rule may do with numbers alone, as Python does it."""


class Rule:
    """`fn(arrays, numbers) -> (new arrays, new numbers)` for 1-D arrays of one dtype, traced.

    fn: gets `names` of arrays and a count of numbers, all as tensors, and returns the arrays that change, by name, and
    a list of numbers. Raises Unsupported if it does anything but arithmetic, element by element.
    """

    def __init__(self, fn: Callable, names: Sequence[str], dtype: np.dtype, numbers: int) -> None:
        self.names, self.dtype = list(names), np.dtype(dtype)
        tracer = Tracer()
        arrays = {name: tracer.input((TRACED,), dtype, Argument(i)) for i, name in enumerate(names)}
        self.given = [tracer.weak(float, Argument(i)).data.value for i in range(numbers)]
        with engine.switched(tracer=tracer):
            changed, results = fn({name: symbol(v) for name, v in arrays.items()}, [symbol(v) for v in self.given])
            outputs = {name: tracer.lift(x) for name, x in changed.items()}
            self.results = [tracer.lift(x) for x in results]
        if list(tracer.graph.inputs) != [*arrays.values(), *self.given]:
            raise Unsupported("[jit] an update rule reads a tensor that is not among its arguments.")
        self.prelude = [op for op in tracer.graph.ops if op.outputs[0].weak]
        for op in self.prelude:
            if op.name not in ON_NUMBERS:
                raise Unsupported(f"[jit] {op.name}, called at {op.where}: of numbers alone it is not known here.")
        body = [op for op in tracer.graph.ops if not op.outputs[0].weak]
        self.scalars = list(dict.fromkeys(v for op in body for v in op.values if v.weak))
        self.source = emitted(arrays, outputs, self.scalars, body)

    def numbers(self, given: Sequence[float]) -> tuple[np.ndarray, list[float]]:
        """What the loop reads, as one array, and the new numbers."""
        known: dict[Any, Any] = dict(zip(self.given, given))
        for op in self.prelude:
            known[op.outputs[0]] = ON_NUMBERS[op.name](*(known[x] if isinstance(x, Value) else x for x in op.inputs))
        return np.array([known[v] for v in self.scalars], np.float64), [known.get(x, x) for x in self.results]

    @property
    def is_on_disk(self) -> bool:
        """Whether machine code is there from an earlier process, so that `compile` takes a moment only."""
        return is_on_disk(self.source)

    def compile(self) -> Callable[..., int]:
        """The machine code: a function of the arrays in the order of `names`, the scalars and the length."""
        array = np.empty(1, self.dtype)
        return compiled(self.source, (*[array] * len(self.names), np.empty(1), 1))


def symbol(value: Value) -> Tensor:
    """A tensor that stands for a value of the graph."""
    return Tensor(Symbol(value))


def emitted(arrays: dict[str, Value], outputs: dict[str, Value], scalars: list[Value], ops: list[Op]) -> str:
    """The source of the loop: each output takes the place of the array of its name."""
    inputs: dict[Value, Any] = dict.fromkeys((*arrays.values(), *scalars))
    graph = lower(without_dead_code(Graph(inputs, ops, list(outputs.values()))))
    places = layouts(list(graph.inputs), graph.ops)
    steps = schedule(graph, places)
    in_place = {new: arrays[name] for name, new in zip(outputs, graph.outputs)}
    emitter = Emitter(graph, places, steps, plan(graph, places, steps), in_place)
    names = {v: (name, 0) for name, v in arrays.items()} | {v: ("S", i) for i, v in enumerate(scalars)}
    nests = [Nest(emitter, "", step, InPlace(names)) for step in steps]
    if len(nests) != 1 or not nests[0].is_flat:
        raise Unsupported("[jit] an update rule must work element by element.")
    source = Source()
    nests[0].write(source)
    return SOURCE.format(arrays=", ".join(arrays), body="\n".join(source.lines))


class InPlace(Places):
    """Arrays and scalars under the names of the function's parameters; the loop has length n."""

    def __init__(self, names: dict[Value, tuple[str, int]]) -> None:
        self.names = names

    def array(self, value: Value, offset: int, strides: Strides) -> tuple[str, int]:
        """The parameter, and the element of S."""
        name, start = self.names[value]
        return name, start + offset

    def size(self, loop: int, n: int) -> str:
        """The length of the loop."""
        return "n"
