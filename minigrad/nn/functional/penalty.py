"""Penalties of activations."""

from __future__ import annotations

import math
from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import float_tensor
from minigrad.ops import abs, square, sum, zeros


def activation_penalty(input: Any, l1: float = 0.0, l2: float = 0.0) -> Tensor:
    """1/N sum_n (l1 sum_i |h_ni| + l2/2 sum_i h_ni^2): the mean over the samples of a norm penalty on activations.

    With l1 it makes representations sparse, as l1 of weights makes weights sparse (Goodfellow et al. 2016, 7.10).

    input: (N, ...) activations of N samples.  l1, l2: the strengths, not negative.  Returns ().
    Raises ShapeError for a number, ConfigError for other strengths.

    >>> F.activation_penalty(mg.tensor([[1.0, -2.0], [0.0, 3.0]]), l1=0.5)
    tensor(1.5)
    """
    who = "activation_penalty"
    check_strengths(who, l1, l2)
    h = float_tensor(who, "input", input)
    if h.data.ndim == 0:
        raise ShapeError(f"[{who}] expected activations of shape (N, ...), got a number.")
    penalty = zeros((), h.dtype)
    for strength, of in ((l1, abs), (0.5 * l2, square)):
        if strength:  # 0 times a square that overflows would be NaN
            penalty = penalty + strength * sum(of(h))
    return penalty / h.shape[0]


def check_strengths(who: str, l1: float, l2: float) -> None:
    """Raises ConfigError unless both are numbers, not negative, and finite."""
    for name, strength in (("l1", l1), ("l2", l2)):
        if not isinstance(strength, (int, float)) or not 0 <= strength < math.inf:
            raise ConfigError(f"[{who}] {name} must be a number, at least 0, got {strength!r}.")
