"""Parametrizations: tensors of modules that are computed from others, anew at each use; names as in PyTorch.

The module gets a class of its own in which the tensor is a property; what it is computed from, the originals, are
parameters under `parametrizations`, and these are what optimizers see.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from minigrad.core import Tensor
from minigrad.engine import no_grad
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.nn.container import ModuleDict, Numbered
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter

__all__ = [
    "ParametrizationList", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "type_before_parametrizations",
]  # fmt: skip


class ParametrizationList(Numbered):
    """The parametrizations of one tensor, f_n(... f_1(original)), and the originals.

    One original is called `original`, several are `original0`, `original1`, ...: as many as `right_inverse` of the
    first parametrization returns.  Made by `register_parametrization`.

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> [name for name, _ in layer.parametrizations["weight"].named_parameters()]
    ['original0', 'original1']
    """

    def __init__(self, modules: Iterable[Module], original: Tensor, unsafe: bool = False) -> None:
        super().__init__(modules)
        self.unsafe = unsafe
        new = self.inverted(original, strict=False)
        self.count = 0 if isinstance(new, Tensor) else len(new)
        if isinstance(new, Tensor):
            expect_like("right_inverse", new, original, unsafe)
        expect_like("forward", self.applied(*([new] if isinstance(new, Tensor) else new)), original, unsafe)
        if isinstance(new, Tensor):
            original.assign_(new)
            register(self, "original", original)
        else:
            for i, x in enumerate(new):
                made = Parameter(x.detach(), original.requires_grad) if isinstance(original, Parameter) else x.detach()
                register(self, f"original{i}", made)

    @property
    def originals(self) -> list[Tensor]:
        """What the tensor is computed from."""
        names = [f"original{i}" for i in range(self.count)] or ["original"]
        return [getattr(self, name) for name in names]

    def forward(self) -> Tensor:
        """The tensor."""
        return self.applied(*self.originals)

    def applied(self, *originals: Tensor) -> Tensor:
        """The tensor that these make."""
        first, *others = self
        x = first(*originals)
        for parametrization in others:
            x = parametrization(x)
        return x

    def inverted(self, value: Tensor, strict: bool) -> Any:
        """Originals that give this value. strict: a parametrization without a `right_inverse` is no identity."""
        new: Any = value
        with no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    new = module.right_inverse(new)
                elif strict:
                    raise ConfigError(
                        f"[parametrize] a value cannot be assigned: {type(module).__name__} has no right_inverse."
                    )
        return new

    def right_inverse(self, value: Tensor) -> None:
        """Give the originals the values that make the tensor this one."""
        new = self.inverted(value, strict=True)
        for original, x in zip(self.originals, [new] if isinstance(new, Tensor) else new, strict=True):
            original.assign_(x.detach())


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let a parameter or buffer of a module be computed by another module: weight = parametrization(original).

    parametrization: its `forward` takes the original, or, registered on a parametrized tensor, what this was before.
    If it has a `right_inverse(value)`, this is given the value at first, and whenever one is assigned; it returns the
    original, or a tuple of several, which `forward` then takes.  unsafe: shape and dtype may change.
    Returns the module, whose class is now `Parametrized...`; copy.deepcopy and pickle work as before. An only original
    stays the same parameter; several are new ones: make the optimizer afterwards.
    Raises ConfigError where there is no such tensor; ShapeError or DtypeError if shape or dtype change.

    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return mg.triu(x) + mg.triu(x, 1).T
    >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all())
    True
    >>> list(layer.state_dict())
    ['bias', 'parametrizations.weight.original']
    """
    parametrization.train(module.training)
    lists = lists_of(module)
    if tensor_name in lists:
        append(lists[tensor_name], parametrization, unsafe)
        return module
    original = module.__dict__.get(tensor_name)
    if not isinstance(original, Tensor):
        who = type(module).__name__
        raise ConfigError(f"[register_parametrization] {who} has no parameter or buffer {tensor_name!r}.")
    made = ParametrizationList([parametrization], original, unsafe)
    delattr(module, tensor_name)
    set_parametrizations(module, {**lists, tensor_name: made})
    return module


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a parametrized tensor a parameter or buffer again; returns the module.

    leave_parametrized: with the value that it has now; False: with that of the original, which must be only one.
    Where there were several originals it is a new parameter: make the optimizer afterwards.
    Raises ConfigError for a tensor that is not parametrized, or for several originals that were to be left.

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> nn.utils.parametrize.remove_parametrizations(layer, "weight")
    Linear(in_features=2, out_features=3, bias=True)  # 9 parameters: bias (3,), weight (3, 2)
    """
    lists = lists_of(module)
    if tensor_name not in lists:
        who = type(module).__name__
        raise ConfigError(f"[remove_parametrizations] {tensor_name!r} of this {who} is not parametrized.")
    found = lists.pop(tensor_name)
    if found.count and not leave_parametrized:
        raise ConfigError(
            f"[remove_parametrizations] {tensor_name!r} is made of {found.count} originals: none of them can take its "
            "place. Leave it parametrized."
        )
    original = found.originals[0]
    if leave_parametrized:
        with no_grad():
            value = found()
        is_parameter = isinstance(original, Parameter)
        if not found.count:
            original.assign_(value)
        else:
            original = Parameter(value, original.requires_grad) if is_parameter else value
    set_parametrizations(module, lists)
    register(module, tensor_name, original)
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether this tensor of the module, or any, is parametrized.

    >>> nn.utils.parametrize.is_parametrized(nn.Linear(2, 3))
    False
    """
    lists = lists_of(module)
    return bool(lists) if tensor_name is None else tensor_name in lists


def type_before_parametrizations(module: Module) -> type:
    """The class that the module had before its tensors were parametrized.

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> type(layer).__name__, nn.utils.parametrize.type_before_parametrizations(layer).__name__
    ('ParametrizedLinear', 'Linear')
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


# ---- the class of a parametrized module


def lists_of(module: Module) -> dict[str, Any]:
    """The parametrizations of a module by the names of their tensors."""
    found = module.__dict__.get("parametrizations")
    return dict(found.items()) if isinstance(found, ModuleDict) else {}


def set_parametrizations(module: Module, lists: dict[str, ParametrizationList]) -> None:
    """Let these, by the names of their tensors, be all the parametrizations of a module."""
    base = type_before_parametrizations(module)
    if is_parametrized(module):
        delattr(module, "parametrizations")
    module.__class__ = parametrized_class(base, tuple(lists)) if lists else base
    if lists:
        module.add_module("parametrizations", ModuleDict(lists))


@cache
def parametrized_class(base: type, names: tuple[str, ...]) -> type:
    """A subclass in which tensors of these names are computed."""
    body: dict[str, Any] = {name: computed(name) for name in names}
    body["__reduce_ex__"] = lambda self, protocol: (blank, (base, names), self.__dict__)  # for copies and pickle
    body["__doc__"], body["__module__"] = base.__doc__, base.__module__
    return type(f"Parametrized{base.__name__}", (base,), body)


def blank(base: type, names: tuple[str, ...]) -> Module:
    """A module of a parametrized class, still without attributes."""
    return object.__new__(parametrized_class(base, names))


def computed(name: str) -> property:
    """A tensor computed by its parametrizations; values assigned to it go to the originals."""
    return property(
        lambda module: module.parametrizations[name](),
        lambda module, value: module.parametrizations[name].right_inverse(value),
    )


# ---- tensors of modules


def register(module: Module, name: str, x: Tensor) -> None:
    """Make a tensor a parameter of a module if it is one, else a buffer."""
    if isinstance(x, Parameter):
        module.register_parameter(name, x)
    else:
        module.register_buffer(name, x)


def append(found: ParametrizationList, parametrization: Module, unsafe: bool) -> None:
    """Parametrize a tensor once more."""
    with no_grad():
        value = found()
        expect_like("forward", parametrization(value), value, unsafe)
    found.append(parametrization)
    found.unsafe = found.unsafe or unsafe


def expect_like(what: str, found: Any, original: Tensor, unsafe: bool) -> None:
    """Raises DtypeError or ShapeError for anything but a tensor with shape and dtype of the original."""
    who = f"[register_parametrization] {what}"
    if not isinstance(found, Tensor):
        raise DtypeError(f"{who} must return a tensor, got a {type(found).__name__}.")
    if found.dtype != original.dtype and not unsafe:
        raise DtypeError(f"{who} must keep the dtype {original.dtype}, got {found.dtype}; or pass unsafe=True.")
    if found.shape != original.shape and not unsafe:
        raise ShapeError(f"{who} must keep the shape {original.shape}, got {found.shape}; or pass unsafe=True.")
