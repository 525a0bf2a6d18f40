"""Adagrad, RMSprop and Adadelta: rates from the squares of past gradients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minigrad.optim.limits import NOT_NEGATIVE, SHARE, table
from minigrad.optim.optimizer import Optimizer, State
from minigrad.optim.parts import regularized, running_mean


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan & Singer 2011): each element's rate falls with the sum of its squared gradients.

    s = s + g^2;  p = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps), with g = gradient + weight_decay p.

    params: parameters or groups.  initial_accumulator_value: s before the first step.  maximize, differentiable: see
    `SGD`.  Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.Adagrad([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.9])
    """

    limits = dict.fromkeys(("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"), NOT_NEGATIVE)
    first = table(sum="initial_accumulator_value")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("step", "sum")

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        xp = g.__array_namespace__()
        g, p = regularized(g, p, hyper)
        s = state["sum"] + g * g
        rate = hyper["lr"] / (1 + state["step"] * hyper["lr_decay"])
        return p - rate * g / (xp.sqrt(s) + hyper["eps"]), {"step": state["step"] + 1, "sum": s}


class RMSprop(Optimizer):
    """RMSprop (Tieleman & Hinton 2012): each element's step is divided by a running root mean square of its gradients.

    v = alpha v + (1 - alpha) g^2, with g = gradient + weight_decay p;  d = sqrt(v) + eps, or, centered (Graves 2013),
    d = sqrt(v - m^2) + eps with m the running mean of g;  p = p - lr g / d, with momentum p - lr b with
    b = momentum b + g / d.

    params: parameters or groups.  maximize, differentiable: see `SGD`.  Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.RMSprop([p], lr=0.01)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.9])
    """

    limits = dict.fromkeys(("lr", "alpha", "eps", "weight_decay", "momentum"), NOT_NEGATIVE)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        more = (("momentum_buffer", group["momentum"]), ("grad_avg", group["centered"]))
        return ("step", "square_avg", *(name for name, needed in more if needed))

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        xp = g.__array_namespace__()
        g, p = regularized(g, p, hyper)
        v = running_mean(state["square_avg"], g * g, hyper["alpha"])
        new = {"step": state["step"] + 1, "square_avg": v}
        if hyper["centered"]:
            m = new["grad_avg"] = running_mean(state["grad_avg"], g, hyper["alpha"])
            v = v - m * m
        direction = g / (xp.sqrt(v) + hyper["eps"])
        if hyper["momentum"]:
            direction = new["momentum_buffer"] = hyper["momentum"] * state["momentum_buffer"] + direction
        return p - hyper["lr"] * direction, new


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012): RMSprop whose rate is the root mean square of the steps before, in the units of p.

    v = rho v + (1 - rho) g^2;  d = sqrt(a + eps) / sqrt(v + eps) g;  a = rho a + (1 - rho) d^2;  p = p - lr d, with
    g = gradient + weight_decay p.

    params: parameters or groups.  maximize, differentiable: see `SGD`.  Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.Adadelta([p], rho=0.0, eps=0.0625)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.75193])
    """

    limits = table(lr=NOT_NEGATIVE, rho=SHARE, eps=NOT_NEGATIVE, weight_decay=NOT_NEGATIVE)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("step", "square_avg", "acc_delta")

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        xp = g.__array_namespace__()
        g, p = regularized(g, p, hyper)
        rho, eps = hyper["rho"], hyper["eps"]
        v = running_mean(state["square_avg"], g * g, rho)
        delta = xp.sqrt(state["acc_delta"] + eps) / xp.sqrt(v + eps) * g
        a = running_mean(state["acc_delta"], delta * delta, rho)
        return p - hyper["lr"] * delta, {"step": state["step"] + 1, "square_avg": v, "acc_delta": a}
