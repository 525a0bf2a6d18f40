"""Batches that grow in place of a learning rate that falls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from minigrad.engine import tracer
from minigrad.errors import ConfigError, DtypeError, TracingError
from minigrad.optim.lr_scheduler.base import LRScheduler
from minigrad.optim.lr_scheduler.combined import expect_closed_form


class Loader(Protocol):
    """What hands out the batches: a `data.DataLoader`."""

    samples: int
    batch_size: int
    batch: int


class BatchSizeScheduler:
    """'Don't decay the learning rate, increase the batch size' (Smith et al. 2018).

    The noise of SGD has the scale g = lr N / batch_size, so a schedule that would divide the learning rate by c may as
    well multiply the batch size by c, and takes fewer steps. After t calls of `step`, with the schedule's rate r(t),
    batch_size = round(B initial_lr / r(t)), at most max_batch_size, and lr = r(t) batch_size / B: constant as long as
    batches grow, then falling as planned. lr / batch_size is r(t) / B always.

    loader: a `data.DataLoader`; the batch size B that it has is the first.  scheduler: what the learning rate would do;
    step only this one.  max_batch_size: all samples if None.
    Call `step` between epochs. To resume, load this state before the loader's.
    Raises DtypeError for another loader or scheduler, ConfigError for a max_batch_size below B or a schedule that has
    no formula, and for a step within an epoch.

    >>> from minigrad.data import DataLoader, TensorDataset
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> loader = DataLoader(TensorDataset(np.arange(100)), batch_size=8)
    >>> decay = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> schedule = optim.lr_scheduler.BatchSizeScheduler(loader, decay, max_batch_size=20)
    >>> for epoch in range(4):
    ...     print(loader.batch_size, optimizer.param_groups[0]["lr"])
    ...     schedule.step()
    8 0.8
    16 0.8
    20 0.5
    20 0.25
    """

    def __init__(self, loader: Loader, scheduler: LRScheduler, max_batch_size: int | None = None) -> None:
        if not all(hasattr(loader, name) for name in ("samples", "batch_size", "batch")):
            raise DtypeError(f"[BatchSizeScheduler] expected a DataLoader, got a {type(loader).__name__}.")
        if not isinstance(scheduler, LRScheduler):
            raise DtypeError(f"[BatchSizeScheduler] expected a schedule, got a {type(scheduler).__name__}.")
        expect_closed_form("BatchSizeScheduler", scheduler)
        self.loader, self.scheduler, self.first = loader, scheduler, loader.batch_size
        self.most = loader.samples if max_batch_size is None else min(max_batch_size, loader.samples)
        if self.most < self.first:
            raise ConfigError(
                f"[BatchSizeScheduler] batches start with {self.first} samples, but max_batch_size is {max_batch_size} "
                f"and there are {loader.samples} samples."
            )
        self._set()

    def step(self) -> None:
        """Count a step of the schedule, and set batch size and learning rates."""
        if tracer() is not None:
            raise TracingError(
                "[BatchSizeScheduler] a compiled function is compiled for one batch size: call step() outside of it."
            )
        if self.loader.batch:
            raise ConfigError(
                f"[BatchSizeScheduler] {self.loader.batch} batches of this epoch were handed out: the size of batches "
                "can change between epochs only, so finish this one."
            )
        self.scheduler.step()
        self._set()

    def _set(self) -> None:
        schedule = self.scheduler
        rates, base = schedule.get_lr(), schedule.base_lrs[0]
        wanted = self.first * base / rates[0] if rates[0] > 0 else self.most
        self.loader.batch_size = size = max(1, round(min(wanted, self.most)))
        for group, rate in zip(schedule.optimizer.param_groups, rates):
            group["lr"] = rate * (size / self.first)

    def state_dict(self) -> dict[str, Any]:
        """{"scheduler": its state, "first": the first batch size}; plain numbers, fit for JSON."""
        return {"scheduler": self.scheduler.state_dict(), "first": self.first}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go to a saved state, and set batch size and learning rates. Raises ConfigError for one of other batches."""
        if state_dict["first"] != self.first:
            raise ConfigError(
                f"[BatchSizeScheduler] batches start with {self.first} samples, the state's with {state_dict['first']}."
            )
        self.scheduler.load_state_dict(state_dict["scheduler"])
        self._set()
