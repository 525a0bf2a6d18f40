"""Checks of the arguments that layers and functions take."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import as_operand
from minigrad.errors import ConfigError, DtypeError


def size(who: str, name: str, value: Any, minimum: int = 0) -> int:
    """`value` as an int. Raises ConfigError unless it is an integer, at least `minimum`."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= minimum:
        return int(value)
    raise ConfigError(f"[{who}] {name} must be an integer, at least {minimum}; got {value!r}.")


def float_tensor(who: str, name: str, x: Any) -> Tensor:
    """`x` as a floating-point tensor. Raises DtypeError for integers, which carry no gradient."""
    x = as_operand(x)
    if not isinstance(x, Tensor):
        x = Tensor(np.asarray(x))
    if x.data.dtype.kind != "f":
        raise DtypeError(f"[{who}] {name} must be floating-point, got {x.dtype}: convert it with .astype('float32').")
    return x


def choice(who: str, name: str, value: Any, allowed: tuple) -> None:
    """Raises ConfigError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ConfigError(f"[{who}] {name} must be one of {', '.join(map(repr, allowed))}; got {value!r}.")
