"""The tensors that a compiled step reads and writes, and whether it may write into their arrays."""

from __future__ import annotations

from collections.abc import Sequence
from sys import getrefcount
from typing import Any
from weakref import ref

import numpy as np

from minigrad import engine
from minigrad.compiler.graph import Value
from minigrad.core import Tensor

HELD = next(map(getrefcount, [object()]))
"""What map(getrefcount, a list) counts of something that only the list refers to."""

GONE = ref(type("Nothing", (), {})())
"""A weak reference to nothing."""


class Slot:
    """An array that a step reads or writes: the data of a tensor, or of its gradient.

    read, written: the values of the graph that it is before and after a call, where it is one.
    absent: the tensor has no gradient before the call, or one of another shape or dtype, which gives way to a new one.
    """

    def __init__(self, tensor: Tensor, is_grad: bool, read: Value | None = None, absent: bool = False) -> None:
        self.tensor, self.is_grad, self.read, self.absent = tensor, is_grad, read, absent
        self.written: Value | None = None

    @property
    def value(self) -> Value:
        """What tells shape and dtype."""
        return self.read or self.written  # type: ignore[return-value]

    def holder(self) -> Tensor:
        """The tensor whose data it is."""
        return self.tensor.gradient if self.is_grad else self.tensor  # type: ignore[return-value]

    def fits(self, array: np.ndarray) -> bool:
        """Whether an array has the shape and dtype that were compiled for."""
        return array.shape == self.value.shape and array.dtype == self.value.dtype


class State:
    """The slots of a step, and what they held when it was last made ready for a call.

    data, grads: slots that are written.  seen: those that are only read.
    held: the arrays of `data` and `grads`, then the gradients.  counts: how many references each of them has when
    nobody else sees it.  arrays: weak references to those of `seen`, into which others may want to write.
    addresses: of all arrays, in the order data, grads, seen.
    """

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.data = [s for s in slots if s.written is not None and not s.is_grad]
        self.grads = [s for s in slots if s.written is not None and s.is_grad]
        self.seen = [s for s in slots if s.written is None]
        self.slots = [*self.data, *self.grads, *self.seen]
        self.writes = len(self.data) + len(self.grads)
        self.held: list[Any] = [None] * (self.writes + len(self.grads))
        self.counts = [HELD + 1] * self.writes + [HELD + (not s.absent) for s in self.grads]
        self.arrays: list[Any] = [GONE] * len(self.seen)
        self.addresses = np.zeros(len(slots), np.uint64)
        self.replaced: list[tuple[Tensor, Tensor | None]] = []

    def settle(self) -> bool:
        """Make ready for a call: one that may read every slot, and write over those that it writes.

        Arrays that somebody else sees, and those that are not laid out as compiled code takes them, give way to copies.
        False if what is read has another shape or dtype than was compiled for.
        """
        written = self.slots[: self.writes]
        if not all(slot.fits(slot.holder().data) for slot in written if slot.read is not None):
            return False
        if not all(map(self.look, range(len(self.seen)))):
            return False
        self.replaced.clear()
        for i, slot in enumerate(self.data):
            self.hold(i, slot.tensor.data)
        for i, slot in enumerate(self.grads, len(self.data)):
            self.hold_grad(i, slot, self.held[i + len(self.grads)] if slot.absent else slot.tensor.gradient)
        recorded = engine.JOURNAL.get() is not None  # then what is written over must be noted, and kept
        for i, slot in enumerate(self.data):
            if recorded or not usable(self.held[i]) or self.is_shared(i):
                slot.tensor.rebind(self.hold(i, self.held[i].copy(order="C")))
        for i, slot in enumerate(self.grads, len(self.data)):
            if self.is_shared(i) or self.is_shared(i + len(self.grads)):
                self.hold_grad(i, slot, None)
        return True

    def look(self, i: int) -> bool:
        """Take the array of a tensor that is only read; False if it does not fit."""
        tensor = self.seen[i].holder()
        if not self.seen[i].fits(tensor.data):
            return False
        if not tensor.data.flags.c_contiguous:
            tensor.data = tensor.data.copy(order="C")
        if tensor.data is not self.arrays[i]():
            self.arrays[i] = ref(tensor.data)
            self.addresses[self.writes + i] = address(tensor.data)
        return True

    def hold(self, i: int, array: np.ndarray) -> np.ndarray:
        """Take the array of a slot that is written."""
        if array is not self.held[i]:
            self.held[i] = array
            self.addresses[i] = address(array)
        return array

    def hold_grad(self, i: int, slot: Slot, grad: Tensor | None) -> None:
        """Take a gradient to write into; a new one, with the values of the one before, if it cannot be written into."""
        plain = type(grad) is Tensor and grad.node is None and slot.fits(grad.data) and usable(grad.data)
        if grad is None or not plain:
            old = None if slot.absent else slot.tensor.gradient
            array = np.empty(slot.value.shape, slot.value.dtype)
            if slot.read is not None and old is not None:
                array[...] = old.data
            grad = Tensor(array)
            if not slot.absent:
                self.replaced.append((slot.tensor, old))
                slot.tensor.gradient = grad
        self.held[i + len(self.grads)] = grad
        self.hold(i, grad.data)

    def is_shared(self, i: int) -> bool:
        """Whether somebody else sees what is held: here, and nowhere else, its references are counted like this."""
        return [*map(getrefcount, self.held[i : i + 1])] != [self.counts[i] + 1]

    def release(self) -> None:
        """Let go of all arrays: another trace works on them now."""
        self.held[:] = [None] * len(self.held)
        self.arrays[:] = [GONE] * len(self.arrays)

    def restore(self) -> None:
        """Put back the gradients that `settle` replaced, since the call failed."""
        for tensor, grad in self.replaced:
            tensor.gradient = grad


def usable(array: np.ndarray) -> bool:
    """Whether compiled code may write into an array: contiguous, writeable, and not a view of another."""
    return array.base is None and array.flags.carray


def address(array: np.ndarray) -> int:
    """Where the elements begin."""
    return array.__array_interface__["data"][0]
