"""What is checked: a function from arrays to arrays, and the gradient it claims to have.

A `Problem` knows a point and answers two questions there and nearby: its values, by NumPy numbers only, and the claimed
pullback of a cotangent. Everything else (differences, comparison, causes) knows nothing of tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from minigrad import autograd, engine, random
from minigrad.checking.names import argument_names, leaf_names
from minigrad.core import Tensor, is_float
from minigrad.dtypes import float64, set_default_dtype
from minigrad.errors import DtypeError
from minigrad.ops import asarray, zeros_like
from minigrad.recompute import in_place_of
from minigrad.tree import leaves, tree_map

Arrays = list[np.ndarray]


class Problem(Protocol):
    """A function and its claimed gradient at a point.

    names: of the arguments.  point: their values, float64.  promoted: the names of those that came in another dtype.
    """

    names: list[str]
    point: Arrays
    promoted: list[str]

    def values(self, arrays: Arrays) -> Arrays:
        """The results of the function."""

    def pullback(self, arrays: Arrays, cotangents: Arrays) -> list[np.ndarray | None]:
        """The claimed cotangent of each argument; None for one that the gradient does not know."""

    def contributions(self, arrays: Arrays, cotangents: Arrays, argument: int) -> Arrays:
        """What each use of one argument adds to its gradient, if that can be said."""

    def derived(self, cotangents: Arrays) -> Problem:
        """The gradient as a function of the arguments and of the cotangents, to be checked in its turn."""


class TensorProblem:
    """A function of a list of float tensors that returns a list of them."""

    def __init__(self, call: Callable, names: Sequence[str], point: Arrays, promoted: Sequence[str] = ()) -> None:
        self.call = call
        self.names = list(names)
        self.point = point
        self.promoted = list(promoted)

    def values(self, arrays: Arrays) -> Arrays:
        return [y.data for y in self.call([Tensor(a) for a in arrays])]

    def recorded(self, arrays: Arrays) -> tuple[list[Tensor], list[Tensor]]:
        """Leaves with these values, and the results computed from them."""
        with engine.enable_grad():
            inputs = [Tensor(a).requires_grad_() for a in arrays]
            return inputs, self.call(inputs)

    def pullback(self, arrays: Arrays, cotangents: Arrays) -> list[np.ndarray | None]:
        inputs, outputs = self.recorded(arrays)
        found = gradients(outputs, inputs, [Tensor(c) for c in cotangents], create_graph=False)
        return [None if g is None else g.data for g in found]

    def contributions(self, arrays: Arrays, cotangents: Arrays, argument: int) -> Arrays:
        """The cotangents that the operations reading the argument send back, one for each time they read it."""
        inputs, outputs = self.recorded(arrays)
        leaf = inputs[argument].node
        pairs = [(y, Tensor(c)) for y, c in zip(outputs, cotangents) if y.node is not None]
        nodes = engine.reachable([y.node for y, _ in pairs])
        readers = [n for n in nodes if leaf in n.parents]
        found = engine.backward([y for y, _ in pairs], [c for _, c in pairs], set(readers), retain_graph=True)
        parts = []
        for reader in sorted((r for r in readers if r in found), key=lambda r: r.order):
            sent = engine.pull_back(reader, found[reader], {leaf}, create_graph=False)
            parts += [c.data for parent, c in zip(reader.parents, sent) if parent is leaf]
        return parts

    def derived(self, cotangents: Arrays) -> TensorProblem:
        n = len(self.names)

        def gradient(tensors: list[Tensor]) -> list[Tensor]:
            create = any(t.requires_grad for t in tensors)
            with engine.enable_grad():
                inputs = [x if x.requires_grad else x.detach().requires_grad_() for x in tensors[:n]]
                outputs = self.call(inputs)
            found = gradients(outputs, inputs, tensors[n:], create_graph=create)
            return [zeros_like(x) if g is None else g for x, g in zip(inputs, found)]

        names = [f"cotangent {j}" if len(cotangents) > 1 else "cotangent" for j in range(len(cotangents))]
        return TensorProblem(gradient, self.names + names, self.point + cotangents, self.promoted)


def gradients(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor], create_graph: bool
) -> Sequence[Tensor | None]:
    """The gradients of the outputs that have a history; None for inputs they do not reach."""
    pairs = [(y, c) for y, c in zip(outputs, cotangents) if y.requires_grad]
    if not pairs:
        return [None] * len(inputs)
    ys, cs = zip(*pairs)
    return autograd.grad(ys, inputs, cs, create_graph=create_graph, allow_unused=True)


# ---- from a user's function to a problem


def tensor_problem(fn: Callable, inputs: Any, parameters: dict[str, Tensor]) -> TensorProblem:
    """The problem of a function of (nested) tensors, and of the parameters it reads, all brought to float64.

    inputs: a tuple or list of positional arguments, a dict of keyword arguments, or the only argument. If some of the
    tensors in it require a gradient, only they are checked, otherwise all that hold floats.
    """
    args, kwargs, names = arranged(fn, inputs)
    template = tree_map(lambda x: asarray(x) if isinstance(x, (np.ndarray, float)) else x, (args, kwargs))
    given = list(zip(names, leaves(template)))
    checked = [(name, x) for name, x in given if is_float(x)]
    if any(x.requires_grad for _, x in checked):
        checked = [(name, x) for name, x in checked if x.requires_grad]
    chosen = {id(x) for _, x in checked}
    tensors = [*checked, *parameters.items()]
    if not tensors:
        raise DtypeError("[gradcheck] expected at least one float array or tensor among the inputs, found none.")
    state = random.default_generator.state_dict()

    def call(values: list[Tensor]) -> list[Tensor]:
        replaced = iter(values[: len(checked)])
        args, kwargs = tree_map(lambda x: next(replaced) if id(x) in chosen else constant(x), template)
        with in_place_of(list(parameters.values()), values[len(checked) :]), repeatable(state):
            return [y for y in leaves(fn(*args, **kwargs)) if is_float(y)]

    point = [np.array(x.data, np.float64) for _, x in tensors]
    promoted = [name for name, x in tensors if x.dtype != float64]
    return TensorProblem(call, [name for name, _ in tensors], point, promoted)


def arranged(fn: Callable, inputs: Any) -> tuple[tuple, dict, list[str]]:
    """Positional arguments, keyword arguments, and the names of the leaves of both."""
    if isinstance(inputs, dict):
        return (), inputs, [leaf for key, value in inputs.items() for leaf in leaf_names(key, value)]
    args = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    named = zip(argument_names(fn, len(args)), args)
    return args, {}, [leaf for name, value in named for leaf in leaf_names(name, value)]


def constant(x: Any) -> Any:
    """An input that is not differentiated, in float64 if it is a float tensor."""
    return x.detach().astype(float64) if is_float(x) else x


@contextmanager
def repeatable(state: dict[str, int]) -> Iterator[None]:
    """Let a function repeat itself: the same random numbers, its state put back; and Python floats become float64."""
    with random.replayed(state), engine.rolled_back(), set_default_dtype(float64):
        yield
