"""Which loops are cut into chunks that may run on several threads, and where.

A loop is cut if the work in it pays for waking threads and no two of its iterations write the same element. The
decision and the bounds of the chunks depend on shapes alone: one thread runs the same chunks one after the other, so
results are bitwise equal for any number of threads, and code once compiled serves any number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from minigrad.compiler.graph import Op, Value
from minigrad.compiler.layout import Strides
from minigrad.compiler.names import scaled, total
from minigrad.compiler.nest import Access, Loops, Nest, Places
from minigrad.compiler.scalars import BINARY, UNARY
from minigrad.compiler.schedule import CHECKS, SCATTERS

if TYPE_CHECKING:
    from minigrad.compiler.emit import Emitter

PAYS = 100_000.0
"""Nanoseconds of work on one core from which on a loop is cut. To wake a thread takes the caller 2 to 8 us; it sets to
work 10 to 20 us later, and has to fetch what it works on out of another core's cache."""
LEAST, MOST = 10_000.0, 64
"""The least work of a chunk, in nanoseconds, and the largest number of chunks."""
LONG = 8
"""The iterations that make a loop worth cutting when there is another one inside it."""
LINE, RUN = 64, 256
"""Elements of which a flat loop's or a matrix's chunk is a multiple, and that of a loop that jumps from row to row."""

BLAS_ALONE = 2**18
"""The multiplications of a matrix product up to which OpenBLAS never uses threads of its own."""

# What one core needs, in nanoseconds: good to a factor of two or three, which is all that PAYS asks for.
PRODUCT = {4: 0.02, 8: 0.04}  # a multiplication and an addition of a matrix product, by the size of an element
BYTE = 0.0125  # read or written, from a cache or from memory
SIMPLE = 0.01  # an elementwise operation or a step of a reduction, on one element
FUNCTION = {4: 0.15, 8: 4.0}  # an elementary function: float32's are vectorised, float64's are libm's

SPREAD = "enough work, in iterations that write different elements"
SMALL = "too little work to wake threads for"
SHORT = "no loop that is free to be cut is long enough"
SCATTERED = "it writes where indices from data say"
CHECKED = "it may find an index out of range"


class Cut(NamedTuple):
    """Loop number `loop`, of `length` iterations, in chunks of `chunk`."""

    loop: int
    length: int
    chunk: int

    @property
    def chunks(self) -> int:
        """How many there are."""
        return -(-self.length // self.chunk)


class Decision(NamedTuple):
    """How a part of step number `step` runs: estimated time on one core, the cut (None: in one piece), and why.

    blas: whether it has products for which BLAS would use threads of its own.
    """

    step: str
    nanoseconds: float
    cut: Cut | None
    why: str
    blas: bool = False


def decided(step: str, nanoseconds: float, sizes: Sequence[int], free: Sequence[int], units: Sequence[int]) -> Decision:
    """Cut the outermost of the `free` loops that is long, or the longest of them, in chunks of whole units."""
    if nanoseconds < PAYS:
        return Decision(step, nanoseconds, None, SMALL)
    long = [k for k in free if sizes[k] >= LONG]
    loop = long[0] if long else max(free, key=lambda k: sizes[k], default=None)
    if loop is not None:
        least = -(-sizes[loop] // min(int(nanoseconds // LEAST), MOST))
        chunk = rounded(least, units[loop], sizes[loop])
        if chunk < sizes[loop]:
            return Decision(step, nanoseconds, Cut(loop, sizes[loop], chunk), SPREAD)
    return Decision(step, nanoseconds, None, SHORT)


def rounded(least: int, unit: int, length: int) -> int:
    """A multiple of the unit, `least` or a little more; up to twice that if then all chunks are equally long."""
    first = -(-least // unit) * unit
    return next((n for n in range(first, 2 * first, unit) if length % n == 0), first)


def units(loops: Loops) -> list[int]:
    """What the chunks of each loop must be multiples of."""
    outer = len(loops.sizes) - 1
    return [*[1] * outer, RUN if outer > 0 else LINE]


def threaded(function: Callable, decisions: Sequence[Decision]) -> Callable:
    """A compiled function, called so that it may use threads; as it is if none of it can."""
    blas = any(d.blas for d in decisions)
    if not blas and all(d.cut is None for d in decisions):
        return function
    from minigrad.compiler.runtime.parallel import with_threads

    return with_threads(function, blas)


# ---- loop nests


def of_nest(step: str, nest: Nest) -> Decision:
    """Whether a loop nest is cut, and where."""
    nanoseconds = nest_nanoseconds(nest)
    names = {op.name for op in nest.ops}
    why = SCATTERED if names.intersection(SCATTERS) else CHECKED if names.intersection(CHECKS) else ""
    if why and nanoseconds >= PAYS:
        return Decision(step, nanoseconds, None, why)
    return decided(step, nanoseconds, nest.loops.sizes, free_loops(nest), units(nest.loops))


def free_loops(nest: Nest) -> list[int]:
    """The loops along which nothing is reduced or read backwards."""
    flags = [nest.loops.merged(f) for f in nest.flags.values()]
    forwards = forward_loops(nest.loops, [a.strides for a in accesses(nest)])
    return [k for k in forwards if not any(f[k] for f in flags)]


def forward_loops(loops: Loops, strides: Sequence[Strides]) -> list[int]:
    """The loops along which no array is read backwards: its chunks start with the loop's."""
    merged = [loops.merged(s) for s in strides]
    return [k for k in range(len(loops.sizes)) if all(s[k] >= 0 for s in merged)]


def accesses(nest: Nest) -> list[Access]:
    """What a nest reads from memory and writes to it, each once."""
    found = [a for op in nest.ops for a in (*nest.reads[op], nest.targets[op]) if a is not None]
    return list({a.key: a for a in found if a.base not in nest.made or nest.emitter.kept(a.base)}.values())


def nest_nanoseconds(nest: Nest) -> float:
    """About how long one core needs for a nest."""
    arithmetic = nest.length * sum(map(element_nanoseconds, nest.ops))
    return arithmetic + BYTE * sum(a.base.dtype.itemsize * distinct(nest, a) for a in accesses(nest))


def distinct(nest: Nest, access: Access) -> int:
    """How many elements an access touches, each counted once."""
    return math.prod(n for n, s in zip(nest.domain, access.strides) if s)


def element_nanoseconds(op: Op) -> float:
    """About how long one core needs for one element of an operation."""
    is_function = op.name in (*UNARY, *BINARY) and op.name != "sqrt"
    return FUNCTION.get(op.outputs[0].dtype.itemsize, SIMPLE) if is_function else SIMPLE


def of_product(
    step: str, loops: Loops, strides: Sequence[Strides], m: int, n: int, k: int, itemsize: int
) -> Decision:
    """Whether products (m, k) (k, n) inside loops are cut: along those, or each in panels of rows or columns.

    Rows count as the loop after `loops`, columns as the one after that.
    """
    each = m * n * k * PRODUCT[itemsize]
    nanoseconds, depth = each * math.prod(loops.sizes), len(loops.sizes)
    sizes, multiples = [*loops.sizes, m, n], [*[1] * depth, LINE, LINE]
    if 0 in forward_loops(loops, strides) and (loops.sizes[0] >= LONG or each < PAYS):
        found = decided(step, nanoseconds, sizes, [0], multiples)
    else:
        found = decided(step, each, sizes, [depth + (n > m)], multiples)
    return found._replace(nanoseconds=nanoseconds, blas=m * n * k > BLAS_ALONE)


# ---- functions over a chunk


class Chunk(Places):
    """Arrays in a function over a chunk of one loop, first ... last - 1: each starts where the chunk does.

    So the index runs from 0, and up to a bound that is known: LLVM sees that no position is negative. The function gets
    the arenas whole, and cuts its arrays out of them itself: LLVM sees that they do not overlap.
    """

    def __init__(self, emitter: Emitter, cut: Cut) -> None:
        self.emitter, self.cut = emitter, cut
        self.parameters: dict[str, None] = {}
        self.n = str(cut.chunk) if cut.length % cut.chunk == 0 else "n"
        self.lines = [f"n = min(last - first, {cut.chunk})"] if self.n == "n" else []
        self.names: dict[tuple[Value, int], str] = {}

    def array(self, value: Value, offset: int, strides: Strides) -> tuple[str, int]:
        """The array, from the chunk's first iteration on."""
        key = value, strides[self.cut.loop]
        if key not in self.names:
            memory, start = self.emitter.memory(value)
            self.parameters[memory] = None
            step, name = scaled("first", key[1]), f"c{len(self.names)}"
            size = " - ".join([str(max(value.size, 1)), *([step] if step else [])])
            self.lines.append(f"{name} = part({memory}, {total(start, step)}, {size})")
            self.names[key] = name
        return self.names[key], offset

    def size(self, loop: int, n: int) -> str:
        """The length of a loop."""
        return self.n if loop == self.cut.loop else str(n)

    def fill(self, value: Value, what: str) -> None:
        """Set a whole buffer, before all chunks."""
        self.emitter.fill(value, what)

    def written(self, body: list[str]) -> str:
        """The call that runs all chunks of the function with this body."""
        head = [f"    {line}" for line in self.lines]
        name = self.emitter.function(["first", "last", *self.parameters], "\n".join([*head, *body]))
        return spread(name, self.cut, list(self.parameters))


def spread(name: str, cut: Cut, arguments: Sequence[str]) -> str:
    """The call that runs all chunks of a function."""
    return f"spread({name}, {cut.length}, {cut.chunk}, ({', '.join(arguments)},))"
