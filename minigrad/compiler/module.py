"""The generated module: `step`, and `loop`, which runs it for many rows of data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from minigrad.compiler import own
from minigrad.compiler.emit import Emitter
from minigrad.compiler.graph import Value
from minigrad.compiler.names import TYPES
from minigrad.compiler.trace import Number

if TYPE_CHECKING:
    from minigrad.compiler.compiled import Compiled

MODULE = '''"""Generated: one compiled step."""

from numba import njit

from minigrad.compiler.runtime import *
{imports}

{functions}@njit(cache=True, **SETTINGS)
def step({parameters}):
{unpacking}
{body}
    return 0


@njit(cache=True, **SETTINGS)
def loop(steps, order, {sources}{stacks}{parameters}):
    """step for the rows of `order`, one after the other: how many were done, and what failed."""
{buffers}
    for k in range(steps):
{gathering}
        failed = step({parameters})
        if failed:
            return k, failed
{counting}
    return steps, 0
'''


def module_source(step: Compiled, emitter: Emitter) -> str:
    """The source of the module."""
    data = [f"a{s.position}" for _, s in step.tensors]
    outs = [f"o{i}" for i in range(len(step.outs))]
    return MODULE.format(
        imports=lines(0, own.imports(emitter.kernels)),
        functions="".join(f + "\n\n" for f in emitter.functions),
        parameters=", ".join(["P", *data, *outs]),
        unpacking=lines(1, unpacking(step, emitter.pointers)),
        body="\n".join(emitter.source.lines),
        sources="".join(f"d{s.position}, " for _, s in step.tensors),
        stacks="".join(f"s{i}, " for i in range(len(outs))),
        buffers=lines(1, loop_buffers(step)),
        gathering=lines(2, gathering(step)),
        counting=lines(2, counting(step)),
    )


def lines(depth: int, what: Iterator[str]) -> str:
    """Lines at a depth of indentation."""
    return "\n".join("    " * depth + line for line in what)


def unpacking(step: Compiled, names: dict[Value, str]) -> Iterator[str]:
    """The lines that give every array its name. P holds the addresses of those that are there in every call."""
    state = step.state
    for i, slot in enumerate(state.slots):
        yield array(names[slot.value], f"P[{i}]", slot.value)
    for v, s in step.tensors:
        yield array(names[v], f"a{s.position}.ctypes.data", v)
    for i, v in enumerate(step.outs):
        yield array(names[v], f"o{i}.ctypes.data", v)
    for i, (name, buffer) in enumerate(step.fixed.items(), len(state.slots)):
        yield f"{name} = array_at(P[{i}], {buffer.size}, {TYPES[buffer.dtype.name]})"
    for letter, inputs in (("S", step.floats), ("N", step.ints)):
        for i, (v, _) in enumerate(inputs):
            yield f"{names[v]} = part({letter}, {i}, 1)"


def array(name: str, address: str, value: Value) -> str:
    """The line that names an array at an address."""
    return f"{name} = array_at({address}, {value.size}, {TYPES[value.dtype.name]})"


def loop_buffers(step: Compiled) -> Iterator[str]:
    """The step's arguments and results, and the numbers that change from row to row, as flat arrays."""
    for v, s in step.tensors:
        yield array(f"r{s.position}", f"a{s.position}.ctypes.data", v)
    for i, v in enumerate(step.outs):
        yield array(f"q{i}", f"o{i}.ctypes.data", v)
    if step.draws:
        i = len(step.state.slots) + list(step.fixed).index("N")
        yield f"N = array_at(P[{i}], {step.int_values.size}, I64)"


def gathering(step: Compiled) -> Iterator[str]:
    """Row k of `order` says which rows of the data a step gets."""
    for v, s in step.tensors:
        n, width, i = math.prod(v.shape[:1]), math.prod(v.shape[1:]), s.position
        yield f"for i in range({n}):"
        yield f"    row = part(d{i}, order[k * {n} + i] * {width}, {width})"
        yield f"    for j in range({width}):"
        yield f"        r{i}[i * {width} + j] = row[j]"


def counting(step: Compiled) -> Iterator[str]:
    """Random call numbers move on, results are stacked."""
    calls = dict(step.draws)
    for i, (_, s) in enumerate(step.ints):
        if isinstance(s, Number) and s.generator is not None:
            yield f"N[{i}] += {calls[s.generator]}"
    for i, v in enumerate(step.outs):
        yield f"row = part(s{i}, k * {v.size}, {v.size})"
        yield f"for i in range({v.size}):"
        yield f"    row[i] = q{i}[i]"
