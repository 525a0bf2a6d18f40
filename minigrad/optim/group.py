"""Numbers that compiled steps read and write where they are, and parameter groups, which are made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import JOURNAL, configuration_changed, tracer
from minigrad.errors import TracingError
from minigrad.optim.hyper import Setting


class Cell:
    """A Python number, float or int, in a 0-d tensor.

    While a step is traced it reads as a symbol, which promotes as a Python number does, and what is set is an output of
    the compiled step. asked: whether rules ask if it is 0, as in `if weight_decay`; a 0 is built in then.
    """

    __slots__ = ("tensor", "asked")

    def __init__(self, number: float, asked: bool = False) -> None:
        self.tensor = Tensor(np.array(number, np.int64 if type(number) is int else np.float64))
        self.asked = asked

    @property
    def is_built_in(self) -> bool:
        """Whether compiled steps have the number, a 0, built in."""
        data = self.tensor.data  # not an array if a step that is traced has set it
        return self.asked and isinstance(data, np.ndarray) and not data.item()

    def get(self) -> Any:
        """The number."""
        tracing = tracer()
        if tracing is None or self.is_built_in:
            return self.tensor.data.item()
        symbol = tracing.count(self.tensor)
        return Setting(symbol.data) if self.asked else symbol

    def set(self, number: Any) -> None:
        """Hold another number, or the one in a tensor."""
        if tracer() is not None:
            self.tensor.assign_(number.reshape(()) if getattr(number, "shape", ()) else number)
            return
        number = number.item() if isinstance(number, Tensor) else number
        if JOURNAL.get() is None:
            self.tensor.data[...] = number  # nobody else sees this array, and compiled steps know its address
        else:
            self.tensor.rebind(np.array(number, self.tensor.dtype))


class Group(MutableMapping[str, Any]):
    """Parameters with their hyper-parameters. Floats, also those in tuples, are kept in cells and read back as floats.

    Whatever else is assigned, the compiled steps that read it are told of.
    """

    never_asked = ("lr", "initial_lr")
    """What no rule compares with 0: a schedule may start or end there."""

    def __init__(self, items: Mapping[str, Any], **more: Any) -> None:
        self._items = {name: self._celled(name, value) for name, value in {**items, **more}.items()}

    def _celled(self, name: str, value: Any) -> Any:
        """What is kept of a value."""
        if isinstance(value, tuple):
            return tuple(self._celled(name, x) for x in value)
        asked = name not in self.never_asked
        return Cell(float(value), asked) if isinstance(value, float) or (type(value) is int and not asked) else value

    def __getitem__(self, name: str) -> Any:
        if tracer() is not None:
            tracer().watch(self)
        return read(self._items[name])

    def __setitem__(self, name: str, value: Any) -> None:
        cells, numbers = flat(self._items.get(name)), flat(value)
        if len(cells) != len(numbers) or not all(map(fits, cells, numbers)):
            cells = []
        if tracer() is not None and (not cells or any(cell.is_built_in for cell in cells)):
            raise TracingError(
                f"[jit] the hyper-parameter {name!r} is set inside a compiled function, which can change a number that "
                "was a float and not 0, or the learning rate, and nothing else: set it outside."
            )
        built_in = [cell.is_built_in for cell in cells]
        for cell, number in zip(cells, numbers):
            cell.set(number)
        if not cells:
            self._items[name] = self._celled(name, value)
        if not cells or built_in != [cell.is_built_in for cell in cells]:
            configuration_changed()

    def __delitem__(self, name: str) -> None:
        del self._items[name]
        configuration_changed()

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(dict(self))

    def configuration(self) -> Any:
        """What a compiled step has built in: all that is no cell, where the cells are, and which of them are 0."""
        return [
            (name, [(id(x), x.is_built_in) if isinstance(x, Cell) else x for x in flat(item)])
            for name, item in self._items.items()
            if name != "params"
        ]

    def named_numbers(self) -> Iterator[tuple[str, Tensor]]:
        """The tensors of the cells, as lr or betas[0]."""
        for name, item in self._items.items():
            for i, cell in enumerate(flat(item)):
                if isinstance(cell, Cell):
                    yield f"{name}[{i}]" if isinstance(item, tuple) else name, cell.tensor


def read(item: Any) -> Any:
    """The value of an item: numbers in place of cells."""
    if isinstance(item, tuple):
        return tuple(map(read, item))
    return item.get() if isinstance(item, Cell) else item


def flat(item: Any) -> list[Any]:
    """The elements of a tuple, or what is none."""
    return list(item) if isinstance(item, tuple) else [item]


def fits(cell: Any, number: Any) -> bool:
    """Whether there is a cell, and a number for it."""
    return isinstance(cell, Cell) and (
        isinstance(number, float) or type(number) is int or (isinstance(number, Tensor) and number.size == 1)
    )
