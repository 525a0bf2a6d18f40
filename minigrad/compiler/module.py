"""The generated module: `step`, and `loop`, which runs it for many rows of data."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from minigrad.compiler import own
from minigrad.compiler.emit import Emitter
from minigrad.compiler.graph import Value
from minigrad.compiler.names import TYPES
from minigrad.compiler.trace import Number

if TYPE_CHECKING:
    from minigrad.compiler.compiled import Compiled

MODULE = '''"""Generated: one compiled step."""

from numba import cfunc, njit

from minigrad.compiler.runtime import *
{imports}

{functions}{parts}@njit(cache=True, **SETTINGS)
def step({parameters}):
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
PART = '''@cfunc(PART, cache=True, **SETTINGS)
def part{number}(table):
    P = array_at(table, {size}, U64)
{unpacking}
{body}
    return 0


'''
TABLE_OF_PARTS = "PARTS = ({names})\n\n\n"


def module_source(step: Compiled, emitter: Emitter) -> str:
    """The source of the module."""
    outs = [f"o{i}" for i in range(len(step.outs))]
    bodies = ["\n".join(part.lines) for part in emitter.parts]
    whole = len(bodies) == 1
    return MODULE.format(
        imports=lines(0, own.imports(emitter.kernels)),
        functions="".join(f + "\n\n" for f in emitter.functions),
        parts="" if whole else parts(step, emitter, bodies),
        parameters=", ".join(["P", *(name for name, _ in given(step))]),
        body=lines(1, unpacking(step, emitter.pointers)) + "\n" + bodies[0] if whole else lines(1, calls(step)),
        sources="".join(f"d{s.position}, " for _, s in step.tensors),
        stacks="".join(f"s{i}, " for i in range(len(outs))),
        buffers=lines(1, loop_buffers(step)),
        gathering=lines(2, gathering(step)),
        counting=lines(2, counting(step)),
    )


def given(step: Compiled) -> list[tuple[str, Value]]:
    """The arguments and results of the step, by name."""
    return [(f"a{s.position}", v) for v, s in step.tensors] + [(f"o{i}", v) for i, v in enumerate(step.outs)]


def lines(depth: int, what: Iterable[str]) -> str:
    """Lines at a depth of indentation."""
    return "\n".join("    " * depth + line for line in what)


# ---- a step in parts, each a function of the table alone


def parts(step: Compiled, emitter: Emitter, bodies: list[str]) -> str:
    """The functions of the parts, and a tuple of them."""
    made = list(unpacking(step, emitter.pointers, in_table=True))
    functions = [
        PART.format(number=i, size=len(step.table), unpacking=lines(1, needed(made, body)), body=body)
        for i, body in enumerate(bodies)
    ]
    return "".join([*functions, TABLE_OF_PARTS.format(names="".join(f"part{i}, " for i in range(len(bodies))))])


def needed(definitions: list[str], body: str) -> list[str]:
    """Those of some lines `name = ...` whose name a text mentions, or another line that is needed."""
    words, kept = set(re.findall(r"\w+", body)), []
    for line in reversed(definitions):
        name, made = line.split(" = ", 1)
        if name in words:
            words.update(re.findall(r"\w+", made))
            kept.append(line)
    return kept[::-1]


def calls(step: Compiled) -> Iterator[str]:
    """The step of a module in parts: it puts arguments and results into the table, and calls the parts in turn."""
    for i, (name, _) in enumerate(given(step), step.shared_places):
        yield f"P[{i}] = {name}.ctypes.data"
    yield f"for i in range({step.shared_places + len(given(step))}, {len(step.table)}):"
    yield "    failed = call_part(P[i], P.ctypes.data)"
    yield "    if failed:"
    yield "        return failed"


# ---- names


def unpacking(step: Compiled, names: dict[Value, str], in_table: bool = False) -> Iterator[str]:
    """The lines that give every array its name. P holds the addresses of those that are there in every call.

    in_table: those of arguments and results too.
    """
    state = step.state
    for i, (name, buffer) in enumerate(step.fixed.items(), len(state.slots)):
        yield f"{name} = array_at(P[{i}], {buffer.size}, {TYPES[buffer.dtype.name]})"
    for i, slot in enumerate(state.slots):
        yield array(names[slot.value], f"P[{i}]", slot.value)
    for i, (name, v) in enumerate(given(step), step.shared_places):
        yield array(names[v], f"P[{i}]" if in_table else f"{name}.ctypes.data", v)
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
