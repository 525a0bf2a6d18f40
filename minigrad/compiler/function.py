"""jit: the compiled function that users call."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.compiler.emit import TYPES, Emitter
from minigrad.compiler.graph import Graph, Op, Value
from minigrad.compiler.layout import contiguous, layouts
from minigrad.compiler.plan import plan
from minigrad.compiler.schedule import schedule
from minigrad.compiler.simplify import simplify
from minigrad.compiler.trace import Symbol, Tracer
from minigrad.core import Tensor
from minigrad.tree import leaves, tree_map

HEADER = """from numba import njit
from minigrad.compiler.runtime import *


@njit(cache=True, **SETTINGS)
def step(pointers{arenas}):
"""


def trace(f: Callable, args: tuple) -> tuple[Tracer, Any, list]:
    """Run f on symbols; returns the tracer, the symbolic result, and the state writes (tensor, 'data' or 'grad', value)."""
    tracer = Tracer()
    positions = iter(range(len(leaves(args))))
    with engine.switched(tracer=tracer):
        inside = tree_map(lambda x: tracer.argument(x, next(positions)) if isinstance(x, Tensor) else (next(positions), x)[1], args)
        try:
            result = f(*inside)
            writes = []
            for tensor, data, grad in tracer.kept:
                if tensor.data is not data:
                    writes.append((tensor, "data", tensor.data))
                if tensor.grad is not grad:
                    writes.append((tensor, "grad", tensor.grad.data if tensor.grad is not None else None))
        finally:
            for tensor, data, grad in tracer.kept:
                tensor.data, tensor.grad = data, grad
    return tracer, result, writes


class Compiled:
    """One trace, compiled."""

    def __init__(self, f: Callable, args: tuple) -> None:
        tracer, result, writes = trace(f, args)
        self.result = result
        self.writes = writes
        symbols = [y.data for y in leaves(result) if isinstance(y, Tensor)] + [w for _, _, w in writes if w is not None]
        graph = tracer.graph
        graph.outputs = [s.value if isinstance(s, Symbol) else tracer.lift(Tensor(s)) for s in symbols]
        graph = simplify(graph)
        graph = own_outputs(graph)
        self.graph = graph
        places = layouts(list(graph.inputs), graph.ops)
        steps = schedule(graph, places)
        self.plan = plan(graph, places, steps)
        emitter = Emitter(graph, places, steps, self.plan)
        self.failures = emitter.failures
        dtypes = sorted(self.plan.sizes, key=str)
        arenas = "".join(f", A_{TYPES[d.name]}" for d in dtypes)
        head = [
            f"    {name} = array_at(pointers[{i}], {max(v.size, 1)}, {TYPES[v.dtype.name]})"
            for i, (v, name) in enumerate(emitter.pointers.items())
        ]
        self.source = HEADER.format(arenas=arenas) + "\n".join([*head, *emitter.source.lines, "    return 0"]) + "\n"
        self.arenas = [np.empty(self.plan.sizes[d], d) for d in dtypes]
        self.step = load(self.source)
        self.inputs = list(graph.inputs.items())
        self.pointers = np.zeros(len(emitter.pointers), np.uint64)

    def __call__(self, args: list) -> Any:
        held = []
        for i, (value, source) in enumerate(self.inputs):
            array = args[source[1]].data if source[0] == "argument" else source[1].data
            array = np.ascontiguousarray(array)
            held.append(array)
            self.pointers[i] = array.__array_interface__["data"][0]
        outs = []
        for i, v in enumerate(self.graph.outputs):
            out = np.empty(v.shape, v.dtype)
            outs.append(out)
            self.pointers[len(self.inputs) + i] = out.__array_interface__["data"][0]
        failed = self.step(self.pointers, *self.arenas)
        if failed:
            raise IndexError(self.failures[failed - 1])
        fresh = iter(outs)
        result = tree_map(lambda y: Tensor(next(fresh)) if isinstance(y, Tensor) else y, self.result)
        for tensor, kind, w in self.writes:
            if kind == "data":
                tensor.data = next(fresh)
            else:
                tensor.grad = Tensor(next(fresh)) if w is not None else None
        return result


def own_outputs(graph: Graph) -> Graph:
    """Every output a buffer of its own: inputs, views and repeated outputs are copied."""
    places = layouts(list(graph.inputs), graph.ops)
    outputs: list[Value] = []
    for v in graph.outputs:
        if v in graph.inputs or v in outputs or places[v] != contiguous(v):
            op = Op("copy", (v,), {})
            op.outputs.append(Value(v.shape, v.dtype, op=op))
            graph.ops.append(op)
            v = op.outputs[0]
        outputs.append(v)
    return Graph(graph.inputs, graph.ops, outputs)


def load(source: str) -> Callable:
    """The function `step` of a source text, from a file that bears its hash."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:20]
    folder = Path("/tmp/mgcache")
    folder.mkdir(exist_ok=True)
    path = folder / f"step_{digest}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(f"minigrad_step_{digest}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.step


def jit(f: Callable) -> Callable:
    """A function that runs f compiled."""
    cache: dict = {}

    def compiled(*args: Any) -> Any:
        flat = leaves(args)
        key = tuple((x.shape, x.dtype, x.requires_grad) if isinstance(x, Tensor) else x for x in flat)
        if key not in cache:
            cache[key] = Compiled(f, args)
        return cache[key](flat)

    compiled.cache = cache
    return compiled
