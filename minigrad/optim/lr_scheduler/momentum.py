"""Schedules that set the momentum too."""

from __future__ import annotations

from typing import Any

from minigrad.errors import ConfigError
from minigrad.optim.group import Group
from minigrad.optim.lr_scheduler.base import LRScheduler
from minigrad.optim.optimizer import Optimizer


class MomentumLR(LRScheduler):
    """Sets "momentum", or the first of "betas", beside the learning rate if `cycles_momentum`."""

    def momenta(self, t: int) -> list[float]:
        """The momentum of each group after t steps; every such schedule defines its own."""
        raise NotImplementedError(f"[{type(self).__name__}] define momenta(self, t).")

    def _go_to(self, t: int) -> None:
        momenta = self.momenta(t) if self.cycles_momentum else []
        super()._go_to(t)
        for group, momentum in zip(self.optimizer.param_groups, momenta):
            set_momentum(group, momentum)


def set_momentum(group: Group, momentum: Any) -> None:
    """The momentum, or Adam's beta1."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


def expect_momentum(who: str, optimizer: Optimizer) -> None:
    """Raises ConfigError if the optimizer has none."""
    if not {"momentum", "betas"} & set(optimizer.defaults):
        raise ConfigError(
            f"[{who}] {type(optimizer).__name__} has neither momentum nor betas to cycle: pass cycle_momentum=False."
        )
