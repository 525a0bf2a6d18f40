"""Checks of the arguments that layers and functions take."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import tracer
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.ops import checked_index, reshape_to
from minigrad.ops.movement import as_tensor

Size = int | tuple[int, ...]
"""An int, or one for each spatial dimension: what `per_dim` takes."""


def size(who: str, name: str, value: Any, minimum: int = 0) -> int:
    """`value` as an int. Raises ConfigError unless it is an integer, at least `minimum`."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= minimum:
        return int(value)
    raise ConfigError(f"[{who}] {name} must be an integer, at least {minimum}; got {value!r}.")


def float_tensor(who: str, name: str, x: Any) -> Tensor:
    """`x` as a floating-point tensor. Raises DtypeError for integers, which carry no gradient."""
    x = as_tensor(x)
    if x.data.dtype.kind != "f":
        raise DtypeError(f"[{who}] {name} must be floating-point, got {x.dtype}: convert it with .astype('float32').")
    return x


def integer_tensor(who: str, name: str, x: Any) -> Tensor:
    """`x` as a tensor of integers. Raises DtypeError for anything else."""
    x = as_tensor(x)
    if x.data.dtype.kind not in "iu":
        raise DtypeError(f"[{who}] {name} must be integers, got {x.dtype}: use .astype('int64').")
    return x


def within(who: str, name: str, index: Tensor, size: int, hint: str = "") -> Tensor:
    """The index, if all of it lies in [0, size). Raises IndexError if not: now, or when the compiled code runs."""
    if tracer() is not None:
        return checked_index(index, size=size)
    check_range(who, name, index.data, size, hint)
    return index


def check_range(who: str, name: str, values: np.ndarray, size: int, hint: str = "") -> None:
    """Raises IndexError, with the values found, unless all integers lie in [0, size)."""
    if not in_range(values, size):
        raise IndexError(f"[{who}] {name} must lie in [0, {size}), found {values.min()} to {values.max()}{hint}.")


def in_range(values: np.ndarray, size: int) -> bool:
    """Whether all integers lie in [0, size): seen as unsigned, negative ones are large, so one maximum tells."""
    unsigned = values.view(f"u{values.itemsize}")
    return unsigned.size == 0 or int(np.maximum.reduce(unsigned, axis=None)) < size


def number(who: str, name: str, value: Any, at_least: float | None = None, above: float | None = None) -> None:
    """Raises ConfigError unless `value` is a number, not NaN, and within the limits that are given."""
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and value == value
    if is_number and (at_least is None or value >= at_least) and (above is None or value > above):
        return
    limit = f", at least {at_least}" if at_least is not None else f" above {above}" if above is not None else ""
    raise ConfigError(f"[{who}] {name} must be a number{limit}; got {value!r}.")


def fraction(who: str, name: str, value: Any) -> None:
    """Raises ConfigError unless `value` is a number in [0, 1]."""
    if not isinstance(value, (int, float, np.number)) or not 0 <= value <= 1:
        raise ConfigError(f"[{who}] {name} must lie in [0, 1], got {value!r}.")


def choice(who: str, name: str, value: Any, allowed: tuple) -> None:
    """Raises ConfigError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ConfigError(f"[{who}] {name} must be one of {', '.join(map(repr, allowed))}; got {value!r}.")


def per_dim(who: str, name: str, value: Any, dims: int, minimum: int = 0) -> tuple[int, ...]:
    """An int, or one int for each spatial dimension, as a tuple. Raises ConfigError for anything else."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * dims
    if len(values) != dims:
        raise ConfigError(f"[{who}] {name} must be an integer or {dims} of them, got {value!r}.")
    return tuple(size(who, name, v, minimum) for v in values)


def broadcasts_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether something of this shape broadcasts to exactly the target."""
    missing = len(target) - len(shape)
    return missing >= 0 and all(n in (1, m) for n, m in zip(shape, target[missing:]))


def batched(who: str, x: Tensor, dims: int) -> Tensor:
    """x as (N, C, *S), where a single image (C, *S) becomes a batch of one. Raises ShapeError for other ranks."""
    if x.data.ndim == dims + 2:
        return x
    if x.data.ndim != dims + 1:
        axes = ("L", "H, W", "D, H, W")[dims - 1]
        raise ShapeError(f"[{who}] expected input of shape (N, C, {axes}) or (C, {axes}), got {x.shape}.")
    return reshape_to(x, shape=(1, *x.shape))


def unbatched(out: Tensor, input: Tensor) -> Tensor:
    """The result for what `batched` was given: without the batch axis if it had none."""
    return out if out.data.ndim == input.data.ndim else reshape_to(out, shape=out.shape[1:])
