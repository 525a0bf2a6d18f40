"""Hyper-parameters as rules see them: numbers, and what of them machine code may read anew at each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.core import Tensor

PLAIN = (bool, int, float, str, type(None))


class Setting(Tensor):
    """A number that machine code reads anew, and that is known not to be 0: rules may ask `if weight_decay`."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


def pattern(value: Any) -> Any:
    """What of a hyper-parameter machine code has built in: of a number, only whether it is 0."""
    if isinstance(value, tuple):
        return tuple(map(pattern, value))
    return bool(value) if isinstance(value, float) else value


def either(condition: Any, x: Any, y: Any) -> Any:
    """x if the condition on numbers holds, else y; while a step is traced, a number that compiled code chooses."""
    return ops.select(condition, x, y) if isinstance(condition, Tensor) else x if condition else y


def is_plain(value: Any) -> bool:
    """Whether a hyper-parameter is a plain value, all of which its `pattern` and its numbers tell."""
    return all(map(is_plain, value)) if isinstance(value, tuple) else isinstance(value, PLAIN)


def plain(value: Any) -> Any:
    """Numbers as Python's, which leave the dtype of what they meet alone; lists as tuples."""
    if isinstance(value, (tuple, list)):
        return tuple(map(plain, value))
    return value.item() if isinstance(value, np.generic) else value


def adjustable(value: Any, number: Callable[[float], Any]) -> Any:
    """The value with `number(x)` for every number x in it that is not 0."""
    if isinstance(value, tuple):
        return tuple(adjustable(x, number) for x in value)
    return number(value) if isinstance(value, float) and value else value


def numbers_in(hyper: Mapping[str, Any]) -> list[float]:
    """All adjustable numbers, in order."""
    found: list[float] = []
    for value in hyper.values():
        adjustable(value, found.append)
    return found


def with_numbers(hyper: Mapping[str, Any], numbers: Iterator[Tensor]) -> dict[str, Any]:
    """The hyper-parameters with symbols in place of their adjustable numbers."""
    return {name: adjustable(value, lambda _: Setting(next(numbers).data)) for name, value in hyper.items()}
