"""What a trace depends on besides the signature of its arguments, and whether that is still so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad import engine
from minigrad.compiler.trace import Tracer
from minigrad.core import Tensor

PLAIN = (bool, int, float, str, bytes, type(None))


class Guard:
    """Compares the present with the state a trace was made in."""

    def __init__(self, fn: Callable, tracer: Tracer) -> None:
        self.names = [(get, get()) for get in named_by(fn)]
        self.configured = [(thing, configuration(thing)) for thing in tracer.watched]
        self.grads = [(t, grad is None) for t, grad in tracer.kept.values() if t.node is not None]
        self.epoch = engine.configuration_epoch()

    def holds(self) -> bool:
        """Whether the trace may be used again."""
        for get, value in self.names:
            if not same(get(), value):
                return False
        for tensor, was_none in self.grads:
            if (tensor.grad is None) is not was_none:
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
        return [(get.__name__, get()) for get, _ in self.names]

    def watched(self) -> list[Any]:
        """The modules and optimizers whose configuration was read."""
        return [thing for thing, _ in self.configured]

    def why(self) -> str:
        """What changed, for a warning."""
        for get, value in self.names:
            if not same(get(), value):
                return f"the variable {get.__name__!r} changed"
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


def named_by(fn: Callable) -> list[Callable[[], Any]]:
    """Getters for the cells, globals and defaults that a function names itself."""
    code = getattr(fn, "__code__", None)
    if code is None:
        return []
    getters = []
    for name, cell in zip(code.co_freevars, fn.__closure__ or ()):
        getters.append(named(name, lambda cell=cell: cell.cell_contents))
    space = fn.__globals__
    for name in code.co_names:
        if name in space and (isinstance(space[name], (*PLAIN, Tensor)) or hasattr(space[name], "configuration")):
            getters.append(named(name, lambda name=name: space.get(name)))
    return getters


def named(name: str, getter: Callable) -> Callable:
    """The getter, with the name of what it gets."""
    getter.__name__ = name
    return getter
