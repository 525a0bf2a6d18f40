"""The Python side of a compiled step: one straight-line function, written for each trace, that checks and calls.

A loop over tensors and conditions would cost more than the compiled code of a small network. So what has to be looked
at in each call stands in one condition: everything is as the last call left it. If it is not, the function returns
MISS, having done nothing; the step is then made ready, slowly, and called as `settled`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from sys import getrefcount
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import engine
from minigrad.compiler.guard import Guard
from minigrad.compiler.names import Bound
from minigrad.compiler.state import State
from minigrad.compiler.trace import Figure, Number
from minigrad.core import Tensor
from minigrad.dtypes import default_dtype
from minigrad.tree import children, rebuild

if TYPE_CHECKING:
    from minigrad.compiler.compiled import Compiled

MISS = object()
"""What a call returns that was not made, since something is not as it was."""

SOURCE = '''def call(flat, settled=False):
    """The step for these arguments; MISS unless everything is as it was, or `settled`."""
    if len(flat) != {count}:
        return MISS
{unpacked}
{kept}
    if not settled and (
        {conditions}
    ):
        return MISS
{prepared}
    failed = function({given})
    if failed:
        raise Failed(failures[failed - 1])
{left}
    return {result}
'''


class Failed(Exception):
    """An index that compiled code checked is out of range."""


def signature(flat: list | tuple) -> tuple:
    """What of the arguments a trace depends on: shapes and dtypes of tensors, types of numbers, all else by value."""
    return tuple(
        (x.data.shape, x.data.dtype, x.node is not None)
        if isinstance(x, Tensor)
        else type(x)
        if type(x) in (int, float)
        else x
        for x in flat
    )


def write_call(step: Compiled, guard: Guard) -> Callable:
    """The function that checks and calls a compiled step."""
    bound = Bound(
        MISS=MISS, Tensor=Tensor, Failed=Failed, getrefcount=getrefcount, array=np.array, empty=np.empty,
        mode=engine.MODE.get, journal=engine.JOURNAL.get, default_dtype=default_dtype, rebuild=rebuild,
        function=step.function, failures=step.failures, P=step.table, S=step.float_values, N=step.int_values,
        held=step.state.held, counts=step.state.counts, arrays=step.state.arrays, look=step.state.look,
    )  # fmt: skip
    given = [f"a{s.position}" for _, s in step.tensors]
    outs = [f"o{i}" for i in range(len(step.outs))]
    text = SOURCE.format(
        count=len(step.signature),
        unpacked=body(f"x{i} = flat[{i}]" for i in range(len(step.signature))),
        kept=body(kept(bound, step.state)),
        conditions="\n        or ".join([
            *arguments(bound, step.signature), *switches(bound), *guard.conditions(bound), *places(bound, step.state)
        ]),
        prepared=body(prepared(bound, step)),
        given=", ".join(["P", *given, *outs]),
        left=body(left_behind(bound, step)),
        result=structured(bound, step.result, (out for i, out in enumerate(outs) if i not in step.figures)),
    )  # fmt: skip
    space = dict(bound)  # a plain one: Python is slower with a subclass
    exec(compile(text, "<the call of a compiled step>", "exec"), space)
    return space["call"]


def body(lines: Iterator[str]) -> str:
    """Lines of a function's body."""
    return "\n".join("    " + line for line in lines)


# ---- conditions: what is true if something is not as it was


def arguments(bound: Bound, signature: tuple) -> Iterator[str]:
    """Arguments of another kind."""
    for i, kind in enumerate(signature):
        if isinstance(kind, tuple):
            shape, dtype, tracked = kind
            yield f"type(x{i}) is not Tensor or (a{i} := x{i}.data).shape != {shape}"
            yield f"a{i}.dtype is not {bound.name('dtype', dtype)} or x{i}.node is {'' if tracked else 'not '}None"
        elif kind in (int, float):
            yield f"type(x{i}) is not {kind.__name__}"
        else:
            yield f"x{i} is not {bound.name('value', kind)}"


def switches(bound: Bound) -> Iterator[str]:
    """Other switches; or the assignments are recorded, to be undone."""
    mode = bound.name("mode", engine.MODE.get())
    yield f"(mode() is not {mode} and mode() != {mode})"
    yield f"journal() is not None or default_dtype() is not {bound.name('dtype', default_dtype())}"


def kept(bound: Bound, state: State) -> Iterator[str]:
    """The arrays that are only read, held during the call: nobody else may let go of them."""
    for i, slot in enumerate(state.seen):
        yield f"d{i} = {bound.name('t', slot.tensor)}.{'gradient' if slot.is_grad else 'data'}"


def places(bound: Bound, state: State) -> Iterator[str]:
    """Tensors to write into that have other arrays than the last call left, or that somebody else sees; tensors to read
    that do not fit."""
    grads = len(state.grads)
    for i, slot in enumerate(state.data):
        yield f"{bound.name('t', slot.tensor)}.data is not held[{i}]"
    for i, slot in enumerate(state.grads, len(state.data)):
        if not slot.absent:
            yield f"{bound.name('t', slot.tensor)}.gradient is not held[{i + grads}]"
        yield f"held[{i + grads}].data is not held[{i}]"
    for i, slot in enumerate(state.seen):
        yield f"(d{i}{'.data' * slot.is_grad} is not arrays[{i}]() and not look({i}))"
    if state.held:
        yield "[*map(getrefcount, held)] != counts"


# ---- the call


def prepared(bound: Bound, step: Compiled) -> Iterator[str]:
    """Numbers, contiguous arguments, room for the results."""
    for letter, inputs in (("S", step.floats), ("N", step.ints)):
        for i, (_, s) in enumerate(inputs):
            number = f"{bound.name('get', s.get)}()" if isinstance(s, Number) else f"x{s.position}"
            yield f"{letter}[{i}] = {number}"
    for _, s in step.tensors:
        yield f"a{s.position} = x{s.position}.data"
        yield f'if not a{s.position}.flags.carray: a{s.position} = array(a{s.position}, order="C")'
    for i, v in enumerate(step.outs):
        yield f"o{i} = empty({v.shape}, {bound.name('dtype', v.dtype)})"


def left_behind(bound: Bound, step: Compiled) -> Iterator[str]:
    """Gradients where there were none, none where there were some, generators further on."""
    state = step.state
    for i, slot in enumerate(state.grads, state.writes):
        if slot.absent:
            yield f"{bound.name('t', slot.tensor)}.gradient = held[{i}]"
    for tensor in step.cleared:
        yield f"{bound.name('t', tensor)}.gradient = None"
    for generator, calls in step.draws:
        yield f"{bound.name('generator', generator)}.call += {calls}"


def structured(bound: Bound, result: Any, outs: Iterator[str]) -> str:
    """The result, as source: new tensors, and numbers, in the structure that the function returned."""
    if isinstance(result, Figure):
        return f"o{result.out}.item()"
    if isinstance(result, Tensor):
        return f"Tensor({next(outs)})"
    parts = children(result)
    if parts is None or result is None:
        return bound.name("value", result)
    inside = ", ".join(structured(bound, part, outs) for part in parts)
    return f"[{inside}]" if type(result) is list else f"rebuild({bound.name('like', result)}, [{inside}])"
