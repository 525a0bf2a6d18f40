"""Emitting a scan: a loop around the steps of its body, whose slices are parts of stacks and need no copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.compiler.graph import Loop, Value
from minigrad.compiler.layout import Layout, contiguous
from minigrad.compiler.names import scaled, total
from minigrad.compiler.schedule import Step, every

if TYPE_CHECKING:
    from minigrad.compiler.emit import Emitter


def names(steps: list[Step]) -> dict[Value, str]:
    """What the slices that loops read and make are called."""
    found: dict[Value, str] = {}
    for i, loop in enumerate(step.loop for step in every(steps) if step.loop is not None):
        _, read, _ = loop.inputs
        made = loop.body.outputs[loop.carries :]
        found |= {v: f"s{i}_{k}" for k, v in enumerate(read)} | {v: f"y{i}_{k}" for k, v in enumerate(made)}
    return found


def aliases(steps: list[Step], layouts: dict[Value, Layout]) -> dict[Value, Layout]:
    """Where inputs of loops lie outside: carries where their last values are wanted, what is shared where it is."""
    found: dict[Value, Layout] = {}
    for step in every(steps):
        for op in step.ops if step.loop is not None else ():
            loop = op.params["loop"]
            carries, _, shared = loop.inputs
            found |= {v: contiguous(final) for v, final in zip(carries, op.outputs)}
            found |= {v: layouts[x] for v, x in zip(shared, op.inputs[loop.shared :])}
    return found


def repeat(emitter: Emitter, number: str, step: Step, loop: Loop) -> None:
    """A scan."""
    (op,), source = step.ops, emitter.source
    (carries, slices, shared), outputs = loop.inputs, loop.body.outputs
    for final, start in zip(op.outputs[: loop.carries], op.inputs):
        emitter.copy(contiguous(final), emitter.layouts[start])
    read = zip(slices, op.inputs[loop.carries :])
    made = zip(outputs[loop.carries :], op.outputs[loop.carries :])
    stacks = [(v, emitter.layouts[x]) for v, x in (*read, *made) if v.size]  # without elements there is no buffer
    for v in (*carries, *shared, *(stack.base for _, stack in stacks)):
        if v.size:
            emitter.buffer(v)  # is named before the loop, not anew in each iteration
    index = f"i{number.replace('.', '_')}_"
    backwards = f"{loop.length - 1}, -1, -1"
    with source.indented(f"for {index} in range({backwards if loop.reverse else loop.length}):"):
        for v, stack in stacks:
            start = total(stack.offset, scaled(index, v.size))
            source.add(f"{emitter.inside[v]} = part({emitter.buffer(stack.base)}, {start}, {v.size})")
        for k, inner in enumerate(step.steps):
            emitter.step(f"{number}.{k}", inner)
        emitter.number = number
        for old, new in zip(carries, outputs):
            if new not in emitter.in_place:
                emitter.copy(contiguous(old), contiguous(new))
