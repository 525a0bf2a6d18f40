"""Learning rates that fall without an end."""

from __future__ import annotations

from collections.abc import Sequence

from minigrad.optim.lr_scheduler.base import LRScheduler
from minigrad.optim.lr_scheduler.numbers import passed
from minigrad.optim.optimizer import Optimizer


class StepLR(LRScheduler):
    """lr(t) = initial_lr * gamma^floor(t / step_size).

    Raises ConfigError unless step_size is at least 1.

    >>> schedule = optim.lr_scheduler.StepLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), step_size=2, gamma=0.5)
    >>> [schedule.rates(t)[0] for t in range(5)]
    [0.8, 0.8, 0.4, 0.4, 0.2]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self._expect(step_size >= 1, f"step_size >= 1, got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.gamma ** (t // self.step_size)


class MultiStepLR(LRScheduler):
    """lr(t) = initial_lr * gamma^(the number of milestones up to t).

    >>> schedule = optim.lr_scheduler.MultiStepLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), [1, 3], gamma=0.5)
    >>> [schedule.rates(t)[0] for t in range(5)]
    [0.8, 0.4, 0.4, 0.2, 0.2]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.gamma ** passed(self.milestones, t)


class ExponentialLR(LRScheduler):
    """lr(t) = initial_lr * gamma^t.

    >>> schedule = optim.lr_scheduler.ExponentialLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), gamma=0.5)
    >>> [schedule.rates(t)[0] for t in range(3)]
    [0.8, 0.4, 0.2]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.gamma**t


class InverseLR(LRScheduler):
    """lr(t) = initial_lr / (1 + k t): the sum of the rates diverges, that of their squares does not.

    That is what Robbins & Monro (1951) ask of a stochastic approximation.  Raises ConfigError for a negative k.

    >>> schedule = optim.lr_scheduler.InverseLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), k=1.0)
    >>> [schedule.rates(t)[0] for t in range(4)]
    [0.8, 0.4, 0.266667, 0.2]
    """

    def __init__(self, optimizer: Optimizer, k: float, last_epoch: int = -1) -> None:
        self._expect(k >= 0, f"k >= 0, got {k}")
        self.k = k
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return 1 / (1 + self.k * t)


class PowerLR(LRScheduler):
    """lr(t) = initial_lr / (t + 1)^power: the n-th step is made with initial_lr / n^power, as in 0.1 / n^0.3.

    Raises ConfigError for a negative power.

    >>> schedule = optim.lr_scheduler.PowerLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), power=0.5)
    >>> [schedule.rates(t)[0] for t in (0, 3, 15)]
    [0.8, 0.4, 0.2]
    """

    def __init__(self, optimizer: Optimizer, power: float = 0.3, last_epoch: int = -1) -> None:
        self._expect(power >= 0, f"power >= 0, got {power}")
        self.power = power
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return 1 / (t + 1.0) ** self.power
