"""jit: a function that is traced, compiled and called from then on."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from minigrad import engine, random
from minigrad.allocator import return_freed_memory
from minigrad.compiler.call import MISS, Failed, signature
from minigrad.compiler.compiled import Compiled, Trace
from minigrad.compiler.cost import Cost, cost
from minigrad.compiler.guard import Guard
from minigrad.compiler.listing import Listing, listing
from minigrad.compiler.loop import run_loop
from minigrad.compiler.lower import Unsupported
from minigrad.compiler.report import explain
from minigrad.core import Tensor
from minigrad.dtypes import default_dtype
from minigrad.errors import TracingError
from minigrad.recompute import with_history
from minigrad.tree import children, leaves


class CacheInfo(NamedTuple):
    """How often compiled code was used, how often it was made, and how many traces are held."""

    hits: int
    traces: int
    size: int


class Jitted:
    """What `mg.jit` returns: call it as the function it was made of."""

    def __init__(self, fn: Callable, warmup: int = 1) -> None:
        functools.update_wrapper(self, fn)
        self.fn, self.warmup, self.name = fn, warmup, getattr(fn, "__name__", "the function")
        self.traces: dict[Any, list[tuple[Guard, Compiled]]] = {}
        self.calls: dict[Any, int] = {}
        self.hits = self.made = 0
        self.eager = False  # it needs an operation that the compiler does not have
        self.lock = threading.RLock()
        self.last: Compiled | None = None
        self.fast: Callable | None = None  # the call of the step that ran last, if its arguments are not nested

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        fast = self.fast  # once: another thread may change it
        if fast is not None and not kwargs:
            with self.lock:
                try:
                    out = fast(args)
                except Failed:
                    return self.refused(self.expect_compiled(), args, {})
                if out is not MISS:
                    self.hits += 1
                    return out
        return self.find(args, kwargs)

    def find(self, args: tuple, kwargs: dict) -> Any:
        """Call the trace for these arguments and the present state; make it if there is none."""
        mode = engine.MODE.get()
        if self.eager or not mode.jit or mode.tracer is not None:
            return self.fn(*args, **kwargs)
        plain = not kwargs and all(isinstance(x, Tensor) for x in args)
        flat = list(args) if plain else leaves((args, kwargs))
        key = (signature(flat), () if plain else structure((args, kwargs)), mode, default_dtype())
        with self.lock:
            for guard, step in self.traces.get(key, ()):
                out = self.run(step, flat, args, kwargs) if guard.holds() else MISS
                if out is not MISS:
                    self.hits += 1
                    return out
            if self.calls.get(key, 0) < self.warmup:
                self.calls[key] = self.calls.get(key, 0) + 1
                return self.fn(*args, **kwargs)
            try:
                step = self.compile(key, args, kwargs)
            except Unsupported as reason:
                warnings.warn(f"{reason} {self.name} runs eagerly.", RuntimeWarning, stacklevel=2)
                self.eager = True
                return self.fn(*args, **kwargs)
            out = self.run(step, flat, args, kwargs)
            return_freed_memory()
            return out

    def run(self, step: Compiled, flat: list, args: tuple, kwargs: dict) -> Any:
        """Call compiled code; if it refuses, run eagerly, which raises what it has to say."""
        self.use(step)
        try:
            return self.differentiable(step, flat, args, kwargs) if step.live else step(flat)
        except Failed:
            return self.refused(step, args, kwargs)

    def refused(self, step: Compiled, args: tuple, kwargs: dict) -> Any:
        """Run eagerly, which raises what it has to say, and leaves nothing behind if it does."""
        with step.restored():
            self.fn(*args, **kwargs)
        return self.fn(*args, **kwargs)

    def use(self, step: Compiled) -> None:
        """Make this the step that runs; the one before lets go of the tensors' arrays, which it would keep alive."""
        if self.last is not None and self.last is not step:
            self.last.state.release()
        self.last = step
        self.fast = step.call if step.plain and not step.live else None

    def differentiable(self, step: Compiled, flat: list, args: tuple, kwargs: dict) -> Any:
        """The result of compiled code with a history: whoever differentiates it runs the function again, eagerly."""
        state = random.default_generator.state_dict()
        read = [s.tensor for _, s in step.references if s.tensor.requires_grad and not s.is_grad]
        before = [Tensor(p.data, p.node) for p in read]
        out = step(flat)
        if out is MISS:
            return MISS
        return with_history(lambda args, kwargs: self.fn(*args, **kwargs), (args, kwargs), out, read, before, state)

    def repeatable(self, batch: int, data: tuple[Tensor, ...]) -> Compiled | None:
        """A step that is compiled for rows of the data and holds now, ready to be called many times; None if none."""
        mode = engine.MODE.get()
        kinds = tuple(((batch, *d.shape[1:]), d.dtype, False) for d in data)
        for guard, step in self.traces.get((kinds, (), mode, default_dtype()), ()) if mode.jit else ():
            changes_data = any(slot.tensor is d for slot in step.state.data for d in data)
            if step.repeats and not changes_data and guard.holds():
                self.use(step)
                if step.state.settle():
                    return step
        return None

    def loop(self, order: Any, *data: Tensor) -> Any:
        """Call the function for each row of `order`, with these rows of the data, and stack the results.

        The same as `stack([step(*(d[row] for d in data)) for row in order])`, for parameters, gradients, buffers,
        optimizers and generators too, but as one compiled call for many steps.

        order: integers of shape (steps, batch).  data: tensors with equally many rows, whose gradient is not wanted.
        Returns the results with an axis of length `steps` in front of each tensor, without history: differentiate
        inside. What is not a tensor is as the last step returned it.
        Raises ShapeError, DtypeError or GraphError for another order or other data, and what a step raises: a row or
        label out of range raises the eager IndexError, and the state is as the last good step left it. Ctrl-C stops it
        between two steps.

        >>> total = mg.tensor(0.0)
        >>> @mg.jit
        ... def add(x):
        ...     total.assign_(total + mg.sum(x))
        ...     return total * 1
        >>> add.loop([[0, 1], [2, 3], [0, 3]], mg.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor([ 3., 10., 15.])
        >>> total
        tensor(15.)
        """
        return run_loop(self, order, data)

    def compile(self, key: Any, args: tuple, kwargs: dict) -> Compiled:
        """Trace and compile for these arguments."""
        before = self.traces.setdefault(key, [])
        if len(before) >= 5:
            warnings.warn(
                f"[jit] {self.name} was traced {len(before) + 1} times for one signature; this time "
                f"{before[0][0].why()}.",
                RuntimeWarning,
                stacklevel=3,
            )
        trace = Trace(self.fn, args, kwargs, [tensor for guard, _ in before for tensor, _ in guard.grads])
        guard = Guard(self.fn, trace.tracer)
        step = Compiled(trace, guard)
        before.insert(0, (guard, step))
        self.made += 1
        return step

    def cache_info(self) -> CacheInfo:
        """(hits, traces, size)."""
        return CacheInfo(self.hits, self.made, sum(map(len, self.traces.values())))

    def expect_compiled(self) -> Compiled:
        """The step that ran last."""
        if self.last is None:
            raise TracingError(f"[jit] {self.name} has not been compiled yet: call it, twice unless warmup=0.")
        return self.last

    @property
    def source(self) -> str:
        """The numba source of the step that ran last."""
        return self.expect_compiled().source

    @property
    def graph(self) -> Listing:
        """The graph of the step that ran last: `str` lists it, a line an operation; `.dot()` is for Graphviz.

        Its `inputs`, `ops` and `outputs` are data; inputs go by the names of arguments, parameters and settings.
        """
        return listing(self.expect_compiled(), self.expect_guard())

    def cost(self) -> Cost:
        """What one call of the step that ran last costs, for each kernel and in total: see `Cost`, and print it."""
        return cost(self.expect_compiled())

    def explain(self) -> str:
        """Why the step that ran last is compiled as it is.

        For each kernel the operations fused in it, with the user's lines, and why it is not part of the kernels that
        make what it reads, nor of the one before; what was left out of the graph; what is read by reference and what is
        baked in; what is written in place, and why the rest is not.
        """
        return explain(self.expect_compiled(), self.expect_guard(), self.graph)

    def expect_guard(self) -> Guard:
        """The guard of the step that ran last."""
        step = self.expect_compiled()
        return next(guard for traces in self.traces.values() for guard, other in traces if other is step)


def structure(x: Any) -> Any:
    """The nesting of the arguments, hashable."""
    parts = children(x)
    if parts is None:
        return None
    keys = tuple(x) if isinstance(x, dict) else ()
    return (type(x), keys, tuple(map(structure, parts)))


def jit(fn: Callable | None = None, *, warmup: int = 1) -> Any:
    """Compile a function written in eager style: it computes the same, several times faster.

    fn: a training step (forward, loss, zero_grad, backward, optimizer step) or any function of tensors. It is run once
    on symbols; what it did is fused and compiled with numba into one function, which is kept on disk for the next
    process. Parameters, buffers, optimizer state, hyper-parameters and generators are read and written where they are.
    Arguments and results may be nested tuples, lists, dicts and dataclasses of tensors; numbers among the arguments do
    not retrace, other values do. Differentiate inside: a result that is differentiated outside makes the function run
    once more, eagerly.
    warmup: so many calls of a new signature run eagerly first, since one call is not worth compiling.
    `step.loop(order, *data)` makes many calls at once.
    Usable as a decorator, `@mg.jit` or `@mg.jit(warmup=0)`. Raises TracingError where the function needs the value of a
    tensor while it is traced. A function with an operation that cannot be compiled runs eagerly, with one warning.

    >>> @mg.jit
    ... def f(x):
    ...     return mg.sum(mg.tanh(x) ** 2)
    >>> f(mg.tensor([0.0, 1.0]))
    tensor(0.580025)
    """
    if fn is None:
        return functools.partial(jit, warmup=warmup)
    return Jitted(fn, warmup)
