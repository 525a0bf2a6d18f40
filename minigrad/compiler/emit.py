"""Emission: the steps as readable Python source, which numba compiles and which also runs as it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from minigrad.compiler.emit_ops import EMITTERS
from minigrad.compiler.graph import Graph, Op, Value
from minigrad.compiler.layout import Layout, aligned
from minigrad.compiler.names import literal, type_name
from minigrad.compiler.nest import Loops, Nest, Places
from minigrad.compiler.plan import Plan
from minigrad.compiler.schedule import Step

SHARED_FROM = 3
"""A kernel that occurs so often is emitted once, as a function."""

KERNEL = """@njit(**SETTINGS)
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

    pointers names the inputs and outputs, which the caller's first lines must define. `functions` holds the source of
    kernels that the body calls. in_place maps outputs to the inputs whose memory they take over: one name for both, so
    that LLVM sees one array and not two that may overlap.
    """

    def __init__(
        self,
        graph: Graph,
        layouts: dict[Value, Layout],
        steps: list[Step],
        plan: Plan,
        in_place: dict[Value, Value] | None = None,
    ) -> None:
        self.layouts, self.plan, self.in_place = layouts, plan, in_place or {}
        self.source = Source()
        self.failures: list[str] = []
        self.functions: list[str] = []
        self.shared: dict[str, str] = {}
        self.called: dict[int, str] = {}
        self.checked: set[tuple[Layout, int]] = set()
        self.named: dict[Value, str] = {}
        external = dict.fromkeys([*graph.inputs, *(layouts[v].base for v in graph.outputs)])
        self.pointers = {v: f"p{i}" for i, v in enumerate(external)}
        self.pointers.update({v: self.pointers[old] for v, old in self.in_place.items()})
        self.texts = Counter(self.shareable(i, step) for i, step in enumerate(steps))
        for i, step in enumerate(steps):
            self.step(i, step)

    # ---- memory

    def buffer(self, value: Value) -> str:
        """The array that holds a buffer; one in an arena is named where it is first used."""
        if value in self.pointers:
            return self.pointers[value]
        if value not in self.named:
            name = self.named[value] = f"t{len(self.named)}"
            start = self.plan.offsets[value]
            self.source.add(f"{name} = part(A_{type_name(value.dtype)}, {start}, {max(value.size, 1)})")
        return self.named[value]

    def kept(self, value: Value) -> bool:
        """Whether a value must be written to memory."""
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
            return
        text = self.shareable(i, step)
        if text and self.texts[text] >= SHARED_FROM:
            self.call(text, i, step)
        else:
            Nest(self, f"{i}_", step, Named(self)).write(self.source)

    def shareable(self, i: int, step: Step) -> str:
        """The text of a nest as the body of a function of arrays and a length; empty if it cannot be one."""
        if step.domain is None:
            return ""
        places = Renamed()
        nest = Nest(self, "", step, places)
        if not nest.is_flat:
            return ""
        source = Source()
        nest.write(source)
        return "\n".join(source.lines)

    def call(self, text: str, i: int, step: Step) -> None:
        """Call the kernel of this text, which is written at its first call."""
        places = Renamed()
        Nest(self, "", step, places).write(Source())
        if text not in self.shared:
            name = self.shared[text] = f"kernel{len(self.shared)}"
            parameters = ", ".join([*(f"a{k}" for k in range(len(places.found))), "n"])
            self.functions.append(KERNEL.format(name=name, parameters=parameters, body=text))
        self.called[i] = self.shared[text]
        n = Nest(self, "", step, places).length
        arrays = [self.slice(value, offset, n) for value, offset in places.found]
        length = f"I64({n})"  # as a literal, numba would compile the kernel anew for each length
        self.source.add(f"{self.shared[text]}({', '.join([*arrays, length])})")

    def slice(self, value: Value, offset: int, n: int) -> str:
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
        to = self.buffer(target.base)
        strides = aligned(source, target.shape) if isinstance(source, Layout) else (0,) * len(target.shape)
        loops = Loops(target.shape, [target.strides, strides])
        element = literal(source, dtype) if not isinstance(source, Layout) else ""
        if isinstance(source, Layout):
            element = f"{self.buffer(source.base)}[{loops.position(source.offset, strides)}]"
        with self.nested(loops):
            self.source.add(f"{to}[{loops.position(target.offset, target.strides)}] = {element}")

    @contextmanager
    def nested(self, loops: Loops) -> Iterator[None]:
        """The body inside the loops."""
        depth = self.source.depth
        for name, n in zip(loops.index, loops.sizes):
            self.source.add(f"for {name} in range({n}):")
            self.source.depth += 1
        yield
        self.source.depth = depth


class Named(Places):
    """Arrays under the names that they have in the step."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter

    def array(self, value: Value, offset: int) -> tuple[str, int]:
        """The array, and where in it the elements start."""
        return self.emitter.buffer(value), offset

    def fill(self, value: Value, what: str) -> None:
        """Set a whole buffer before the loops."""
        self.emitter.fill(value, what)


class Renamed(Places):
    """Arrays as the parameters of a function: a0, a1, ..., each starting at its first element; its length is n."""

    def __init__(self) -> None:
        self.found: dict[tuple[Value, int], str] = {}

    def array(self, value: Value, offset: int) -> tuple[str, int]:
        """The parameter."""
        return self.found.setdefault((value, offset), f"a{len(self.found)}"), 0

    def size(self, n: int) -> str:
        """The length of the loop."""
        return "n"
