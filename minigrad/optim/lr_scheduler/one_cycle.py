"""The one-cycle policy."""

from __future__ import annotations

from typing import Any, NamedTuple

from minigrad import ops
from minigrad.core import Tensor
from minigrad.errors import ConfigError
from minigrad.optim.hyper import either
from minigrad.optim.lr_scheduler.base import per_group
from minigrad.optim.lr_scheduler.momentum import MomentumLR, expect_momentum
from minigrad.optim.lr_scheduler.numbers import FALLS
from minigrad.optim.optimizer import Optimizer


class Phase(NamedTuple):
    """Up to step `end`, from one learning rate and momentum to another, by name."""

    end: float
    lr: tuple[str, str]
    momentum: tuple[str, str]


class OneCycleLR(MomentumLR):
    """One cycle (Smith & Topin 2017, 'Super-convergence'): up to max_lr, then down to a rate much lower than the first.

    From initial_lr = max_lr / div_factor up to max_lr in the first pct_start of total_steps, then down to
    initial_lr / final_div_factor; the paper's three_phase=True goes down to initial_lr first, as fast as up.
    anneal_strategy: "cos" or "linear", the shape of each phase.  total_steps: or epochs and steps_per_epoch.
    cycle_momentum: momentum, or Adam's beta1, moves oppositely, max_momentum to base_momentum and back.
    max_lr, base_momentum, max_momentum: a number, or a list with one for each group.
    Raises ConfigError for arguments out of range, no momentum to cycle, and a step after total_steps.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0, momentum=0.9)
    >>> schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=11, pct_start=0.5, div_factor=5)
    >>> [schedule.rates(t)[0] for t in (0, 4.5, 10)]
    [0.1, 0.5, 0.00001]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.total_steps = self._steps(total_steps, epochs, steps_per_epoch)
        self._expect(0 <= pct_start <= 1, f"pct_start in [0, 1], got {pct_start}")
        self._expect(anneal_strategy in FALLS, f"anneal_strategy 'cos' or 'linear', got {anneal_strategy!r}")
        self.anneal_strategy, self.cycles_momentum = anneal_strategy, cycle_momentum
        self.phases = phases(self.total_steps, pct_start, three_phase)
        max_lrs = per_group("OneCycleLR", "max_lr", max_lr, optimizer)
        low = per_group("OneCycleLR", "base_momentum", base_momentum, optimizer)
        high = per_group("OneCycleLR", "max_momentum", max_momentum, optimizer)
        if cycle_momentum:
            expect_momentum("OneCycleLR", optimizer)
        firsts = [lr / div_factor for lr in max_lrs]
        lasts = [lr / final_div_factor for lr in firsts]
        self.levels = [
            {"initial_lr": first, "max_lr": top, "min_lr": last, "max_momentum": most, "base_momentum": least}
            for first, top, last, most, least in zip(firsts, max_lrs, lasts, high, low)
        ]
        for group, first in zip(optimizer.param_groups, firsts):
            group["initial_lr"] = first
        super().__init__(optimizer, last_epoch)

    def _steps(self, total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
        if total_steps is not None:
            steps = total_steps
        elif epochs is None or steps_per_epoch is None:
            raise ConfigError("[OneCycleLR] expected total_steps, or both epochs and steps_per_epoch.")
        else:
            steps = epochs * steps_per_epoch
        whole = isinstance(steps, int) and steps >= 1 and (epochs is None or epochs >= 1)
        self._expect(whole, f"whole numbers of steps >= 1, got {steps}")
        return steps

    def rates(self, t: int) -> list[float]:
        self._expect_within(t)
        return [self.between(t, levels, "lr") for levels in self.levels]

    def momenta(self, t: int) -> list[float]:
        return [self.between(t, levels, "momentum") for levels in self.levels]

    def between(self, t: int, levels: dict[str, float], what: str) -> Any:
        """The learning rate or the momentum of a group after t steps."""
        fall = FALLS[self.anneal_strategy]
        starts = [0.0, *(phase.end for phase in self.phases)]
        found = None
        for start, phase in reversed(list(zip(starts, self.phases))):
            first, last = (levels[name] for name in getattr(phase, what))
            share = (t - start) / ((phase.end - start) or 1.0)  # a phase of length 0 is its beginning
            value = last + (first - last) * fall(share)
            found = value if found is None else either(t <= phase.end, value, found)
        return found

    def _expect_within(self, t: Any) -> None:
        if isinstance(t, Tensor):  # compiled code refuses the call, which then runs eagerly and raises
            ops.checked_index(ops.where(t > self.total_steps, ops.tensor([1]), 0), size=1)
        elif t > self.total_steps:
            raise ConfigError(f"[OneCycleLR] step {t} is beyond the {self.total_steps} total_steps of the cycle.")


def phases(total: int, share: float, three: bool) -> list[Phase]:
    """The phases of a cycle of `total` steps whose first takes a share of them."""
    top = float(share * total) - 1
    rise = Phase(top, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum"))
    if not three:
        return [rise, Phase(total - 1, ("max_lr", "min_lr"), ("base_momentum", "max_momentum"))]
    fall = Phase(2 * top, ("max_lr", "initial_lr"), ("base_momentum", "max_momentum"))
    return [rise, fall, Phase(total - 1, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum"))]
