"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ConfigError
from minigrad.optim.group import Group
from minigrad.optim.optimizer import Optimizer, State


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Polyak 1964) or Nesterov momentum (Sutskever et al. 2013).

    g = gradient + weight_decay p;  b = momentum b + (1 - dampening) g, but b = g in the first step;
    p = p - lr b, with Nesterov p - lr (g + momentum b), without momentum p - lr g.

    params: parameters or groups.  maximize: ascend instead.  The other arguments are the symbols above.
    Raises ConfigError for a negative number, or Nesterov without momentum or with dampening.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.SGD([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.8])
    """

    not_negative = ("lr", "momentum", "weight_decay")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        super().check(group)
        self.expect("dampening", group["dampening"], "finite", lambda x: abs(x) < float("inf"))
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ConfigError("[SGD] Nesterov momentum needs momentum > 0 and dampening = 0.")

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("step", "momentum_buffer") if group["momentum"] else ()

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        lr, momentum = hyper["lr"], hyper["momentum"]
        if hyper["maximize"]:
            g = -g
        if hyper["weight_decay"]:
            g = g + hyper["weight_decay"] * p
        if not momentum:
            return p - lr * g, {}
        b = momentum * state["momentum_buffer"]
        b += (1 - hyper["dampening"] * (state["step"] > 0)) * g if hyper["dampening"] else g
        direction = g + momentum * b if hyper["nesterov"] else b
        return p - lr * direction, {"step": state["step"] + 1, "momentum_buffer": b}

    def loaded_state(self, index: int, p: Tensor, saved: Mapping[str, Any]) -> dict[str, Tensor]:
        found = super().loaded_state(index, p, saved)
        if "momentum_buffer" in found and "step" not in found:  # PyTorch has a buffer only after the first step
            found |= super().loaded_state(index, p, {"step": 1.0})
        return found
