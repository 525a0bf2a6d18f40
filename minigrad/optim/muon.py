"""Muon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minigrad.errors import ConfigError, DtypeError
from minigrad.optim.group import Group
from minigrad.optim.limits import FINITE, NOT_NEGATIVE, table
from minigrad.optim.optimizer import Optimizer, State
from minigrad.optim.parts import running_mean

ADJUSTMENTS = {
    None: lambda rows, columns: max(1.0, rows / columns) ** 0.5,
    "original": lambda rows, columns: max(1.0, rows / columns) ** 0.5,
    "match_rms_adamw": lambda rows, columns: 0.2 * max(rows, columns) ** 0.5,
}
"""What the rate is multiplied with, by name, for a matrix of so many rows and columns."""


class Muon(Optimizer):
    """Muon (Jordan et al. 2024): momentum whose matrices are made nearly orthogonal, so that all directions move alike.

    b = momentum b + (1 - momentum) g;  u = b, with Nesterov momentum b + (1 - momentum) g;  O = U V^T for
    u = U S V^T, approximated by `ns_steps` Newton-Schulz steps with the coefficients `ns_coefficients`;
    p = (1 - lr weight_decay) p - lr a O, where a depends on the shape: sqrt(max(1, rows / columns)), or with
    adjust_lr_fn="match_rms_adamw" 0.2 sqrt(max(rows, columns)) (Liu et al. 2025), so that AdamW's rates fit.

    params: matrices, of the hidden layers; give vectors and embeddings to another optimizer.  eps: the least norm that
    u is divided by.  The iteration runs in the dtype of the parameters, where PyTorch's rounds to bfloat16.
    Raises ConfigError for a value out of range, DtypeError for a parameter that is no matrix.

    >>> p = nn.Parameter([[3.0, 0.0], [0.0, 4.0]])
    >>> optimizer = optim.Muon([p], lr=0.1, weight_decay=0.0, ns_coefficients=(1.5, -0.5, 0.0), ns_steps=20)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([[2.9, 0. ],
            [0. , 3.9]])
    """

    limits = table(
        lr=NOT_NEGATIVE,
        weight_decay=NOT_NEGATIVE,
        momentum=NOT_NEGATIVE,
        ns_coefficients=(FINITE, FINITE, FINITE),
        eps=NOT_NEGATIVE,
    )
    elementwise = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        super().check(group)
        if type(group["ns_steps"]) is not int or not 0 < group["ns_steps"] < 100:
            raise ConfigError(f"[Muon] ns_steps must be a whole number from 1 to 99; got {group['ns_steps']!r}.")
        if group["adjust_lr_fn"] not in ADJUSTMENTS:
            known = ", ".join(repr(name) for name in ADJUSTMENTS)
            raise ConfigError(f"[Muon] adjust_lr_fn must be one of {known}; got {group['adjust_lr_fn']!r}.")

    def check_parameter(self, p: Any, differentiable: bool) -> None:
        super().check_parameter(p, differentiable)
        if p.ndim != 2:
            raise DtypeError(
                f"[Muon] only matrices can be made orthogonal, got a parameter of shape {p.shape}: give those with "
                "p.ndim == 2 to Muon, the others to another optimizer."
            )

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",)

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        lr, momentum = hyper["lr"], hyper["momentum"]
        b = running_mean(state["momentum_buffer"], g, momentum)
        u = running_mean(b, g, momentum) if hyper["nesterov"] else b
        orthogonal = newton_schulz(u, hyper["ns_coefficients"], hyper["ns_steps"], hyper["eps"])
        if hyper["weight_decay"]:
            p = p * (1 - lr * hyper["weight_decay"])
        return p - lr * ADJUSTMENTS[hyper["adjust_lr_fn"]](*p.shape) * orthogonal, {"momentum_buffer": b}


def newton_schulz(x: Any, coefficients: tuple[Any, Any, Any], steps: int, eps: Any) -> Any:
    """U V^T for x = U S V^T, nearly: x / |x|, then x = a x + (b x x^T + c (x x^T)^2) x for so many steps.

    The polynomial a s + b s^3 + c s^5 takes the singular values s from (0, 1] towards 1.
    """
    if x.shape[0] > x.shape[1]:
        return newton_schulz(x.mT, coefficients, steps, eps).mT
    xp = x.__array_namespace__()
    a, b, c = coefficients
    x = x / xp.maximum(xp.sqrt(xp.sum(x * x)), eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x
