"""Programs drawn from the table of operations.

A program calls several rows of the table. Each call has the arguments that its row draws, in the row's own domain;
earlier results flow into them, through views, broadcasts, gathers and means where the shapes differ, so that programs
are graphs with shared subexpressions. It returns some of its results, or their derivatives by one of the transforms.
"""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

import minigrad as mg
from minigrad.tree import leaves
from tests.compiler.agreement import scale
from tests.ops.rows import Row
from tests.ops.table import TABLE

SMALL = 1e-3
"""How far an argument may be moved in its domain: rows stay further than this from their kinks and poles."""


@dataclass(frozen=True)
class Link:
    """An earlier result, counted around, that flows into an argument: `direct` in its place, else added to it."""

    result: int
    direct: bool


@dataclass(frozen=True, repr=False)
class Call:
    """A row, the positions of its arguments among the program's arrays, what flows into each, and its options."""

    row: Row
    arguments: range
    links: tuple
    kwargs: dict

    def __repr__(self):
        given = [f"x{i}" + (f" <- {link}" if link else "") for i, link in zip(self.arguments, self.links)]
        return f"{self.row.name}({', '.join(given)}, {self.kwargs})"


@dataclass(frozen=True, repr=False)
class Program:
    """Calls on arrays, of which some are captured by the function instead of being its arguments.

    returned: the calls whose results are returned.  derivative: a name in DERIVATIVES.  dtype: of all float arrays.
    """

    arrays: tuple
    captured: frozenset
    calls: tuple
    returned: frozenset
    derivative: str
    dtype: str

    def _repr_pretty_(self, printer, cycle):
        printer.text(repr(self))  # instead of Hypothesis' own

    def __repr__(self):
        lines = [f"{'captured ' * (i in self.captured)}x{i} = {a!r}" for i, a in enumerate(self.arrays)]
        return "\n".join(
            [*lines, *map(repr, self.calls), f"{self.derivative} of {sorted(self.returned)} in {self.dtype}"]
        )

    def prepared(self, dtype, move=0.0):
        """The function, and its arguments in a dtype; `move` moves every float by a random fraction of itself."""
        rng = np.random.default_rng(0)
        tensors = [mg.Tensor(moved(a, self.dtype, dtype, move, rng)) for a in self.arrays]
        free = [i for i in range(len(tensors)) if i not in self.captured]

        def results(*args):
            given = list(tensors)
            for i, x in zip(free, args):
                given[i] = x
            return self.results(given)

        return DERIVATIVES[self.derivative](results), [tensors[i] for i in free]

    def run(self, jit, move=0.0):
        """What the function returns, by name, in the default dtype."""
        f, args = self.prepared(mg.default_dtype(), move)
        return named(jit(f)(*args))

    def unseen(self, exact):
        """Names of results that are zero but for rounding, as the derivative of x - x is."""
        scales = {name: scale(x) for name, x in exact.items() if x.dtype.kind == "f"}
        inputs = [scale(a) for a in self.arrays if a.dtype.kind == "f"]
        noise = 1e-12 * max([*scales.values(), *inputs], default=0.0)
        return {name for name, largest in scales.items() if 0 < largest < noise}

    def results(self, tensors):
        """The results that are returned."""
        found, returned = [], []
        for i, call in enumerate(self.calls):
            args = [flowing(tensors[at], link, found, call.row.free) for at, link in zip(call.arguments, call.links)]
            out = call.row.fn(*args, **call.kwargs)
            if i in self.returned:
                returned.append(out)
            if out.size:
                found.append(out if out.dtype.kind == "f" else out.astype(tensors[0].dtype) * 0.5)
        return returned


def named(results):
    """Nested results as arrays by their place."""
    return {f"result {i}": np.array(x.data) for i, x in enumerate(leaves(results))}


def moved(array, rounded, dtype, move, rng):
    """The array with floats rounded to one dtype, moved by a fraction, and given in another one."""
    if array.dtype.kind != "f":
        return array
    array = array.astype(rounded, copy=False).astype(dtype, copy=False)
    return array * (1 + move * rng.choice([-1.0, 1.0], array.shape)) if move else array


def flowing(x, link, found, free):
    """An argument, with an earlier result in it."""
    if link is None or not found or not x.size or x.dtype.kind != "f":
        return x
    earlier = fitted(found[link.result % len(found)], x.shape)
    if not free:
        return x + SMALL * mg.tanh(earlier)
    return earlier if link.direct else x + mg.tanh(earlier)


def fitted(x, shape):
    """x in another shape: as it is, broadcast, reshaped, its elements again and again, or their mean."""
    n = int(np.prod(shape))
    if x.shape == shape:
        return x
    if len(x.shape) <= len(shape) and all(a in (1, b) for a, b in zip(x.shape[::-1], shape[::-1])):
        return mg.broadcast_to(x, shape)
    if x.size == n:
        return mg.reshape(x, shape)
    if x.size > n:
        return mg.reshape(mg.flatten(x)[:n], shape) if x.ndim % 2 else mg.broadcast_to(mg.mean(x), shape)
    return mg.reshape(mg.take(mg.flatten(x), mg.tensor(np.arange(n) % x.size)), shape)


# ---- derivatives


def objective(f):
    """A weighted sum of the float results."""

    def value(*args):
        outs = [out for out in f(*args) if out.dtype.kind == "f"]
        return sum((mg.sum(out * cosines(out)) for out in outs), mg.tensor(0.0))

    return value


def cosines(x, phase=0.5):
    """Numbers of the shape and dtype of x, the same each time."""
    return mg.tensor(np.cos(phase + np.arange(x.size)).reshape(x.shape).astype(x.dtype))


def floats(args):
    """The positions of float tensors."""
    return tuple(i for i, x in enumerate(args) if x.dtype.kind == "f")


def with_gradients(f):
    return lambda *args: (f(*args), mg.value_and_grad(objective(f), floats(args))(*args))


def with_vjp(f):
    def run(*args):
        outs, pull = mg.vjp(f, *args)
        cotangents = [cosines(out) if out.dtype.kind == "f" else mg.zeros_like(out) for out in outs]
        return outs, [g for g in pull(cotangents) if g is not None]

    return run


def with_jvp(f):
    return along_tangents(lambda only, xs, tangents: mg.jvp(only, xs, tangents), f)


def with_hvp(f):
    return along_tangents(lambda only, xs, tangents: mg.hvp(objective(only), xs, tangents), f)


def along_tangents(transform, f):
    """A transform of f as a function of its float arguments, along fixed tangents."""

    def run(*args):
        places = floats(args)

        def only(*xs):
            given = list(args)
            for i, x in zip(places, xs):
                given[i] = x
            return [out for out in f(*given) if out.dtype.kind == "f"]

        xs = tuple(args[i] for i in places)
        return transform(only, xs, tuple(cosines(x, 1.0) for x in xs))

    return run


DERIVATIVES = {
    "values": lambda f: f,
    "gradients": with_gradients,
    "vjp": with_vjp,
    "jvp": with_jvp,
    "hvp": with_hvp,
}


# ---- drawing


links = st.none() | st.builds(Link, st.integers(0, 5), st.booleans())


@st.composite
def programs(draw, most_calls=5, rows=TABLE):
    """Programs of 1 to `most_calls` calls."""
    arrays, calls = [], []
    for _ in range(draw(st.integers(1, most_calls))):
        row = draw(st.sampled_from(rows))
        case = draw(row.cases)
        start = len(arrays)
        arrays += case.args
        links_drawn = tuple(draw(links) for _ in case.args)
        calls.append(Call(row, range(start, len(arrays)), links_drawn, case.kwargs))
    everything = range(len(calls))
    return Program(
        tuple(arrays),
        frozenset(i for i in range(len(arrays)) if draw(st.integers(0, 4)) == 0),
        tuple(calls),
        frozenset([len(calls) - 1, *(i for i in everything if draw(st.booleans()))]),
        draw(st.sampled_from(sorted(DERIVATIVES))),
        draw(st.sampled_from(["float64", "float32"])),
    )
