"""Running statistics computed anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.engine import no_grad
from minigrad.nn import Module
from minigrad.nn.running_norm import InstanceNorm


def update_bn(loader: Iterable[Any], model: Module) -> None:
    """Compute the running statistics of a model anew from data: those of averaged weights are nobody's average.

    Every module with a method `reset_running_stats` is reset; the model sees all batches in training mode and without
    recording; modes are then as before. Meanwhile `momentum` is None where there is one, which makes the statistics
    plain means over the batches. An `InstanceNorm`, for which None means nothing like that, goes on as in training.

    loader: batches, or tuples that begin with one.  model: also an `AveragedModel`.

    >>> class LargestSeen(nn.Module):
    ...     def __init__(self):
    ...         self.register_buffer("largest", mg.zeros(()))
    ...     def reset_running_stats(self):
    ...         self.largest.assign_(0.0)
    ...     def forward(self, x):
    ...         if self.training:
    ...             self.largest.assign_(mg.maximum(self.largest, mg.max(x)))
    ...         return x / self.largest
    >>> model = LargestSeen().eval()
    >>> optim.swa_utils.update_bn([mg.tensor([1.0, 4.0]), mg.tensor([2.0, 3.0])], model)
    >>> model(mg.tensor([1.0, 2.0]))
    tensor([0.25, 0.5 ])
    """
    running = [
        module
        for module in model.modules()
        if hasattr(module, "reset_running_stats") and not isinstance(module, InstanceNorm)
    ]
    if not running:
        return
    momenta = [(module, module.momentum) for module in running if hasattr(module, "momentum")]
    modes = [(module, module.training) for module in model.modules()]
    for module in running:
        module.reset_running_stats()
    model.train()
    try:
        for module, _ in momenta:
            module.momentum = None
        with no_grad():
            for batch in loader:
                model(batch[0] if isinstance(batch, (tuple, list)) else batch)
    finally:
        for module, momentum in momenta:
            module.momentum = momentum
        for module, training in modes:
            module.training = training
