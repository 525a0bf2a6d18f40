"""What a compiled step computes and moves: operations, bytes and memory, counted from the graph and the plan."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minigrad.compiler.emit_ops import matrices
from minigrad.compiler.graph import Op, Value
from minigrad.compiler.labels import line
from minigrad.compiler.layout import Layout, layouts
from minigrad.compiler.scalars import ELEMENTWISE
from minigrad.compiler.schedule import GATHERS, REDUCTIONS, Step
from minigrad.ops.work import MULTIPLY_ADDS, multiply_adds
from minigrad.tables import aligned, short

if TYPE_CHECKING:
    from minigrad.compiler.compiled import Compiled


@dataclass(frozen=True)
class Kernel:
    """One kernel's part of a `Cost`. products: (batch, m, n, k) of each matrix product."""

    operations: tuple[str, ...]
    lines: tuple[str, ...]
    domain: tuple[int, ...] | None
    products: tuple[tuple[int, int, int, int], ...]
    flops: int
    read: int
    written: int

    @property
    def extent(self) -> str:
        """The domain of its loops, or the sizes of its product."""
        if not self.products:
            return "" if self.domain is None else " x ".join(map(str, self.domain)) or "1"
        return "; ".join("(m {1}, n {2}, k {3})".format(*p) + f" {p[0]} times" * (p[0] > 1) for p in self.products)


@dataclass(frozen=True)
class Cost:
    """What one call of a compiled step costs. Printed it is a table; all sizes are bytes.

    kernels   each with its operations, lines, domain, products, flops, read and written
    flops     floating-point (or integer) operations: 2 m n k for a matrix product of (m, k) and (k, n), times the size
              of the batch; one for each element of the result of an elementwise operation, whichever it is, none for
              casts and copies; one for each element that a reduction, a scatter or a running sum reads; two for each of
              a linear recurrence. Movement, gathers, sorts, and what compares elements to find one, count nothing.
    read      what the kernels read from memory, each distinct element once for each kernel that reads it; of a table
              that is indexed by data, as many elements as are picked. Values that live inside one kernel count nothing.
    written   what the kernels write to memory, each element once
    arena     temporaries: the sum of the arenas as they are allocated
    live      temporaries that exist at the same time, at the step where they are most: what the arena cannot be below
    state     what is read or written by reference: parameters, buffers, optimizer state, constants
    gradients what the step leaves as gradients
    arguments the tensors passed to it
    outputs   the tensors it returns
    """

    kernels: tuple[Kernel, ...]
    arena: int
    live: int
    state: int
    gradients: int
    arguments: int
    outputs: int

    @property
    def flops(self) -> int:
        """Of all kernels."""
        return sum(k.flops for k in self.kernels)

    @property
    def read(self) -> int:
        """Of all kernels."""
        return sum(k.read for k in self.kernels)

    @property
    def written(self) -> int:
        """Of all kernels."""
        return sum(k.written for k in self.kernels)

    def __str__(self) -> str:
        rows = [("kernel", "operations", "loops", "flops", "read", "written")]
        rows += [
            (str(i), operations_text(k.operations), k.extent, short(k.flops), short(k.read, "B"), short(k.written, "B"))
            for i, k in enumerate(self.kernels)
        ]
        rows.append(("total", "", "", short(self.flops), short(self.read, "B"), short(self.written, "B")))
        names = ("arena", "live", "state", "gradients", "arguments", "outputs")
        memory = ", ".join(f"{name} {short(getattr(self, name), 'B')}" for name in names)
        return "\n".join([*aligned(rows, left=(1, 2)), f"{len(self.kernels)} kernels; {memory}"])


def cost(step: Compiled) -> Cost:
    """Count a compiled step."""
    places = layouts(list(step.graph.inputs), step.graph.ops)
    stored = {*step.plan.offsets, *(places[v].base for v in step.graph.outputs)}
    state = {id(s.tensor): v for v, s in step.references if not s.is_grad}
    state.update({id(t): v for t, is_grad, v in step.writes if not is_grad})
    return Cost(
        kernels=tuple(kernel(s, places, stored) for s in step.steps),
        arena=sum(n * dtype.itemsize for dtype, n in step.plan.sizes.items()),
        live=max(step.plan.live, default=0),
        state=nbytes(state.values()),
        gradients=nbytes(v for _, is_grad, v in step.writes if is_grad),
        arguments=nbytes(v for v, _ in step.tensors),
        outputs=nbytes(step.outs),
    )


def kernel(step: Step, places: dict[Value, Layout], stored: set[Value]) -> Kernel:
    """Count one step; of a scan, all iterations of the steps inside."""
    if step.loop is not None:
        stored = stored.union(step.loop.body.outputs)  # the carries, and slices of stacks
        return repeated(step, [kernel(s, places, stored) for s in step.steps], step.loop.length)
    return Kernel(
        operations=tuple(op.name for op in step.ops),
        lines=tuple(dict.fromkeys(filter(None, map(line, step.ops)))),
        domain=step.domain,
        products=tuple(sizes(op, places) for op in step.ops if op.name == "matmul2"),
        flops=sum(flops(op) for op in step.ops),
        read=read(step, places),
        written=nbytes(v for op in step.ops for v in op.outputs if v in stored),
    )


def repeated(step: Step, kernels: list[Kernel], n: int) -> Kernel:
    """n times some kernels, as one."""
    return Kernel(
        operations=("scan", *(name for k in kernels for name in k.operations)),
        lines=tuple(dict.fromkeys(filter(None, map(line, step.ops)))),
        domain=(n,),
        products=tuple((n * times, a, b, c) for k in kernels for times, a, b, c in k.products),
        flops=n * sum(k.flops for k in kernels),
        read=n * sum(k.read for k in kernels),
        written=n * sum(k.written for k in kernels),
    )


def nbytes(values: Iterable[Value]) -> int:
    """The bytes of some values."""
    return sum(v.nbytes for v in values)


def sizes(op: Op, places: dict[Value, Layout]) -> tuple[int, int, int, int]:
    """The batch, m, n and k of a matrix product."""
    *batch, m, n = op.outputs[0].shape
    return math.prod(batch), m, n, matrices(op, places)[0].shape[-1]


def two_each(op: Op) -> int:
    """A multiplication and an addition: 2 m n k for a matrix product, times the batch."""
    return 2 * multiply_adds(op.name, op.outputs[0], op.values, op.params)


def of_result(op: Op) -> int:
    """One for each element that is made."""
    return op.outputs[0].size


def of_added(op: Op) -> int:
    """One for each element that goes into a sum."""
    return op.values[0].size


FLOPS: dict[str, Callable[[Op], int]] = {
    **dict.fromkeys(ELEMENTWISE - {"copy", "cast"}, of_result),
    **dict.fromkeys((*REDUCTIONS, "scatter_add", "scatter_add_along", "fold_view"), of_added),
    **dict.fromkeys(("cumulate_sum", "cumulate_prod"), of_result),
    **dict.fromkeys(MULTIPLY_ADDS, two_each),
}


def flops(op: Op) -> int:
    """The arithmetic of one operation, by the table; what does not stand there only moves elements."""
    return FLOPS.get(op.name, lambda op: 0)(op)


def read(step: Step, places: dict[Value, Layout]) -> int:
    """The bytes that a step reads from memory."""
    made = {v for op in step.ops for v in op.outputs}
    picked = sum(op.outputs[0].nbytes for op in step.ops if op.name in GATHERS)
    operands = {
        places[x]
        for op in step.ops
        for k, x in enumerate(op.inputs)
        if isinstance(x, Value) and not (op.name in GATHERS and k == 0) and places[x].base not in made
    }
    elements: Counter[Value] = Counter()
    for layout in operands:
        elements[layout.base] += layout.distinct
    return picked + sum(min(n, base.size) * base.dtype.itemsize for base, n in elements.items())


def operations_text(names: tuple[str, ...]) -> str:
    """Operations with how often each occurs, if not once: add 2, tanh."""
    return ", ".join(f"{name} {n}" if n > 1 else name for name, n in Counter(names).items())
