"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ConfigError
from minigrad.optim.group import Group
from minigrad.optim.limits import FINITE, NOT_NEGATIVE, table
from minigrad.optim.optimizer import Optimizer, State
from minigrad.optim.parts import regularized


class SGD(Optimizer):
    """Stochastic gradient descent (Robbins & Monro 1951), with momentum (Polyak 1964) or Nesterov's (1983).

    g = gradient + weight_decay p;  b = momentum b + (1 - dampening) g, but b = g in the first step;
    p = p - lr b, with Nesterov p - lr (g + momentum b), without momentum p - lr g.

    What textbooks call it, by its settings:
    gradient descent (Cauchy 1847): `SGD(params, lr)`, with gradients of the loss over all data;
    the heavy ball, p_next = p - lr gradient + momentum (p - p_before): `SGD(params, lr, momentum)`;
    Nesterov momentum, as Sutskever et al. (2013) write it: `SGD(params, lr, momentum, nesterov=True)`;
    L2 regularization, loss + weight_decay / 2 |p|^2: `weight_decay`;
    decoupled weight decay (Loshchilov & Hutter 2017, SGDW), p = (1 - lr weight_decay) p before the step and apart from
    the momentum: `decoupled_weight_decay=True`;
    L1 regularization: `ProximalSGD`.

    params: parameters or groups.  maximize: ascend instead.  The other arguments are the symbols above.
    differentiable: keep the history of each step in the parameters, so that what comes after it can be differentiated
    by what went into it: gradients, earlier parameters, and hyper-parameters given as 0-d tensors. (PyTorch's leaves
    out what the first step does to the momentum.)
    Raises ConfigError for a negative number, or Nesterov without momentum or with dampening.

    >>> p = nn.Parameter([1.0])
    >>> optimizer = optim.SGD([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.8])
    """

    limits = table(lr=NOT_NEGATIVE, momentum=NOT_NEGATIVE, weight_decay=NOT_NEGATIVE, dampening=FINITE)

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
        differentiable: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "differentiable": differentiable,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        super().check(group)
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ConfigError(f"[{type(self).__name__}] Nesterov momentum needs momentum > 0 and dampening = 0.")

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ("step", "momentum_buffer") if group["momentum"] else ()

    @staticmethod
    def update(g: Any, p: Any, state: State, hyper: Mapping[str, Any]) -> tuple[Any, State]:
        lr, momentum = hyper["lr"], hyper["momentum"]
        g, p = regularized(g, p, hyper)
        if not momentum:
            return p - lr * g, {}
        b = momentum * state["momentum_buffer"]
        b += (1 - hyper["dampening"] * (state["step"] > 0)) * g if hyper["dampening"] else g
        direction = g + momentum * b if hyper["nesterov"] else b
        return p - lr * direction, {"step": state["step"] + 1, "momentum_buffer": b}

    def loaded_state(self, index: int, p: Tensor, group: Group, saved: Mapping[str, Any]) -> dict[str, Tensor]:
        found = super().loaded_state(index, p, group, saved)
        if "momentum_buffer" in found and "step" not in found:  # PyTorch has a buffer only after the first step
            found |= super().loaded_state(index, p, group, {"step": 1.0})
        return found
