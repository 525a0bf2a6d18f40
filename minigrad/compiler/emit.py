"""Emission: the steps as readable Python source, which numba compiles and which also runs as it stands."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.compiler.emit_ops import EMITTERS
from minigrad.compiler.graph import Graph, Op, Value
from minigrad.compiler.layout import Layout, contiguous
from minigrad.compiler.names import TYPES, literal
from minigrad.compiler.plan import Plan
from minigrad.compiler.scalars import EXPRESSIONS
from minigrad.compiler.schedule import GATHERS, REDUCTIONS, SCATTERS, Step, reduced

COMBINE = {"reduce_sum": "plus({0}, {1})", "reduce_prod": "({0} * {1})", "reduce_max": "maximum({0}, {1})",
           "reduce_min": "minimum({0}, {1})", "reduce_any": "({0} | {1})", "reduce_all": "({0} & {1})"}  # fmt: skip


def identity(op: Op) -> str:
    """What a reduction starts from."""
    dtype = op.outputs[0].dtype
    if op.name in ("reduce_max", "reduce_min"):
        sign = -1 if op.name == "reduce_max" else 1
        limit = sign * math.inf if dtype.kind == "f" else np.iinfo(dtype).min if sign < 0 else np.iinfo(dtype).max
        return literal(limit, dtype)
    return literal(op.name in ("reduce_prod", "reduce_all"), dtype)


class Source:
    """Lines of Python under construction."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 1

    def add(self, line: str) -> None:
        """One line at the present depth."""
        self.lines.append("    " * self.depth + line)


class Emitter:
    """Writes the body of the compiled function, step by step."""

    def __init__(self, graph: Graph, layouts: dict[Value, Layout], steps: list[Step], plan: Plan) -> None:
        self.layouts, self.plan = layouts, plan
        self.source = Source()
        self.failures: list[str] = []
        self.last = {layouts[v].base: i for i, step in enumerate(steps) for op in step.ops for v in op.values}
        self.pointers: dict[Value, str] = {}
        for value in [*graph.inputs, *dict.fromkeys(layouts[v].base for v in graph.outputs)]:
            if value not in self.pointers:
                self.pointers[value] = f"p{len(self.pointers)}"
        for i, step in enumerate(steps):
            self.step(i, step)

    # ---- memory

    def at(self, layout: Layout, index: list[str], strides: tuple[int, ...] | None = None) -> str:
        """The element of a layout at an index: `A32[64 + i0 * 16 + i1]`."""
        array, start = self.buffer(layout.base)
        terms = [str(start + layout.offset)] if start + layout.offset else []
        for name, stride in zip(index, layout.strides if strides is None else strides):
            if stride:
                terms.append(name if stride == 1 else f"{name} * {stride}")
        return f"{array}[{' + '.join(terms) or '0'}]"

    def buffer(self, value: Value) -> tuple[str, int]:
        """The array that holds a buffer, and where in it the buffer starts."""
        if value in self.pointers:
            return self.pointers[value], 0
        return "A_" + TYPES[value.dtype.name], self.plan.offsets[value]

    def kept(self, i: int, value: Value) -> bool:
        """Whether a value made in step i must be written to memory."""
        return value in self.pointers or value in self.plan.offsets

    def failure(self, op: Op, axis: int, n: int) -> int:
        """The number of an error that compiled code returns: an index out of range."""
        self.failures.append(f"index is out of bounds for axis {axis} with size {n} in {op.name}, called at {op.where}")
        return len(self.failures)

    # ---- steps

    def step(self, i: int, step: Step) -> None:
        """Emit one step."""
        for where in dict.fromkeys(f"{op.name}  {op.where}" for op in step.ops):
            self.source.add(f"# {where}")
        if step.domain is None:
            (op,) = step.ops
            EMITTERS[op.name](self, op)
        else:
            Nest(self, i, step).emit()

    def fill(self, value: Value, what: str) -> None:
        """Set a whole buffer to one value."""
        array, start = self.buffer(value)
        self.source.add(f"for i in range({value.size}):")
        self.source.add(f"    {array}[{start} + i] = {what}")


class Nest:
    """One loop nest: adjacent dimensions merged where every access allows it, loads as far out as they can be."""

    def __init__(self, emitter: Emitter, i: int, step: Step) -> None:
        self.emitter, self.i, self.ops = emitter, i, step.ops
        assert step.domain is not None
        self.domain = step.domain
        self.inside = {v for op in step.ops for v in op.outputs if not reduced(v)}
        self.names: dict[Value, str] = {}
        self.depth_of: dict[Value, int] = {}
        tables = {op: op.inputs[0] for op in step.ops if op.name in GATHERS}
        self.tables = {op: indexed_strides(op, emitter.layouts[x], self.domain) for op, x in tables.items()}
        self.targets = {
            op: indexed_strides(op, emitter.layouts[op.outputs[0]], self.domain) for op in step.ops if op.name in SCATTERS
        }
        loads = dict.fromkeys(
            v for op in step.ops for v in (op.inputs[1:] if op in tables else op.values)
            if isinstance(v, Value) and v not in self.inside
        )
        self.loads = {v: aligned(emitter.layouts[v], self.domain) for v in loads}
        self.flags = {op: tuple(d in op.params["axes"] for d in range(len(self.domain))) for op in step.ops if op.name in REDUCTIONS}
        self.merge()

    def merge(self) -> None:
        """Merge adjacent dimensions; `groups` lists the original dimensions of each loop."""
        own = contiguous(Value(self.domain, np.dtype(np.float32))).strides
        kept = [kept_strides(op, self.domain) for op in self.flags]
        vectors = [own, *self.loads.values(), *kept, *self.tables.values(), *self.targets.values()]
        groups: list[list[int]] = []
        for d, n in enumerate(self.domain):
            if n == 1:
                continue
            if groups:
                p = groups[-1][-1]
                fits = all(v[p] == v[d] * n for v in vectors)
                if fits and all(flags[p] == flags[d] for flags in self.flags.values()):
                    groups[-1].append(d)
                    continue
            groups.append([d])
        self.groups = groups
        self.sizes = [math.prod(self.domain[d] for d in g) for g in groups]
        self.index = [f"i{k}" for k in range(len(groups))]

    def strides(self, vector: tuple[int, ...]) -> tuple[int, ...]:
        """The strides of the merged loops."""
        return tuple(vector[g[-1]] for g in self.groups)

    def emit(self) -> None:
        """Write the nest."""
        self.before: list[list[str]] = [[] for _ in range(len(self.groups) + 1)]
        self.after: list[list[str]] = [[] for _ in range(len(self.groups) + 1)]
        for op in self.ops:
            if op.name in REDUCTIONS:
                self.reduce(op)
            elif op.name == "checked_index":
                self.check(op)
            elif op.name in GATHERS:
                self.gather(op)
            elif op.name in SCATTERS:
                self.scatter(op)
            else:
                self.compute(op)
        source = self.emitter.source
        depth = source.depth
        for k in range(len(self.groups) + 1):
            for line in self.before[k]:
                source.add(line)
            if k < len(self.groups):
                source.add(f"for {self.index[k]} in range({self.sizes[k]}):")
                source.depth += 1
        for k in range(len(self.groups), -1, -1):
            source.depth = depth + k
            for line in self.after[k]:
                source.add(line)

    def operand(self, x: Any, dtype: np.dtype) -> tuple[str, int]:
        """The variable of an operand, and how deep in the nest it is known."""
        if not isinstance(x, Value):
            return literal(x, dtype), 0
        if x not in self.names:
            strides = self.strides(self.loads[x])
            depth = max((k + 1 for k, s in enumerate(strides) if s), default=0)
            name = self.names[x] = f"x{self.i}_{len(self.names)}"
            self.depth_of[x] = depth
            element = self.emitter.at(self.emitter.layouts[x], self.index, strides)
            self.before[depth].append(f"{name} = {element}")
        return self.names[x], self.depth_of[x]

    def compute(self, op: Op) -> None:
        """One elementwise operation, as deep as its operands, and its store."""
        (out,) = op.outputs
        compute = op.values[-1].dtype if op.name != "select" else out.dtype
        operands = [self.operand(x, compute) for x in op.inputs]
        depth = max((d for _, d in operands), default=0)
        template = f"{TYPES[out.dtype.name]}({{0}})" if op.name == "cast" else EXPRESSIONS[op.name]
        if op.name == "cast" and out.dtype.kind == "b":
            template = "({0} != 0)"
        expression = template.format(*(name for name, _ in operands), b=8 * compute.itemsize)
        name = self.names[out] = f"v{self.i}_{len(self.names)}"
        self.depth_of[out] = depth
        self.before[depth].append(f"{name} = {expression}")
        self.store(out, name)

    def store(self, out: Value, name: str) -> None:
        """Write a result of the innermost loop to memory, if somebody else reads it."""
        if self.emitter.kept(self.i, out):
            own = contiguous(Value(self.domain, out.dtype)).strides
            element = self.emitter.at(self.emitter.layouts[out], self.index, self.strides(own))
            self.before[-1].append(f"{element} = {name}")

    def indexed(self, op: Op, buffer: Layout, strides: tuple[int, ...]) -> str:
        """The element of a buffer at the place that the op's index operands name, each checked and wrapped."""
        axes = op.params["axes"] if "axes" in op.params else (op.params["axis"],)
        terms = []
        for axis, index in zip(axes, op.inputs[1:]):
            i, _ = self.operand(index, np.dtype(np.int64))
            n, name = buffer.shape[axis], f"k{self.i}_{len(self.names)}"
            self.names[Value((), np.dtype(np.int64))] = name
            self.before[-1].append(f"{name} = I64({i}) + {n} if {i} < 0 else I64({i})")
            self.before[-1].append(f"if {name} < 0 or {name} >= {n}:")
            self.before[-1].append(f"    return {self.emitter.failure(op, axis, n)}")
            terms.append(f"{name} * {buffer.strides[axis]}")
        array, start = self.emitter.buffer(buffer.base)
        terms += [f"{i} * {s}" for i, s in zip(self.index, self.strides(strides)) if s]
        return f"{array}[{' + '.join([str(start + buffer.offset), *terms])}]"

    def check(self, op: Op) -> None:
        """An index that must lie in [0, size); it stays as it is."""
        (out,) = op.outputs
        name, depth = self.operand(op.inputs[0], out.dtype)
        self.names[out], self.depth_of[out] = name, depth
        size = op.params["size"]
        self.before[depth].append(f"if {name} < 0 or {name} >= {size}:")
        self.before[depth].append(f"    return {self.emitter.failure(op, 0, size)}")
        self.store(out, name)

    def gather(self, op: Op) -> None:
        """Elements picked by index."""
        (out,) = op.outputs
        element = self.indexed(op, self.emitter.layouts[op.inputs[0]], self.tables[op])
        name = self.names[out] = f"v{self.i}_{len(self.names)}"
        self.depth_of[out] = len(self.groups)
        self.before[-1].append(f"{name} = {element}")
        self.store(out, name)

    def scatter(self, op: Op) -> None:
        """Elements added at an index, into zeros."""
        (out,) = op.outputs
        self.emitter.fill(out, literal(0, out.dtype))
        g, _ = self.operand(op.inputs[0], out.dtype)
        element = self.indexed(op, self.emitter.layouts[out], self.targets[op])
        self.before[-1].append(f"{element} += {g}")

    def reduce(self, op: Op) -> None:
        """A reduction: a scalar over the innermost loops that it reduces, memory over the others."""
        (out,) = op.outputs
        x, _ = self.operand(op.inputs[0], out.dtype)
        if op.values[0].dtype != out.dtype:
            x = f"{TYPES[out.dtype.name]}({x})" if out.dtype.kind != "b" else f"({x} != 0)"
        flags = [self.flags[op][g[-1]] for g in self.groups]
        level = len(flags)
        while level and flags[level - 1]:
            level -= 1
        target = self.emitter.at(self.emitter.layouts[out], self.index, self.strides(kept_strides(op, self.domain)))
        outer = any(flags[:level])
        if outer:
            self.emitter.fill(out, identity(op))
        if level == len(flags) and not outer and flags != []:
            self.before[-1].append(f"{target} = {x}")
        elif level == len(flags) and flags:
            self.before[-1].append(f"{target} = {COMBINE[op.name].format(target, x)}")
        else:
            name = f"r{self.i}_{len(self.names)}"
            self.names[out] = name
            self.before[level].append(f"{name} = {identity(op)}")
            self.before[-1].append(f"{name} = {COMBINE[op.name].format(name, x)}")
            self.after[level].append(f"{target} = {COMBINE[op.name].format(target, name) if outer else name}")


def aligned(layout: Layout, domain: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a layout that is broadcast to a domain."""
    missing = len(domain) - len(layout.shape)
    return (0,) * missing + tuple(0 if n == 1 else s for n, s in zip(layout.shape, layout.strides))


def indexed_strides(op: Op, buffer: Layout, domain: tuple[int, ...]) -> tuple[int, ...]:
    """The strides, over the domain, of a buffer along the dimensions that are not indexed by data: 0 elsewhere."""
    if "axis" in op.params:
        return tuple(0 if d == op.params["axis"] or n == 1 else s for d, (n, s) in enumerate(zip(domain, buffer.strides)))
    axes = op.params["axes"]
    picked = len(np.broadcast_shapes(*(x.shape for x in op.inputs[1:])))
    together = list(axes) == list(range(axes[0], axes[0] + len(axes)))
    first = axes[0] if together else 0  # where NumPy puts the dimensions of the index arrays
    rest = [s for d, s in enumerate(buffer.strides) if d not in axes]
    return (*rest[:first], *[0] * picked, *rest[first:])


def kept_strides(op: Op, domain: tuple[int, ...]) -> tuple[int, ...]:
    """The strides, over the domain, of a reduction's contiguous result: 0 where it reduces."""
    strides, step = [], 1
    for d in reversed(range(len(domain))):
        strides.append(0 if d in op.params["axes"] else step)
        step *= 1 if d in op.params["axes"] else domain[d]
    return tuple(reversed(strides))
