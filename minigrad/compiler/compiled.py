"""One trace as a compiled function: building it, and calling it on the tensors it refers to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.compiler.emit import Emitter
from minigrad.compiler.graph import Graph, Value
from minigrad.compiler.inplace import in_place
from minigrad.compiler.labels import argument_labels
from minigrad.compiler.layout import layouts
from minigrad.compiler.load import compiled
from minigrad.compiler.lower import lower
from minigrad.compiler.names import TYPES
from minigrad.compiler.plan import plan
from minigrad.compiler.schedule import schedule
from minigrad.compiler.simplify import simplify
from minigrad.compiler.trace import Argument, Number, Reference, Tracer, Write, tracing
from minigrad.core import Tensor
from minigrad.tree import leaves, tree_map

HEADER = '''"""Generated: one compiled step."""

from numba import njit

from minigrad.compiler.runtime import *


{functions}@njit(cache=True, **SETTINGS)
def step({parameters}):
'''
ALONE = 2  # references to an array that only we hold: our list and getrefcount's argument
UNSHARED = 3  # to one that a tensor holds too


class Failed(Exception):
    """An index that compiled code checked is out of range."""


class Trace:
    """What running a function on symbols recorded."""

    def __init__(self, fn: Callable, args: tuple, kwargs: dict) -> None:
        self.tracer = Tracer()
        self.writes: list[Write] = []
        self.argument_labels = argument_labels(fn, args, kwargs)
        position = iter(range(len(leaves((args, kwargs)))))

        def symbol(x: Any) -> Any:
            i = next(position)
            return self.tracer.argument(x, i) if isinstance(x, Tensor) or type(x) in (int, float) else x

        inside_args, inside_kwargs = tree_map(symbol, (args, kwargs))
        with tracing(self.tracer, self.writes):
            self.result = fn(*inside_args, **inside_kwargs)
            self.results = [x for x in leaves(self.result) if isinstance(x, Tensor)]
            self.symbols = list(map(self.tracer.read, self.results))
        self.live = any(has_live_history(x) for x in self.results)

    def graph(self) -> Graph:
        """The simplified graph; its outputs are the results, then the writes."""
        graph = self.tracer.graph
        graph.outputs = [s.value for s in self.symbols + [w.value for w in self.writes if w.value is not None]]
        return lower(simplify(graph))


def has_live_history(x: Tensor) -> bool:
    """Whether a result may still be differentiated: no backward pass inside the function has freed its graph."""
    node = x.node.parents[0] if isinstance(x.node, engine.Output) else x.node
    return node is not None and (isinstance(node, engine.Leaf) or node.inputs is not None)


class Compiled:
    """A compiled step. Reads tensors through a table of addresses that is rewritten only where an array changed."""

    def __init__(self, trace: Trace) -> None:
        self.graph = graph = trace.graph()
        self.result, self.argument_labels = trace.result, trace.argument_labels
        self.single = isinstance(trace.result, Tensor)
        self.live = trace.live
        self.draws = list(trace.tracer.draws.values())
        self.references = [(v, s) for v, s in graph.inputs.items() if isinstance(s, Reference)]
        self.arguments = [(v, s) for v, s in graph.inputs.items() if isinstance(s, Argument)]
        self.numbers = [(v, s) for v, s in graph.inputs.items() if isinstance(s, Number)]
        n_results = len(trace.results)
        self.outs, written = graph.outputs[:n_results], iter(graph.outputs[n_results:])
        self.cleared = [w.tensor for w in trace.writes if w.value is None]
        self.writes = [(w.tensor, w.what == "grad", next(written)) for w in trace.writes if w.value is not None]
        self.build()

    # ---- building

    def build(self) -> None:
        """Source, arenas, machine code."""
        graph = self.graph
        places = layouts(list(graph.inputs), graph.ops)
        self.steps = schedule(graph, places)
        self.plan = plan(graph, places, self.steps)
        self.verdicts = [in_place(write, self.references, self.steps, places) for write in self.writes]
        self.in_place = [verdict.reference for verdict in self.verdicts]
        same = {v: self.references[i][0] for (_, _, v), i in zip(self.writes, self.in_place) if i >= 0}
        emitter = Emitter(graph, places, self.steps, self.plan, same)
        self.failures, self.shared = emitter.failures, emitter.called
        dtypes = sorted(self.plan.sizes, key=str)
        self.arenas = [np.empty(self.plan.sizes[d], d) for d in dtypes]
        slots = len(self.references) + len(self.writes)
        self.tables = [np.zeros(slots, np.uint64) for _ in range(2)]  # two, as gradients alternate between two buffers
        self.parity = 0
        self.held: list[Any] = [None] * len(self.references)
        self.overwritten = [(j, i) for j, i in enumerate(self.in_place) if i >= 0]
        self.alternating = [j for j, i in enumerate(self.in_place) if i < 0]
        self.buffers: list[Any] = [[None] * len(self.alternating) for _ in range(2)]
        weak_arguments = [(v, s) for v, s in self.arguments if v.weak]
        numbers: list[tuple[Value, Any]] = [*self.numbers, *weak_arguments]
        self.floats = [(v, s) for v, s in numbers if v.dtype.kind == "f"]
        self.ints = [(v, s) for v, s in numbers if v.dtype.kind != "f"]
        self.tensors = [(v, s) for v, s in self.arguments if not v.weak]
        self.float_values = np.zeros(len(self.floats) + 1, np.float64)
        self.int_values = np.zeros(len(self.ints) + 1, np.int64)
        parameters = ["P", "S", "N", *(f"a{i}" for i in range(len(self.tensors)))]
        parameters += [f"o{i}" for i in range(len(self.outs))] + [f"A_{TYPES[d.name]}" for d in dtypes]
        head = list(self.unpacking(emitter.pointers))
        functions = "".join(f + "\n\n" for f in emitter.functions)
        self.source = HEADER.format(parameters=", ".join(parameters), functions=functions)
        self.source += "\n".join("    " + line for line in head) + "\n"
        self.source += "\n".join([*emitter.source.lines, "    return 0"]) + "\n"
        examples = [np.empty(v.shape or 1, v.dtype) for v in [*(v for v, _ in self.tensors), *self.outs]]
        fixed = (self.tables[0], self.float_values, self.int_values)
        self.function = compiled(self.source, (*fixed, *examples, *self.arenas))

    def unpacking(self, names: dict[Value, str]):
        """The lines that give every input and output its name."""
        for i, (v, _) in enumerate(self.references):
            yield f"{names[v]} = array_at(P[{i}], {v.size}, {TYPES[v.dtype.name]})"
        for i, (v, _) in enumerate(self.tensors):
            yield f"{names[v]} = array_at(a{i}.ctypes.data, {v.size}, {TYPES[v.dtype.name]})"
        for letter, inputs in (("S", self.floats), ("N", self.ints)):
            for i, (v, _) in enumerate(inputs):
                yield f"{names[v]} = {letter}[{i}:{i + 1}]"
        for i, v in enumerate(self.outs):
            yield f"{names[v]} = array_at(o{i}.ctypes.data, {v.size}, {TYPES[v.dtype.name]})"
        for i, (_, _, v) in enumerate(self.writes, len(self.references)):
            if self.in_place[i - len(self.references)] < 0:
                yield f"{names[v]} = array_at(P[{i}], {v.size}, {TYPES[v.dtype.name]})"

    # ---- calling

    def __call__(self, flat: Sequence) -> Any:
        self.refresh()
        moved = [self.move(j, i) for j, i in self.overwritten if sys.getrefcount(self.held[i]) > UNSHARED]
        self.parity = parity = 1 - self.parity
        table, buffers = self.tables[parity], self.buffers[parity]
        for k in range(len(buffers)):
            if buffers[k] is None or sys.getrefcount(buffers[k]) > ALONE:
                self.replace(parity, k)
        for values, inputs in ((self.float_values, self.floats), (self.int_values, self.ints)):
            for i, (_, source) in enumerate(inputs):
                values[i] = source.get() if isinstance(source, Number) else flat[source.position]
        given = [as_argument(flat[s.position].data) for _, s in self.tensors]
        outs = [np.empty(v.shape or 1, v.dtype) for v in self.outs]
        failed = self.function(table, self.float_values, self.int_values, *given, *outs, *self.arenas)
        if failed:  # before the first write: the state is as it was, and the eager step says what is wrong
            raise Failed(self.failures[failed - 1])
        self.leave(buffers, moved)
        if self.single:
            out = outs[0]
            return Tensor(out if self.outs[0].shape else out.reshape(()))
        fresh = iter([Tensor(out if v.shape else out.reshape(())) for out, v in zip(outs, self.outs)])
        return tree_map(lambda x: next(fresh) if isinstance(x, Tensor) else x, self.result)

    def refresh(self) -> None:
        """Write the addresses of arrays that are not the ones of the last call into the tables."""
        for i, (_, source) in enumerate(self.references):
            array = source.get().data
            if array is self.held[i]:
                continue
            self.held[i] = array
            own = array.base is None and array.flags.writeable
            if not array.flags.c_contiguous or (i in self.in_place and not own):
                self.held[i] = array = np.array(array, order="C")
                if not source.is_grad:
                    source.tensor.data = array
            address = array.__array_interface__["data"][0]
            for table in self.tables:
                table[i] = address

    def move(self, j: int, i: int) -> tuple[Tensor, np.ndarray]:
        """Work in a copy, because somebody else still sees the array; `refresh` looks at this reference again."""
        array = self.held[i].copy()
        self.held[i] = None
        for table in self.tables:
            table[i] = array.__array_interface__["data"][0]
        return self.writes[j][0], array

    def replace(self, parity: int, k: int) -> None:
        """A new buffer for an alternating output, because somebody still sees the old one."""
        j = self.alternating[k]
        value = self.writes[j][2]
        array = self.buffers[parity][k] = np.empty(value.shape, value.dtype)
        self.tables[parity][len(self.references) + j] = array.__array_interface__["data"][0]

    def leave(self, buffers: list, moved: list[tuple[Tensor, np.ndarray]]) -> None:
        """Show what the call wrote: new gradients, new data, generators further on."""
        for tensor, array in moved:
            tensor.rebind(array)
        for j, array in zip(self.alternating, buffers):
            tensor, is_grad, _ = self.writes[j]
            if is_grad:
                tensor.grad = Tensor(array)
            else:
                tensor.rebind(array)
        for tensor in self.cleared:
            tensor.grad = None
        for generator, calls in self.draws:
            generator.call += calls


def as_argument(array: np.ndarray) -> np.ndarray:
    """An array as compiled code takes it: contiguous, writeable, with at least one axis."""
    if array.ndim == 0:
        array = array.reshape(1)
    return array if array.flags.c_contiguous and array.flags.writeable else np.array(array, order="C")
