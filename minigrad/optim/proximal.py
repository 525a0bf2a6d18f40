"""SGD on a loss with an L1 penalty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minigrad.optim.limits import NOT_NEGATIVE, table
from minigrad.optim.optimizer import Optimizer, State
from minigrad.optim.sgd import SGD


class ProximalSGD(SGD):
    """SGD on loss + l1 |p|_1, by proximal steps (Daubechies, Defrise & De Mol 2004, ISTA) or plain subgradient steps.

    Proximal: q is where SGD on the loss alone goes, and p = sign(q) max(|q| - lr l1, 0), the soft threshold: weights
    that the loss does not hold back become exactly 0, and stay. With sign_step=True g = gradient + l1 sign(p) instead,
    which leaves such weights jumping about 0 by lr l1.

    params: parameters or groups; give biases a group with l1=0.  The other arguments are SGD's.
    Raises ConfigError for a value out of range.

    >>> p = nn.Parameter([1.0, 0.05])
    >>> optimizer = optim.ProximalSGD([p], lr=0.1, l1=1.0)
    >>> (0 * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.9, 0. ])
    """

    limits = table(**SGD.limits, l1=NOT_NEGATIVE)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        l1: float = 0.0,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        sign_step: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "l1": l1,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "sign_step": sign_step,
            "differentiable": differentiable,
        }
        Optimizer.__init__(self, params, defaults)

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        xp = g.__array_namespace__()
        if hyper["sign_step"]:
            return SGD.update(g + hyper["l1"] * xp.sign(p), p, state, hyper)
        q, new = SGD.update(g, p, state, hyper)
        return xp.sign(q) * xp.maximum(xp.abs(q) - hyper["lr"] * hyper["l1"], 0.0), new
