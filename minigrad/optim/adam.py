"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minigrad.optim.limits import FRACTION, NOT_NEGATIVE, table
from minigrad.optim.optimizer import Optimizer, State
from minigrad.optim.parts import regularized

ADAM_LIMITS = table(lr=NOT_NEGATIVE, eps=NOT_NEGATIVE, weight_decay=NOT_NEGATIVE, betas=(FRACTION, FRACTION))


class Adam(Optimizer):
    """Adam (Kingma & Ba 2014): each element's step is scaled by running means of its gradient and of its square.

    g = gradient + weight_decay p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
    p = p - lr m' / (sqrt(v') + eps) with m' = m / (1 - b1^t), v' = v / (1 - b2^t).

    params: parameters or groups.  betas: (b1, b2), each in [0, 1).  amsgrad: use the largest v so far (Reddi et al.
    2018).  maximize: ascend instead.  differentiable: see `SGD`.  decoupled_weight_decay: see `AdamW`.
    Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.Adam([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.9])
    """

    limits = ADAM_LIMITS

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "differentiable": differentiable,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        names = ("step", "exp_avg", "exp_avg_sq")
        return (*names, "max_exp_avg_sq") if group["amsgrad"] else names

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        g, p = regularized(g, p, hyper)
        step, state = adam_step(g, state, hyper)
        return p - step, state


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2017): p shrinks by lr weight_decay p besides Adam's step.

    Arguments as for `Adam`; the gradient is not touched by the weight decay.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.AdamW([p], lr=0.1, weight_decay=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.89])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            differentiable=differentiable,
            decoupled_weight_decay=True,
        )

    def loaded_group(self, saved: Mapping[str, Any]) -> dict[str, Any]:
        return super().loaded_group({**saved, "decoupled_weight_decay": True})  # of an Adam too, as in PyTorch


def adam_step(g: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
    """lr m' / (sqrt(v') + eps), and the state after it; written as c1 m / (sqrt(v) + c2), one pass less."""
    xp = g.__array_namespace__()
    b1, b2 = hyper["betas"]
    t = state["step"] + 1
    m = b1 * state["exp_avg"]
    m += (1 - b1) * g
    square = g * g
    square *= 1 - b2
    v = b2 * state["exp_avg_sq"]
    v += square
    new = {"step": t, "exp_avg": m, "exp_avg_sq": v}
    if hyper["amsgrad"]:
        v = new["max_exp_avg_sq"] = xp.maximum(state["max_exp_avg_sq"], v)
    correction = (1 - b2**t) ** 0.5
    denominator = xp.sqrt(v)
    denominator += hyper["eps"] * correction
    step = m * (hyper["lr"] * correction / (1 - b1**t))
    step /= denominator
    return step, new
