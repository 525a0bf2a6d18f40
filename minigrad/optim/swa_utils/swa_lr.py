"""The learning rates of stochastic weight averaging."""

from __future__ import annotations

from typing import Any

from minigrad.optim.hyper import either
from minigrad.optim.lr_scheduler.base import FromLastLR, per_group
from minigrad.optim.lr_scheduler.numbers import FALLS, least
from minigrad.optim.optimizer import Optimizer


class SWALR(FromLastLR):
    """From the learning rate it finds at its first step to swa_lr in anneal_epochs steps, then constant.

    lr = lr_0 + (swa_lr - lr_0) (1 - cos(pi t / anneal_epochs)) / 2, or on a straight line (Izmailov et al. 2018).

    swa_lr: a number, or a list with one for each group.  anneal_strategy: "cos" or "linear".  With anneal_epochs=0 the
    rate is swa_lr at once.  Raises ConfigError for another strategy or a negative number.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.5)
    >>> schedule = optim.swa_utils.SWALR(optimizer, swa_lr=0.1, anneal_epochs=2)
    >>> for _ in range(3):
    ...     schedule.step()
    ...     print(schedule.get_last_lr())
    [0.3]
    [0.1]
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        self._expect(anneal_strategy in FALLS, f"anneal_strategy 'cos' or 'linear', got {anneal_strategy!r}")
        whole = isinstance(anneal_epochs, int) and anneal_epochs >= 0
        self._expect(whole, f"anneal_epochs to be a whole number >= 0, got {anneal_epochs!r}")
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        self.swa_lrs = per_group("SWALR", "swa_lr", swa_lr, optimizer)
        super().__init__(optimizer, last_epoch)

    def rates(self, t: int) -> list[float]:
        """The learning rates after step t, from those there are, which are taken for those after step t - 1."""
        length = max(1, self.anneal_epochs)
        if self.anneal_epochs == 0:
            t = either(t < 1, 1, t)
        before = either(t < 1, 0, least(t - 1, length))
        left, now = self.left(before / length), self.left(least(t, length) / length)
        going = before < length
        rates = []
        for lr, last in zip(self.get_last_lr(), self.swa_lrs):
            first = last + (lr - last) / either(going, left, 1.0)
            rates.append(either(going, last + (first - last) * now, last))
        return rates

    def left(self, share: Any) -> Any:
        """How far there is to go, from 1 to 0."""
        return FALLS[self.anneal_strategy](share)
