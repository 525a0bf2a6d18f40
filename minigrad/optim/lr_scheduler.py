"""Learning rates that change while a model is trained, named as in `torch.optim.lr_scheduler`.

Every schedule is a closed form: the learning rate is a function of the number of steps taken, not of the rate before.
So a schedule may be stepped inside a compiled step: there the number t is a symbol, and `either` chooses by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from minigrad import ops
from minigrad.core import Tensor
from minigrad.engine import configuration_changed, tracer
from minigrad.errors import ConfigError, TracingError
from minigrad.optim.group import Cell
from minigrad.optim.optimizer import Optimizer

__all__ = [
    "LRScheduler", "ConstantLR", "CosineAnnealingLR", "ExponentialLR", "LambdaLR", "LinearLR", "MultiStepLR",
    "PolynomialLR", "SequentialLR", "StepLR",
]  # fmt: skip


class LRScheduler:
    """What all schedules share: sets each group's "lr" from its "initial_lr" and the number of steps taken.

    last_epoch: the number of calls of `step`, whatever a step is: one of the optimizer, or an epoch.
    base_lrs: the learning rates that the optimizer had at first.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.steps_taken = Cell(0)
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self._set()

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

    def factor(self, t: int) -> float:
        """What the initial learning rates are multiplied with after t steps; every schedule defines its own."""
        raise NotImplementedError(f"[{type(self).__name__}] define factor(self, t).")

    def rates(self, t: int) -> list[float]:
        """The learning rate of each group after t steps."""
        return [base * self.factor(t) for base in self.base_lrs]

    def get_lr(self) -> list[float]:
        """The learning rate of each group after `last_epoch` steps."""
        return self.rates(self.last_epoch)

    def get_last_lr(self) -> list[float]:
        """The learning rate that each group has now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def step(self) -> None:
        """Count a step and set the learning rates; call it after the optimizer's step."""
        if tracer() is not None:
            tracer().watch(self)
        self.last_epoch += 1
        self._set()

    def _set(self) -> None:
        for group, lr in zip(self.optimizer.param_groups, self.get_lr()):
            group["lr"] = lr

    def state_dict(self) -> dict[str, Any]:
        """{"last_epoch": ..., "base_lrs": [...]}: the whole state."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to a saved state, and set the learning rates. Raises ConfigError if the number of groups differs."""
        if len(state_dict["base_lrs"]) != len(self.base_lrs):
            raise ConfigError(
                f"[{type(self).__name__}] the optimizer has {len(self.base_lrs)} parameter groups, "
                f"the state has {len(state_dict['base_lrs'])}."
            )
        self.base_lrs, self.last_epoch = list(state_dict["base_lrs"]), int(state_dict["last_epoch"])
        self._set()

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            raise ConfigError(f"[{type(self).__name__}] expected {what}.")


class LambdaLR(LRScheduler):
    """lr(t) = initial_lr * f(t) after t steps.

    lr_lambda: f, one for all groups or a list with one for each.  Raises ConfigError for a list of another length.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> schedule = optim.lr_scheduler.LambdaLR(optimizer, lambda t: 0.5**t)
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.4]
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]
    ) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ConfigError(
                f"[LambdaLR] {groups} parameter groups need as many functions, got {len(self.lr_lambdas)}."
            )
        super().__init__(optimizer)

    def rates(self, t: int) -> list[float]:
        return [base * factor(t) for base, factor in zip(self.base_lrs, self.lr_lambdas)]


class StepLR(LRScheduler):
    """lr(t) = initial_lr * gamma^floor(t / step_size).

    Raises ConfigError unless step_size is at least 1.

    >>> schedule = optim.lr_scheduler.StepLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), step_size=2, gamma=0.5)
    >>> [schedule.rates(t)[0] for t in range(5)]
    [0.8, 0.8, 0.4, 0.4, 0.2]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self._expect(step_size >= 1, f"step_size >= 1, got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        return self.gamma ** (t // self.step_size)


class MultiStepLR(LRScheduler):
    """lr(t) = initial_lr * gamma^(the number of milestones up to t).

    >>> schedule = optim.lr_scheduler.MultiStepLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), [1, 3], gamma=0.5)
    >>> [schedule.rates(t)[0] for t in range(5)]
    [0.8, 0.4, 0.4, 0.2, 0.2]
    """

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        return self.gamma ** passed(self.milestones, t)


class ExponentialLR(LRScheduler):
    """lr(t) = initial_lr * gamma^t.

    >>> schedule = optim.lr_scheduler.ExponentialLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), gamma=0.5)
    >>> [schedule.rates(t)[0] for t in range(3)]
    [0.8, 0.4, 0.2]
    """

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        return self.gamma**t


class ConstantLR(LRScheduler):
    """lr(t) = initial_lr * factor for the first total_iters steps, then initial_lr.

    Raises ConfigError unless factor is in [0, 1] and total_iters at least 1.

    >>> schedule = optim.lr_scheduler.ConstantLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), factor=0.5, total_iters=2)
    >>> [schedule.rates(t)[0] for t in range(4)]
    [0.4, 0.4, 0.8, 0.8]
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5) -> None:
        self._expect(0 <= factor <= 1, f"factor in [0, 1], got {factor}")
        self._expect(total_iters >= 1, f"total_iters >= 1, got {total_iters}")
        self.first_factor, self.total_iters = factor, total_iters
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        return either(t < self.total_iters, self.first_factor, 1.0)


class LinearLR(LRScheduler):
    """lr(t) = initial_lr * (a straight line from start_factor to end_factor over total_iters steps, then end_factor).

    Used to warm up, before another schedule in a `SequentialLR`.
    Raises ConfigError unless start_factor is in (0, 1], end_factor in [0, 1] and total_iters at least 1.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> schedule = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> [schedule.rates(t)[0] for t in range(4)]
    [0.4, 0.6, 0.8, 0.8]
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self._expect(0 < start_factor <= 1, f"start_factor in (0, 1], got {start_factor}")
        self._expect(0 <= end_factor <= 1, f"end_factor in [0, 1], got {end_factor}")
        self._expect(total_iters >= 1, f"total_iters >= 1, got {total_iters}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        done = either(t < self.total_iters, t, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * done


class PolynomialLR(LRScheduler):
    """lr(t) = initial_lr * (1 - t / total_iters)^power, 0 after total_iters steps.

    Raises ConfigError unless total_iters is at least 1.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> schedule = optim.lr_scheduler.PolynomialLR(optimizer, total_iters=2, power=2)
    >>> [schedule.rates(t)[0] for t in range(4)]
    [0.8, 0.2, 0.0, 0.0]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0) -> None:
        self._expect(total_iters >= 1, f"total_iters >= 1, got {total_iters}")
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        return (1 - either(t < self.total_iters, t, self.total_iters) / self.total_iters) ** self.power


class CosineAnnealingLR(LRScheduler):
    """lr(t) = eta_min + (initial_lr - eta_min) (1 + cos(pi t / T_max)) / 2 (Loshchilov & Hutter 2016, no restarts).

    Raises ConfigError unless T_max is at least 1.

    >>> schedule = optim.lr_scheduler.CosineAnnealingLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), T_max=2)
    >>> [round(schedule.rates(t)[0], 12) for t in range(3)]
    [0.8, 0.4, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self._expect(T_max >= 1, f"T_max >= 1, got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rates(self, t: int) -> list[float]:
        angle = math.pi * t / self.T_max
        wave = (1 + (ops.cos(angle) if isinstance(angle, Tensor) else math.cos(angle))) / 2
        return [self.eta_min + (base - self.eta_min) * wave for base in self.base_lrs]


class SequentialLR(LRScheduler):
    """One schedule after the other: schedulers[i] from milestones[i - 1] on, counting from 0 again.

    schedulers: schedules of this optimizer; step only this one.  milestones: increasing, one fewer than schedulers.
    Raises ConfigError if that does not hold.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> warmup = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=2)
    >>> decay = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> schedule = optim.lr_scheduler.SequentialLR(optimizer, [warmup, decay], milestones=[2])
    >>> [schedule.rates(t)[0] for t in range(5)]
    [0.2, 0.5, 0.8, 0.4, 0.2]
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        self._expect(len(schedulers) == len(milestones) + 1, "one milestone fewer than schedulers")
        self._expect(self.milestones == sorted(set(milestones)), f"increasing milestones, got {milestones}")
        self._expect(all(s.optimizer is optimizer for s in schedulers), "schedulers of the same optimizer")
        super().__init__(optimizer)

    def rates(self, t: int) -> list[float]:
        rates = self.schedulers[0].rates(self.turn(0, t))
        for i, start in enumerate(self.milestones, 1):
            later = self.schedulers[i].rates(self.turn(i, t))
            rates = [either(t < start, a, b) for a, b in zip(rates, later)]
        return rates

    def turn(self, i: int, t: int) -> int:
        """How many steps of schedule i were taken: none before its turn, no more after it."""
        start, *end = [0, *self.milestones][i : i + 2]
        since = either(t < start, 0, t - start)
        return either(t < end[0], since, end[0] - 1 - start) if end else since

    def configuration(self) -> Any:
        return [super().configuration(), [schedule.configuration() for schedule in self.schedulers]]


def either(condition: Any, x: Any, y: Any) -> Any:
    """x if the condition holds, else y; of a symbolic condition, a number that compiled code chooses."""
    return ops.select(condition, x, y) if isinstance(condition, Tensor) else x if condition else y


def passed(milestones: Sequence[int], t: Any) -> Any:
    """How many milestones lie at t or before."""
    return sum(either(t < m, 0, 1) for m in milestones)
