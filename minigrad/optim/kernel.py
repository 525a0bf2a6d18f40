"""Update rules as machine code: one pass over each parameter, in place, without temporaries.

NumPy evaluates a rule until that has taken as long as making its machine code would: however long a program runs, it
takes at most twice the time of the better choice, and a short script never waits for a compiler. That the clock decides
changes no result: the two agree bit for bit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from sys import getrefcount
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import JOURNAL, MODE
from minigrad.errors import TracingError
from minigrad.optim.blocks import in_blocks, whole
from minigrad.optim.hyper import is_plain, numbers_in, pattern, with_numbers

LOADING = 0.05
"""Seconds it takes to trace a rule and to load its machine code from the disk."""
IMPORTING = 0.3
"""Seconds more if numba has not been imported yet; measured, as the others, on a 2-core server."""
COMPILING = 0.3
"""Seconds more if there is no machine code on the disk."""
UNSHARED = 2  # references to an array that only its tensor holds: the tensor's, and getrefcount's argument

Calls = list[tuple[Callable, tuple]]
State = dict[str, Tensor]
Names = tuple[str, ...]


class Kernel:
    """The machine code of one rule for one dtype and one pattern of hyper-parameters; until it pays, there is none.

    rule: the update rule.  names, numbers: its state, arrays like the parameter, and numbers.
    hyper: hyper-parameters of the pattern.  evaluate: how NumPy evaluates the rule.
    spent, price: the seconds that NumPy has needed for the rule in this process, and those that the next step costs.
    """

    def __init__(
        self,
        rule: Callable,
        names: Names,
        numbers: Names,
        hyper: dict[str, Any],
        dtype: np.dtype,
        price: float = float("inf"),
        evaluate: Callable = in_blocks,
    ) -> None:
        self.rule, self.hyper, self.dtype, self.evaluate = rule, hyper, dtype, evaluate
        self.names, self.numbers = names, numbers
        self.spent, self.price = 0.0, price
        self.traced: Any = None
        self.function: Callable | None = None

    def update_with(self, hyper: dict[str, Any]) -> Update:
        """What does one step with these hyper-parameters."""
        if self.function is None and self.spent >= self.price:
            self.advance()
        # What is done in place cannot be rolled back: whoever keeps a journal gets NumPy.
        usable = self.function is not None and MODE.get().jit and JOURNAL.get() is None
        return InPlace(self, hyper) if usable else ByNumPy(self, hyper)

    def advance(self) -> None:
        """Trace the rule; compile it if that is a matter of loading, or if NumPy has taken as long as compiling."""
        if self.traced is None:
            self.traced = self.trace()
            if self.traced is None:
                self.price = float("inf")
                return
            self.price += 0.0 if self.traced.is_on_disk else COMPILING
        if self.spent >= self.price:
            self.function = self.traced.compile()

    def trace(self) -> Any:
        """The rule for the compiler; None if it is nothing that can be one loop, and NumPy goes on with it."""
        from minigrad.compiler.lower import Unsupported
        from minigrad.compiler.rule import Rule

        names = ["gradient", "parameter", *self.names]
        try:
            return Rule(self.apply, names, self.dtype, len(numbers_in(self.hyper)) + len(self.numbers))
        except (Unsupported, TracingError, TypeError, ValueError, AttributeError, LookupError):
            return None

    def apply(self, arrays: dict[str, Tensor], numbers: list[Tensor]) -> tuple[dict[str, Any], list[Any]]:
        """The rule as the compiler traces it: a function of arrays by name and of numbers, those of the state last."""
        hyper_numbers = len(numbers) - len(self.numbers)
        state = {name: arrays[name] for name in self.names} | dict(zip(self.numbers, numbers[hyper_numbers:]))
        new, new_state = self.rule(
            arrays["gradient"], arrays["parameter"], state, with_numbers(self.hyper, iter(numbers))
        )
        changed = {"parameter": new} | {name: new_state[name] for name in self.names}
        return changed, [new_state[name] for name in self.numbers]


class Update:
    """One step with one rule, one dtype and one set of hyper-parameters, on any number of parameters."""

    def __init__(self, kernel: Kernel, hyper: dict[str, Any]) -> None:
        self.kernel, self.hyper = kernel, hyper

    def prepare(self, p: Tensor, g: np.ndarray, state: State, calls: Calls) -> None:
        """Append the calls that change a parameter and its state; all that can fail is done here."""
        raise NotImplementedError


class ByNumPy(Update):
    """NumPy evaluates the rule; the calls show its results."""

    def prepare(self, p: Tensor, g: np.ndarray, state: State, calls: Calls) -> None:
        started = time.perf_counter()
        given: dict[str, Any] = {name: state[name].data.item() for name in self.kernel.numbers}
        given.update((name, state[name].data) for name in self.kernel.names if name in state)
        new_p, new_state = self.kernel.evaluate(self.kernel.rule, g, p.data, given, self.hyper)
        calls.append((p.assign_, (Tensor(new_p),)))
        for name, value in new_state.items():
            calls.append((state[name].rebind, (np.asarray(value, state[name].dtype),)))
        self.kernel.spent += time.perf_counter() - started


class InPlace(Update):
    """Machine code writes into the parameter and its state."""

    def __init__(self, kernel: Kernel, hyper: dict[str, Any]) -> None:
        super().__init__(kernel, hyper)
        self.function: Any = kernel.function
        self.names, self.state_numbers = kernel.names, kernel.numbers
        self.scalars: dict[tuple[float, ...], tuple[np.ndarray, list[np.ndarray]]] = {}  # by the numbers of the state

    def prepare(self, p: Tensor, g: np.ndarray, state: State, calls: Calls) -> None:
        given = tuple([state[name].data.item() for name in self.state_numbers])
        scalars, results = self.scalars.get(given) or self.scalars_for(given)
        arrays = [own(state[name]) for name in self.names]
        calls.append((self.function, (readable(g), own(p), *arrays, scalars, g.size)))
        for name, result in zip(self.state_numbers, results):
            calls.append((state[name].rebind, (result,)))

    def scalars_for(self, given: tuple[float, ...]) -> tuple[np.ndarray, list[np.ndarray]]:
        """The numbers that the loop reads, and those of the state after it."""
        scalars, results = self.kernel.traced.numbers([*numbers_in(self.hyper), *given])
        found = self.scalars[given] = scalars, [np.array(x, np.float64) for x in results]
        return found


KERNELS: dict[Any, Kernel] = {}
"""The kernels of this process, by all that they depend on: every optimizer and every size shares them."""


def kernel_for(
    rule: Callable, names: Names, numbers: Names, hyper: dict[str, Any], dtype: np.dtype, elementwise: bool = True
) -> Kernel:
    """The kernel of a rule; one of its own, which stays with NumPy, if the rule looks at whole arrays or a
    hyper-parameter is no plain value.
    """
    if not elementwise:
        return Kernel(rule, names, numbers, hyper, dtype, evaluate=whole)
    if not all(map(is_plain, hyper.values())):
        return Kernel(rule, names, numbers, hyper, dtype)
    key = (rule, names, numbers, tuple((name, pattern(value)) for name, value in hyper.items()), dtype)
    if key not in KERNELS:
        KERNELS[key] = Kernel(rule, names, numbers, hyper, dtype, LOADING + IMPORTING * ("numba" not in sys.modules))
    return KERNELS[key]


def own(tensor: Tensor) -> np.ndarray:
    """The array of a tensor in one dimension, to be written into: if somebody else sees it, the tensor gets a copy."""
    shared = getrefcount(tensor.data) > UNSHARED
    array = tensor.data
    if shared or array.base is not None or not array.flags.carray:
        array = tensor.data = array.copy()
    return array if array.ndim == 1 else array.reshape(-1)


def readable(array: np.ndarray) -> np.ndarray:
    """The array in one dimension, as the machine code takes it: in order and not marked read-only."""
    flat = array if array.ndim == 1 else array.reshape(-1)
    return flat if flat.flags.carray else flat.copy()
