"""Optimizer: what all optimizers share. A new one is a rule, the names of its state, and its hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import MODE, configuration_changed, enable_grad, no_grad, tracer
from minigrad.errors import AnomalyError, ConfigError, DtypeError, ShapeError, TracingError
from minigrad.ops import tensor, zeros_like
from minigrad.optim.group import Group
from minigrad.optim.history import prepare_with_history
from minigrad.optim.hyper import plain
from minigrad.optim.kernel import Calls, Update, kernel_for
from minigrad.optim.limits import NOT_NEGATIVE, expect, table

State = dict[str, Any]


class Optimizer:
    """Changes parameters by their gradients: the base class of all optimizers.

    params: parameters, or mappings with "params" and the hyper-parameters that differ from `defaults`.
    param_groups: those mappings, complete; what is assigned in them holds from the next step on.
    state: for each parameter, tensors by name, there from the start.

    Copy or pickle an optimizer together with its model, `copy.deepcopy((model, optimizer))`: alone it would take along
    copies of the parameters that no model uses.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.SGD([{"params": [p], "lr": 0.5}], lr=0.1)
    >>> (2 * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.0]
    """

    #: what hyper-parameters must be: a `Limit`, or for a tuple of numbers one limit each
    limits: ClassVar[Mapping[str, Any]] = table(lr=NOT_NEGATIVE, weight_decay=NOT_NEGATIVE)
    #: the state that is a number, not an array
    numbers: ClassVar[tuple[str, ...]] = ("step",)
    #: where a state starts, if not at 0: at a number, or at the hyper-parameter of this name
    first: ClassVar[Mapping[str, Any]] = table()
    #: hyper-parameters that older states lack
    later: ClassVar[tuple[str, ...]] = ("differentiable", "decoupled_weight_decay")
    #: whether the rule treats each element as if it were alone; only then it can become one loop
    elementwise: ClassVar[bool] = True
    #: whether `step` cannot do without a closure
    needs_closure: ClassVar[bool] = False

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

        It is pure, and written for arrays and tensors alike: operators and `p.__array_namespace__()`. `a += b` may
        stand only where the rule itself made a. Of the state, `numbers` are numbers, the rest are arrays like p.
        By numbers it may choose with `either`, and by `if` only whether a hyper-parameter is 0: compiled code has the
        others as symbols.
        """
        raise NotImplementedError

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The state that the rule needs: some of `numbers`, and arrays of the parameter's shape."""
        raise NotImplementedError

    def initial(self, name: str, p: Tensor, group: Mapping[str, Any]) -> Tensor | None:
        """A state before the first step; None if this parameter has none of that name.

        Numbers are 0-d and float64, whatever the parameter's dtype.
        """
        value = self.first.get(name, 0.0)
        value = group[value] if isinstance(value, str) else value
        zeros = np.zeros((), np.float64) if name in self.numbers else np.zeros_like(p.data)
        if isinstance(value, Tensor):  # it may have a history
            return (Tensor(zeros) + value).astype(zeros.dtype)
        return Tensor(np.full_like(zeros, value))

    def check(self, group: Group) -> None:
        """Raises ConfigError for hyper-parameters out of range."""
        who = type(self).__name__
        for name, limit in self.limits.items():
            if isinstance(group[name], Tensor) and not group.get("differentiable"):
                raise ConfigError(f"[{who}] {name} may be a tensor only if differentiable=True; use .item() of it.")
            expect(who, name, group[name], limit)

    def check_parameter(self, p: Any, differentiable: bool) -> None:
        """Raises DtypeError unless p can be optimized."""
        who = type(self).__name__
        if not isinstance(p, Tensor):
            raise DtypeError(f"[{who}] expected parameters such as model.parameters() gives, got a {type(p).__name__}.")
        if p.dtype.kind != "f":
            raise DtypeError(f"[{who}] only floating-point tensors can be optimized, got {p.dtype} of shape {p.shape}.")
        if not p.is_leaf and not differentiable:
            raise DtypeError(f"[{who}] a tensor of shape {p.shape} was computed: only leaves can be optimized.")
        if p.is_leaf and p.requires_grad and differentiable:
            raise DtypeError(
                f"[{who}] with differentiable=True parameters become functions of what they were computed from, and a "
                f"leaf of shape {p.shape} that requires grad cannot: give p * 1, or a tensor that does not require it."
            )

    # ---- stepping

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; if that fails for one of them, change none.

        closure: computes the loss and the gradients anew; it is called first and its result returned.
        Raises ShapeError or DtypeError for a gradient that is not like its parameter, in `mg.detect_anomaly()` also
        AnomalyError for one that is not finite.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        if tracer() is not None:
            self.record(tracer())
            return loss
        with np.errstate(all="ignore"):  # a diverging run shows in its loss; a warning for each step would bury that
            calls: Calls = []
            for group in self.param_groups:
                self.prepare(group, calls)
        for call, arguments in calls:
            call(*arguments)
        return loss

    def prepare(self, group: Group, calls: Calls) -> None:
        """Append what a step does to the parameters of a group: calls that cannot fail. Until then nothing changes."""
        hyper = {name: plain(group[name]) for name in self.defaults}
        names = self.state_names(group)
        if hyper.get("differentiable"):
            calls += prepare_with_history(self.update, self.numbers, hyper, self.ready(group, names))
            return
        numbers = tuple(name for name in names if name in self.numbers)
        arrays = tuple(name for name in names if name not in self.numbers)
        updates: dict[np.dtype, Update] = {}
        for p, g, state in self.ready(group, names):
            if g.dtype not in updates:
                kernel = kernel_for(self.update, arrays, numbers, hyper, g.dtype, self.elementwise)
                updates[g.dtype] = kernel.update_with(hyper)
            updates[g.dtype].prepare(p, g, state, calls)

    def ready(self, group: Group, names: tuple[str, ...]) -> Iterator[tuple[Tensor, np.ndarray, dict[str, Tensor]]]:
        """The parameters of a group that have a gradient, the gradient, checked, and the state, complete."""
        watchful = MODE.get().anomaly  # looking always would cost a pass over each gradient
        for p in group["params"]:
            if p.grad is None:
                continue
            g, state = p.grad.data, self.state[p]
            self.check_gradient(p, g)
            if watchful:
                self.expect_finite(p, g)
            for name in names:
                if name not in state:
                    self.add_state(name, p, group)
            yield p, g, state

    def add_state(self, name: str, p: Tensor, group: Group) -> None:
        """Make the state that is needed since a hyper-parameter was changed."""
        first = self.initial(name, p, group)
        if first is not None:
            self.state[p][name] = first

    def record(self, tracer: Any) -> None:
        """The step on symbolic tensors, for the compiler."""
        tracer.watch(self)
        for group in self.param_groups:
            hyper = {name: group[name] for name in self.defaults}
            if hyper.get("differentiable"):
                raise TracingError(
                    f"[{type(self).__name__}] differentiable=True keeps a history in the parameters, which a compiled "
                    f"function cannot leave behind: call the rule itself, {type(self).__name__}.update."
                )
            for p in group["params"]:
                if p.grad is None:
                    continue
                tensors = {name: self.state[p][name] for name in self.state_names(group) if name in self.state[p]}
                state = {name: tracer.count(t) if name in self.numbers else t for name, t in tensors.items()}
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

    def expect_finite(self, p: Tensor, g: np.ndarray) -> None:
        """Raises AnomalyError, naming the parameter, for a gradient with a NaN or infinity in it."""
        if np.isfinite(g).all():
            return
        index = next(i for i, other in enumerate(self.state) if other is p)
        raise AnomalyError(
            f"[{type(self).__name__}] the gradient of parameter {index}, of shape {p.shape}, is not finite: "
            f"{np.count_nonzero(np.isnan(g))} NaN, {np.count_nonzero(np.isinf(g))} infinite; nothing was changed."
        )

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
        differentiable = bool({**self.defaults, **param_group}.get("differentiable"))
        for i, p in enumerate(params):
            self.check_parameter(p, differentiable)
            if p in self.state or any(p is other for other in params[:i]):
                raise ConfigError(f"[{who}] a parameter of shape {p.shape} is given twice.")
        if not params:
            raise ConfigError(f"[{who}] got an empty list of parameters.")
        group = Group(self.defaults | {k: v for k, v in param_group.items() if k != "params"}, params=params)
        configuration_changed()
        self.check(group)
        self.param_groups.append(group)
        for p in params:
            self.state[p] = self.initial_state(p, group)

    def initial_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Tensor]:
        """All the state of a parameter before the first step."""
        found = {name: self.initial(name, p, group) for name in self.state_names(group)}
        return {name: t for name, t in found.items() if t is not None}

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
            p: self.loaded_state(i, p, group, state_dict["state"].get(i, {}))
            for group, g in zip(self.param_groups, saved_groups)
            for p, i in zip(group["params"], g["params"])
        }
        for group, new in zip(self.param_groups, new_groups):
            for name, value in new.items():
                group[name] = value
            for p in group["params"]:
                self.state[p] = self.initial_state(p, group) | new_state[p]
        configuration_changed()

    def loaded_group(self, saved: Mapping[str, Any]) -> dict[str, Any]:
        """The hyper-parameters of a saved group."""
        missing = [name for name in self.defaults if name not in saved and name not in self.later]
        if missing:
            raise ConfigError(f"[{type(self).__name__}] the state lacks the hyper-parameters {', '.join(missing)}.")
        saved = {name: self.defaults[name] for name in self.later if name in self.defaults} | dict(saved)
        found = {name: saved[name] for name in (*self.defaults, "initial_lr") if name in saved}
        self.check(Group(found))
        return found

    def loaded_state(self, index: int, p: Tensor, group: Group, saved: Mapping[str, Any]) -> dict[str, Tensor]:
        """The saved state of one parameter, in its dtype."""
        found = {}
        for name, value in saved.items():
            if value is None:  # PyTorch's way of saying 'not yet'
                continue
            expected = self.initial(name, p, group)
            if expected is None:
                raise ConfigError(f"[{type(self).__name__}] parameter {index}, of shape {p.shape}, has no {name}.")
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


def as_groups(who: str, params: Any) -> list[Mapping[str, Any]]:
    """What a user passes as `params`, as a list of groups."""
    if isinstance(params, (Tensor, Mapping, set, str)) or not isinstance(params, Iterable):
        raise DtypeError(f"[{who}] expected parameters such as model.parameters(), got a {type(params).__name__}.")
    found = list(params)
    if not found:
        raise ConfigError(f"[{who}] got an empty list of parameters.")
    return found if isinstance(found[0], Mapping) else [{"params": found}]
