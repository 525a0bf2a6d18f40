"""Why a compiled step is as it is, in words. The reasons are those that scheduler, planner and simplifier recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minigrad.compiler.cost import operations_text
from minigrad.compiler.labels import line, typed
from minigrad.compiler.listing import Listing, origin
from minigrad.compiler.parallel import SMALL, Decision
from minigrad.compiler.schedule import Step, numbered

if TYPE_CHECKING:
    from minigrad.compiler.compiled import Compiled
    from minigrad.compiler.guard import Guard


def explain(step: Compiled, guard: Guard, listing: Listing) -> str:
    """What became of a traced function."""
    parts = (summary(step), inputs(listing), baked(guard), kernels(step, listing), writes(step, listing))
    return "\n".join(text for part in parts for text in part)


def summary(step: Compiled) -> Iterator[str]:
    """How many operations and kernels, and what was left out."""
    graph = step.graph
    computed = sum(len(s.ops) for s in step.steps)
    yield f"{len(graph.ops)} operations: {computed} in {len(step.steps)} kernels, {len(graph.ops) - computed} views."
    left = ", ".join(f"{n} {what}" for what, n in graph.left_out.items()) or "nothing"
    yield f"left out of the graph: {left}."


def inputs(listing: Listing) -> Iterator[str]:
    """What the step reads, by kind."""
    kinds: dict[str, list[str]] = {}
    for v, source in listing.inputs.items():
        kinds.setdefault(origin(source), []).append(f"{listing.name(v)} {typed(v)}")
    for kind, names in kinds.items():
        yield f"{kind}: {', '.join(names)}."


def baked(guard: Guard) -> Iterator[str]:
    """What the trace holds for: a change of these makes a new one."""
    named = [f"{name} = {value_text(value)}" for name, value in guard.named()]
    if named:
        yield f"baked in, a change makes a new trace: {', '.join(named)}."
    kinds = dict.fromkeys(type(x).__name__ for x in guard.watched())
    if kinds:
        yield f"baked in, the settings that are not by reference of: {', '.join(kinds)}."


def value_text(x: Any) -> str:
    """A plain value as it is, anything else by its type."""
    return repr(x) if isinstance(x, (bool, int, float, str, bytes, type(None))) else f"this {type(x).__name__}"


def kernels(step: Compiled, listing: Listing) -> Iterator[str]:
    """Each kernel: what is fused in it, and why it is one of its own."""
    for i, kernel in numbered(step.steps):
        shared = f", shared as {step.shared[i]}" if i in step.shared else ""
        yield f"kernel {i}: {heading(kernel)}{shared}"
        for where, names in by_line(kernel).items():
            yield f"    {operations_text(tuple(names))}  {where}".rstrip()
        yield from (f"    {thread_text(d)}" for d in step.decisions if d.step == i and d.why != SMALL)
        around = i[: i.rfind(".") + 1]
        for reason, others in by_reason(kernel, listing).items():
            yield f"    not in kernel {', '.join(f'{around}{other}' for other in others)}: {reason}"


def thread_text(decision: Decision) -> str:
    """Whether one of its loops runs on several threads, and why."""
    where = "on one thread" if decision.cut is None else f"on threads, in {decision.cut.chunks} chunks"
    return f"{where}: {decision.why}, about {decision.nanoseconds / 1000:.0f} us"


def heading(kernel: Step) -> str:
    """What kind of kernel it is."""
    if kernel.loop is not None:
        return f"scan, {kernel.loop.length} times the kernels inside"
    if kernel.domain is None:
        return kernel.ops[0].name
    return f"{len(kernel.ops)} operation{'s' * (len(kernel.ops) > 1)} in loops over {list(kernel.domain)}"


def by_line(kernel: Step) -> dict[str, list[str]]:
    """The operations of a kernel by the user's line."""
    found: dict[str, list[str]] = {}
    for op in kernel.ops:
        found.setdefault(line(op), []).append(op.name)
    return found


def by_reason(kernel: Step, listing: Listing) -> dict[str, list[int]]:
    """The earlier kernels that it is not part of, by the reason in words."""
    found: dict[str, list[int]] = {}
    for r in kernel.refusals:
        reason = r.obstacle.format(value="" if r.value is None else listing.names.get(r.value, "a value of the loop"))
        found.setdefault(reason, []).append(r.step)
    return found


def writes(step: Compiled, listing: Listing) -> Iterator[str]:
    """What is written over the value that it replaces, and what is not, by the reason."""
    targets = listing.targets[len(step.outs) :]
    for verdict in sorted(set(step.verdicts), reverse=True):
        names = [name for name, other in zip(targets, step.verdicts) if other == verdict]
        yield f"{'' if verdict.direct else 'not '}written in place: {', '.join(names)}: {verdict.reason}."
