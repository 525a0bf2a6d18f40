"""Adamax, NAdam and RAdam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minigrad.optim.adam import ADAM_LIMITS
from minigrad.optim.hyper import either
from minigrad.optim.limits import NOT_NEGATIVE, table
from minigrad.optim.optimizer import Optimizer, State
from minigrad.optim.parts import regularized, running_mean


class Adamax(Optimizer):
    """Adamax (Kingma & Ba 2014): Adam with a decaying maximum of the gradients in place of their mean square.

    m = b1 m + (1 - b1) g;  u = max(b2 u, |g| + eps);  p = p - lr / (1 - b1^t) m / u; g = gradient + weight_decay p.

    Arguments as for `Adam`.  Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.Adamax([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.9])
    """

    limits = ADAM_LIMITS

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("step", "exp_avg", "exp_inf")

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        xp = g.__array_namespace__()
        g, p = regularized(g, p, hyper)
        b1, b2 = hyper["betas"]
        t = state["step"] + 1
        m = running_mean(state["exp_avg"], g, b1)
        u = xp.maximum(b2 * state["exp_inf"], xp.abs(g) + hyper["eps"])
        return p - hyper["lr"] / (1 - b1**t) * m / u, {"step": t, "exp_avg": m, "exp_inf": u}


class NAdam(Optimizer):
    """Adam with Nesterov momentum (Dozat 2016).

    m and v as in `Adam`;  mu_t = b1 (1 - 0.96^(t momentum_decay) / 2);
    p = p - lr ((1 - mu_t) / (1 - mu_1...mu_t) g + mu_t+1 / (1 - mu_1...mu_t+1) m) / (sqrt(v / (1 - b2^t)) + eps).

    Arguments as for `Adam`, and momentum_decay.  Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.NAdam([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.894])
    """

    limits = table(**ADAM_LIMITS, momentum_decay=NOT_NEGATIVE)
    numbers = ("step", "mu_product")
    first = table(mu_product=1.0)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("step", "mu_product", "exp_avg", "exp_avg_sq")

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        xp = g.__array_namespace__()
        g, p = regularized(g, p, hyper)
        lr, decay, (b1, b2) = hyper["lr"], hyper["momentum_decay"], hyper["betas"]
        t = state["step"] + 1
        mu, mu_next = (b1 * (1 - 0.5 * 0.96 ** (k * decay)) for k in (t, t + 1))
        product = state["mu_product"] * mu
        m = running_mean(state["exp_avg"], g, b1)
        v = running_mean(state["exp_avg_sq"], g * g, b2)
        direction = lr * (1 - mu) / (1 - product) * g + lr * mu_next / (1 - product * mu_next) * m
        p = p - direction / (xp.sqrt(v / (1 - b2**t)) + hyper["eps"])
        return p, {"step": t, "mu_product": product, "exp_avg": m, "exp_avg_sq": v}


class RAdam(Optimizer):
    """Rectified Adam (Liu et al. 2019): plain momentum until the variance of 1 / sqrt(v) is tractable.

    m and v as in `Adam`;  r = 2 / (1 - b2) - 1;  r_t = r - 2 t b2^t / (1 - b2^t);
    if r_t > 5: p = p - lr m / (1 - b1^t) c sqrt(1 - b2^t) / (sqrt(v) + eps)
    with c^2 = (r_t - 4) (r_t - 2) r / ((r - 4) (r - 2) r_t);  otherwise p = p - lr m / (1 - b1^t).

    Arguments as for `Adam`.  Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.RAdam([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.8])
    """

    limits = ADAM_LIMITS

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("step", "exp_avg", "exp_avg_sq")

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        xp = g.__array_namespace__()
        g, p = regularized(g, p, hyper)
        b1, b2 = hyper["betas"]
        t = state["step"] + 1
        m = running_mean(state["exp_avg"], g, b1)
        v = running_mean(state["exp_avg_sq"], g * g, b2)
        c, plain = rectification(b2, t)
        scale = c * (1 - b2**t) ** 0.5 / (xp.sqrt(v) + hyper["eps"]) + plain
        return p - hyper["lr"] / (1 - b1**t) * m * scale, {"step": t, "exp_avg": m, "exp_avg_sq": v}


def rectification(b2: Any, t: Any) -> tuple[Any, Any]:
    """RAdam's c in step t, and 0; or 0 and 1 if the step is not rectified."""
    r = 2 / (1 - b2) - 1
    r_t = r - 2 * t * b2**t / (1 - b2**t)
    rectified = r_t > 5
    r, r_t = either(rectified, r, 6.0), either(rectified, r_t, 6.0)  # no roots of negative numbers where it is not
    c = ((r_t - 4) * (r_t - 2) * r / ((r - 4) * (r - 2) * r_t)) ** 0.5
    return either(rectified, c, 0.0), either(rectified, 0.0, 1.0)
