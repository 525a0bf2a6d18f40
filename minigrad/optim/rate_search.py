"""Which learning rate? A range test in one run, or a search by one run for each rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.errors import ConfigError
from minigrad.nn import Module
from minigrad.optim.optimizer import Optimizer

RATES = tuple(10.0**-k for k in range(1, 7))
"""10^-1, 10^-2, ..., 10^-6."""

MEMORY = 0.9
"""The share of the smoothed loss that is kept in each step of the range test: it looks back about ten steps."""


@dataclass(frozen=True, eq=False)
class RateSearch:
    """What a search for the learning rate found.

    rates, losses: (n,) float64 arrays, the loss for each rate.  suggestion: the rate to take.

    >>> optim.RateSearch(rates=np.array([0.1, 1.0]), losses=np.array([2.0, 3.0]), suggestion=0.1).suggestion
    0.1
    """

    rates: np.ndarray
    losses: np.ndarray
    suggestion: float

    def plot(self, axes: Any = None) -> Any:
        """Draw the losses over the rates, the suggestion marked; on matplotlib axes, or on a new figure.

        Returns the matplotlib figure.

        >>> found = optim.lr_find(lambda lr: (lr - 0.01) ** 2)
        >>> found.plot().axes[0].get_xlabel()
        'learning rate'
        """
        if axes is None:
            from matplotlib.figure import Figure

            axes = Figure(figsize=(5, 3.6), layout="constrained").subplots()
        axes.plot(self.rates, self.losses, marker="." if len(self.rates) <= 20 else None)
        axes.axvline(self.suggestion, color="#dd8452", linestyle="--", label=f"suggestion: {self.suggestion:.3g}")
        axes.set_xscale("log")
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        axes.legend(frameon=False)
        return axes.figure


def lr_find(
    train: Callable[[float], Any], rates: Sequence[float] = RATES, *, n_jobs: int | None = None
) -> RateSearch:
    """Train once with each learning rate, and suggest the one with the smallest loss.

    train: train(lr) builds model and optimizer, trains for a while and returns the loss reached. It seeds itself what
    is random, so that all runs differ in the rate only.  rates: 10^-1, ..., 10^-6 by default.
    n_jobs: how many runs at once, -1 for one on each core, by joblib. If None, `joblib.parallel_config(...)` around the
    call decides, also for a cluster (its backends "dask" and "ray"); without that they run one after the other.
    A loss that is not finite counts as the largest.
    Raises ConfigError for no rates, one that is not positive, or if no loss is finite.

    >>> def train(lr):
    ...     p = nn.Parameter([1.0])
    ...     optimizer = optim.SGD([p], lr=lr)
    ...     for _ in range(20):
    ...         optimizer.zero_grad()
    ...         loss = (p * p).sum()
    ...         loss.backward()
    ...         optimizer.step()
    ...     return loss
    >>> optim.lr_find(train).suggestion
    0.1
    """
    from joblib import Parallel, delayed

    tried = np.array([float(rate) for rate in rates])
    if not tried.size or not (tried > 0).all() or not np.isfinite(tried).all():
        raise ConfigError(f"[lr_find] expected positive learning rates, got {list(rates)!r}.")
    losses = np.array(Parallel(n_jobs=n_jobs)(delayed(reached)(train, rate) for rate in tried.tolist()))
    if not np.isfinite(losses).any():
        raise ConfigError(f"[lr_find] no learning rate led to a finite loss: {losses}. Try smaller ones.")
    return RateSearch(tried, losses, float(tried[np.argmin(np.where(np.isfinite(losses), losses, np.inf))]))


def reached(train: Callable[[float], Any], rate: float) -> float:
    """The loss as a number: what comes back from another process."""
    return float(train(rate))


def lr_range_test(
    optimizer: Optimizer,
    step: Callable[[], Any],
    lowest: float = 1e-7,
    highest: float = 10.0,
    steps: int = 100,
    stop: float = 4.0,
    model: Module | None = None,
) -> RateSearch:
    """One run whose learning rate grows from step to step until the loss explodes (Smith 2015).

    lr_i = lowest (highest / lowest)^(i / (steps - 1)) in all groups; it ends early when the smoothed loss is `stop`
    times the smallest so far, or not finite. The suggestion is where the loss falls fastest over log lr.

    step: makes one training step, with the next batch and this optimizer, and returns the loss; it may be compiled.
    model: its buffers are restored too.
    Afterwards parameters and optimizer are as before, whatever happens. Raises ConfigError for numbers out of range, or
    if the loss was never finite twice.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.SGD([p], lr=1.0)
    >>> def step():
    ...     optimizer.zero_grad()
    ...     loss = (p * p).sum()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> found = optim.lr_range_test(optimizer, step, lowest=1e-4)
    >>> 1e-4 < found.suggestion < 1, len(found.rates) < 100, p.item()
    (True, True, 1.0)
    """
    if not 0 < lowest < highest < math.inf or steps < 2 or not stop > 1:
        raise ConfigError(
            "[lr_range_test] expected 0 < lowest < highest, steps >= 2 and stop > 1, "
            f"got lowest={lowest}, highest={highest}, steps={steps}, stop={stop}."
        )
    restore = snapshot(optimizer, model)
    rates, losses = np.geomspace(lowest, highest, steps), []
    smooth: list[float] = []
    try:
        for lr in rates.tolist():
            for group in optimizer.param_groups:
                group["lr"] = lr
            losses.append(float(step()))
            if not math.isfinite(losses[-1]):
                break
            smooth.append(smoothed(losses))
            if smooth[-1] > stop * min(smooth):
                break
    finally:
        restore()
    if len(smooth) < 2:
        raise ConfigError(f"[lr_range_test] the losses {losses} end before two are finite: lower `lowest`.")
    falling = losses[: max(2, 1 + int(np.argmin(smooth)))]
    return RateSearch(rates[: len(losses)], np.array(losses), float(rates[steepest(falling, rates)]))


def smoothed(losses: Sequence[float]) -> float:
    """A moving average of the losses, the last one counting most."""
    weights = MEMORY ** np.arange(len(losses))[::-1]
    return float(np.average(losses, weights=weights))


def steepest(losses: Sequence[float], rates: np.ndarray) -> int:
    """Where the loss falls fastest with the logarithm of the rate.

    Averages that look back and ahead, so that the place is not late as the average of the past is.
    """
    back = [smoothed(losses[: i + 1]) for i in range(len(losses))]
    ahead = [smoothed(losses[i:][::-1]) for i in range(len(losses))]
    return int(np.argmin(np.gradient(np.add(back, ahead), np.log(rates[: len(losses)]))))


def snapshot(optimizer: Optimizer, model: Module | None) -> Callable[[], None]:
    """A function that puts parameters, gradients, the optimizer and the model back as they are now."""
    parameters = [(p, p.detach(), p.grad) for group in optimizer.param_groups for p in group["params"]]
    state = optimizer.state_dict()
    weights = None if model is None else model.state_dict()

    def restore() -> None:
        optimizer.load_state_dict(state)
        for p, value, grad in parameters:
            p.assign_(value)
            p.grad = grad
        if model is not None and weights is not None:
            model.load_state_dict(weights)

    return restore
