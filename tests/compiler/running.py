"""Running a traced function: its emitted source as plain Python with checked indices, or compiled."""

import re
from contextlib import contextmanager
from functools import partial
from unittest import mock

import numpy as np

import minigrad as mg
from minigrad import engine
from minigrad.compiler.compiled import Trace
from minigrad.compiler.emit import Emitter
from minigrad.compiler.layout import layouts
from minigrad.compiler.names import type_name
from minigrad.compiler.plan import plan
from minigrad.compiler.runtime import plain
from minigrad.compiler.schedule import schedule
from minigrad.compiler.trace import Argument
from minigrad.tree import leaves

HEADER = "from minigrad.compiler.runtime.plain import *\n"


class Emitted:
    """The emitted source of a function of tensors, run as it stands."""

    def __init__(self, f, *args):
        trace = Trace(f, args, {})
        self.graph = trace.graph()
        places = layouts(list(self.graph.inputs), self.graph.ops)
        steps = schedule(self.graph, places)
        self.plan = plan(self.graph, places, steps)
        self.emitter = Emitter(self.graph, places, steps, self.plan)
        self.dtypes = sorted(self.plan.sizes, key=str)
        parameters = [*self.emitter.pointers.values(), *(f"A_{type_name(d)}" for d in self.dtypes)]
        body = [line for part in self.emitter.parts for line in part.lines]
        lines = ["def step(" + ", ".join(parameters) + "):", *body, "    return 0"]
        self.source = "\n\n".join([HEADER, *self.emitter.functions, "\n".join(lines)])
        namespace = {}
        exec(compile(self.source, "<emitted>", "exec"), namespace)
        self.step = namespace["step"]

    def __call__(self, *args):
        """The results as arrays; raises IndexError where compiled code would return an error."""
        given = leaves(args)
        buffers = {}
        for v, source in self.graph.inputs.items():
            x = given[source.position] if isinstance(source, Argument) else source.get()
            array = np.asarray(getattr(x, "data", x), v.dtype)
            buffers[v] = plain.Buffer(np.array(array, order="C").reshape(-1))
        for v in self.graph.outputs:
            buffers[v] = plain.Buffer(garbage(v.size, v.dtype))
        arenas = [plain.Buffer(garbage(self.plan.sizes[d], d)) for d in self.dtypes]
        with np.errstate(all="ignore"):
            failed = self.step(*(buffers[v] for v in self.emitter.pointers), *arenas)
        if failed:
            raise IndexError(self.emitter.failures[failed - 1])
        return [buffers[v].array.reshape(v.shape) for v in self.graph.outputs]


@contextmanager
def uncompiled():
    """Inside, what `mg.jit` builds runs its source as plain Python; the rest of the machinery is the compiled one's."""
    made = mock.patch("minigrad.compiler.compiled.compiled", as_python)
    trimmed = mock.patch("minigrad.compiler.function.return_freed_memory")  # as slow as all the rest together
    in_one_part = mock.patch("minigrad.compiler.emit.WHOLE", 10**9)  # parts are C functions
    with made, trimmed, in_one_part:
        yield


def as_python(source, examples, name="step"):
    """A function of a source on bounds-checked arrays; arenas hold garbage when it starts."""
    source = source.replace("from numba import cfunc, njit\n", "").replace(".runtime import", ".runtime.plain import")
    namespace = {"arena_at": arena_at}
    exec(compile(re.sub(r"(A_\w+ = )array_at", r"\1arena_at", source), "<step>", "exec"), namespace)

    def run(table, *arrays):
        with np.errstate(all="ignore"):
            return namespace[name](plain.Buffer(table), *arrays)

    return run


def arena_at(address, size, element):
    """`array_at`, of memory whose content is never to be read."""
    buffer = plain.array_at(address, size, element)
    buffer.array[...] = garbage(size, buffer.array.dtype)
    return buffer


def garbage(n, dtype):
    """What is never to be read."""
    return np.full(n, np.nan if dtype.kind == "f" else 77).astype(dtype)


def plainly(f, *arrays):
    """f of the arrays, through the emitted source run as plain Python."""
    tensors = [mg.Tensor(a) for a in arrays]
    return Emitted(f, *tensors)(*tensors)


def compiled(f, *arrays):
    """f of the arrays, compiled."""
    out = mg.jit(f, warmup=0)(*(mg.Tensor(a) for a in arrays))
    return [x.data for x in leaves(out)]


def reference(f, *arrays):
    """f of the arrays, step by step."""
    with np.errstate(all="ignore"):
        return [x.data for x in leaves(f(*(mg.Tensor(a) for a in arrays)))]


def primitive(name, **params):
    """A primitive with its parameters."""
    return partial(engine.PRIMITIVES[name], **params)


def assert_same(found, expected, tolerance):
    """Equal shapes and dtypes; equal values, floats to a tolerance relative to the largest magnitude."""
    assert len(found) == len(expected)
    for x, y in zip(found, expected):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        if y.dtype.kind != "f":
            np.testing.assert_array_equal(x, y)
        else:
            finite = np.abs(y[np.isfinite(y)])
            np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance * finite.max(initial=0))
