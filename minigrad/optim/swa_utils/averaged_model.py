"""A copy of a model whose weights are an average of those it had."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from minigrad import ops
from minigrad.core import Tensor
from minigrad.engine import no_grad, tracer
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import Module

Average = Callable[[Tensor, Tensor, Any], Tensor]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The exponential moving average: a = decay a + (1 - decay) p.  Raises ConfigError unless decay is in [0, 1].

    >>> optim.swa_utils.get_ema_avg_fn(0.75)(mg.tensor(1.0), mg.tensor(5.0), 7)
    tensor(2.)
    """
    if not 0 <= decay <= 1:
        raise ConfigError(f"[get_ema_avg_fn] decay must be in [0, 1], got {decay!r}.")

    def ema(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        return decay * averaged + (1 - decay) * current

    return ema


def get_swa_avg_fn() -> Average:
    """The mean of all: a = a + (p - a) / (n + 1), n the number of those before.

    Taken after every step it is the average of Polyak & Juditsky (1992), taken after epochs with a high learning rate
    that of SWA (Izmailov et al. 2018).

    >>> optim.swa_utils.get_swa_avg_fn()(mg.tensor(1.0), mg.tensor(5.0), 3)
    tensor(2.)
    """

    def mean(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        return averaged + (current - averaged) / (num_averaged + 1)

    return mean


class AveragedModel(Module):
    """A copy of a model whose parameters are averages; call `update_parameters(model)` after steps or epochs.

    model: the model to copy.  avg_fn: avg_fn(averaged, current, num_averaged) gives the new average; the mean of all if
    None, see `get_ema_avg_fn` and `get_swa_avg_fn`. The first update copies.
    use_buffers: average the floating-point buffers too; otherwise they are copied at each update. Running statistics
    fit the average only after `update_bn`.
    module: the copy.  n_averaged: the number of updates, a buffer.

    `update_parameters` may be called in a compiled step.

    >>> model = nn.Linear(1, 1)
    >>> average = optim.swa_utils.AveragedModel(model, optim.swa_utils.get_ema_avg_fn(0.5))
    >>> for value in (1.0, 3.0):
    ...     _ = model.weight.assign_([[value]])
    ...     average.update_parameters(model)
    >>> average.module.weight.detach()
    tensor([[2.]])
    """

    n_averaged: Tensor

    def __init__(self, model: Module, avg_fn: Average | None = None, use_buffers: bool = False) -> None:
        if not isinstance(model, Module):
            raise DtypeError(f"[AveragedModel] expected a module, got a {type(model).__name__}.")
        self.module = copy.deepcopy(model)
        self.register_buffer("n_averaged", ops.tensor(0))
        self.avg_fn = get_swa_avg_fn() if avg_fn is None else avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Let the present parameters of the model, one like that which was copied, take part in the average.

        Raises ConfigError for a model with other parameters or buffers; then nothing was changed.
        """
        averaged = pairs(self.module, model, "parameters")
        copied = pairs(self.module, model, "buffers")
        if self.use_buffers:
            averaged += [(a, p) for a, p in copied if a.dtype.kind == "f"]
            copied = [(a, p) for a, p in copied if a.dtype.kind != "f"]
        n = self.count(model)
        with no_grad():
            for a, p in averaged:
                a.assign_(self.average(a, p, n))
            for a, p in copied:
                a.assign_(p)
            self.n_averaged.assign_(n + 1)

    def count(self, model: Module) -> Any:
        """The number of updates so far; while a step is traced, a symbol that promotes like a number."""
        tracing = tracer()
        if tracing is None:
            return self.n_averaged.item()
        for module in (*self.modules(), *model.modules()):
            tracing.watch(module)
        return tracing.count(self.n_averaged)

    def average(self, averaged: Tensor, current: Tensor, n: Any) -> Tensor:
        """The new average; at first what there is."""
        if isinstance(n, Tensor):
            return ops.where(n == 0, current, self.avg_fn(averaged, current, n))
        return self.avg_fn(averaged, current, n) if n else current


def pairs(own: Module, other: Module, what: str) -> list[tuple[Tensor, Tensor]]:
    """The parameters, or buffers, of two modules side by side. Raises ConfigError unless their shapes are the same."""
    ours, theirs = ([*getattr(module, what)()] for module in (own, other))
    if [x.shape for x in ours] != [x.shape for x in theirs]:
        raise ConfigError(
            f"[AveragedModel] expected a model whose {what} have the shapes {[x.shape for x in ours]}, "
            f"got {[x.shape for x in theirs]}."
        )
    return list(zip(ours, theirs))
