"""Learning rates that go from one value to another and stay there."""

from __future__ import annotations

from minigrad.optim.hyper import either
from minigrad.optim.lr_scheduler.base import LRScheduler
from minigrad.optim.lr_scheduler.numbers import least
from minigrad.optim.optimizer import Optimizer


class ConstantLR(LRScheduler):
    """lr(t) = initial_lr * factor for the first total_iters steps, then initial_lr.

    Raises ConfigError unless factor is in [0, 1] and total_iters at least 1.

    >>> schedule = optim.lr_scheduler.ConstantLR(optim.SGD([nn.Parameter([1.0])], lr=0.8), factor=0.5, total_iters=2)
    >>> [schedule.rates(t)[0] for t in range(4)]
    [0.4, 0.4, 0.8, 0.8]
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        self._expect(0 <= factor <= 1, f"factor in [0, 1], got {factor}")
        self._expect(total_iters >= 1, f"total_iters >= 1, got {total_iters}")
        self.first_factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return either(t < self.total_iters, self.first_factor, 1.0)


class LinearLR(LRScheduler):
    """lr(t) = initial_lr * (a straight line from start_factor to end_factor over total_iters steps, then end_factor).

    Used to warm up, before another schedule in a `SequentialLR` or times another in a `ChainedScheduler`.
    Raises ConfigError unless start_factor is in (0, 1], end_factor in [0, 1] and total_iters at least 1.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> schedule = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> [schedule.rates(t)[0] for t in range(4)]
    [0.4, 0.6, 0.8, 0.8]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self._expect(0 < start_factor <= 1, f"start_factor in (0, 1], got {start_factor}")
        self._expect(0 <= end_factor <= 1, f"end_factor in [0, 1], got {end_factor}")
        self._expect(total_iters >= 1, f"total_iters >= 1, got {total_iters}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        share = least(t, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * share


class WarmupLR(LRScheduler):
    """The rule of 'ImageNet in one hour' (Goyal et al. 2017): k times the batch, k times the rate, after a warm-up.

    lr(t) = initial_lr * (start_factor + (k - start_factor) min(t / total_iters, 1)) with k = batch_size / reference:
    initial_lr is what is right for batches of `reference` samples, and k initial_lr is reached on a straight line.

    total_iters: steps of the warm-up; five epochs in the paper.  start_factor: 1 in the paper, which starts from the
    rate of the reference.  Times a decay in a `ChainedScheduler`, or before one in a `SequentialLR`.
    Raises ConfigError for total_iters or sizes below 1, or a negative start_factor.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.1)
    >>> schedule = optim.lr_scheduler.WarmupLR(optimizer, total_iters=4, batch_size=1280, reference=256)
    >>> [schedule.rates(t)[0] for t in range(6)]
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int,
        batch_size: int,
        reference: int = 256,
        start_factor: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self._expect(total_iters >= 1, f"total_iters >= 1, got {total_iters}")
        self._expect(batch_size >= 1 and reference >= 1, f"sizes >= 1, got {batch_size} and reference {reference}")
        self._expect(start_factor >= 0, f"start_factor >= 0, got {start_factor}")
        self.total_iters, self.scale, self.start_factor = total_iters, batch_size / reference, start_factor
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        share = least(t, self.total_iters) / self.total_iters
        return self.start_factor + (self.scale - self.start_factor) * share


class PolynomialLR(LRScheduler):
    """lr(t) = initial_lr * (1 - t / total_iters)^power, 0 after total_iters steps.

    Raises ConfigError unless total_iters is at least 1.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> schedule = optim.lr_scheduler.PolynomialLR(optimizer, total_iters=2, power=2)
    >>> [schedule.rates(t)[0] for t in range(4)]
    [0.8, 0.2, 0.0, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self._expect(total_iters >= 1, f"total_iters >= 1, got {total_iters}")
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return (1 - least(t, self.total_iters) / self.total_iters) ** self.power
