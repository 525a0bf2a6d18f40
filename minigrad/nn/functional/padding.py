"""Padding as PyTorch writes it: the last dimension first, and negative widths that crop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import choice
from minigrad.ops.movement import as_tensor

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Elements added around the last dimensions.

    pad: (before, after) of the last dimension, then of the one before it, and so on; a negative width removes elements.
    mode: "constant" (`value`, by default 0), or of images (N, C, *S) or (C, *S), padded in all of S, "reflect" (mirror
    without the border), "replicate" (repeat the border) or "circular" (go on at the other end).
    value: for mode "constant" alone.
    Raises ShapeError for a mirror or circle longer than the input, or if nothing is left, ConfigError for other
    arguments.

    >>> F.pad(mg.tensor([[1.0, 2.0, 3.0]]), (2, -1), mode="reflect")
    tensor([[3., 2., 1., 2.]])
    """
    x = as_tensor(input)
    choice("pad", "mode", mode, tuple(MODES))
    if mode != "constant" and value:
        raise ConfigError(f"[pad] value={value!r} goes with mode='constant', not with {mode!r}.")
    if not isinstance(value, (int, float, np.number, type(None))):  # NaN is welcome
        raise ConfigError(f"[pad] value must be a number, got {value!r}.")
    widths = axis_widths(x, pad)
    check_widths(x, widths, len(pad) // 2, mode)
    added = [(max(low, 0), max(high, 0)) for low, high in widths]
    if mode == "circular":  # goes around what is left; the others see what they crop
        return ops.pad(cropped(x, widths), added, mode=MODES[mode])
    return cropped(ops.pad(x, added, mode=MODES[mode], constant_values=value or 0.0), widths)


def cropped(x: Tensor, widths: list[tuple[int, int]]) -> Tensor:
    """x without what negative widths remove."""
    if min((n for pair in widths for n in pair), default=0) >= 0:
        return x
    return x[tuple(slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in zip(x.shape, widths))]


def axis_widths(x: Tensor, pad: Sequence[int]) -> list[tuple[int, int]]:
    """(before, after) for every axis of x. Raises ConfigError for an odd number of widths, or for too many."""
    if not isinstance(pad, (tuple, list)) or len(pad) % 2 or not all(isinstance(n, (int, np.integer)) for n in pad):
        raise ConfigError(f"[pad] pad must be (before, after) for each of the last dimensions, got {pad!r}.")
    if len(pad) > 2 * x.ndim:
        raise ShapeError(f"[pad] expected at most {2 * x.ndim} widths for an input of shape {x.shape}, got {pad}.")
    last_first = list(zip(pad[::2], pad[1::2]))
    return [(0, 0)] * (x.ndim - len(last_first)) + last_first[::-1]


def check_widths(x: Tensor, widths: list[tuple[int, int]], dims: int, mode: str) -> None:
    """Raises ShapeError if the input has not so much to copy, or if nothing is left of it."""
    if mode != "constant" and not (1 <= dims <= 3 and x.ndim in (dims + 1, dims + 2)):
        raise ShapeError(
            f"[pad] mode {mode!r} expects an input (N, C, *S) or (C, *S) and (before, after) for each of S, at most "
            f"three, got {2 * dims} widths for shape {x.shape}."
        )
    for n, (low, high) in zip(x.shape[x.ndim - dims :], widths[x.ndim - dims :]):
        if not fits(mode, n, low, high):
            raise ShapeError(f"[pad] mode {mode!r} cannot pad {n} elements by {(low, high)}: input {x.shape}.")


def fits(mode: str, n: int, low: int, high: int) -> bool:
    """Whether n elements are enough to copy from and to crop."""
    left = n + min(low, 0) + min(high, 0)
    match mode:
        case "constant":
            return left >= 0
        case "circular":
            return left >= max(low, high, 1)
        case "reflect":
            return n > max(low, high) and n + low + high >= 1
    return n >= 1 and n + low + high >= 1
