"""SGD with averaged iterates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minigrad.optim.hyper import either
from minigrad.optim.limits import FINITE, NOT_NEGATIVE, table
from minigrad.optim.optimizer import Optimizer, State
from minigrad.optim.parts import regularized


class ASGD(Optimizer):
    """Averaged stochastic gradient descent (Polyak & Juditsky 1992): SGD, and the mean of its parameters besides.

    p = (1 - lambd eta) p - eta g with eta = lr / (1 + lambd lr t)^alpha after t steps, and lr in the first one;
    ax = ax + (p - ax) / max(1, t - t0), in the state, is the mean of p over the steps after t0.

    params: parameters or groups.  g: the gradient + weight_decay p.  maximize, differentiable: see `SGD`.
    Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.ASGD([p], lr=0.1, lambd=0.0, t0=0)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     (p * p).sum().backward()
    ...     optimizer.step()
    >>> p.detach(), optimizer.state[p]["ax"]
    (tensor([0.64]), tensor([0.64]))
    """

    limits = table(lr=NOT_NEGATIVE, weight_decay=NOT_NEGATIVE, lambd=FINITE, alpha=FINITE, t0=FINITE)
    numbers = ("step", "eta", "mu")
    first = table(eta="lr", mu=1.0)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("step", "eta", "mu", "ax")

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        g, p = regularized(g, p, hyper)
        lr, lambd, mu = hyper["lr"], hyper["lambd"], state["mu"]
        t = state["step"] + 1
        eta = either(t > 1, state["eta"], lr)  # the rate may have been changed before the first step
        p = p * (1 - lambd * eta) - eta * g
        ax = state["ax"] + mu * (p - state["ax"])
        averaged = t - hyper["t0"]
        eta = lr / (1 + lambd * lr * t) ** hyper["alpha"]
        return p, {"step": t, "eta": eta, "mu": 1 / either(averaged > 1, averaged, 1.0), "ax": ax}
