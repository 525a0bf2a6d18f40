"""scan: a loop over the slices of tensors that hands something on, one operation to the compiler."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.core import Tensor
from minigrad.errors import DtypeError, ShapeError, TracingError
from minigrad.ops import asarray, slice_of, stack
from minigrad.random import default_generator, replayed
from minigrad.tree import children, leaves, tree_map


def scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False
) -> tuple[Any, Any]:
    """A loop that hands a carry on: carry, ys[i] = f(carry, xs[i]) for each i; returns (the last carry, all ys).

        carry[0] = init        carry[i + 1], ys[i] = f(carry[i], xs[i])

    f: a pure function; it may use tensors from outside, such as parameters, and gradients of any order reach them.
    init: the first carry, any nest of tuples, lists, dicts and dataclasses of tensors and numbers; f keeps its
    structure, shapes and dtypes.  xs: a nest of tensors that share the length n of their first axis; f gets a slice of
    each. None: f gets None, n times.  length: n, needed without xs.  reverse: from the last slice to the first; ys[i]
    still belongs to xs[i].  ys has the structure of f's second result (None: none), with a leading axis of n.
    Inside `mg.jit` the loop is one operation: code and compile time do not grow with n.
    With n = 0, f is run once on zeros to learn the shapes of ys.
    Raises ShapeError or DtypeError if lengths differ or f changes the carry's structure, shape or dtype; TracingError
    if f assigns to a tensor that lives outside of it.
    Source: `scan` of Haskell and APL; its gradient is a scan the other way (JAX's `lax.scan`, Bradbury et al. 2018).

    >>> mg.scan(lambda total, x: (total + x, total * x), mg.tensor(0.0), mg.tensor([1.0, 2.0, 3.0]))
    (tensor(6.), tensor([0., 2., 9.]))
    """
    init, xs = tree_map(asarray, init), tree_map(asarray, xs)
    n = length_of(leaves(xs), length)
    body = Body(f, init, xs)
    tracer = engine.tracer()
    run = eager if tracer is None else tracer.scan
    carry, ys = run(body, leaves(init), leaves(xs), n, bool(reverse))
    return rebuilt(init, carry), rebuilt(body.ys, ys)


class Form:
    """What a leaf of a nest is known by."""

    __slots__ = ("shape", "dtype")

    def __init__(self, x: Tensor) -> None:
        self.shape, self.dtype = x.shape, x.dtype

    def __repr__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"


class Body:
    """The function of a scan on flat lists of tensors; checks that what it returns has the form it must have."""

    def __init__(self, f: Callable, init: Any, xs: Any) -> None:
        self.f, self.carry, self.xs = f, tree_map(Form, init), tree_map(Form, xs)
        self.ys: Any = None  # the forms of its second result, known when it has run
        self.has_run = False

    def __call__(self, carry: Sequence[Tensor], x: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        out = self.f(rebuilt(self.carry, carry), rebuilt(self.xs, x))
        if not isinstance(out, tuple) or len(out) != 2:
            raise ShapeError(f"[scan] the function must return a pair (carry, y), got {type(out).__name__}.")
        new, y = tree_map(asarray, out)
        expect_same("the carry", self.carry, new)
        if self.has_run:
            expect_same("y", self.ys, y)
        else:
            self.ys, self.has_run = tree_map(Form, y), True
        return leaves(new), leaves(y)


def eager(
    body: Body, carry: list[Tensor], xs: list[Tensor], n: int, reverse: bool
) -> tuple[list[Tensor], list[Tensor]]:
    """The loop in Python, of ordinary operations."""
    if n == 0:
        return carry, [Tensor(np.zeros((0, *y.shape), y.dtype)) for y in tried(body, carry, xs)]
    rows = [halved(x) for x in xs]
    ys: list[Any] = [None] * n
    carry = renewed(carry)
    for i in reversed(range(n)) if reverse else range(n):
        with pure() as written:
            carry, ys[i] = body(carry, renewed([r[i] for r in rows]))
            if written.noted:
                carry, ys[i] = renewed(carry), renewed(ys[i])
    return carry, [stack(column) for column in zip(*ys)]


def tried(body: Body, carry: list[Tensor], xs: list[Tensor]) -> list[Tensor]:
    """What f returns for a slice of zeros: for its shape and dtype. Random numbers that it draws are not used up."""
    zeros = [Tensor(np.zeros(x.shape[1:], x.dtype)) for x in xs]
    with engine.no_grad(), replayed(default_generator.state_dict()), pure():
        return body(renewed(carry), zeros)[1]


def halved(x: Tensor) -> list[Tensor]:
    """The slices of x along its first axis, by halves: the gradient then costs n log n instead of n^2."""
    n = x.shape[0]
    if n == 1:
        return [slice_of(x, key=(0,))]
    half = n // 2
    return [*halved(slice_of(x, key=(slice(None, half),))), *halved(slice_of(x, key=(slice(half, None),)))]


def renewed(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The same values and history in tensors that nobody else holds."""
    return [Tensor(x.data, x.node) for x in tensors]


def rebuilt(tree: Any, parts: Sequence) -> Any:
    """The structure of a tree with other leaves."""
    following = iter(parts)
    return tree_map(lambda _: next(following), tree)


# ---- what is checked


def length_of(xs: list[Tensor], length: int | None) -> int:
    """The number of iterations that all agree on."""
    if any(x.ndim == 0 for x in xs):
        raise ShapeError("[scan] expected tensors to go through along their first axis, got a 0-d one among xs.")
    lengths = {x.shape[0] for x in xs} | ({length} if length is not None else set())
    if not lengths:
        raise ShapeError("[scan] expected xs, or the number of iterations as length=.")
    if len(lengths) > 1:
        shapes = ", ".join(str(x.shape) for x in xs)
        raise ShapeError(f"[scan] expected one length, got length={length} and xs of shapes {shapes}.")
    (n,) = lengths
    if not isinstance(n, (int, np.integer)) or n < 0:
        raise ShapeError(f"[scan] length must be a whole number from 0 on, got {length!r}.")
    return int(n)


def expect_same(where: str, before: Any, after: Any) -> None:
    """Raise unless a nest of tensors has the structure of a nest of forms, and each the shape and dtype it had."""
    parts, others = children(before), children(after)
    if parts is None and others is None:
        expect_equal(where, before, after)
        return
    if parts is None or others is None or keys(before, parts) != keys(after, others):
        now = tree_map(Form, after)
        raise ShapeError(f"[scan] {where} must keep its structure: it went in as {before} and came out as {now}.")
    for name, a, b in zip(keys(before, parts), parts, others):
        expect_same(f"{where}[{name!r}]", a, b)


def keys(tree: Any, parts: list) -> list:
    """What the parts of a container are called."""
    return list(tree) if isinstance(tree, dict) else list(range(len(parts)))


def expect_equal(where: str, before: Form, after: Tensor) -> None:
    """Raise unless a tensor has the shape and dtype it had."""
    if before.shape != after.shape:
        raise ShapeError(f"[scan] {where} must keep its shape: it went in as {before.shape}, came out {after.shape}.")
    if before.dtype != after.dtype:
        raise DtypeError(
            f"[scan] {where} must keep its dtype: it went in as {before.dtype} and came out as {after.dtype}: "
            "convert init, or what f returns, with .astype."
        )


class Written:
    """Notes which tensors are assigned to, in place of the engine's journal, without keeping them alive."""

    def __init__(self) -> None:
        self.noted: list[tuple[weakref.ref, Any, str]] = []

    def append(self, entry: tuple[Tensor, Any]) -> None:
        """Note a tensor and the data it had."""
        self.noted.append((weakref.ref(entry[0]), entry[1], engine.user_line()))

    def __iter__(self) -> Iterator[tuple[Tensor, Any]]:
        """As the journal: each tensor that is still there, and the data it had."""
        return ((tensor, data) for tensor, data, _ in self.lasting())

    def lasting(self) -> list[tuple[Tensor, Any, str]]:
        """Those that are still there: temporary tensors of the body, which it may change, are not."""
        return [(ref(), data, where) for ref, data, where in self.noted if ref() is not None]  # type: ignore[misc]


@contextmanager
def pure() -> Iterator[Written]:
    """Run the body of a loop: raise if a tensor was assigned to that outlives it, which gets back what it had."""
    written = Written()
    token = engine.JOURNAL.set(written)  # type: ignore[arg-type]
    try:
        yield written
    finally:
        engine.JOURNAL.reset(token)
        if written.lasting():
            gc.collect()  # a temporary tensor may wait in a cycle
        lasting = written.lasting()
        for tensor, data, _ in reversed(lasting):
            tensor.data = data
    for tensor, _, where in lasting:
        raise TracingError(
            f"[scan] the function assigns to a tensor of shape {tensor.shape} that lives outside of it, at {where}: "
            "hand it on in the carry, and assign after the loop."
        )
