"""Cosine annealing, once or with restarts."""

from __future__ import annotations

import math

from minigrad.optim.lr_scheduler.base import LRScheduler
from minigrad.optim.lr_scheduler.numbers import floor, log, wave
from minigrad.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """lr(t) = eta_min + (initial_lr - eta_min) (1 + cos(pi t / T_max)) / 2 (Loshchilov & Hutter 2016, no restarts).

    Raises ConfigError unless T_max is at least 1.

    >>> schedule = optim.lr_scheduler.CosineAnnealingLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), T_max=2)
    >>> [round(schedule.rates(t)[0], 12) for t in range(3)]
    [0.8, 0.4, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self._expect(T_max >= 1, f"T_max >= 1, got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rates(self, t: int) -> list[float]:
        height = wave(t / self.T_max)
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """SGDR (Loshchilov & Hutter 2016): cosine annealing that starts again after T_0 steps, T_0 T_mult more, and so on.

    lr = eta_min + (initial_lr - eta_min) (1 + cos(pi T_cur / T_i)) / 2, T_cur steps into the period of length
    T_i = T_0 T_mult^n, which starts after T_0 (T_mult^n - 1) / (T_mult - 1) steps.
    Raises ConfigError unless T_0 and T_mult are whole numbers of at least 1.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> schedule = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    >>> [schedule.rates(t)[0] for t in range(7)]
    [0.8, 0.4, 0.8, 0.682843, 0.4, 0.117157, 0.8]
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            self._expect(isinstance(value, int) and value >= 1, f"{name} to be a whole number >= 1, got {value!r}")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def rates(self, t: float) -> list[float]:
        start, length = self.period(t)
        height = wave((t - start) / length)
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def period(self, t: float) -> tuple[float, float]:
        """When the present period started, and how long it is."""
        if self.T_mult == 1:
            return t // self.T_0 * self.T_0, self.T_0
        middle = floor(t) + 0.5  # half a step from every restart: rounding in the logarithm decides nothing
        n = floor(log(middle / self.T_0 * (self.T_mult - 1) + 1) / math.log(self.T_mult))
        power = self.T_mult**n
        return self.T_0 * (power - 1) / (self.T_mult - 1), self.T_0 * power

    def step(self, epoch: float | None = None) -> None:
        """Count a step and set the learning rates.

        epoch: go there instead; a fraction is allowed, as in `step(epoch + batch / batches)`.
        Raises ConfigError for a negative epoch.
        """
        if epoch is None:
            super().step()
            return
        self._expect(epoch >= 0, f"epoch >= 0, got {epoch}")
        self._check_groups()
        rates = self.rates(epoch)
        self.last_epoch = floor(epoch)
        self._set(rates)
