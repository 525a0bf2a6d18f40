"""One trace as a compiled function: building it, and calling it on the tensors it refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.compiler.call import MISS, Failed, signature, write_call
from minigrad.compiler.emit import Emitter
from minigrad.compiler.graph import Graph, Value
from minigrad.compiler.guard import Guard
from minigrad.compiler.inplace import Verdict, in_place, stored_at_the_end
from minigrad.compiler.labels import argument_labels
from minigrad.compiler.layout import layouts
from minigrad.compiler.load import compiled, parts
from minigrad.compiler.lower import lower
from minigrad.compiler.module import module_source
from minigrad.compiler.names import type_name
from minigrad.compiler.parallel import Decision, threaded
from minigrad.compiler.plan import plan
from minigrad.compiler.scan import LoopTracer
from minigrad.compiler.schedule import schedule
from minigrad.compiler.simplify import simplify
from minigrad.compiler.state import Slot, State, address
from minigrad.compiler.trace import Argument, Figure, Number, Reference, Write, expect_own, is_number, tracing
from minigrad.core import Tensor
from minigrad.tree import children, leaves, tree_map


class Trace:
    """What running a function on symbols recorded."""

    def __init__(self, fn: Callable, args: tuple, kwargs: dict, known: Sequence[Tensor] = ()) -> None:
        """known: tensors whose gradient the function may forget before it does anything else with them."""
        self.tracer = LoopTracer()
        for tensor in known:
            self.tracer.keep(tensor)
        self.writes: list[Write] = []
        self.argument_labels = argument_labels(fn, args, kwargs)
        flat = leaves((args, kwargs))
        self.signature = signature(flat)
        self.plain = not kwargs and all(children(x) is None for x in args)
        position = iter(range(len(flat)))

        def symbol(x: Any) -> Any:
            i = next(position)
            return self.tracer.argument(x, i) if isinstance(x, Tensor) or type(x) in (int, float) else x

        inside_args, inside_kwargs = tree_map(symbol, (args, kwargs))
        with tracing(self.tracer, self.writes):
            self.result = fn(*inside_args, **inside_kwargs)
            self.results = [x for x in leaves(self.result) if isinstance(x, Tensor)]
            self.figures = {i for i, x in enumerate(self.results) if is_number(self.tracer.read(x))}
            shown = [x if i in self.figures else self.tracer.strong(x) for i, x in enumerate(self.results)]
            self.symbols = list(map(self.tracer.read, shown))
        place = iter(range(len(self.results)))
        self.result = tree_map(lambda x: self.shown(x, next(place)) if isinstance(x, Tensor) else x, self.result)
        self.live = any(has_live_history(x) for x in self.results)

    def shown(self, x: Tensor, i: int) -> Any:
        """What stands for a result: a tensor for a tensor, a figure for a number."""
        return Figure(i) if i in self.figures else x

    def graph(self) -> Graph:
        """The simplified graph; its outputs are the results, then the writes."""
        graph = self.tracer.graph
        graph.outputs = [s.value for s in self.symbols + [w.value for w in self.writes if w.value is not None]]
        expect_own(graph)
        return lower(simplify(graph))


def has_live_history(x: Tensor) -> bool:
    """Whether a result may still be differentiated: no backward pass inside the function has freed its graph."""
    node = x.node.parents[0] if isinstance(x.node, engine.Output) else x.node
    return node is not None and (isinstance(node, engine.Leaf) or node.inputs is not None)


class Compiled:
    """A compiled step. It reads and writes tensors through a table of addresses, rewritten only where one changed.

    references, tensors, floats, ints: the inputs that are state, arguments, and numbers.  outs: the results.
    writes: what a call leaves behind, (tensor, whether it is its gradient, value).  verdicts: how each is written.
    decisions: what runs on several threads.
    call: checks and calls (see `call.py`).  loop, pace: the compiled loop, once it is used, and how many steps of it
    take a moment (see `loop.py`).  repeats: whether a call leaves gradients where, and only where, it found some.
    """

    def __init__(self, trace: Trace, guard: Guard) -> None:
        self.graph = graph = trace.graph()
        self.signature, self.plain, self.live, self.result = trace.signature, trace.plain, trace.live, trace.result
        self.argument_labels, self.single = trace.argument_labels, isinstance(trace.result, Tensor)
        self.draws = list(trace.tracer.draws.values())
        self.met = [*(tensor for tensor, _ in trace.tracer.kept.values()), *(w.tensor for w in trace.writes)]
        self.references = [(v, s) for v, s in graph.inputs.items() if isinstance(s, Reference)]
        self.arguments = [(v, s) for v, s in graph.inputs.items() if isinstance(s, Argument)]
        self.numbers = [(v, s) for v, s in graph.inputs.items() if isinstance(s, Number)]
        self.tensors = [(v, s) for v, s in self.arguments if not v.weak]
        numbers = [*self.numbers, *((v, s) for v, s in self.arguments if v.weak)]
        self.floats: list[tuple[Value, Any]] = [(v, s) for v, s in numbers if v.dtype.kind == "f"]
        self.ints: list[tuple[Value, Any]] = [(v, s) for v, s in numbers if v.dtype.kind != "f"]
        self.float_values = np.zeros(len(self.floats) + 1, np.float64)
        self.int_values = np.zeros(len(self.ints) + 1, np.int64)
        self.figures = trace.figures
        self.outs, written = graph.outputs[: len(trace.results)], iter(graph.outputs[len(trace.results) :])
        self.cleared = [w.tensor for w in trace.writes if w.value is None]
        self.writes = [(w.tensor, w.what == "grad", next(written)) for w in trace.writes if w.value is not None]
        self.verdicts: list[Verdict] = []
        self.decisions: list[Decision] = []
        self.build({i for i, (_, grad) in trace.tracer.kept.items() if grad is None})
        self.call = write_call(self, guard)
        self.loop: Callable | None = None
        self.pace = 1
        self.repeats = not self.cleared and not any(slot.absent for slot in self.state.grads)

    # ---- building

    def build(self, without_grad: set[int]) -> None:
        """Source, memory, machine code. without_grad: the ids of tensors that have no gradient before a call."""
        graph = self.graph
        places = layouts(list(graph.inputs), graph.ops)
        self.steps = schedule(graph, places)
        slots: dict[Any, Slot] = {(id(s.tensor), s.is_grad): Slot(s.tensor, s.is_grad, v) for v, s in self.references}
        for tensor, is_grad, v in self.writes:
            slot = slots.get((id(tensor), is_grad))
            if slot is None or (v.shape, v.dtype) != (slot.value.shape, slot.value.dtype):
                absent = is_grad and (slot is not None or id(tensor) in without_grad)
                slot = slots[id(tensor), is_grad, "written"] = Slot(tensor, is_grad, absent=absent)
            verdict = in_place(slot, v, self.steps, places)
            self.verdicts.append(verdict)
            slot.written = v if verdict.direct else stored_at_the_end(graph, v, self.steps, places)
        self.state = State(list(slots.values()))
        self.plan = plan(graph, places, self.steps)
        same = {s.written: s.read for s in self.state.slots if s.written is not None and s.read is not None}
        emitter = Emitter(graph, places, self.steps, self.plan, same)
        self.failures, self.shared, self.decisions = emitter.failures, emitter.called, emitter.decisions
        arenas = {f"A_{type_name(d)}": np.empty(n, d) for d, n in sorted(self.plan.sizes.items(), key=str)}
        self.fixed = {"S": self.float_values, "N": self.int_values, **arenas}
        self.shared_places = len(slots) + len(self.fixed)  # in parts, arguments, results and the parts come after these
        more = len(self.tensors) + len(self.outs) + len(emitter.parts) if len(emitter.parts) > 1 else 0
        self.table = np.zeros(self.shared_places + more, np.uint64)
        self.table[len(slots) : self.shared_places] = [address(buffer) for buffer in self.fixed.values()]
        self.state.addresses = self.table
        self.source = module_source(self, emitter)
        examples = [np.empty(v.shape, v.dtype) for v in [*(v for v, _ in self.tensors), *self.outs]]
        self.function = self.threaded(compiled(self.source, (self.table, *examples)))
        if more:
            self.table[-len(emitter.parts) :] = parts(self.source)

    def threaded(self, function: Callable) -> Callable:
        """A compiled function of the module, called so that it may use threads, if some of it can."""
        return threaded(function, self.decisions)

    # ---- calling

    def __call__(self, flat: Sequence) -> Any:
        """The result for these arguments; MISS if the state has other shapes or dtypes than was compiled for."""
        if not self.state.settle():
            return MISS
        if any(x is slot.tensor for x in flat for slot in self.state.data):
            raise Failed("an argument changes while it is read")
        try:
            return self.call(flat, True)
        except Failed:
            self.state.restore()
            raise

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Put what the step may change back as it was, at the end of a block."""
        before = [(t, t.data, t.gradient) for t in self.met]
        drawn = [(generator, generator.call) for generator, _ in self.draws]
        try:
            yield
        finally:
            for tensor, data, gradient in before:
                tensor.data, tensor.gradient = data, gradient
            for generator, call in drawn:
                generator.call = call

    def read_numbers(self) -> None:
        """Read the numbers that are no arguments."""
        for values, inputs in ((self.float_values, self.floats), (self.int_values, self.ints)):
            for i, (_, source) in enumerate(inputs):
                if isinstance(source, Number):
                    values[i] = source.get()
