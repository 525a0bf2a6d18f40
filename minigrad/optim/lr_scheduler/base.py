"""What all schedules share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from minigrad.core import Tensor
from minigrad.engine import configuration_changed, tracer
from minigrad.errors import ConfigError, DtypeError, TracingError
from minigrad.optim.group import Cell
from minigrad.optim.optimizer import Optimizer


class LRScheduler:
    """What all schedules share: sets each group's "lr" from its "initial_lr" and the number of steps taken.

    A schedule of your own defines `factor(t)` or `rates(t)`; t is a number, or a symbol while a step is traced.

    optimizer: whose learning rates are set.
    last_epoch: the index of the last step taken, to resume an optimizer whose groups have an "initial_lr"; -1: none.
        Afterwards the number of calls of `step`, whatever a step is: one of the optimizer, or an epoch.
    base_lrs: the learning rates that the optimizer had at first.
    Raises DtypeError if it is no optimizer, ConfigError if there is nothing to resume from.

    >>> class Harmonic(optim.lr_scheduler.LRScheduler):
    ...     def factor(self, t):
    ...         return 1 / (1 + t)
    >>> schedule = Harmonic(optim.SGD([nn.Parameter([0.0])], lr=0.6))
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.3]
    """

    #: whether `rates` is a function of t alone, which other schedules may be built on
    closed_form: ClassVar[bool] = True
    #: whether the momentum is set too
    cycles_momentum: bool = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        who = type(self).__name__
        if not isinstance(optimizer, Optimizer):
            raise DtypeError(f"[{who}] expected an optimizer, got a {type(optimizer).__name__}.")
        self._expect(last_epoch >= -1, f"last_epoch >= -1, got {last_epoch}")
        self.optimizer = optimizer
        self.steps_taken = Cell(0)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch >= 0 and "initial_lr" not in group:
                raise ConfigError(
                    f"[{who}] last_epoch={last_epoch} resumes a schedule, but parameter group {i} has no 'initial_lr': "
                    "load the optimizer's state dict first."
                )
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self._go_to(last_epoch + 1)

    @property
    def last_epoch(self) -> int:
        """The number of steps taken."""
        return self.steps_taken.get()

    @last_epoch.setter
    def last_epoch(self, t: int) -> None:
        self.steps_taken.set(t)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "last_epoch":
            if tracer() is not None:
                raise TracingError(
                    f"[{type(self).__name__}] the attribute {name!r} is set inside a compiled function, which would "
                    "happen only once: compute the learning rate from t alone, or step the schedule outside."
                )
            configuration_changed()
        super().__setattr__(name, value)

    def configuration(self) -> Any:
        """What a compiled step has built in: every attribute but the number of steps taken."""
        return [(name, list(value) if isinstance(value, list) else value) for name, value in vars(self).items()]

    def named_numbers(self) -> list[tuple[str, Tensor]]:
        """The tensor that counts the steps taken."""
        return [("last_epoch", self.steps_taken.tensor)]

    # ---- what a schedule defines

    def factor(self, t: int) -> float:
        """What the initial learning rates are multiplied with after t steps; every schedule defines this or `rates`."""
        raise NotImplementedError(f"[{type(self).__name__}] define factor(self, t).")

    def rates(self, t: int) -> list[float]:
        """The learning rate of each group after t steps."""
        return [base * self.factor(t) for base in self.base_lrs]

    # ---- stepping

    def get_lr(self) -> list[float]:
        """The learning rate of each group after `last_epoch` steps."""
        return self.rates(self.last_epoch)

    def get_last_lr(self) -> list[float]:
        """The learning rate that each group has now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def step(self) -> None:
        """Count a step and set the learning rates; call it after the optimizer's step.

        Raises ConfigError if the optimizer has got more parameter groups since the schedule was made.
        """
        if tracer() is not None:
            tracer().watch(self)
        self._check_groups()
        self._go_to(self.last_epoch + 1)

    def _check_groups(self) -> None:
        groups, known = len(self.optimizer.param_groups), len(self.base_lrs)
        if groups != known:
            raise ConfigError(
                f"[{type(self).__name__}] was made for {known} parameter groups, the optimizer has {groups} now: "
                f"make a new schedule, with last_epoch={self.last_epoch - 1} to go on."
            )

    def _go_to(self, t: int) -> None:
        """Be where t steps lead; if that fails, nothing has changed."""
        rates = self.rates(t)
        self.last_epoch = t
        self._set(rates)

    def _set(self, rates: Sequence[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates):
            group["lr"] = lr

    # ---- saving

    def state_dict(self) -> dict[str, Any]:
        """{"last_epoch": ..., "base_lrs": [...]}: all that the arguments do not tell; plain numbers, fit for JSON."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go to a saved state, and set the learning rates. Raises ConfigError for the state of another schedule."""
        self._check_state(state_dict)
        self.base_lrs = list(state_dict["base_lrs"])
        self._go_to(int(state_dict["last_epoch"]))

    def _check_state(self, state_dict: Mapping[str, Any]) -> None:
        """Raises ConfigError unless the state is one of such a schedule."""
        who, own = type(self).__name__, self.state_dict()
        if set(state_dict) != set(own):
            raise ConfigError(f"[{who}] expected a state with {sorted(own)}, got one with {sorted(state_dict)}.")
        if len(state_dict["base_lrs"]) != len(self.base_lrs):
            raise ConfigError(
                f"[{who}] the optimizer has {len(self.base_lrs)} parameter groups, "
                f"the state has {len(state_dict['base_lrs'])}."
            )

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            raise ConfigError(f"[{type(self).__name__}] expected {what}.")


class FromLastLR(LRScheduler):
    """A schedule that changes the learning rates it finds: `rates(t)` reads those of step t - 1 in the optimizer."""

    closed_form = False

    def state_dict(self) -> dict[str, Any]:
        """{"last_epoch": ..., "base_lrs": [...], "last_lr": [...]}; plain numbers, fit for JSON."""
        return {**super().state_dict(), "last_lr": self.get_last_lr()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go to a saved state, and set the learning rates. Raises ConfigError for the state of another schedule."""
        self._check_state(state_dict)
        self.base_lrs, self.last_epoch = list(state_dict["base_lrs"]), int(state_dict["last_epoch"])
        self._set(state_dict["last_lr"])


def per_group(who: str, name: str, value: Any, optimizer: Optimizer) -> list[float]:
    """One number for each parameter group, from a number or a list. Raises ConfigError for one of another length."""
    groups = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * groups
    if len(values) != groups:
        raise ConfigError(f"[{who}] {groups} parameter groups need as many values of {name}, got {len(values)}.")
    return values
