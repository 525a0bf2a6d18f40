"""Modules made of modules: Sequential, ModuleList, ModuleDict; and ParameterList."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from minigrad.errors import ConfigError
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter


class Numbered(Module):
    """What the list-like containers share: items of one kind, as attributes in order, each under its number."""

    kind: type = Module

    def __init__(self, modules: Iterable[Any] | None = None) -> None:
        self.extend(() if modules is None else modules)

    def _names(self) -> list[str]:
        return [name for name, value in self.__dict__.items() if isinstance(value, self.kind)]

    def _name(self, index: int) -> str:
        names = self._names()
        if not -len(names) <= index < len(names):
            raise IndexError(f"[{type(self).__name__}] index {index} is out of range for {len(names)} items.")
        return names[index]

    def _replace(self, items: Iterable[Any]) -> None:
        """Hold `items` instead, numbered from 0."""
        for name in self._names():
            delattr(self, name)
        for i, item in enumerate(items):
            self._add(str(i), item)

    def _add(self, name: str, item: Any) -> None:
        self.add_module(name, _not_none(self, name, item))

    def __len__(self) -> int:
        return len(self._names())

    def __iter__(self) -> Iterator[Any]:
        return iter([value for value in self.__dict__.values() if isinstance(value, self.kind)])

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._slice(index)
        return self.__dict__[self._name(index)]

    def _slice(self, index: slice) -> Numbered:
        return type(self)(list(self)[index])

    def __setitem__(self, index: int, item: Any) -> None:
        self._add(self._name(index), item)

    def __delitem__(self, index: int | slice) -> None:
        items = list(self)
        del items[index]
        self._replace(items)

    def append(self, module: Any) -> Self:
        """Add an item at the end; returns self."""
        self._add(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Any]) -> Self:
        """Add items at the end; returns self."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Any) -> None:
        """Put an item before position `index`."""
        items = list(self)
        items.insert(index, module)
        self._replace(items)

    def pop(self, index: int | slice = -1) -> Any:
        """Remove an item, the last by default, and return it."""
        item = self[index]
        del self[index]
        return item


class Sequential(Numbered):
    """Modules applied one after the other: y = f_n(... f_2(f_1(x))).

    modules: the modules in order, or one mapping from names to modules.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    >>> model(mg.zeros((5, 4))).shape
    (5, 2)
    >>> model[0]
    Linear(in_features=4, out_features=8, bias=True)  # 40 parameters: weight (8, 4), bias (8,)
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self._add(name, module)
        else:
            super().__init__(modules)

    def _slice(self, index: slice) -> Sequential:
        return Sequential({name: self.__dict__[name] for name in self._names()[index]})

    def forward(self, input: Any) -> Any:
        """The output of the last module."""
        for module in self:
            input = module(input)
        return input


class ModuleList(Numbered):
    """A list of modules; what they are used for is up to the module that holds it.

    >>> layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
    >>> len(layers), len(list(layers.parameters()))
    (3, 6)
    """


class ParameterList(Numbered):
    """A list of parameters; tensors and numbers become parameters.

    >>> nn.ParameterList([mg.zeros(2), mg.ones(3)])[1].shape
    (3,)
    """

    kind = Parameter

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__(values)

    def _add(self, name: str, item: Any) -> None:
        self.register_parameter(name, item if isinstance(item, Parameter) else Parameter(item))


class ModuleDict(Module):
    """Modules by name; what they are used for is up to the module that holds it.

    modules: a mapping, or pairs of names and modules.  Raises ConfigError for a name that a method has.

    >>> heads = nn.ModuleDict({"colour": nn.Linear(8, 3), "size": nn.Linear(8, 1)})
    >>> heads["size"](mg.zeros((5, 8))).shape
    (5, 1)
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        self.update({} if modules is None else modules)

    def _items(self) -> dict[str, Module]:
        return {name: value for name, value in self.__dict__.items() if isinstance(value, Module)}

    def _present(self, name: str) -> str:
        if name not in self._items():
            raise KeyError(f"[ModuleDict] has no module {name!r}; it has {list(self._items())}.")
        return name

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[str]:
        return iter(self._items())

    def __contains__(self, name: object) -> bool:
        return name in self._items()

    def __getitem__(self, name: str) -> Module:
        return self._items()[self._present(name)]

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, _not_none(self, name, module))

    def __delitem__(self, name: str) -> None:
        delattr(self, self._present(name))

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._items().keys()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._items().values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """The names and modules."""
        return self._items().items()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add or replace modules."""
        for name, module in dict(modules).items():
            self[name] = module

    def pop(self, key: str) -> Module:
        """Remove a module and return it."""
        module = self[key]
        del self[key]
        return module

    def clear(self) -> None:
        """Remove all modules."""
        for name in list(self):
            del self[name]


def _not_none(owner: Module, name: str, item: Any) -> Any:
    """A container holds no gaps: None is no item."""
    if item is None:
        raise ConfigError(f"[{type(owner).__name__}] item {name} is None: expected a module.")
    return item
