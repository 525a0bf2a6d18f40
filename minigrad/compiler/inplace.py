"""Which outputs are written over the state that they replace, and why the others are not."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from minigrad.compiler.graph import Value
from minigrad.compiler.layout import Layout, contiguous
from minigrad.compiler.schedule import CHECKS, Step, reduced
from minigrad.compiler.trace import Reference
from minigrad.core import Tensor


class Reason(StrEnum):
    """Why an output is, or is not, written in place."""

    IN_PLACE = "the step that writes it is the last that reads the old value, at the same element"
    GRADIENT = "a gradient: the last one may still be seen"
    UNREAD = "the old value is not read: there is no buffer of it to write into"
    READ_LATER = "a later step reads the old value"
    OTHER_ELEMENT = "the step that writes it reads the old value at other elements"
    CHECK = "an index that is checked later may be out of range, and then the state must be as it was"


class Verdict(NamedTuple):
    """The reference whose buffer an output overwrites, or -1; and why."""

    reference: int
    reason: Reason


def in_place(
    write: tuple[Tensor, bool, Value],
    references: list[tuple[Value, Reference]],
    steps: list[Step],
    places: dict[Value, Layout],
) -> Verdict:
    """Whether an output (tensor, whether it is a gradient, value) may overwrite the buffer that it replaces."""
    tensor, is_grad, out = write
    if is_grad:
        return Verdict(-1, Reason.GRADIENT)
    old = ((i, v) for i, (v, s) in enumerate(references) if s.tensor is tensor and not s.is_grad)
    i, v = next(old, (-1, None))
    if v is None:
        return Verdict(-1, Reason.UNREAD)
    writer = next(k for k, step in enumerate(steps) if any(out in op.outputs for op in step.ops))
    last = max((k for k, step in enumerate(steps) if reads_buffer(step, v, places)), default=-1)
    if last > writer:
        return Verdict(-1, Reason.READ_LATER)
    if last == writer and not at_same_element(steps[writer], v, out, places):
        return Verdict(-1, Reason.OTHER_ELEMENT)
    if any(checks_index(step) for step in steps[writer:]):
        return Verdict(-1, Reason.CHECK)
    return Verdict(i, Reason.IN_PLACE)


def at_same_element(writer: Step, old: Value, out: Value, places: dict[Value, Layout]) -> bool:
    """Whether a step reads a buffer only at the element that it writes."""
    layouts = [places[x] for op in writer.ops for x in op.values if places[x].base is old]
    return writer.domain == old.shape and not reduced(out) and all(x == contiguous(old) for x in layouts)


def reads_buffer(step: Step, buffer: Value, places: dict[Value, Layout]) -> bool:
    """Whether a step reads a buffer, in any layout."""
    return any(places[x].base is buffer for op in step.ops for x in op.values)


def checks_index(step: Step) -> bool:
    """Whether a step may find an index out of range."""
    return any(op.name in CHECKS for op in step.ops)
