"""Functions of a number that may be a symbol, since a schedule may be stepped while a compiled step is traced."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad import ops
from minigrad.core import Tensor
from minigrad.optim.hyper import either


def least(x: Any, limit: float) -> Any:
    """The smaller one."""
    return either(x < limit, x, limit)


def passed(milestones: Sequence[int], t: Any) -> Any:
    """How many milestones lie at t or before."""
    return sum(either(t < m, 0, 1) for m in milestones)


def cos(x: Any) -> Any:
    """The cosine."""
    return ops.cos(x) if isinstance(x, Tensor) else math.cos(x)


def log(x: Any) -> Any:
    """The natural logarithm."""
    return ops.log(x) if isinstance(x, Tensor) else math.log(x)


def floor(x: Any) -> Any:
    """The largest whole number up to x."""
    return ops.floor(x) if isinstance(x, Tensor) else math.floor(x)


def wave(share: Any) -> Any:
    """Half a cosine: 1 at share 0, 0 at share 1."""
    return (1 + cos(math.pi * share)) / 2


def line(share: Any) -> Any:
    """A straight line: 1 at share 0, 0 at share 1."""
    return 1 - share


FALLS = {"cos": wave, "linear": line}
"""The ways from 1 to 0, by the names that `anneal_strategy` takes."""
