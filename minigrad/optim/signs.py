"""Rprop and Lion: steps by the sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minigrad.optim.limits import ABOVE_ONE, FRACTION, INNER_FRACTION, NOT_NEGATIVE, table
from minigrad.optim.optimizer import Optimizer, State
from minigrad.optim.parts import running_mean


class Rprop(Optimizer):
    """Resilient backpropagation (Riedmiller & Braun 1993): a step size for each element, and of g only the sign.

    Where g has kept its sign, s = min(etas[1] s, step_sizes[1]); where it has changed, g = 0 and
    s = max(etas[0] s, step_sizes[0]);  p = p - s sign(g).

    params: parameters or groups.  lr: s before the first step.  etas: in (0, 1) and above 1.  maximize, differentiable:
    see `SGD`.  For gradients of the whole loss: those of batches change their signs by chance.
    Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.Rprop([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.9])
    """

    limits = table(lr=NOT_NEGATIVE, etas=(INNER_FRACTION, ABOVE_ONE), step_sizes=(NOT_NEGATIVE, NOT_NEGATIVE))
    first = table(step_size="lr")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        *,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("step", "prev", "step_size")

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        xp = g.__array_namespace__()
        if hyper["maximize"]:
            g = -g
        (down, up), (low, high) = hyper["etas"], hyper["step_sizes"]
        agreement, s = g * state["prev"], state["step_size"]
        s = xp.where(agreement > 0, s * up, xp.where(agreement < 0, s * down, s))
        s = xp.minimum(xp.maximum(s, low), high)
        g = xp.where(agreement < 0, 0.0, g)
        return p - xp.sign(g) * s, {"step": state["step"] + 1, "prev": g, "step_size": s}


class Lion(Optimizer):
    """Lion (Chen et al. 2023): the sign of an interpolation between gradient and momentum.

    p = (1 - lr weight_decay) p - lr sign(b1 m + (1 - b1) g);  m = b2 m + (1 - b2) g.

    params: parameters or groups.  betas: (b1, b2).  Every element moves by lr: use a third to a tenth of Adam's rate,
    and as many times its weight decay.  maximize, differentiable: see `SGD`.
    Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.Lion([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.9])
    """

    limits = table(lr=NOT_NEGATIVE, betas=(FRACTION, FRACTION), weight_decay=NOT_NEGATIVE)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("exp_avg",)

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        xp = g.__array_namespace__()
        if hyper["maximize"]:
            g = -g
        if hyper["weight_decay"]:
            p = p * (1 - hyper["lr"] * hyper["weight_decay"])
        b1, b2 = hyper["betas"]
        direction = xp.sign(running_mean(state["exp_avg"], g, b1))
        return p - hyper["lr"] * direction, {"exp_avg": running_mean(state["exp_avg"], g, b2)}
