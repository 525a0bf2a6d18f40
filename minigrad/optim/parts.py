"""What several update rules do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def regularized(g: Any, p: Any, hyper: Mapping[str, Any]) -> tuple[Any, Any]:
    """Gradient and parameter for `maximize`, and with the weight decay in the gradient or, decoupled, in p."""
    if hyper.get("maximize"):
        g = -g
    if not hyper["weight_decay"]:
        return g, p
    if hyper.get("decoupled_weight_decay"):
        return g, p * (1 - hyper["lr"] * hyper["weight_decay"])
    return g + hyper["weight_decay"] * p, p


def running_mean(mean: Any, x: Any, beta: Any) -> Any:
    """beta mean + (1 - beta) x."""
    new = beta * mean
    new += (1 - beta) * x
    return new
