"""What hyper-parameters may be: a table in every optimizer, checked in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError


def table(**entries: Any) -> Mapping[str, Any]:
    """What classes say about hyper-parameters or state, by name; nobody changes it."""
    return MappingProxyType(entries)


class Limit(NamedTuple):
    """A range of numbers, in words and as a condition."""

    words: str
    holds: Callable[[Any], bool]


NOT_NEGATIVE = Limit("at least 0", lambda x: x >= 0)
NOT_POSITIVE = Limit("at most 0", lambda x: x <= 0)
POSITIVE = Limit("above 0", lambda x: x > 0)
AT_LEAST_ONE = Limit("at least 1", lambda x: x >= 1)
ABOVE_ONE = Limit("above 1", lambda x: x > 1)
FINITE = Limit("finite", lambda x: abs(x) < float("inf"))
FRACTION = Limit("in [0, 1)", lambda x: 0 <= x < 1)
INNER_FRACTION = Limit("in (0, 1)", lambda x: 0 < x < 1)
SHARE = Limit("in [0, 1]", lambda x: 0 <= x <= 1)
COUNT = Limit("a whole one, at least 1", lambda x: isinstance(x, int) and x >= 1)

COUNTS = {2: "two", 3: "three"}


def expect(who: str, name: str, value: Any, limit: Any) -> None:
    """Raises ConfigError unless the value is a number within the limit; a tuple of limits asks for as many numbers."""
    if isinstance(limit, Limit):
        expect_number(who, name, value, limit)
        return
    if not isinstance(value, (tuple, list)) or len(value) != len(limit):
        raise ConfigError(f"[{who}] {name} must be {COUNTS[len(limit)]} numbers, got {value!r}.")
    for i, (x, one) in enumerate(zip(value, limit)):
        expect_number(who, f"{name}[{i}]", x, one)


def expect_number(who: str, name: str, value: Any, limit: Limit) -> None:
    """Raises ConfigError unless the value, which may be a tensor of one element, is a number within the limit."""
    number = value.item() if isinstance(value, Tensor) and value.size == 1 else value
    known = isinstance(number, (int, float, np.integer, np.floating)) and not isinstance(number, bool)
    if not known or not limit.holds(number):
        raise ConfigError(f"[{who}] {name} must be a number, {limit.words}; got {value!r}.")
