"""Tracing a scan: its body runs once, on symbols of one slice, and becomes one operation with a graph inside.

What the body takes from outside (parameters, symbols of the graph around it, numbers) becomes a further input, the same
in each iteration. A random call needs another call number each time: these numbers are one more stack to go through.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.compiler.graph import Graph, Loop, Op, Value
from minigrad.compiler.scan_gradient import pull_back
from minigrad.compiler.trace import Symbol, Tracer, Unsupported, is_strong, with_history
from minigrad.core import Tensor
from minigrad.dtypes import default_dtype
from minigrad.errors import TracingError
from minigrad.loops import pure
from minigrad.random import Generator


def stacked(v: Value, n: int) -> np.ndarray:
    """An array like n values on top of each other, without its memory."""
    return np.broadcast_to(np.zeros((), v.dtype), (n, *v.shape))


def scan(*inputs: Any, loop: Loop) -> tuple:
    """Only the shapes and dtypes of the results: the operation exists in graphs; run eagerly, a scan is a loop."""
    carries, ys = loop.body.outputs[: loop.carries], loop.body.outputs[loop.carries :]
    return (*(stacked(v, 1)[0] for v in carries), *(stacked(v, loop.length) for v in ys))


SCAN = engine.Primitive(scan, kind="opaque", promotes=False, floats=False)


class LoopTracer(Tracer):
    """A tracer that records scans."""

    def named(self, op: engine.Primitive, params: dict) -> tuple[str, dict]:
        """What the graph calls a primitive and its parameters."""
        return ("scan", params) if op is SCAN else super().named(op, params)

    def scan(
        self, f: Callable, carry: list[Tensor], xs: list[Tensor], length: int, reverse: bool
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The last carry and the stacks that `length` runs of f make; f takes and returns flat lists."""
        carry, xs = list(map(strong, carry)), list(map(strong, xs))
        body = BodyTracer(self)
        heads = [body.symbol(x.shape, x.dtype) for x in carry], [body.symbol(x.shape[1:], x.dtype) for x in xs]
        with body.running():
            results = f(*([same(x) for x in part] for part in heads))  # no leaves, which could not be changed
            outputs = [body.output(y) for part in results for y in part]
            outputs += [body.output(x) for x in body.infinite]
            del results  # only what lives outside is left when `running` looks at what was assigned to
        n = len(outputs) - len(body.infinite)
        if length == 0:
            return carry, [Tensor(np.zeros((0, *y.shape), y.dtype)) for y in outputs[len(carry) : n]]
        calls = body.call_numbers(length, reverse)
        inputs = [x.data.value for x in (*heads[0], *heads[1], *(symbol for symbol, _ in calls))]
        closures = body.closed_over()
        graph = Graph(dict.fromkeys([*inputs, *closures], "of the loop"), body.graph.ops, outputs)
        loop = Loop(graph, length, reverse, len(carry), len(xs) + len(calls))
        made = SCAN(*carry, *xs, *(stack for _, stack in calls), *closures.values(), loop=loop)
        self.infinite += [engine.PRIMITIVES["reduce_any"](x, axes=(0,)) for x in made[n:]]
        return list(made[: len(carry)]), list(made[len(carry) : n])


def strong(x: Tensor) -> Tensor:
    """A tensor whose dtype is its own: a number by reference becomes what eager mode makes of a Python number."""
    if is_strong(x):
        return x
    dtype = default_dtype() if x.dtype.kind == "f" else x.dtype
    return engine.PRIMITIVES["multiply"](x, Tensor(np.ones((), dtype)))


def same(x: Tensor) -> Tensor:
    """The same values out of an operation, which the compiler leaves out again."""
    return engine.PRIMITIVES["reshape_to"](x, shape=x.shape)


class Closure:
    """A tensor from outside that the body of a loop uses: a copy that keeps its values, and itself while it lives."""

    def __init__(self, x: Tensor, value: Value) -> None:
        self.ref, self.copy, self.grad, self.value = weakref.ref(x), Tensor(x.data, x.node), x.gradient, value

    def stands_for(self, x: Tensor) -> bool:
        """Whether this is the same value with the same history."""
        if isinstance(x.data, Symbol):
            return isinstance(self.copy.data, Symbol) and self.copy.data.value is x.data.value
        return self.ref() is x

    @property
    def tensor(self) -> Tensor:
        """The tensor outside; a constant if it was made for the body alone."""
        if isinstance(self.copy.data, Symbol):
            return self.copy
        alive = self.ref()
        return self.copy.detach() if alive is None else alive

    def check(self) -> None:
        """Raise if the body changed its gradient, which is put back."""
        alive = self.ref()
        if alive is not None and alive.gradient is not self.grad:
            alive.gradient = self.grad
            raise TracingError(
                f"[scan] the function leaves a gradient on a tensor of shape {alive.shape} that lives outside of it: "
                "use mg.grad inside, or call backward() after the loop."
            )


class Draws:
    """The random calls of one generator in the body: the number of the first, and how many there are."""

    def __init__(self, generator: Generator, first: Tensor) -> None:
        self.generator, self.first, self.count = generator, first, 0


class BodyTracer(LoopTracer):
    """Records the body of a loop; references, numbers and configuration are the business of the tracer outside."""

    def __init__(self, outer: Tracer) -> None:
        super().__init__()
        self.outer = outer
        self.own: set[Value] = set()
        self.closures: list[Closure] = []
        self.latest: dict[Any, Closure] = {}  # by identity, which a later tensor may have too
        self.drawn: dict[int, Draws] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record what runs inside, and refuse what would change something outside."""
        with engine.switched(tracer=self), pure():
            try:
                yield
            finally:
                for closure in self.closures:
                    closure.check()

    def hooked(self) -> None:
        """Refuse: the gradient of a loop is made from its operations, which do not know of hooks."""
        raise Unsupported(f"[scan] a hook on a gradient inside the loop, at {engine.user_line()}, cannot be compiled.")

    # ---- inputs

    def symbol(self, shape: tuple, dtype: np.dtype) -> Tensor:
        """A new input that changes with the iteration."""
        return self.leaf(Value(tuple(shape), np.dtype(dtype)))

    def leaf(self, value: Value) -> Tensor:
        """A value of the body as a tensor, with which a history begins."""
        self.own.add(value)
        tensor = Tensor(Symbol(value))
        if value.dtype.kind == "f" and not value.weak:
            tensor.node = engine.Leaf(tensor)
        return tensor

    def lift(self, x: Any) -> Any:
        """The value of an operand: one of the body, or of a new input for a tensor from outside."""
        if type(x) in engine.SCALARS or (isinstance(x.data, Symbol) and x.data.value in self.own):
            return super().lift(x)
        symbolic = isinstance(x.data, Symbol)
        key = (id(x.data.value), id(x.node)) if symbolic else id(x)
        if key not in self.latest or not self.latest[key].stands_for(x):
            self.latest[key] = Closure(x, Value(x.shape, x.dtype, symbolic and x.data.value.weak))
            self.closures.append(self.latest[key])
            self.own.add(self.latest[key].value)
        return self.latest[key].value

    def closed_over(self) -> dict[Value, Tensor]:
        """The inputs that stand for tensors from outside, and these."""
        return {c.value: c.tensor for c in self.closures}

    def record(self, op: engine.Primitive, values: list, params: dict) -> Op:
        """A new operation of the body."""
        recorded = super().record(op, values, params)
        self.own.update(recorded.outputs)
        return recorded

    def output(self, y: Tensor) -> Value:
        """The value that the body returns for a tensor; through one without history no gradient flows."""
        y = strong(y)
        if y.node is None and y.dtype.kind == "f":
            y = same(y)
        return self.lift(y)

    def resumed(self, loop: Loop) -> dict[Value, Tensor]:
        """Go on where the trace of a loop's body ended: its values as tensors, with the history they had."""
        self.graph.ops = list(loop.body.ops)
        found = {v: self.leaf(v) for v in loop.body.inputs}
        for op in loop.body.ops:
            self.own.update(op.outputs)
            parents = [found[x].node if linked else None for x, linked in zip(op.inputs, op.linked)]
            out = with_history(op, parents)
            found.update(zip(op.outputs, out if op.several else (out,)))
        return found

    # ---- what belongs to the tracer outside

    def weak(self, kind: type, source: Any) -> Tensor:
        """A number by reference."""
        return self.outer.weak(kind, source)

    def count(self, tensor: Tensor) -> Tensor:
        """A 0-d state as a weak symbol."""
        return self.outer.count(tensor)

    def keep(self, tensor: Tensor) -> None:
        """Remember a tensor's gradient."""
        self.outer.keep(tensor)

    def watch(self, thing: Any) -> None:
        """The configuration of this module or optimizer was read."""
        self.outer.watch(thing)

    def is_watching(self, thing: Any) -> bool:
        """Whether it was watched before."""
        return self.outer.is_watching(thing)

    # ---- random calls

    def take(self, generator: Generator, count: int) -> tuple[Tensor, Tensor]:
        """Take so many call numbers in each iteration."""
        if id(generator) not in self.drawn:
            self.drawn[id(generator)] = Draws(generator, self.symbol((), np.dtype(np.int64)))
        draws = self.drawn[id(generator)]
        call = engine.PRIMITIVES["add"](draws.first, draws.count)
        draws.count += count
        return self.seed(generator), call

    def call_numbers(self, length: int, reverse: bool) -> list[tuple[Tensor, Tensor]]:
        """For each generator the first call number of an iteration, and the stack of them all."""
        order = np.arange(length)[:: -1 if reverse else 1]
        return [(d.first, self.stack_of(d, order)) for d in self.drawn.values()]

    def stack_of(self, draws: Draws, order: np.ndarray) -> Tensor:
        """The first call numbers, for each slice."""
        _, first = self.outer.take(draws.generator, draws.count * len(order))
        return engine.PRIMITIVES["add"](Tensor(order * draws.count), first)


SCAN.defvjp_joint(lambda *given, loop: pull_back(SCAN, BodyTracer(engine.tracer()), *given, loop=loop))
