"""Schedules made of schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minigrad.errors import ConfigError
from minigrad.optim.hyper import either
from minigrad.optim.lr_scheduler.base import LRScheduler
from minigrad.optim.optimizer import Optimizer


class Combined(LRScheduler):
    """A schedule of the same optimizer made of others, of which only this one is stepped."""

    def __init__(self, optimizer: Optimizer | None, schedulers: Sequence[LRScheduler], last_epoch: int = -1) -> None:
        self._expect(len(schedulers) >= 1, "at least one scheduler")
        self.schedulers = list(schedulers)
        optimizer = schedulers[0].optimizer if optimizer is None else optimizer
        self._expect(all(s.optimizer is optimizer for s in schedulers), "schedulers of the same optimizer")
        for s in schedulers:
            expect_closed_form(type(self).__name__, s)
        super().__init__(optimizer, last_epoch)

    def configuration(self) -> Any:
        return [super().configuration(), [schedule.configuration() for schedule in self.schedulers]]

    def state_dict(self) -> dict[str, Any]:
        """{"last_epoch": ..., "base_lrs": [...], "schedulers": [their states]}; plain numbers, fit for JSON."""
        return {**super().state_dict(), "schedulers": [s.state_dict() for s in self.schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go to a saved state, and set the learning rates. Raises ConfigError for the state of another schedule."""
        self._check_state(state_dict)
        for schedule, saved in zip(self.schedulers, state_dict["schedulers"]):
            schedule.load_state_dict(saved)
        super().load_state_dict(state_dict)

    def _check_state(self, state_dict: Mapping[str, Any]) -> None:
        super()._check_state(state_dict)
        saved = state_dict["schedulers"]
        own = len(self.schedulers)
        self._expect(len(saved) == own, f"the state of {own} schedulers, got one of {len(saved)}")
        for schedule, state in zip(self.schedulers, saved):
            schedule._check_state(state)


class SequentialLR(Combined):
    """One schedule after the other: schedulers[i] from milestones[i - 1] on, counting from 0 again.

    schedulers: schedules of this optimizer; step only this one.  milestones: increasing, one fewer than schedulers.
    Raises ConfigError if that does not hold, and for a schedule that cannot be a part: see `ChainedScheduler`.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> warmup = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=2)
    >>> decay = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> schedule = optim.lr_scheduler.SequentialLR(optimizer, [warmup, decay], milestones=[2])
    >>> [schedule.rates(t)[0] for t in range(5)]
    [0.2, 0.5, 0.8, 0.4, 0.2]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self.milestones = list(milestones)
        self._expect(len(schedulers) == len(milestones) + 1, "one milestone fewer than schedulers")
        self._expect(self.milestones == sorted(set(milestones)), f"increasing milestones, got {milestones}")
        super().__init__(optimizer, schedulers, last_epoch)

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


class ChainedScheduler(Combined):
    """The product of schedules: lr(t) = initial_lr * prod_i (lr_i(t) / initial_lr).

    schedulers: schedules of one optimizer; step only this one.  optimizer: theirs.
    As in PyTorch where each of them multiplies the rate by a factor. A `CosineAnnealingLR` beyond T_max or with an
    eta_min, and a `LambdaLR`, add or set in PyTorch what they multiply here.
    Raises ConfigError for schedules of several optimizers, and for one that cannot be a part: `ReduceLROnPlateau` and
    `SWALR` go on from the rate they find; a `OneCycleLR` or `CyclicLR` must be made with cycle_momentum=False.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> warmup = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> decay = optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
    >>> schedule = optim.lr_scheduler.ChainedScheduler([warmup, decay])
    >>> [schedule.rates(t)[0] for t in range(5)]
    [0.4, 0.6, 0.8, 0.4, 0.4]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        super().__init__(optimizer, schedulers)

    def rates(self, t: int) -> list[float]:
        rates = list(self.base_lrs)
        for s in self.schedulers:
            rates = [r * (x / base) if base else 0.0 for r, x, base in zip(rates, s.rates(t), s.base_lrs)]
        return rates


def expect_closed_form(who: str, schedule: LRScheduler) -> None:
    """Raises ConfigError for a schedule whose `rates` are not all there is to it."""
    part = type(schedule).__name__
    if not schedule.closed_form:
        raise ConfigError(
            f"[{who}] {part} goes on from the learning rate it finds, so it is no part of another schedule: "
            "step it by itself."
        )
    if schedule.cycles_momentum:
        raise ConfigError(f"[{who}] {part} sets the momentum too: as a part it needs cycle_momentum=False.")
