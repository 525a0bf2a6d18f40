"""Optimizer: what all optimizers share. A new one is a rule, the names of its state, and its hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import configuration_changed, enable_grad, no_grad, tracer
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.ops import tensor, zeros_like
from minigrad.optim.group import Group
from minigrad.optim.hyper import plain
from minigrad.optim.kernel import Update, kernel_for

State = dict[str, Any]


class Optimizer:
    """Changes parameters by their gradients: the base class of all optimizers.

    params: parameters, or mappings with "params" and the hyper-parameters that differ from `defaults`.
    param_groups: those mappings, complete; what is assigned in them holds from the next step on.
    state: for each parameter, tensors by name, there from the start.

    Copy or pickle an optimizer together with its model, `copy.deepcopy((model, optimizer))`: alone it would take along
    copies of the parameters that no model uses.
    """

    #: the hyper-parameters that must not be negative
    not_negative: ClassVar[tuple[str, ...]] = ("lr", "weight_decay")

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        for group in as_groups(type(self).__name__, params):
            self.add_param_group(group)

    # ---- what a subclass defines

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        """The rule: the parameter after one step, and its state, from the gradient g.

        It is elementwise and pure, written for arrays and tensors alike: operators and `p.__array_namespace__()`.
        `a += b` may stand only where the rule itself made a. "step" in the state is a number, the rest like p.
        """
        raise NotImplementedError

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The state that the rule needs: "step", a count, and anything of the parameter's shape; all start at zero."""
        raise NotImplementedError

    def check(self, group: Group) -> None:
        """Raises ConfigError for hyper-parameters out of range."""
        for name in self.not_negative:
            self.expect(name, group[name], "at least 0", lambda x: x >= 0)

    def expect(self, name: str, value: Any, what: str, holds: Callable[[Any], bool]) -> None:
        """Raises ConfigError unless the value is a number for which `holds`."""
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if not number or not holds(value):
            raise ConfigError(f"[{type(self).__name__}] {name} must be a number, {what}; got {value!r}.")

    # ---- stepping

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; if that fails for one of them, change none.

        closure: computes the loss and the gradients anew; it is called first and its result returned.
        Raises ShapeError or DtypeError for a gradient that is not like its parameter.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        if tracer() is not None:
            self.record(tracer())
            return loss
        with np.errstate(all="ignore"):  # a diverging run shows in its loss; a warning for each step would bury that
            calls: list[tuple[Callable, tuple]] = []
            for group in self.param_groups:
                self.prepare(group, calls)
        for call, arguments in calls:
            call(*arguments)
        return loss

    def prepare(self, group: Group, calls: list[tuple[Callable, tuple]]) -> None:
        """Append what a step does to the parameters of a group: calls that cannot fail. Until then nothing changes."""
        names = self.state_names(group)
        hyper = {name: plain(group[name]) for name in self.defaults}
        updates: dict[np.dtype, Update] = {}
        for p in group["params"]:
            if p.grad is None:
                continue
            g, state = p.grad.data, self.state[p]
            self.check_gradient(p, g)
            for name in names:
                if name not in state:  # a hyper-parameter was changed to a value that needs more state
                    state[name] = initial(name, p)
            if g.dtype not in updates:
                updates[g.dtype] = kernel_for(self.update, names, hyper, g.dtype).update_with(hyper)
            updates[g.dtype].prepare(p, g, state, calls)

    def record(self, tracer: Any) -> None:
        """The step on symbolic tensors, for the compiler."""
        tracer.watch(self)
        for group in self.param_groups:
            hyper = {name: group[name] for name in self.defaults}
            for p in group["params"]:
                if p.grad is None:
                    continue
                tensors = {name: self.state[p][name] for name in self.state_names(group)}
                state = {name: tracer.count(t) if name == "step" else t for name, t in tensors.items()}
                with no_grad():
                    new_p, new_state = self.update(p.grad, p, state, hyper)
                    for tensor, value in [(p, new_p), *((tensors[name], v) for name, v in new_state.items())]:
                        tensor.assign_(value)

    def configuration(self) -> Any:
        """What a compiled step depends on: which parameters there are, and every setting that is not just a number."""
        return [
            (
                [(id(p), [(name, id(t)) for name, t in self.state[p].items()]) for p in g["params"]],
                g.configuration(),
            )
            for g in self.param_groups
        ]

    def check_gradient(self, p: Tensor, g: np.ndarray) -> None:
        """Raises ShapeError or DtypeError for a gradient that is not like its parameter."""
        if g.shape != p.data.shape:
            raise ShapeError(f"[{type(self).__name__}] a parameter has shape {p.shape}, its gradient {g.shape}.")
        if g.dtype != p.data.dtype:
            raise DtypeError(f"[{type(self).__name__}] a parameter has dtype {p.dtype}, its gradient {g.dtype}.")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad = zeros_like(p.grad)

    # ---- groups

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Optimize more parameters, with hyper-parameters of their own.

        Raises ConfigError for an unknown or invalid hyper-parameter, no parameters, or one that is there already,
        DtypeError for anything that is not a floating-point leaf tensor.
        """
        who = type(self).__name__
        if not isinstance(param_group, Mapping) or "params" not in param_group:
            raise ConfigError(f"[{who}] a parameter group is a mapping with the key 'params'; got {param_group!r}.")
        unknown = set(param_group) - {"params", "initial_lr", *self.defaults}
        if unknown:
            known = ", ".join(self.defaults)
            raise ConfigError(f"[{who}] unknown hyper-parameters {', '.join(sorted(unknown))}; it has {known}.")
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        for i, p in enumerate(params):
            check_parameter(who, p)
            if p in self.state or any(p is other for other in params[:i]):
                raise ConfigError(f"[{who}] a parameter of shape {p.shape} is given twice.")
        if not params:
            raise ConfigError(f"[{who}] got an empty list of parameters.")
        group = Group(self.defaults | {k: v for k, v in param_group.items() if k != "params"}, params=params)
        configuration_changed()
        self.check(group)
        self.param_groups.append(group)
        for p in params:
            self.state[p] = {name: initial(name, p) for name in self.state_names(group)}

    # ---- saving

    def state_dict(self) -> dict[str, Any]:
        """{"state": {index: {name: tensor}}, "param_groups": [{..., "params": indices}]}, as PyTorch's: a snapshot.

        Parameters are counted through all groups.
        """
        index = {p: i for i, p in enumerate(self.state)}
        return {
            "state": {i: {name: t.detach() for name, t in self.state[p].items()} for p, i in index.items()},
            "param_groups": [{**g, "params": [index[p] for p in g["params"]]} for g in self.param_groups],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a state dict, also one of PyTorch's optimizer of the same name.

        Raises ConfigError that says what does not fit; then nothing was loaded.
        """
        who = type(self).__name__
        if not {"state", "param_groups"} <= set(state_dict):
            raise ConfigError(f"[{who}] expected a mapping with 'state' and 'param_groups', got {list(state_dict)}.")
        saved_groups = state_dict["param_groups"]
        own, saved = ([len(g["params"]) for g in groups] for groups in (self.param_groups, saved_groups))
        if own != saved:
            raise ConfigError(f"[{who}] expected groups of {own} parameters, the state has groups of {saved}.")
        new_groups = [self.loaded_group(g) for g in saved_groups]
        new_state = {
            p: self.loaded_state(i, p, state_dict["state"].get(i, {}))
            for group, g in zip(self.param_groups, saved_groups)
            for p, i in zip(group["params"], g["params"])
        }
        for group, new in zip(self.param_groups, new_groups):
            for name, value in new.items():
                group[name] = value
            for p in group["params"]:
                self.state[p] = {name: initial(name, p) for name in self.state_names(group)} | new_state[p]
        configuration_changed()

    def loaded_group(self, saved: Mapping[str, Any]) -> dict[str, Any]:
        """The hyper-parameters of a saved group."""
        missing = [name for name in self.defaults if name not in saved]
        if missing:
            raise ConfigError(f"[{type(self).__name__}] the state lacks the hyper-parameters {', '.join(missing)}.")
        found = {name: saved[name] for name in (*self.defaults, "initial_lr") if name in saved}
        self.check(Group(found))
        return found

    def loaded_state(self, index: int, p: Tensor, saved: Mapping[str, Any]) -> dict[str, Tensor]:
        """The saved state of one parameter, in its dtype."""
        found = {}
        for name, value in saved.items():
            if value is None:  # PyTorch's way of saying 'not yet'
                continue
            expected = initial(name, p)
            given = (value if isinstance(value, Tensor) else tensor(value)).astype(expected.dtype)
            if given.shape != expected.shape:
                raise ConfigError(
                    f"[{type(self).__name__}] the state {name} of parameter {index} must have shape {expected.shape}, "
                    f"got {given.shape}."
                )
            found[name] = given
        return found

    def __repr__(self) -> str:
        lines = [
            f"  {len(group['params'])} tensors: " + ", ".join(f"{k}={v}" for k, v in group.items() if k != "params")
            for group in self.param_groups
        ]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


def initial(name: str, p: Tensor) -> Tensor:
    """A state of zeros. Step counts are 0-d and float64, whatever the parameter's dtype."""
    return Tensor(np.zeros((), np.float64)) if name == "step" else Tensor(np.zeros_like(p.data))


def as_groups(who: str, params: Any) -> list[Mapping[str, Any]]:
    """What a user passes as `params`, as a list of groups."""
    if isinstance(params, (Tensor, Mapping, set, str)) or not isinstance(params, Iterable):
        raise DtypeError(f"[{who}] expected parameters such as model.parameters(), got a {type(params).__name__}.")
    found = list(params)
    if not found:
        raise ConfigError(f"[{who}] got an empty list of parameters.")
    return found if isinstance(found[0], Mapping) else [{"params": found}]


def check_parameter(who: str, p: Any) -> None:
    """Raises DtypeError unless p can be optimized."""
    if not isinstance(p, Tensor):
        raise DtypeError(f"[{who}] expected parameters such as model.parameters() gives, got a {type(p).__name__}.")
    if p.dtype.kind != "f":
        raise DtypeError(f"[{who}] only floating-point tensors can be optimized, got {p.dtype} of shape {p.shape}.")
    if not p.is_leaf:
        raise DtypeError(f"[{who}] a tensor of shape {p.shape} was computed: only leaves can be optimized.")
