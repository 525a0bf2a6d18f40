"""Cyclical learning rates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.optim.hyper import either
from minigrad.optim.lr_scheduler.base import per_group
from minigrad.optim.lr_scheduler.given import called
from minigrad.optim.lr_scheduler.momentum import MomentumLR, expect_momentum
from minigrad.optim.lr_scheduler.numbers import floor
from minigrad.optim.optimizer import Optimizer

MODES: dict[str, tuple[str, Callable[[Any, float], Any]]] = {
    "triangular": ("cycle", lambda x, gamma: 1.0),
    "triangular2": ("cycle", lambda x, gamma: 1 / 2.0 ** (x - 1)),
    "exp_range": ("iterations", lambda x, gamma: gamma**x),
}
"""For each mode, what x counts, and what the height of a triangle is scaled with."""


class CyclicLR(MomentumLR):
    """Triangles between base_lr and max_lr (Smith 2015): up in step_size_up steps, down in step_size_down.

    lr(t) = base_lr + (max_lr - base_lr) h(t) s, h the height of the triangle in [0, 1];
    mode: "triangular": s = 1;  "triangular2": s = 2^(1 - n) in cycle n = 1, 2, ...;  "exp_range": s = gamma^t.
    scale_fn: s as a function of the cycle, or with scale_mode="iterations" of t; replaces mode.
    cycle_momentum: momentum, or Adam's beta1, moves oppositely: max_momentum - (max_momentum - base_momentum) h(t) s.
    step_size_down: step_size_up if None.  Rates and momenta: a number, or a list with one for each group.
    Raises ConfigError for an unknown mode, sizes below 1, lists of another length, or no momentum to cycle.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0, momentum=0.9)
    >>> schedule = optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.1, max_lr=0.5, step_size_up=2)
    >>> [schedule.rates(t)[0] for t in range(6)]
    [0.1, 0.3, 0.5, 0.3, 0.1, 0.3]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[Any], Any] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        down = step_size_up if step_size_down is None else step_size_down
        self._expect(step_size_up >= 1 and down >= 1, f"step sizes >= 1, got {step_size_up} up and {down} down")
        self._expect(scale_fn is not None or mode in MODES, f"mode to be one of {', '.join(MODES)}, got {mode!r}")
        self._expect(scale_mode in ("cycle", "iterations"), f"scale_mode 'cycle' or 'iterations', got {scale_mode!r}")
        self.total_size = float(step_size_up) + float(down)
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma, self.scale_fn = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else MODES[mode][0]
        self.max_lrs = per_group("CyclicLR", "max_lr", max_lr, optimizer)
        self.base_momenta = per_group("CyclicLR", "base_momentum", base_momentum, optimizer)
        self.max_momenta = per_group("CyclicLR", "max_momentum", max_momentum, optimizer)
        self.cycles_momentum = cycle_momentum
        if cycle_momentum:
            expect_momentum("CyclicLR", optimizer)
        for group, lr in zip(optimizer.param_groups, per_group("CyclicLR", "base_lr", base_lr, optimizer)):
            group["initial_lr"] = lr
        super().__init__(optimizer, last_epoch)

    def height(self, t: int) -> Any:
        """Where between base and maximum t lies."""
        cycle = floor(1 + t / self.total_size)
        x = 1.0 + t / self.total_size - cycle
        triangle = either(x <= self.step_ratio, x / self.step_ratio, (x - 1) / (self.step_ratio - 1))
        counted = cycle if self.scale_mode == "cycle" else t
        if self.scale_fn is not None:
            return triangle * called("CyclicLR", self.scale_fn, counted)
        return triangle * MODES[self.mode][1](counted, self.gamma)

    def rates(self, t: int) -> list[float]:
        height = self.height(t)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs)]

    def momenta(self, t: int) -> list[float]:
        height = self.height(t)
        return [high - (high - low) * height for low, high in zip(self.base_momenta, self.max_momenta)]
