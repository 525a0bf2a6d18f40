"""Optimizers by name, and the schedule of the learning rate."""

import inspect
import math
from typing import Any

from minigrad import nn, optim
from minigrad.errors import ConfigError
from minigrad.optim.lr_scheduler import LambdaLR
from minigrad.train.config import Config

WARMUP = 0.05  # share of the steps


def make_optimizer(config: Config, model: nn.Module) -> optim.Optimizer:
    """The optimizer that the settings name, with those of its options that they set.

    Raises ConfigError for an unknown name or an option that the optimizer does not take.
    """
    known: dict[str, Any] = {
        name.lower(): found
        for name, found in vars(optim).items()
        if isinstance(found, type) and issubclass(found, optim.Optimizer) and found is not optim.Optimizer
        if not found.needs_closure
    }
    if config.optimizer.lower() not in known:
        raise ConfigError(f"[train] optimizer must be one of {', '.join(sorted(known))}, got {config.optimizer!r}.")
    make = known[config.optimizer.lower()]
    options = {"weight_decay": config.weight_decay or None, "momentum": config.momentum}
    options = {name: value for name, value in options.items() if value is not None}
    refused = [name for name in options if name not in inspect.signature(make).parameters]
    if refused:
        raise ConfigError(f"[train] optimizer {config.optimizer} takes no {refused[0]}.")
    return make(model.parameters(), lr=config.lr, **options)


def warmup_cosine(optimizer: optim.Optimizer, steps: int) -> LambdaLR:
    """Learning rates that rise linearly over the first twentieth of `steps`, then fall to 0 along a cosine.

    factor(t) = min((t + 1) / W, (1 + cos(pi t / T)) / 2) for step t = 0, 1, ... of T = steps, W = T / 20.
    Source: Loshchilov & Hutter (2017), SGDR; Goyal et al. (2017) for the warm-up.
    """
    warmup = max(1.0, WARMUP * steps)

    def factor(step):
        return min((step + 1) / warmup, (1 + math.cos(math.pi * min(step, steps) / steps)) / 2)

    return LambdaLR(optimizer, factor)
