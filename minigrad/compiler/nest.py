"""Loop nests: adjacent dimensions merged where every access allows it, loads as far out as they can be."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.compiler.graph import Op, Value
from minigrad.compiler.layout import Layout, Strides, aligned, row_major, window_view
from minigrad.compiler.names import literal, scaled, total
from minigrad.compiler.scalars import conversion, expression, operand_dtype
from minigrad.compiler.schedule import GATHERS, REDUCTIONS, SCATTERS, Step, indices, picked_axes, reduced

if TYPE_CHECKING:
    from minigrad.compiler.emit import Emitter, Source

SHORT = 16
"""A loop over fewer elements does not fill a wide register."""

COMBINE = {
    "reduce_sum": "plus({0}, {1})", "reduce_prod": "({0} * {1})", "reduce_max": "maximum({0}, {1})",
    "reduce_min": "minimum({0}, {1})", "reduce_any": "({0} | {1})", "reduce_all": "({0} & {1})",
}  # fmt: skip


def identity(op: Op) -> str:
    """What a reduction starts from."""
    dtype = op.outputs[0].dtype
    if op.name in ("reduce_max", "reduce_min"):
        largest = op.name == "reduce_min"
        if dtype.kind == "b":
            return literal(largest, dtype)
        limit = np.iinfo(dtype) if dtype.kind != "f" else None
        infinite = math.inf if largest else -math.inf
        return literal(infinite if limit is None else limit.max if largest else limit.min, dtype)
    return literal(op.name in ("reduce_prod", "reduce_all"), dtype)


class Places:
    """How a nest names its arrays and the lengths of its loops."""

    def array(self, value: Value, offset: int, strides: Strides) -> tuple[str, int]:
        """The array of a buffer, and where in it the elements start; strides has one for each loop."""
        raise NotImplementedError

    def size(self, loop: int, n: int) -> str:
        """The length of a loop."""
        return str(n)

    def fill(self, value: Value, what: str) -> None:
        """Set a whole buffer before the loops."""


class Loops:
    """The loops over a domain. Dimensions merge if all of `strides` step through them evenly and `flags` agree."""

    def __init__(self, domain: Sequence[int], strides: Sequence[Strides], flags: Sequence[Sequence[bool]] = ()) -> None:
        groups: list[list[int]] = []
        for d, n in enumerate(domain):
            if n == 1:
                continue
            p = groups[-1][-1] if groups else None
            if p is not None and all(s[p] == s[d] * n for s in strides) and all(f[p] == f[d] for f in flags):
                groups[-1].append(d)
            else:
                groups.append([d])
        if any(f[groups[-1][-1]] for f in flags if groups):
            groups = with_long_innermost(groups, domain)
        self.last = [g[-1] for g in groups]
        self.sizes = [math.prod(domain[d] for d in g) for g in groups]
        self.index = [f"i{k}" for k in range(len(groups))]

    def merged(self, strides: Sequence[Any]) -> tuple[Any, ...]:
        """What the domain has for each dimension, for each loop."""
        return tuple(strides[d] for d in self.last)

    def position(self, offset: int, strides: Strides) -> str:
        """Where an element lies, as source: 3 + i0 * 16 + i1."""
        return total(offset, *(scaled(i, s) for i, s in zip(self.index, self.merged(strides))))

    def run(self, *strides: Strides) -> bool:
        """Whether arrays with these strides lie element after element along the innermost loop."""
        return bool(self.sizes) and all(self.merged(s)[-1] == 1 for s in strides)

    def outer(self) -> Loops:
        """All loops but the innermost."""
        loops = copy.copy(self)
        loops.last, loops.sizes, loops.index = self.last[:-1], self.sizes[:-1], self.index[:-1]
        return loops


def with_long_innermost(groups: list[list[int]], domain: Sequence[int]) -> list[list[int]]:
    """Two loops in the other order if the inner, a reduction, is too short for wide registers and the outer is not."""
    lengths = [math.prod(domain[d] for d in g) for g in groups]
    return groups[::-1] if len(groups) == 2 and lengths[1] < SHORT <= lengths[0] else groups


class Access:
    """One array that a nest reads or writes: a buffer, an offset, and a stride for each dimension of the domain."""

    __slots__ = ("base", "offset", "strides")

    def __init__(self, base: Value, offset: int, strides: Strides) -> None:
        self.base, self.offset, self.strides = base, offset, strides

    @property
    def key(self) -> tuple:
        """Equal for accesses to the same elements."""
        return self.base, self.offset, self.strides


def element_of(loops: Loops, places: Places, access: Access, *more: str) -> str:
    """An element, as source, at the loops' indices plus further terms."""
    array, offset = places.array(access.base, access.offset, loops.merged(access.strides))
    position = loops.position(offset, access.strides)
    return f"{array}[{total(*([] if position == '0' else [position]), *more)}]"


def moved(loops: Loops, places: Places, target: Access, source: Access) -> str:
    """The copy of what lies side by side along the innermost loop, as source, inside the others."""
    outer, given = loops.outer(), []
    for access in (target, source):
        array, offset = places.array(access.base, access.offset, loops.merged(access.strides))
        given += [array, outer.position(offset, access.strides)]
    return f"move({', '.join(given)}, {places.size(len(outer.sizes), loops.sizes[-1])})"


class Nest:
    """One loop nest, written down by `write`."""

    def __init__(self, emitter: Emitter, prefix: str, step: Step, places: Places) -> None:
        self.emitter, self.prefix, self.ops, self.places = emitter, prefix, step.ops, places
        self.domain = step.domain or ()
        self.made = {v for op in step.ops for v in op.outputs if not reduced(v)}
        self.variables: dict[Any, tuple[str, int]] = {}
        self.count = 0
        self.flags = {
            op: tuple(d in op.params["axes"] for d in range(len(self.domain)))
            for op in step.ops
            if op.name in REDUCTIONS
        }
        self.reads = {op: [self.read(op, k) for k in range(len(op.inputs))] for op in step.ops}
        self.targets = {op: self.target(op) for op in step.ops}
        found = [a for op in step.ops for a in (*self.reads[op], self.targets[op]) if a is not None]
        own = row_major(self.domain)
        self.loops = Loops(self.domain, [own, *(a.strides for a in found)], list(self.flags.values()))

    # ---- what is read and written

    def read(self, op: Op, position: int) -> Access | None:
        """The elements of an operand; None for a constant and for what the nest itself makes."""
        x = op.inputs[position]
        if not isinstance(x, Value):
            return None
        layout = self.emitter.layouts[x]
        if op.name in GATHERS and position == 0:
            return Access(layout.base, layout.offset, table_strides(op, layout))
        if op.name == "gather_update" and position == 0:
            return None  # copied as a whole, before the loops
        strides = index_strides(op, layout) if is_index(op, position) else aligned(layout, self.domain)
        return Access(layout.base, layout.offset, strides)

    def target(self, op: Op) -> Access:
        """The elements of the result."""
        layout = self.emitter.layouts[op.outputs[0]]
        if op.name == "fold_view":
            return fold_access(op, layout)
        if op.name in SCATTERS:
            return Access(layout.base, layout.offset, table_strides(op, layout))
        strides = kept_strides(op, self.domain) if op.name in REDUCTIONS else row_major(self.domain)
        base = self.emitter.in_place.get(layout.base, layout.base)
        return Access(base, layout.offset, tuple(0 if n == 1 else s for s, n in zip(strides, self.domain)))

    @property
    def length(self) -> int:
        """How many elements the domain has."""
        return math.prod(self.domain)

    @property
    def is_flat(self) -> bool:
        """Whether this is one loop over elementwise operations, each array read or written in steps of 1 or at rest."""
        if len(self.loops.sizes) != 1 or any(op.name in (*GATHERS, *SCATTERS, "checked_index") for op in self.ops):
            return False
        accesses = [a for op in self.ops for a in (*self.reads[op], self.targets[op]) if a is not None]
        return all(self.loops.merged(a.strides)[0] in (0, 1) for a in accesses)

    # ---- writing

    def write(self, source: Source) -> None:
        """Write the nest."""
        if self.only_copies and self.loops.run(*(a.strides for a in self.copied)):
            self.write_runs(source)
        else:
            self.write_loops(source)

    @property
    def only_copies(self) -> bool:
        """Whether it does nothing but copy one array: LLVM would write all its short loops out."""
        return [op.name for op in self.ops] == ["copy"] and self.reads[self.ops[0]][0] is not None

    @property
    def copied(self) -> tuple[Access, Access]:
        """The copy, and the array that is copied."""
        (op,) = self.ops
        return self.targets[op], self.reads[op][0]  # type: ignore[return-value]

    def write_runs(self, source: Source) -> None:
        """A copy, of as many elements at once as lie side by side."""
        outer, depth = self.loops.outer(), source.depth
        line = moved(self.loops, self.places, *self.copied)
        for k, (name, n) in enumerate(zip(outer.index, outer.sizes)):
            source.add(f"for {name} in range(opaque({self.places.size(k, n)})):")
            source.depth += 1
        source.add(line)
        source.depth = depth

    def write_loops(self, source: Source) -> None:
        """The loops, and in them what the operations do."""
        depths = len(self.loops.sizes) + 1
        self.before: list[list[str]] = [[] for _ in range(depths)]
        self.after: list[list[str]] = [[] for _ in range(depths)]
        self.stores: list[str] = []  # after all loads: a result may take the place of an operand
        self.checked: set[tuple[Layout, int]] = set()  # index arrays, for an axis of so many elements
        for op in self.ops:
            self.handler(op)(op)
        self.emitter.checked |= self.checked
        self.before[-1] += self.stores
        depth = source.depth
        deepest = max((k for k in range(depths) if self.before[k] or self.after[k]), default=0)
        for k in range(deepest + 1):  # inner loops are empty if nobody reads what they make
            for line in self.before[k]:
                source.add(line)
            if k < deepest:
                n = self.places.size(k, self.loops.sizes[k])
                source.add(f"for {self.loops.index[k]} in range({f'opaque({n})' if self.only_copies else n}):")
                source.depth += 1
        for k in reversed(range(deepest + 1)):
            source.depth = depth + k
            for line in self.after[k]:
                source.add(line)

    def handler(self, op: Op) -> Any:
        """The method that writes an operation."""
        if op.name in REDUCTIONS:
            return self.reduce
        if op.name in GATHERS:
            return self.gather
        if op.name in SCATTERS:
            return self.scatter
        return self.check if op.name == "checked_index" else self.compute

    def name(self, letter: str) -> str:
        """A new variable."""
        self.count += 1
        return f"{letter}{self.prefix}{self.count - 1}"

    def element(self, access: Access, *more: str) -> str:
        """An element, as source, at the loops' indices plus further terms."""
        return element_of(self.loops, self.places, access, *more)

    def operand(self, op: Op, position: int, dtype: np.dtype | None = None) -> tuple[str, int]:
        """The variable of an operand, of a dtype (None: its own), and how deep in the nest it is known."""
        x, access = op.inputs[position], self.reads[op][position]
        if access is None:
            return literal(x, dtype or np.dtype(type(x))), 0
        key = access.base if access.base in self.made else access.key
        if key not in self.variables:
            depth = max((k + 1 for k, s in enumerate(self.loops.merged(access.strides)) if s), default=0)
            self.define(key, "x", self.element(access), depth)
        if dtype is None or dtype == x.dtype:
            return self.variables[key]
        name, depth = self.variables[key]
        if (key, dtype) not in self.variables:
            self.define((key, dtype), "x", conversion(x.dtype, dtype, name), depth)
        return self.variables[key, dtype]

    def define(self, key: Any, letter: str, value: str, depth: int) -> str:
        """A new variable for something, at a depth of the nest."""
        name = self.name(letter)
        self.variables[key] = name, depth
        self.before[depth].append(f"{name} = {value}")
        return name

    def store(self, op: Op, name: str) -> None:
        """Write a result of the innermost loop to memory, if somebody else reads it."""
        if self.emitter.kept(op.outputs[0]):
            self.stores.append(f"{self.element(self.targets[op])} = {name}")

    # ---- operations

    def compute(self, op: Op) -> None:
        """One elementwise operation, as deep as its operands, and its store."""
        operands = [self.operand(op, k, operand_dtype(op, k)) for k in range(len(op.inputs))]
        depth = max((d for _, d in operands), default=0)
        name = self.define(op.outputs[0], "v", expression(op, [x for x, _ in operands]), depth)
        self.store(op, name)

    def check(self, op: Op) -> None:
        """An index that must lie in [0, size); it stays as it is."""
        (out,) = op.outputs
        name, depth = self.operand(op, 0, out.dtype)
        size = op.params["size"]
        self.variables[out] = self.inside(name, depth, size, self.emitter.failure(op, 0, size)), depth
        self.store(op, self.variables[out][0])

    def inside(self, index: str, depth: int, size: int, failure: int) -> str:
        """An index that is in [0, size): itself, or 0, and then the nest ends with a failure.

        It does not end at once, since a loop with two exits is not vectorized.
        """
        if size == 0:
            self.before[depth].append(f"return {failure}")
            return index
        bad, kept = self.name("bad"), self.name("k")
        outside = f"({index} < 0) | ({index} >= {size})"
        self.before[0].append(f"{bad} = False")
        self.before[depth].append(f"{bad} = {bad} | {outside}")
        self.before[depth].append(f"{kept} = 0 if {outside} else {index}")
        self.after[0].append(f"if {bad}:")
        self.after[0].append(f"    return {failure}")
        return kept

    def picked(self, op: Op, buffer: Layout) -> list[str]:
        """The terms that indices from data add to a position in a buffer; each index is checked and wrapped."""
        axes = op.params["axes"] if "axes" in op.params else (op.params["axis"],)
        first = len(op.inputs) - len(axes)
        terms = []
        for k, axis in enumerate(axes):
            n = buffer.shape[axis]
            i, depth = self.operand(op, first + k, np.dtype(np.int64))
            if (i, n) not in self.variables:
                wrapped = self.define((i, n), "k", f"{i} + {n} if {i} < 0 else {i}", depth)
                self.variables[i, n] = self.in_range(op, first + k, wrapped, depth, axis, n), depth
            terms.append(scaled(self.variables[i, n][0], buffer.strides[axis]))
        return terms

    def in_range(self, op: Op, position: int, index: str, depth: int, axis: int, n: int) -> str:
        """An index as it is if an earlier nest has checked all of its array, else checked here."""
        layout = self.emitter.layouts[op.inputs[position]]
        if (layout, n) in self.emitter.checked:
            return index
        self.checked.add((layout, n))
        return self.inside(index, depth, n, self.emitter.failure(op, axis, n))

    def gather(self, op: Op) -> None:
        """Elements picked by index."""
        layout = self.emitter.layouts[op.inputs[0]]
        table = Access(layout.base, layout.offset, table_strides(op, layout))
        element = self.element(table, *self.picked(op, layout))
        self.store(op, self.define(op.outputs[0], "v", element, len(self.loops.sizes)))

    def scatter(self, op: Op) -> None:
        """Elements added to zeros, or put into a copy, at an index."""
        (out,) = op.outputs
        updates = op.name == "gather_update"
        if updates:
            self.emitter.copy_unless_in_place(op)
        else:
            self.places.fill(out, literal(0, out.dtype))
        value, _ = self.operand(op, 1 if updates else 0, out.dtype)
        terms = self.picked(op, self.emitter.layouts[out]) if indices(op) else []
        element = self.element(self.targets[op], *terms)
        self.before[-1].append(f"{element} = {value}" if updates else f"{element} += {value}")

    def reduce(self, op: Op) -> None:
        """A reduction: a scalar over the innermost loops that it reduces, memory over the others."""
        (out,) = op.outputs
        x, _ = self.operand(op, 0, out.dtype)
        flags = self.loops.merged(self.flags[op])
        level = len(flags)
        while level and flags[level - 1]:
            level -= 1
        target, combine = self.element(self.targets[op]), COMBINE[op.name]
        outer = any(flags[:level])
        if outer:
            self.places.fill(out, identity(op))
        if not any(flags):
            self.before[-1].append(f"{target} = {x}")
        elif level == len(flags):
            self.before[-1].append(f"{target} = {combine.format(target, x)}")
        else:
            name = self.define(out, "r", identity(op), level)
            self.before[-1].append(f"{name} = {combine.format(name, x)}")
            self.after[level].append(f"{target} = {combine.format(target, name) if outer else name}")


# ---- strides over a domain


def is_index(op: Op, position: int) -> bool:
    """Whether an operand is an index array of a gather or scatter along several axes."""
    return "axes" in op.params and op.name in (*GATHERS, *SCATTERS) and position >= len(op.inputs) - len(indices(op))


def index_strides(op: Op, layout: Layout) -> Strides:
    """The strides of an index array over the domain, where its axes stand together among the others."""
    first, picked = picked_axes(op)
    rest = len(table_shape(op)) - len(op.params["axes"])
    return (*(0,) * first, *aligned(layout, picked), *(0,) * (rest - first))


def table_shape(op: Op) -> tuple[int, ...]:
    """The shape of what is indexed."""
    return op.inputs[0].shape if op.name in GATHERS else op.outputs[0].shape


def table_strides(op: Op, buffer: Layout) -> Strides:
    """The strides, over the domain, of a buffer along the dimensions that are not indexed by data: 0 elsewhere."""
    strides = tuple(0 if n == 1 else s for n, s in zip(buffer.shape, buffer.strides))
    if "axis" in op.params:
        return tuple(0 if d == op.params["axis"] else s for d, s in enumerate(strides))
    first, picked = picked_axes(op)
    rest = [s for d, s in enumerate(strides) if d not in op.params["axes"]]
    return (*rest[:first], *(0,) * len(picked), *rest[first:])


def fold_access(op: Op, layout: Layout) -> Access:
    """The elements of an image under its windows: of a domain with the window's axes first, then (N, C, *T)."""
    byte = np.lib.stride_tricks.as_strided(np.empty(1, np.int8), layout.shape, layout.strides)
    seen = window_view(byte, **op.params["windows"])
    dims = len(layout.shape) - 2
    strides = (*seen.strides[2 + dims :], *seen.strides[: 2 + dims])
    return Access(layout.base, layout.offset, tuple(0 if n == 1 else s for n, s in zip(op.inputs[0].shape, strides)))


def kept_strides(op: Op, domain: tuple[int, ...]) -> Strides:
    """The strides, over the domain, of a reduction's contiguous result: 0 where it reduces."""
    axes = op.params["axes"]
    strides = row_major(1 if d in axes else n for d, n in enumerate(domain))
    return tuple(0 if d in axes else s for d, s in enumerate(strides))
