"""Tracing: run the user's function with symbolic tensors and record the primitives it calls.

Arguments become symbols. A concrete tensor met on the way (a parameter, a buffer, an optimizer's state) becomes an
input by reference; what is assigned to it, and the gradients left on it, become outputs. Numbers that optimizers and
generators hold become *weak* symbols, which promote as Python scalars do. When the trace is over, every tensor is as it
was before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minigrad import engine
from minigrad.compiler.graph import CUSTOM, Graph, Op, Value
from minigrad.core import Tensor
from minigrad.dtypes import result_type
from minigrad.errors import TracingError
from minigrad.random import Generator


class Unsupported(Exception):
    """Something that the compiler cannot do; the function runs as it is, uncompiled."""


class Argument(NamedTuple):
    """An input that is a tensor or a number among the arguments, by position."""

    position: int


class Reference(NamedTuple):
    """An input that is a tensor the function reaches by itself; `grad_of` if it was the gradient of that tensor."""

    tensor: Tensor
    is_grad: bool = False

    def get(self) -> Any:
        """The tensor it refers to now."""
        return self.tensor.gradient if self.is_grad else self.tensor


class Number(NamedTuple):
    """An input that is a Python number, read anew at each call; `generator` if it counts that one's calls."""

    get: Callable[[], float]
    name: str = ""
    generator: Generator | None = None


class Write(NamedTuple):
    """What a call leaves behind: new data or a new gradient (None: no gradient) of a tensor."""

    tensor: Tensor
    what: str
    value: Any


class Figure:
    """A Python number in a result, by its place among the outputs."""

    def __init__(self, out: int) -> None:
        self.out = out


ARITHMETIC = """add subtract multiply divide floor_divide remainder pow negative abs equal not_equal less less_equal
greater greater_equal select cast""".split()
"""What makes numbers of numbers, as in Python; a function such as mg.exp makes a tensor."""


OF_ARRAYS = ("movement", "reduction", "index", "contraction", "window")
"""The kinds of operations to which a number is an array like any other."""


class Symbol:
    """Stands in a tensor for the array it will have: knows shape and dtype, and refuses to show values."""

    __slots__ = ("value", "shape", "dtype", "ndim", "size")

    def __init__(self, value: Value) -> None:
        self.value = value
        self.shape, self.dtype = value.shape, value.dtype
        self.ndim, self.size = len(value.shape), value.size

    def refuse(self, *args: Any, **kwargs: Any) -> Any:
        """Raise TracingError, naming the user's line."""
        where = engine.user_line()
        if engine.tracer() is None:
            raise TracingError(
                f"[jit] a tensor of shape {self.shape} that stood for a value while a function was traced is used at "
                f"{where}, after the trace: return it from the function instead of keeping it."
            )
        what = f"the values of a tensor of shape {self.shape} are needed"
        if self.value.weak:
            what = "a number that is read at each call, an argument or a hyper-parameter, is needed in Python"
        remedy = "close over it instead of passing it" if self.value.weak else "do this outside of it"
        raise TracingError(
            f"[jit] {what} at {where}, but known only when the compiled function runs: choose with mg.where, "
            f"or {remedy}."
        )

    def __deepcopy__(self, memo: dict) -> Symbol:
        """Itself: symbols do not change."""
        return self

    item = tolist = view = copy = astype = __array__ = __reduce_ex__ = __dlpack__ = __dlpack_device__ = refuse
    __bool__ = __int__ = __float__ = __index__ = __iter__ = __getitem__ = __len__ = min = max = any = all = refuse


class Tracer:
    """Records the primitives that run while it is active, and what they read and leave behind."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.values: dict[int, Value] = {}  # id of a concrete tensor -> its input
        self.kept: dict[int, tuple[Tensor, Any]] = {}  # id -> a tensor met, and its gradient before the trace
        self.draws: dict[int, tuple[Generator, int]] = {}  # id -> a generator, and the calls it made
        self.watched: list[Any] = []  # modules and optimizers whose configuration was read
        self.infinite: list[Tensor] = []  # under detect_anomaly, for each result whether something in it is not finite
        self.given: dict[int, Tensor] = {}  # id -> the symbol of an argument

    # ---- inputs

    def argument(self, x: Any, position: int) -> Any:
        """The symbol for an argument: a tensor's or, weak, a number's."""
        if isinstance(x, Tensor):
            symbol = Tensor(Symbol(self.input(x.shape, x.dtype, Argument(position))))
            self.given[id(symbol)] = symbol
            return symbol.requires_grad_() if x.requires_grad else symbol
        return self.weak(type(x), Argument(position))

    def input(self, shape: tuple, dtype: np.dtype, source: Any, weak: bool = False) -> Value:
        """A new input of the graph."""
        value = Value(shape, np.dtype(dtype), weak)
        self.graph.inputs[value] = source
        return value

    def weak(self, kind: type, source: Any) -> Tensor:
        """A number that the compiled function reads at each call."""
        return Tensor(Symbol(self.input((), np.dtype(np.int64 if kind is int else np.float64), source, weak=True)))

    def count(self, tensor: Tensor) -> Tensor:
        """A 0-d state such as a step counter, as a weak symbol; whatever it was assigned before in this trace."""
        if isinstance(tensor.data, Symbol):
            return Tensor(Symbol(self.weakened(tensor.data.value)))
        self.keep(tensor)
        if id(tensor) not in self.values:
            self.values[id(tensor)] = self.input((), tensor.dtype, Reference(tensor), weak=True)
        return Tensor(Symbol(self.values[id(tensor)]))

    def weakened(self, value: Value) -> Value:
        """The same number, promoting as Python's do."""
        if value.weak:
            return value
        op = Op("cast", (value,), {"dtype": value.dtype}, engine.user_line())
        op.outputs.append(Value(value.shape, value.dtype, True, op))
        self.graph.ops.append(op)
        return op.outputs[0]

    def draw(self, generator: Generator) -> tuple[Tensor, Tensor]:
        """Seed and call number of a random call."""
        return self.take(generator, 1)

    def take(self, generator: Generator, count: int) -> tuple[Tensor, Tensor]:
        """Take so many call numbers: the seed, and the first of them."""
        _, calls = self.draws.get(id(generator), (generator, 0))
        self.draws[id(generator)] = (generator, calls + count)
        first = Number(lambda: generator.call + calls, f"random call {calls}", generator)
        return self.seed(generator), self.weak(int, first)

    def seed(self, generator: Generator) -> Tensor:
        """The seed of a generator, by reference."""
        return self.weak(int, Number(lambda: generator.seed, "seed"))

    def lift(self, x: Any) -> Any:
        """The value of an operand: its symbol's, or an input by reference; Python scalars stay as they are."""
        if type(x) in engine.SCALARS:
            return x
        if isinstance(x.data, Symbol):
            return x.data.value
        if id(x) not in self.values:
            owner = next((t for t, grad in self.kept.values() if grad is x), None)
            self.keep(x)
            source = Reference(x) if owner is None else Reference(owner, is_grad=True)
            self.values[id(x)] = self.input(x.shape, x.dtype, source)
        return self.values[id(x)]

    def read(self, x: Tensor) -> Symbol:
        """The data of a tensor inside the function, also of a concrete one: other tensors may share it."""
        return x.data if isinstance(x.data, Symbol) else Symbol(self.lift(x))

    def keep(self, tensor: Tensor) -> None:
        """Remember a tensor's gradient, which the trace may change.  Raises Unsupported for that of an argument."""
        if id(tensor) in self.given:
            raise Unsupported(
                f"[jit] the gradient of an argument is read or changed at {engine.user_line()}: "
                "differentiate x.detach().requires_grad_(), or use mg.grad."
            )
        if not is_symbolic(tensor):
            self.kept.setdefault(id(tensor), (tensor, tensor.gradient))

    def hooked(self) -> None:
        """A gradient that is made in this trace will go through a user's function."""

    def watch(self, thing: Any) -> None:
        """The configuration of this module or optimizer was read: the trace holds as long as it stays the same."""
        if not self.is_watching(thing):
            self.watched.append(thing)

    def is_watching(self, thing: Any) -> bool:
        """Whether it was watched before."""
        return any(thing is other for other in self.watched)

    # ---- operations

    def run(self, op: engine.Primitive, inputs: Sequence, params: dict) -> Any:
        """Record one call; the result is symbolic, and linked into the gradient graph as in eager mode."""
        if not any(isinstance(x, Tensor) for x in map(engine.as_operand, inputs)):
            with engine.switched(tracer=None):
                return op(*inputs, **params)  # a constant
        inputs = [engine.as_operand(x) for x in inputs]
        inputs = self.promoted(op, list(map(self.strong, inputs)) if op.kind in OF_ARRAYS else inputs)
        recorded = self.record(op, [self.lift(x) for x in inputs], params)
        parents = [x.node if isinstance(x, Tensor) and engine.MODE.get().recording else None for x in inputs]
        recorded.linked = [p is not None for p in parents]
        results = with_history(recorded, parents)
        if engine.MODE.get().anomaly and not all(v.weak for v in recorded.outputs):
            self.expect_finite(results if recorded.several else [results])
        return results

    def record(self, op: engine.Primitive, values: list, params: dict) -> Op:
        """A new operation of the graph."""
        weak = op.kind == "elementwise" and all(type(x) in engine.SCALARS or x.weak for x in values)
        name, settings = self.named(op, params)
        recorded = Op(name, tuple(values), settings, engine.user_line(), op)
        out = run_reference(op, list(map(dummy, values)), params)
        recorded.several = type(out) is tuple
        for i, array in enumerate(map(np.asarray, out if recorded.several else (out,))):
            recorded.outputs.append(Value(array.shape, array.dtype, weak, recorded, i))
        self.graph.ops.append(recorded)
        return recorded

    def named(self, op: engine.Primitive, params: dict) -> tuple[str, dict]:
        """What the graph calls a primitive and its parameters: one that is not in the table is the user's own."""
        if engine.PRIMITIVES.get(op.name) is op:
            return op.name, params
        return CUSTOM + op.name, {"own": op, "id": id(op), "settings": params}  # the id tells apart what has one name

    def strong(self, x: Any, dtype: np.dtype | None = None) -> Any:
        """A number that is read at each call as a tensor, by default of the dtype that eager mode gives a number."""
        if is_strong(x) or not isinstance(x, Tensor):
            return x
        op = self.record(engine.PRIMITIVES["cast"], [self.lift(x)], {"dtype": dtype or common_dtype(x)})
        op.outputs[0].weak = False
        return Tensor(Symbol(op.outputs[0]))

    def branches(self, condition: Any, x: Any, y: Any) -> tuple[Any, Any]:
        """The two sides of `where`: numbers, unless they are chosen between by a number, in the dtype of both."""
        if not is_strong(condition):
            return x, y
        dtype = common_dtype(x, y)
        return self.strong(x, dtype), self.strong(y, dtype)

    # ---- anomalies

    def expect_finite(self, results: Iterable[Tensor]) -> None:
        """Let the compiled function refuse if one of these is not finite; it then runs eagerly, and raises."""
        table = engine.PRIMITIVES
        with engine.switched(anomaly=False):
            for x in results:
                if x.dtype.kind == "f":
                    bad = table["logical_not"](table["isfinite"](x))
                    self.infinite.append(table["reduce_any"](bad, axes=tuple(range(x.ndim))) if x.ndim else bad)

    def refuse_if_infinite(self) -> None:
        """Check, at the end, what was noted on the way."""
        table = engine.PRIMITIVES
        if self.infinite:
            bad = functools.reduce(table["logical_or"], self.infinite)
            table["checked_index"](table["cast"](bad, dtype=np.dtype(np.int64)), size=1)

    def promoted(self, op: engine.Primitive, inputs: list) -> list:
        """The inputs in one dtype, by recorded casts; weak ones promote as Python scalars and stay."""
        if not op.promotes or not any(is_strong(x) for x in inputs):
            return inputs
        dtype = common_dtype(*inputs)
        if op.floats and dtype.kind != "f":
            dtype = result_type(1.0)
        cast = engine.PRIMITIVES["cast"]
        return [cast(x, dtype=dtype) if is_strong(x) and x.dtype != dtype else x for x in inputs]


def run_reference(op: engine.Primitive, arrays: list, params: dict) -> Any:
    """The reference; if it fails, the error that it raises in eager mode."""
    try:
        return op.reference(*arrays, **params)
    except ValueError:
        engine.check_broadcast(op, arrays)
        raise


def is_symbolic(tensor: Tensor) -> bool:
    """Whether a tensor was made inside the trace. One that was there before may have been assigned a symbol."""
    return isinstance(tensor.data, Symbol) and all(tensor is not other for other, _ in engine.JOURNAL.get() or ())


def with_history(recorded: Op, parents: Sequence) -> Any:
    """What a recorded call of a primitive returns: tensors, with a history if an input has one."""
    op, params = recorded.primitive, recorded.params
    if recorded.name.startswith(CUSTOM):
        params = params["settings"]
    symbols = [Symbol(v) for v in recorded.outputs]
    saved = [x if type(x) in engine.SCALARS else Symbol(x) for x in recorded.inputs]
    tracked = any(p is not None for p in parents)
    if not recorded.several:
        tracked = tracked and symbols[0].dtype.kind == "f"
        return Tensor(symbols[0], engine.Node(op, params, saved, parents, symbols[0]) if tracked else None)
    node = engine.Node(op, params, saved, parents, tuple(symbols)) if tracked else None
    return tuple(
        Tensor(s, engine.Output(node, i) if node and s.dtype.kind == "f" else None) for i, s in enumerate(symbols)
    )


def is_strong(x: Any) -> bool:
    """Whether an operand takes part in promotion with its dtype."""
    return isinstance(x, Tensor) and not (isinstance(x.data, Symbol) and x.data.value.weak)


def is_number(x: Symbol) -> bool:
    """Whether eager mode has a Python number here: an argument, a hyper-parameter, or arithmetic on them."""
    return x.value.weak and (x.value.op is None or x.value.op.name in ARITHMETIC)


def common_dtype(*operands: Any) -> np.dtype:
    """What these promote to, weak ones as the Python scalars they stand for."""
    return result_type(*(x if is_strong(x) else python_type(x)(1) for x in operands))


def python_type(x: Any) -> type:
    """The Python type that a scalar or a weak tensor promotes as."""
    return type(x) if not isinstance(x, Tensor) else {"f": float, "i": int, "b": bool}[x.dtype.kind]


def dummy(x: Any) -> Any:
    """Something to run a reference on whose result is asked for its shape and dtype only."""
    if not isinstance(x, Value):
        return x
    return np.zeros((), x.dtype).item() + 1 if x.weak else np.broadcast_to(np.zeros((), x.dtype), x.shape)


def expect_own(graph: Graph) -> None:
    """Raise TracingError if something in the graph was made by another trace."""
    known = set(graph.inputs)
    for op in graph.ops:
        if not known.issuperset(op.values):
            raise TracingError(
                f"[jit] {op.name}, called at {op.where}, reads a tensor that stood for a value while another function "
                "was traced: return it from that function and pass it on."
            )
        known.update(op.outputs)
    if not known.issuperset(graph.outputs):
        raise TracingError(
            "[jit] the function returns or leaves behind a tensor that stood for a value while another one was traced: "
            "return it from that function and pass it on."
        )


@contextmanager
def tracing(tracer: Tracer, writes: list[Write]):
    """Record what runs inside; at the end list what it left behind, and put every tensor back as it was."""
    with engine.rolled_back() as journal, engine.switched(tracer=tracer), np.errstate(all="ignore"):
        try:
            yield
            tracer.refuse_if_infinite()
            assigned = {id(t): t for t, data in journal if not isinstance(data, Symbol)}
            writes.extend(Write(t, "data", t.data) for t in assigned.values())
            for t, old in list(tracer.kept.values()):
                if t.gradient is not old:
                    writes.append(Write(t, "grad", None if t.gradient is None else tracer.read(t.gradient)))
        finally:
            for tensor, grad in tracer.kept.values():
                tensor.gradient = grad
