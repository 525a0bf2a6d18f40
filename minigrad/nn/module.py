"""Module: the base class of layers and models."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike, float16, float32, float64
from minigrad.engine import MODE, configuration_changed, tracer
from minigrad.errors import ConfigError, DtypeError, TracingError
from minigrad.nn import hooks
from minigrad.nn.conversion import state_tensor, wanted_dtype
from minigrad.nn.error_path import add_path
from minigrad.nn.hooks import Hook, HookHandle
from minigrad.nn.parameter import Parameter
from minigrad.ops import zeros_like
from minigrad.tree import children

PLAIN = (bool, int, float, str, tuple, type(None))


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict(strict=False)` left out: names the state lacks, and names the module lacks."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """A layer or a model: tensors with names, and a `forward` that computes with them.

    Assigning a `Parameter` or a `Module` to an attribute registers it; tensors that belong to the state but are not
    trained (running statistics) are registered with `register_buffer`. What is in a list or dict is not registered: see
    `ModuleList`, `ModuleDict` and `ParameterList`. Call the module, not its `forward`.

    copy.deepcopy and pickle keep what is shared shared, within one call: copy `(model, optimizer)` together.

    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter([2.0])
    ...
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> model = nn.Sequential(Scale(), nn.Tanh())
    >>> model.state_dict()
    {'0.factor': tensor([2.])}
    """

    # Registration is by type: an attribute that holds a Parameter is a parameter. Only buffers, which are plain
    # tensors, need a list of names (name -> persistent). These defaults are replaced on the instance, never changed.
    training: bool = True
    _buffer_names: Mapping[str, bool] = MappingProxyType({})
    _hooks: tuple[Hook, ...] = ()

    # ---- calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._hooks or MODE.get().tracer is not None:
                return self._call_hooked(args, kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            add_path(error, self)
            raise

    def _no_forward(self, *args: Any, **kwargs: Any) -> Any:
        """The output for an input; every module defines its own."""
        raise NotImplementedError(f"[{type(self).__name__}] define forward(self, ...) to make this module callable.")

    forward: Callable[..., Any] = _no_forward

    def _call_hooked(self, args: tuple, kwargs: dict) -> Any:
        if tracer() is not None:
            tracer().watch(self)
        return hooks.call(self, self._hooks, args, kwargs)

    # ---- hooks

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> HookHandle:
        """Call `hook(module, args)` before forward; what it returns, if anything, replaces the positional arguments.

        prepend: call it before those that are there.  with_kwargs: call `hook(module, args, kwargs)`, which may return
        (args, kwargs).  Returns a handle whose `remove()` takes the hook away.
        """
        return self._add_hook(Hook("forward_pre", hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> HookHandle:
        """Call `hook(module, args, output)` after forward; what it returns, if anything, replaces the output.

        prepend: call it before those that are there.  with_kwargs: call `hook(module, args, kwargs, output)`.
        always_call: also if the call fails, with None for an output that there is not.  Returns a handle whose
        `remove()` takes the hook away.

        >>> layer = nn.Linear(2, 3)
        >>> handle = layer.register_forward_hook(lambda module, args, out: print(out.shape))
        >>> _ = layer(mg.zeros((5, 2)))
        (5, 3)
        >>> handle.remove()
        """
        return self._add_hook(Hook("forward", hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> HookHandle:
        """Call `hook(module, grad_output)` in the backward pass, before the gradients go through the module.

        grad_output: the gradients of the outputs, a tuple; what the hook returns, if anything, replaces them.
        Returns a handle whose `remove()` takes the hook away.
        """
        return self._add_hook(Hook("backward_pre", hook), prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> HookHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs have been computed.

        grad_input: a tuple, one for each positional argument; None where there is no gradient. What the hook returns,
        if anything, replaces it.  grad_output: the gradients of the outputs, zero for one that was not used.  If no
        input needs a gradient the hook is called with those of the outputs alone.
        Returns a handle whose `remove()` takes the hook away.

        >>> layer = nn.Linear(2, 1)
        >>> with layer.register_full_backward_hook(lambda module, grad_input, grad_output: print(grad_output)):
        ...     layer(mg.zeros((1, 2))).sum().backward()
        (tensor([[1.]]),)
        """
        return self._add_hook(Hook("backward", hook), prepend)

    def _add_hook(self, hook: Hook, prepend: bool) -> HookHandle:
        self._hooks = (hook, *self._hooks) if prepend else (*self._hooks, hook)

        def remove() -> None:
            left = tuple(h for h in self._hooks if h is not hook)
            if left:
                self._hooks = left
            elif "_hooks" in self.__dict__:
                del self._hooks  # as before the first one: a compiled step need not be traced again

        return HookHandle(remove)

    # ---- registration

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(self.__dict__.get(name), Parameter) and not isinstance(value, (Parameter, type(None))):
            raise DtypeError(
                f"[{type(self).__name__}] {name} is a parameter: assign an nn.Parameter or None, "
                f"or give it new values with .{name}.assign_(...); got a {type(value).__name__}."
            )
        if name in self._buffer_names and not isinstance(value, (Tensor, type(None))):
            raise DtypeError(
                f"[{type(self).__name__}] {name} is a buffer: assign a tensor or None, got a {type(value).__name__}."
            )
        if tracer() is not None and tracer().is_watching(self):
            raise TracingError(
                f"[{type(self).__name__}] the attribute {name!r} is set inside a compiled function, which would happen "
                "only once: keep what changes in a buffer, and give it new values with .assign_(...)."
            )
        if isinstance(value, (list, dict)) and any(isinstance(x, (Module, Parameter)) for x in children(value) or ()):
            warnings.warn(
                f"[{type(self).__name__}] {name} is a {type(value).__name__}, so its items are no part of the module "
                "and not trained: use nn.ModuleList, nn.ModuleDict or nn.ParameterList, or a tuple to hide them.",
                stacklevel=2,
            )
        configuration_changed()
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        configuration_changed()
        super().__delattr__(name)
        if name in self._buffer_names:
            self._buffer_names = {other: kept for other, kept in self._buffer_names.items() if other != name}

    def configuration(self) -> list[tuple[str, Any]]:
        """What a compiled step may have read of this module: plain attributes, and which objects the others are."""
        return [
            (name, value if isinstance(value, PLAIN) else (id(value), getattr(value, "requires_grad", None)))
            for name, value in self.__dict__.items()
        ]

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make a tensor part of the state without training it.

        persistent: whether it appears in `state_dict`.  Raises ConfigError for a name that is taken or has a dot.
        """
        self._check_name(name, tensor, Tensor)
        self._buffer_names = {**self._buffer_names, name: persistent}
        setattr(self, name, tensor)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """The same as assigning the parameter to the attribute `name`, which may be computed.

        Raises ConfigError for a name that is taken or has a dot.
        """
        self._check_name(name, param, Parameter)
        setattr(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """The same as assigning the module to the attribute `name`, which may be computed.

        Raises ConfigError for a name that is taken or has a dot.
        """
        self._check_name(name, module, Module)
        setattr(self, name, module)

    def _check_name(self, name: str, value: Any, kind: type) -> None:
        who = type(self).__name__
        if not isinstance(name, str) or not name or "." in name:
            raise ConfigError(f"[{who}] a name must be a string without a dot, got {name!r}.")
        if not isinstance(value, (kind, type(None))):
            raise DtypeError(f"[{who}] {name} must be a {kind.__name__} or None, got a {type(value).__name__}.")
        if not isinstance(getattr(self, name, None), (kind, type(None))):
            raise ConfigError(f"[{who}] already has an attribute {name!r}: choose another name.")

    # ---- walking

    def _own_parameters(self) -> Iterator[tuple[str, Parameter]]:
        for name, value in self.__dict__.items():
            if isinstance(value, Parameter):
                yield name, value

    def _own_buffers(self) -> Iterator[tuple[str, Tensor]]:
        for name in self._buffer_names:
            value = self.__dict__.get(name)
            if value is not None and not isinstance(value, Parameter):
                yield name, value

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below this one, with their names; a shared one once."""
        seen: set[int] = set()
        for name, value in self.__dict__.items():
            if isinstance(value, Module) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def children(self) -> Iterator[Module]:
        """The modules directly below this one."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """This module, then everything below it, with dotted names.

        remove_duplicate: False repeats shared modules under every name.
        """
        return _walk(self, prefix, set() if remove_duplicate else None)

    def modules(self) -> Iterator[Module]:
        """This module, then everything below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with dotted names; a shared one once, under its first name.

        recurse: also those of the modules below.  remove_duplicate: False repeats shared ones under every name.
        """
        return self._named(Module._own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once: what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with dotted names; arguments as for `named_parameters`."""
        return self._named(Module._own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named(self, own: Callable, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in own(module):
                if not remove_duplicate or id(value) not in seen:
                    seen.add(id(value))
                    yield _join(path, name), value

    # ---- state

    def _state(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters and persistent buffers under all their names, in the order of `state_dict`."""
        for path, module in self.named_modules(remove_duplicate=False):
            for name, parameter in module._own_parameters():
                yield _join(path, name), parameter
            for name, buffer in module._own_buffers():
                if module._buffer_names[name]:
                    yield _join(path, name), buffer

    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """The parameters and persistent buffers by name, PyTorch's names: a snapshot, which training does not change.

        >>> [(name, t.shape) for name, t in nn.Linear(3, 2).state_dict().items()]
        [('weight', (2, 3)), ('bias', (2,))]
        """
        return {prefix + name: value.detach() for name, value in self._state()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Take the values of a state dict: tensors, NumPy arrays or PyTorch's tensors, cast to the module's dtypes.

        strict: whether missing and unexpected names are errors; otherwise they are returned.
        Raises ConfigError that lists every mismatch of names and shapes; then nothing was loaded.  Raises DtypeError
        for what is no mapping, or has values that are no numbers.
        """
        if not isinstance(state_dict, Mapping):
            got = type(state_dict).__name__
            raise DtypeError(
                f"[load_state_dict] expected a mapping from names to values, got a {got}: "
                "give what state_dict() or mg.load(path) returns."
            )
        own = dict(self._state())
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        given = {name: state_tensor(value) for name, value in state_dict.items() if name in own}
        problems = [f"missing: {n}" for n in missing] + [f"unexpected: {n}" for n in unexpected] if strict else []
        for name, value in given.items():
            if value.shape != own[name].shape:
                problems.append(f"{name}: expected shape {own[name].shape}, got {value.shape}")
        if problems:
            listed = "\n  ".join(problems)
            raise ConfigError(f"[load_state_dict] the state does not fit this {type(self).__name__}:\n  {listed}")
        for name, value in given.items():
            own[name].assign_(value)
        return IncompatibleKeys(missing, unexpected)

    # ---- changing everything below

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every module below, then on this one; returns self."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch to training (dropout drops, statistics are updated) or, with False, to evaluation; returns self."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation; returns self."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Train, or freeze, all parameters; returns self."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for parameter in self.parameters():
            zero_grad(parameter, set_to_none)

    def to(self, *args: Any, device: str | None = None, dtype: DtypeLike | None = None) -> Self:
        """Convert the floating-point parameters and buffers, and their gradients, to a float dtype; returns self.

        to(dtype), to(device), to(device, dtype) or to(tensor), whose dtype is taken; also by keyword. The device is
        "cpu".  Make the optimizer afterwards.
        Raises DtypeError for a dtype that is not floating-point, ConfigError for a device that is not there.

        >>> nn.Linear(2, 1).to("cpu", mg.float64).weight.dtype
        dtype('float64')
        """
        wanted = wanted_dtype(args, dtype, device)
        for x in (*self.parameters(), *self.buffers()):
            if wanted is not None and x.dtype.kind == "f":
                x.data = x.data.astype(wanted)
                x.grad = None if x.grad is None else x.grad.astype(wanted)
        return self

    def float(self) -> Self:
        """Convert to float32: see `to`."""
        return self.to(float32)

    def double(self) -> Self:
        """Convert to float64: see `to`."""
        return self.to(float64)

    def half(self) -> Self:
        """Convert to float16, which is for storage: see `to`. Convert back to compute."""
        return self.to(float16)

    # ---- printing

    def extra_repr(self) -> str:
        """The arguments to show between the parentheses; a layer defines its own."""
        return ""

    def __repr__(self) -> str:
        own = ", ".join(f"{name} {p.shape}" for name, p in self._own_parameters())
        count = sum(p.size for p in self.parameters())
        comment = f"  # {count:,} parameters{': ' * bool(own)}{own}" if count else ""
        children = "".join(
            f"\n  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()
        )
        if not children:
            return f"{type(self).__name__}({self.extra_repr()}){comment}"
        return f"{type(self).__name__}({self.extra_repr()}{comment}{children}\n)"


def has_hooks(module: Module) -> bool:
    """Whether a user's functions are called around this module's passes."""
    return bool(module._hooks)


def zero_grad(parameter: Tensor, set_to_none: bool) -> None:
    """Forget a gradient, or set it to zero."""
    if set_to_none:
        parameter.grad = None
    elif parameter.grad is not None:
        parameter.grad = zeros_like(parameter)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _walk(module: Module, path: str, seen: set[int] | None) -> Iterator[tuple[str, Module]]:
    if seen is not None:
        if id(module) in seen:
            return
        seen.add(id(module))
    yield path, module
    for name, child in module.__dict__.items():
        if isinstance(child, Module):
            yield from _walk(child, _join(path, name), seen)
