"""Which outputs are written straight over the state that they replace; the others are copied there at the end."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from minigrad.compiler.graph import CUSTOM, Graph, Op, Value
from minigrad.compiler.layout import Layout, contiguous
from minigrad.compiler.schedule import CHECKS, GATHERS, Step, every, reduced
from minigrad.compiler.state import Slot

UPDATES = ("gather_update", "slice_update")


class Reason(StrEnum):
    """Why an output is, or is not, written in place."""

    IN_PLACE = "the step that writes it is the last that reads the old value, and only where it writes"
    UNREAD = "the old value is not read"
    READ_LATER = "a later step reads the old value"
    OTHER_ELEMENT = "the step that writes it reads the old value at other elements"
    CHECK = "an index that is checked later may be out of range, and then the state must be as it was"


class Verdict(NamedTuple):
    """Whether an output is written straight to where it belongs; and why."""

    direct: bool
    reason: Reason


def in_place(slot: Slot, out: Value, steps: list[Step], places: dict[Value, Layout]) -> Verdict:
    """Whether an output may be written over what its slot held before."""
    if last_check(steps, places) >= writer_of(out, steps):
        return Verdict(False, Reason.CHECK)
    if slot.read is None:
        return Verdict(True, Reason.UNREAD)
    reason = overwriting(slot.read, out, steps, places)
    return Verdict(reason is Reason.IN_PLACE, reason)


def overwriting(old: Value, out: Value, steps: list[Step], places: dict[Value, Layout]) -> Reason:
    """Whether the step that writes a value may write it over an old one."""
    writer = writer_of(out, steps)
    last = max((k for k, step in enumerate(steps) if reads_buffer(step, old, places)), default=-1)
    if last > writer:
        return Reason.READ_LATER
    if last == writer and not (at_same_element(steps[writer], old, out, places) or updates(out, old, steps, places)):
        return Reason.OTHER_ELEMENT
    return Reason.IN_PLACE


def writer_of(out: Value, steps: list[Step]) -> int:
    """The step that makes a value; the end if it has no elements, and none does."""
    return next((k for k, step in enumerate(steps) if any(out in op.outputs for op in step.ops)), len(steps))


def carried_in_place(step: Step, places: dict[Value, Layout]) -> dict[Value, Value]:
    """The new carries of a scan that are written over the old ones."""
    if step.loop is None:
        return {}
    body, found = step.loop.body, {}
    for old, new in zip(body.inputs, body.outputs[: step.loop.carries]):
        if new.size and overwriting(old, new, step.steps, places) is Reason.IN_PLACE:
            found[new] = old
    return found


def stored_at_the_end(graph: Graph, out: Value, steps: list[Step], places: dict[Value, Layout]) -> Value:
    """Let a last step copy an output, which becomes a temporary, to where it belongs; returns the copy."""
    op = Op("copy", (out,), {}, "" if out.op is None else out.op.where)
    copy = Value(out.shape, out.dtype, out.weak, op)
    op.outputs.append(copy)
    places[copy] = contiguous(copy)
    graph.ops.append(op)
    graph.outputs[graph.outputs.index(out)] = copy
    if out.size:
        steps.append(Step(copy.shape, [op]))
    return copy


def at_same_element(writer: Step, old: Value, out: Value, places: dict[Value, Layout]) -> bool:
    """Whether a step reads a buffer only at the element that it writes."""
    layouts = [places[x] for op in writer.ops for x in op.values if places[x].base is old]
    return writer.domain == old.shape and not reduced(out) and all(x == contiguous(old) for x in layouts)


def updates(out: Value, old: Value, steps: list[Step], places: dict[Value, Layout]) -> bool:
    """Whether a value is an old one with something put into it, and its step reads nothing else of the old one."""
    op, step = out.op, steps[writer_of(out, steps)]
    if op is None or op.name not in UPDATES or places.get(op.inputs[0]) != contiguous(old):
        return False
    return sum(places[x].base is old for other in step.ops for x in other.values) == 1


def reads_buffer(step: Step, buffer: Value, places: dict[Value, Layout]) -> bool:
    """Whether a step reads a buffer, in any layout."""
    return any(places[x].base is buffer for op in step.ops for x in op.values)


def last_check(steps: list[Step], places: dict[Value, Layout]) -> int:
    """The last step in which an index may be found out of range: where one is checked for the first time."""
    seen: set[tuple[Layout, int]] = set()
    last = -1
    for k, step in enumerate(steps):
        for op in (op for inner in every([step]) for op in inner.ops):
            found = set(checks(op, places))
            if op.name == "checked_index" or op.name.startswith(CUSTOM) or found - seen:
                last = k
            seen |= found
    return last


def checks(op: Op, places: dict[Value, Layout]) -> Iterator[tuple[Layout, int]]:
    """The index arrays that an operation checks, and the size of the axis that each must fit."""
    if op.name not in CHECKS or op.name == "checked_index":
        return
    table = places[op.inputs[0] if op.name in GATHERS else op.outputs[0]]
    axes = op.params["axes"] if "axes" in op.params else (op.params["axis"],)
    for index, axis in zip(op.inputs[len(op.inputs) - len(axes) :], axes):
        yield places[index], table.shape[axis]
