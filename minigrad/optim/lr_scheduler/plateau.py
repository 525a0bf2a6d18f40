"""Learning rates that fall when training comes to a halt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minigrad.engine import tracer
from minigrad.errors import TracingError
from minigrad.optim.lr_scheduler.base import FromLastLR, per_group
from minigrad.optim.optimizer import Optimizer


class ReduceLROnPlateau(FromLastLR):
    """lr = max(factor * lr, min_lr) when a metric has not improved for more than `patience` calls of `step(metric)`.

    mode: "min" or "max", what is an improvement; over best * (1 - threshold), with threshold_mode="abs" best -
    threshold, and with plus for "max".  cooldown: steps after a reduction in which nothing counts as bad.
    min_lr: a number, or a list with one for each group.  eps: a change of the rate no larger than this is not made.
    Raises ConfigError for a factor of 1 or more, an unknown mode, or lists of another length, and TracingError inside
    a compiled step: it looks at the metric, which is known there only when the step runs.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> schedule = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in [3.0, 2.0, 2.0, 2.0, 2.0]:
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.4]
    """

    #: what changes beside the learning rates
    counted = ("best", "num_bad_epochs", "cooldown_counter")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self._expect(factor < 1, f"factor < 1, got {factor}")
        self._expect(mode in ("min", "max"), f"mode 'min' or 'max', got {mode!r}")
        self._expect(threshold_mode in ("rel", "abs"), f"threshold_mode 'rel' or 'abs', got {threshold_mode!r}")
        self.mode, self.threshold_mode, self.threshold = mode, threshold_mode, threshold
        self.reduction, self.patience, self.cooldown, self.eps = factor, patience, cooldown, eps
        self.min_lrs = per_group("ReduceLROnPlateau", "min_lr", min_lr, optimizer)
        self.best = float("inf") if mode == "min" else -float("inf")
        self.num_bad_epochs = self.cooldown_counter = 0
        super().__init__(optimizer)

    def rates(self, t: int) -> list[float]:
        """The learning rates that there are: they do not depend on the number of steps."""
        return self.get_last_lr()

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Count a step, look at the metric, and reduce the learning rates if it is time to."""
        if tracer() is not None:
            raise TracingError(
                "[ReduceLROnPlateau] decides by the metric, which is known only when the compiled function runs: "
                "return the metric from it and call step(metric) outside."
            )
        self._check_groups()
        metric = float(metrics)
        self.last_epoch += 1
        if self.is_better(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self.reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def is_better(self, metric: float) -> bool:
        """Whether the metric is an improvement over the best so far."""
        sign = 1 if self.mode == "max" else -1
        relative = self.threshold_mode == "rel"
        bar = self.best * (1 + sign * self.threshold) if relative else self.best + sign * self.threshold
        return metric > bar if self.mode == "max" else metric < bar

    def reduce(self) -> None:
        """Multiply the learning rates with the factor."""
        for group, least in zip(self.optimizer.param_groups, self.min_lrs):
            lr = max(group["lr"] * self.reduction, least)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr

    def state_dict(self) -> dict[str, Any]:
        """The state of every schedule, with "last_lr", "best", "num_bad_epochs", "cooldown_counter"; plain numbers."""
        return {**super().state_dict(), **{name: getattr(self, name) for name in self.counted}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go to a saved state, and set the learning rates. Raises ConfigError for the state of another schedule."""
        super().load_state_dict(state_dict)
        for name in self.counted:
            setattr(self, name, state_dict[name])
