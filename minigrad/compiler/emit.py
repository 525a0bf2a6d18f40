"""Emission: the steps as readable Python source, which numba compiles and which also runs as it stands."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minigrad.compiler import emit_scan, own
from minigrad.compiler.emit_ops import EMITTERS
from minigrad.compiler.graph import Graph, Op, Value
from minigrad.compiler.layout import Layout, Strides, aligned
from minigrad.compiler.names import literal, type_name
from minigrad.compiler.nest import Access, Loops, Nest, Places, element_of, moved
from minigrad.compiler.parallel import BYTE, Chunk, Cut, Decision, decided, forward_loops, of_nest, spread, units
from minigrad.compiler.plan import Plan
from minigrad.compiler.schedule import Step, every

SHARED_FROM = 3
"""A kernel that occurs so often is emitted once, as a function."""

PART, WHOLE = 24, 36
"""So many steps are compiled together, or all if they are not more than WHOLE: LLVM's time for a function grows faster
than the function."""

KERNEL = """@njit(**INSIDE)
def {name}({parameters}):
{body}
"""


class Source:
    """Lines of Python under construction."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 1

    def add(self, line: str) -> None:
        """One line at the present depth."""
        self.lines.append("    " * self.depth + line)

    @contextmanager
    def indented(self, line: str) -> Iterator[None]:
        """A line that opens a block, and the block."""
        self.add(line)
        self.depth += 1
        yield
        self.depth -= 1


class Emitter:
    """Writes the body of the compiled function, step by step.

    pointers names the inputs and outputs, which the caller's first lines must define; inside, the slices of loops;
    aliases says what lies where another buffer does. `parts` is the source of the body; `functions` holds that of
    kernels that it calls, `decisions` what runs on several threads. in_place maps outputs to the inputs whose
    memory they take over: one name for both, so that LLVM sees one array and not two that may overlap.
    """

    def __init__(
        self,
        graph: Graph,
        layouts: dict[Value, Layout],
        steps: list[Step],
        plan: Plan,
        in_place: dict[Value, Value] | None = None,
    ) -> None:
        self.layouts, self.plan, self.in_place = layouts, plan, {**(in_place or {}), **plan.in_place}
        self.parts: list[Source] = []
        self.failures: list[str] = []
        self.decisions: list[Decision] = []
        self.functions: list[str] = []
        self.shared: dict[str, str] = {}
        self.called: dict[str, str] = {}
        self.kernels: dict[str, Any] = {}  # users' own, by the names they get
        self.checked: set[tuple[Layout, int]] = set()
        self.named: dict[Value, str] = {}
        external = dict.fromkeys([*graph.inputs, *(layouts[v].base for v in graph.outputs)])
        self.pointers = {v: f"p{i}" for i, v in enumerate(external)}
        self.inside, self.aliases = emit_scan.names(steps), emit_scan.aliases(steps, layouts)
        self.pointers.update({v: self.pointers[old] for v, old in self.in_place.items() if old in self.pointers})
        self.aliases.update({v: self.aliases[old] for v, old in self.in_place.items() if old in self.aliases})
        self.texts = Counter(self.shareable(step) for step in every(steps))
        numbers = iter(range(len(steps)))
        for part in parted(steps):
            self.begin()
            for step in part:
                self.step(str(next(numbers)), step)

    def begin(self) -> None:
        """Begin a part: a function of its own, in which nothing has a name yet."""
        self.source, self.named = Source(), {}
        self.parts.append(self.source)

    # ---- memory

    def buffer(self, value: Value) -> str:
        """The array that holds a buffer; one in an arena is named where it is first used."""
        alias = self.aliases.get(value)
        if alias is not None and alias.offset == 0:
            return self.buffer(alias.base)
        for names in (self.pointers, self.inside):
            if value in names:
                return names[value]
        if value not in self.named:
            name = self.named[value] = f"t{len(self.named)}"
            arena, start = self.memory(value)
            self.source.add(f"{name} = part({arena}, {start}, {max(value.size, 1)})")
        return self.named[value]

    def memory(self, value: Value) -> tuple[str, int]:
        """The array a buffer lies in, an arena or its own, and where it starts."""
        alias = self.aliases.get(value)
        if alias is not None:
            array, start = self.memory(alias.base)
            return array, start + alias.offset
        if value in self.pointers or value in self.inside:
            return self.buffer(value), 0
        return f"A_{type_name(value.dtype)}", self.plan.offsets[value]

    def kept(self, value: Value) -> bool:
        """Whether a value must be written to memory."""
        return any(value in where for where in (self.pointers, self.inside, self.aliases, self.plan.offsets))

    def failure(self, op: Op, axis: int, n: int) -> int:
        """The number of an error that compiled code returns: an index out of range."""
        self.failures.append(f"index is out of bounds for axis {axis} with size {n} in {op.name}, called at {op.where}")
        return len(self.failures)

    def imported(self, kernel: Any) -> str:
        """The name of a user's own kernel."""
        name = next((name for name, other in self.kernels.items() if other is kernel), f"own{len(self.kernels)}")
        self.kernels[name] = kernel
        return name

    # ---- steps

    def step(self, number: str, step: Step) -> None:
        """Emit one step, by its number, 3, or 3.1 inside of a loop."""
        self.number = number
        for where in dict.fromkeys(f"{op.name}  {op.where}" for op in step.ops):
            self.source.add(f"# {where}")
        if step.loop is not None:
            emit_scan.repeat(self, number, step, step.loop)
            return
        if step.domain is None:
            (op,) = step.ops
            EMITTERS.get(op.name, own.emit)(self, op)
            return
        nest = Nest(self, f"{number.replace('.', '_')}_", step, Named(self))
        cut = self.decide(of_nest(number, nest))
        text = self.shareable(step)
        if text and self.texts[text] >= SHARED_FROM:
            self.call(text, step, cut)
        elif cut is None:
            nest.write(self.source)
        else:
            body, places = Source(), Chunk(self, cut)
            Nest(self, "", step, places).write(body)
            self.source.add(places.written(body.lines))

    def decide(self, decision: Decision) -> Cut | None:
        """Keep a decision, and say in the source what runs on several threads."""
        self.decisions.append(decision)
        if decision.cut is not None:
            time = f"about {decision.nanoseconds / 1000:.0f} us of work"
            self.source.add(f"# on threads, in {decision.cut.chunks} chunks: {time}")
        return decision.cut

    def function(self, parameters: list[str], body: str) -> str:
        """A new function, by its name."""
        name = f"kernel{len(self.functions)}"
        self.functions.append(KERNEL.format(name=name, parameters=", ".join(parameters), body=body))
        return name

    def shareable(self, step: Step) -> str:
        """The text of a nest as the body of a function of arrays and a length; empty if it cannot be one."""
        if step.domain is None:
            return ""
        places = Renamed()
        nest = Nest(self, "", step, places)
        if not nest.is_flat:
            return ""
        source = Source()
        nest.write(source)
        return "\n".join([*places.lines, *source.lines])

    def call(self, text: str, step: Step, cut: Cut | None) -> None:
        """Call the kernel of this text, which is written at its first call."""
        places = Renamed()
        nest = Nest(self, "", step, places)
        nest.write(Source())
        if text not in self.shared:
            self.shared[text] = self.function(["first", "last", *places.found.values()], text)
        arrays = [self.slice(value, offset) for value, offset, _ in places.found]
        name, n = self.shared[text], nest.length
        self.called[self.number] = name
        if cut is None:  # I64: for each literal numba would compile the kernel anew
            self.source.add(f"{name}({', '.join(['I64(0)', f'I64({n})', *arrays])})")
        else:
            self.source.add(spread(name, cut, arrays))

    def slice(self, value: Value, offset: int) -> str:
        """A buffer from an offset on."""
        return f"part({self.buffer(value)}, {offset}, {value.size - offset})" if offset else self.buffer(value)

    # ---- what several operations are made of

    def fill(self, value: Value, what: str) -> None:
        """Set a whole buffer to one value."""
        name = self.buffer(value)
        with self.source.indented(f"for i in range({value.size}):"):
            self.source.add(f"{name}[i] = {what}")

    def copy(self, target: Layout, source: Layout | float) -> None:
        """Fill a region of a buffer: with a source, broadcast to its shape, or with one number."""
        if 0 in target.shape:
            return
        dtype = target.base.dtype
        strides = aligned(source, target.shape) if isinstance(source, Layout) else (0,) * len(target.shape)
        loops = Loops(target.shape, [target.strides, strides])
        nanoseconds = 2 * dtype.itemsize * BYTE * math.prod(target.shape)
        places = self.places(self.spreadable(loops, nanoseconds, [strides, target.strides]))
        to = Access(target.base, target.offset, target.strides)
        if not isinstance(source, Layout):
            line = f"{element_of(loops, places, to)} = {literal(source, dtype)}"
        elif source.base.dtype == dtype and loops.run(strides, target.strides):
            line = moved(loops, places, to, Access(source.base, source.offset, strides))
            loops = loops.outer()
        else:
            given = Access(source.base, source.offset, strides)
            line = f"{element_of(loops, places, to)} = {element_of(loops, places, given)}"
        with self.nested(loops, places):  # the line stands already: it may have named a buffer before the loops
            self.source.add(line)

    def copy_unless_in_place(self, op: Op) -> None:
        """Start the result of an update from its first input, which it may have been written over."""
        out, old = self.layouts[op.outputs[0]], op.inputs[0]
        given = self.layouts[old] if isinstance(old, Value) else old
        if not isinstance(given, Layout) or self.in_place.get(out.base) is not given.base:
            self.copy(out, given)

    def spreadable(self, loops: Loops, nanoseconds: float, strides: list[Strides]) -> Cut | None:
        """Where to cut loops that write every element once, if it pays."""
        free = forward_loops(loops, strides)
        return self.decide(decided(self.number, nanoseconds, loops.sizes, free, units(loops)))

    def places(self, cut: Cut | None) -> Places:
        """Where loops with this cut find their arrays."""
        return Named(self) if cut is None else Chunk(self, cut)

    @contextmanager
    def nested(self, loops: Loops, places: Places | None = None) -> Iterator[None]:
        """The body inside the loops; those of a Chunk are a function of their own."""
        outside, depth = self.source, self.source.depth
        if isinstance(places, Chunk):
            self.source = Source()
        for k, (name, n) in enumerate(zip(loops.index, loops.sizes)):
            self.source.add(f"for {name} in range({places.size(k, n) if places else n}):")
            self.source.depth += 1
        yield
        body, self.source = self.source, outside
        if isinstance(places, Chunk):
            self.source.add(places.written(body.lines))
        self.source.depth = depth


def parted(steps: list[Step]) -> list[list[Step]]:
    """The steps in parts of equal length, about PART steps each.

    With a user's own kernel all are one part: parts are C functions, which swallow what a kernel raises.
    """
    calls_own = any("own" in op.params for step in every(steps) for op in step.ops)
    count = -(-len(steps) // PART) if len(steps) > WHOLE and not calls_own else 1
    length = max(-(-len(steps) // count), 1)
    return [steps[i : i + length] for i in range(0, len(steps), length)] or [[]]


class Named(Places):
    """Arrays under the names that they have in the step."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter

    def array(self, value: Value, offset: int, strides: Strides) -> tuple[str, int]:
        """The array, and where in it the elements start."""
        return self.emitter.buffer(value), offset

    def fill(self, value: Value, what: str) -> None:
        """Set a whole buffer before the loops."""
        self.emitter.fill(value, what)


class Renamed(Places):
    """Arrays as the parameters of a function over elements first ... last - 1 of one loop: a0, a1, ...

    Those that move along with the loop start at element `first`, so its index starts from 0.
    """

    def __init__(self) -> None:
        self.found: dict[tuple[Value, int, int], str] = {}
        self.lines = ["    n = last - first"]

    def array(self, value: Value, offset: int, strides: Strides) -> tuple[str, int]:
        """The parameter."""
        key = (value, offset, strides[0])
        if key not in self.found:
            name = self.found[key] = f"a{len(self.found)}"
            if strides[0]:
                self.lines.append(f"    {name} = part({name}, first, n)")
        return self.found[key], 0

    def size(self, loop: int, n: int) -> str:
        """The length of the loop."""
        return "n"
