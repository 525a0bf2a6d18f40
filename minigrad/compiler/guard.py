"""What a trace depends on besides the signature of its arguments, and whether that is still so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CellType
from typing import Any, NamedTuple

from minigrad import engine
from minigrad.compiler.names import Bound
from minigrad.compiler.trace import Tracer
from minigrad.core import Tensor

PLAIN = (bool, int, float, str, bytes, type(None))


class Cell(NamedTuple):
    """A variable of an enclosing function."""

    name: str
    cell: CellType

    def get(self) -> Any:
        """Its value."""
        return self.cell.cell_contents

    def source(self, bound: Bound) -> str:
        """Its value, as source."""
        return f"{bound.name('cell', self.cell)}.cell_contents"


class Global(NamedTuple):
    """A variable of the function's module."""

    name: str
    space: dict[str, Any]

    def get(self) -> Any:
        """Its value."""
        return self.space.get(self.name)

    def source(self, bound: Bound) -> str:
        """Its value, as source."""
        return f"{bound.name('space', self.space)}.get({self.name!r})"


class Defaults(NamedTuple):
    """The default values of the function's parameters."""

    fn: Any
    name: str = "defaults"

    def get(self) -> Any:
        """Their values."""
        return self.fn.__defaults__

    def source(self, bound: Bound) -> str:
        """Their values, as source."""
        return f"{bound.name('fn', self.fn)}.__defaults__"


class Guard:
    """Compares the present with the state a trace was made in."""

    def __init__(self, fn: Callable, tracer: Tracer) -> None:
        self.names = [(variable, variable.get()) for variable in named_by(fn)]
        self.configured = [(thing, configuration(thing)) for thing in tracer.watched]
        self.grads = [(t, grad is None) for t, grad in tracer.kept.values() if t.node is not None]
        self.epoch = engine.configuration_epoch()

    def holds(self) -> bool:
        """Whether the trace may be used again."""
        for variable, value in self.names:
            if not same(variable.get(), value):
                return False
        for tensor, was_none in self.grads:
            if (tensor.gradient is None) is not was_none:
                return False
        epoch = engine.configuration_epoch()
        if epoch == self.epoch:
            return True
        if any(configuration(thing) != seen for thing, seen in self.configured):
            return False
        self.epoch = epoch
        return True

    def named(self) -> list[tuple[str, Any]]:
        """What the function names itself, and what it is now."""
        return [(variable.name, variable.get()) for variable, _ in self.names]

    def watched(self) -> list[Any]:
        """The modules and optimizers whose configuration was read."""
        return [thing for thing, _ in self.configured]

    def conditions(self, bound: Bound) -> Iterator[str]:
        """What is true, as source, if something is not as it was; equal but not identical values count as changed."""
        for variable, value in self.names:
            yield f"{variable.source(bound)} is not {bound.name('value', value)}"
        for tensor, was_none in self.grads:
            yield f"{bound.name('t', tensor)}.gradient is {'not ' if was_none else ''}None"
        yield f"{bound.name('epoch', engine.configuration_epoch)}() != {bound.name('guard', self)}.epoch"

    def why(self) -> str:
        """What changed, for a warning."""
        for variable, value in self.names:
            if not same(variable.get(), value):
                return f"the variable {variable.name!r} changed"
        for thing, seen in self.configured:
            if configuration(thing) != seen:
                return f"the configuration of a {type(thing).__name__} changed"
        return "a gradient appeared or disappeared"


def same(a: Any, b: Any) -> bool:
    """Identity for tensors, modules and other objects, equality for plain values."""
    return a is b or (type(a) is type(b) and isinstance(a, PLAIN) and a == b)


def configuration(thing: Any) -> Any:
    """What a trace may have read of a module or an optimizer: its plain attributes, and who its parts are."""
    return thing.configuration()


def named_by(fn: Callable) -> list[Cell | Global | Defaults]:
    """The cells and globals that a function names itself, and its defaults."""
    code = getattr(fn, "__code__", None)
    if code is None:
        return []
    space = fn.__globals__
    return [
        *([Defaults(fn)] if getattr(fn, "__defaults__", None) else []),
        *(Cell(name, cell) for name, cell in zip(code.co_freevars, fn.__closure__ or ())),
        *(Global(name, space) for name in code.co_names if name in space and is_guarded(space[name])),
    ]


def is_guarded(value: Any) -> bool:
    """Whether a global is looked at in each call: a plain value, a tensor, a module or an optimizer."""
    return isinstance(value, (*PLAIN, Tensor)) or hasattr(value, "configuration")
