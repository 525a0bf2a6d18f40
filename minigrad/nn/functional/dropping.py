"""Dropout."""

from __future__ import annotations

from typing import Any

from minigrad import random
from minigrad.core import Tensor
from minigrad.errors import ConfigError
from minigrad.nn.arguments import float_tensor
from minigrad.ops import select


def dropout(input: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Inverted dropout (Srivastava et al. 2014): each element is 0 with probability p, else multiplied by 1 / (1 - p).

    training: False returns the input as it is.  Raises ConfigError for p outside [0, 1].

    >>> F.dropout(mg.ones(3), p=1.0)
    tensor([0., 0., 0.])
    >>> F.dropout(mg.ones(3), training=False)
    tensor([1., 1., 1.])
    """
    check_probability("dropout", p)
    x = float_tensor("dropout", "input", input)
    if not training or p == 0:
        return x
    kept = random.bernoulli(1 - p, x.shape)
    return select(kept, x * (1 / (1 - p) if p < 1 else 0.0), 0.0)


def check_probability(who: str, p: float) -> None:
    """Raises ConfigError unless p is in [0, 1]."""
    if not 0 <= p <= 1:
        raise ConfigError(f"[{who}] the probability p must lie in [0, 1], got {p}.")
