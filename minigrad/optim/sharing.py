"""Learning rates by what the parameters of a model are connected to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from minigrad.core import Tensor
from minigrad.engine import no_grad
from minigrad.errors import ConfigError

FEATURES = ("out_features", "out_channels", "num_features")
"""What modules call the number of their outputs at one position."""


class Connections(NamedTuple):
    """Of a parameter: how many connections share each of its weights, and how many inputs one output has.

    >>> optim.Connections(shared_by=36, fan_in=9).fan_in
    9
    """

    shared_by: int
    fan_in: int


def connections(model: Any, *example: Tensor) -> dict[Tensor, Connections]:
    """How the weights of a model are connected, seen from what it does to an example, a batch.

    A weight is shared by as many connections as its module computes outputs with it: those of a convolution by one for
    each position, others by one, and all by as many times as often as the module is called. model: a Module.
    example: its inputs, the first with the batch in front. Returns {parameter: (shared_by, fan_in)}.
    Raises ConfigError if a parameter is not used by a module of its own.

    >>> conv = nn.Conv2d(1, 4, 3)
    >>> optim.connections(conv, mg.zeros((2, 1, 8, 8)))[conv.weight]
    Connections(shared_by=36, fan_in=9)
    """
    uses: dict[Tensor, int] = {}
    batch = example[0].shape[0]

    def count(module: Any, inputs: tuple, output: Any) -> None:
        features = next((getattr(module, name) for name in FEATURES if hasattr(module, name)), None)
        positions = 1 if features is None else output.size // (batch * features)
        for p in own_parameters(module):
            uses[p] = uses.get(p, 0) + positions

    removals = [m.register_forward_hook(count) for m in model.modules() if own_parameters(m)]
    try:
        with no_grad():
            model(*example)
    finally:
        for remove in removals:
            remove()
    for name, p in model.named_parameters():
        if p not in uses:
            raise ConfigError(f"[connections] the example does not reach {name}: no module that holds it was called.")
    return {p: Connections(uses[p], math.prod(p.shape[1:])) for p in model.parameters()}


def own_parameters(module: Any) -> list[Tensor]:
    """The parameters of a module itself, not of those inside it."""
    inner = {p for child in module.modules() if child is not module for p in child.parameters()}
    return [p for p in module.parameters() if p not in inner]


def by_sharing(c: Connections) -> float:
    """The square root of the number of connections that share a weight."""
    return math.sqrt(c.shared_by)


def groups_by_connections(
    model: Any, *example: Tensor, lr: float, rule: Callable[[Connections], float] = by_sharing
) -> list[dict[str, Any]]:
    """Parameter groups with learning rates lr rule(connections), by default lr sqrt(connections that share a weight).

    So that all weights learn at about the same speed (LeCun, Bottou, Orr & Mueller 1998, Efficient BackProp, 4.7). They
    also advise rates proportional to the root of the fan-in, `rule=lambda c: math.sqrt(c.shared_by * c.fan_in)`.
    Arguments as for `connections`. Returns groups for any optimizer, one for each rate. Raises as `connections`.

    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 10))
    >>> groups = optim.groups_by_connections(model, mg.zeros((2, 1, 8, 8)), lr=0.01)
    >>> [(len(g["params"]), g["lr"]) for g in optim.SGD(groups).param_groups]
    [(2, 0.06), (2, 0.01)]
    """
    groups: dict[float, list[Tensor]] = {}
    for p, found in connections(model, *example).items():
        groups.setdefault(lr * rule(found), []).append(p)
    return [{"params": params, "lr": rate} for rate, params in groups.items()]
