"""A compiled step's graph to look at: as text, one line an operation, and as DOT for Graphviz."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from minigrad.compiler.dot import to_dot
from minigrad.compiler.graph import Graph, Op, Value, loops
from minigrad.compiler.labels import labels, line, targets, typed
from minigrad.compiler.schedule import Step
from minigrad.compiler.trace import Argument, Number, Reference

if TYPE_CHECKING:
    from minigrad.compiler.compiled import Compiled
    from minigrad.compiler.guard import Guard


@dataclass
class Listing(Graph):
    """A graph with the names of its inputs, the meaning of its outputs, and the kernels that its operations run in."""

    labels: dict[Value, str] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)
    kernels: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kernel_of = {op: k for k, step in enumerate(self.kernels) for op in step.ops}
        made = [v for op in self.ops for v in op.outputs]
        unnamed = [v for v in (*self.inputs, *made) if v not in self.labels]
        self.names = {**self.labels, **{v: f"v{i}" for i, v in enumerate(unnamed)}}

    def name(self, x: Any) -> str:
        """A value's name; a constant as it is."""
        return self.names[x] if isinstance(x, Value) else repr(x)

    def call(self, op: Op) -> str:
        """An operation as a call."""
        given = [*map(self.name, op.inputs), *(f"{k}={v}" for k, v in op.params.items() if not loops(op))]
        return f"{op.name}({', '.join(given)})"

    def place(self, op: Op) -> str:
        """The kernel that an operation runs in, and the user's line."""
        kernel = f"kernel {self.kernel_of[op]}" if op in self.kernel_of else "a view"
        return ", ".join(filter(None, (kernel, line(op))))

    def __str__(self) -> str:
        lines = [f"{self.name(v)}: {typed(v)} = {origin(source)}" for v, source in self.inputs.items()]
        for op in self.ops:
            made = ", ".join(f"{self.name(v)}: {typed(v)}" for v in op.outputs)
            lines.append(f"{made} = {self.call(op)}  # {self.place(op)}")
            lines += [f"    {line}" for loop in loops(op) for line in str(loop).splitlines()]
        return "\n".join([*lines, *(f"{target} <- {self.name(v)}" for target, v in zip(self.targets, self.outputs))])

    def dot(self) -> str:
        """The graph in the DOT language, for `dot -Tsvg`: ellipses are data, boxes operations, frames kernels."""
        return to_dot(self)


def listing(step: Compiled, guard: Guard) -> Listing:
    """The graph of a compiled step with its names."""
    graph = step.graph
    names = labels(step, guard), targets(step, guard)
    return Listing(graph.inputs, graph.ops, graph.outputs, graph.left_out, *names, step.steps)


def origin(source: Any) -> str:
    """Where an input comes from."""
    kinds = {Argument: "argument", Number: "number, read at each call"}
    if isinstance(source, Reference):
        return "gradient, by reference" if source.is_grad else "by reference"
    return kinds[type(source)]
