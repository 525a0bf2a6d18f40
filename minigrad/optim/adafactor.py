"""Adafactor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError
from minigrad.optim.group import Group
from minigrad.optim.hyper import either
from minigrad.optim.limits import AT_LEAST_ONE, NOT_NEGATIVE, NOT_POSITIVE, expect, table
from minigrad.optim.optimizer import Optimizer, State


class Adafactor(Optimizer):
    """Adafactor (Shazeer & Stern 2018): of the squared gradients of a matrix, means of rows and of columns only.

    With b = 1 - t^beta2_decay, r and c become b r + (1 - b) mean of g^2 over columns, and over rows;
    v = r c / mean(r), for vectors v = b v + (1 - b) g^2;  u = g / max(sqrt(v), eps1);
    p = (1 - lr weight_decay) p - max(eps2, rms(p)) min(lr, 1 / sqrt(t)) u / max(1, rms(u) / d).

    params: parameters or groups; those of more than two dimensions are stacks of matrices.  eps: (eps1, eps2), with
    eps1 None for that of the dtype.  d: rms(u) above which steps are made smaller.  maximize: ascend instead.
    Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.Adafactor([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.9])
    """

    limits = table(lr=NOT_NEGATIVE, beta2_decay=NOT_POSITIVE, d=AT_LEAST_ONE, weight_decay=NOT_NEGATIVE)
    elementwise = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        super().check(group)
        eps = group["eps"]
        if not isinstance(eps, (tuple, list)) or len(eps) != 2:
            raise ConfigError(f"[Adafactor] eps must be a number or None, and a number; got {eps!r}.")
        for i, x in enumerate(eps):
            if i or x is not None:
                expect("Adafactor", f"eps[{i}]", x, NOT_NEGATIVE)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("step", "row_var", "col_var", "variance")

    def initial(self, name: str, p: Tensor, group: Mapping[str, Any]) -> Tensor | None:
        if name in ("row_var", "col_var", "variance") and (name == "variance") == (p.ndim > 1):
            return None
        if name == "row_var":
            return Tensor(np.zeros((*p.shape[:-1], 1), p.dtype))
        if name == "col_var":
            return Tensor(np.zeros((*p.shape[:-2], 1, p.shape[-1]), p.dtype))
        return super().initial(name, p, group)

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        xp = g.__array_namespace__()
        lr, (eps1, eps2) = hyper["lr"], hyper["eps"]
        eps1 = float(xp.finfo(p.dtype).eps) if eps1 is None else eps1
        if hyper["maximize"]:
            g = -g
        t = state["step"] + 1
        v, new = second_moment(g, state, t ** hyper["beta2_decay"], eps1)
        u = g / xp.sqrt(xp.maximum(v, eps1 * eps1))
        u = u / xp.maximum(rms(u) / hyper["d"], 1.0)
        slow = t**-0.5
        rate = xp.maximum(rms(p), eps2) * either(lr < slow, lr, slow)
        if hyper["weight_decay"]:
            p = p * (1 - lr * hyper["weight_decay"])
        return p - rate * u, {"step": t, **new}


def second_moment(g: Any, state: State, weight: Any, eps1: Any) -> tuple[Any, State]:
    """An estimate of the mean of g^2 and the state it comes from; weight: that of the new g in the running means."""
    xp, square = g.__array_namespace__(), g * g
    if g.ndim < 2:
        v = state["variance"] + weight * (square - state["variance"])
        return v, {"variance": v}
    rows = state["row_var"] + weight * (xp.mean(square, axis=-1, keepdims=True) - state["row_var"])
    columns = state["col_var"] + weight * (xp.mean(square, axis=-2, keepdims=True) - state["col_var"])
    v = rows * columns / xp.maximum(xp.mean(rows, axis=-2, keepdims=True), eps1)
    return v, {"row_var": rows, "col_var": columns}


def rms(x: Any) -> Any:
    """The root of the mean square of all elements."""
    xp = x.__array_namespace__()
    return xp.sqrt(xp.mean(x * x))
