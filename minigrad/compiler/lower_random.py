"""Random draws as words and elementwise operations on them, so that dropout's mask joins the loops around it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler.graph import Op, Value
from minigrad.compiler.rewrite import Builder


def words(build: Builder, seed: Any, call: Any, shape: tuple) -> Value:
    """The words of a call."""
    return build("random_words", seed, call, shape=shape)


def pairs(build: Builder, seed: Any, call: Any, shape: tuple) -> tuple[Value, Value]:
    """The high and the low words of 64-bit numbers."""
    both = words(build, seed, call, (*shape, 2))
    return tuple(build("slice_of", both, key=(Ellipsis, i)) for i in range(2))  # type: ignore[return-value]


def uniform(build: Builder, op: Op, seed: Any, call: Any) -> Value:
    """24 or 53 bits as a fraction."""
    shape = op.params["shape"]
    if op.params["dtype"] == np.float32:
        return build("unit32", words(build, seed, call, shape))
    return build("unit64", *pairs(build, seed, call, shape))


def normal(build: Builder, op: Op, seed: Any, call: Any) -> Value:
    """Box and Muller's pairs side by side."""
    shape, dtype = op.params["shape"], op.params["dtype"]
    n = math.prod(shape)
    half = -(-n // 2)
    if dtype == np.float32:
        drawn = words(build, seed, call, (half, 2))
        u, v = (build("short_unit", build("slice_of", drawn, key=(slice(None), i))) for i in range(2))
        smallest = 2.0**-32
    else:
        drawn = words(build, seed, call, (half, 4))
        parts = [build("slice_of", drawn, key=(slice(None), i)) for i in range(4)]
        u, v = build("unit64", *parts[:2]), build("unit64", *parts[2:])
        smallest = 2.0**-53
    u = build("add", u, smallest)  # in (0, 1]
    columns = [
        build("reshape_to", build("standard_normal", u, v, sine, dtype=dtype), shape=(half, 1))
        for sine in (False, True)
    ]
    flat = build("reshape_to", build("join", *columns, axis=1), shape=(2 * half,))
    return build("reshape_to", build("slice_of", flat, key=(slice(0, n),)), shape=shape)


def bernoulli(build: Builder, op: Op, seed: Any, call: Any, p: Any) -> Value:
    """Words below the probability."""
    return build("below", words(build, seed, call, op.params["shape"]), p)


def randint(build: Builder, op: Op, seed: Any, call: Any) -> Value:
    """A 64-bit number scaled to the range."""
    low, high = op.params["low"], op.params["high"]
    drawn = build("scaled_word", *pairs(build, seed, call, op.params["shape"]))
    drawn.op.params = {"span": high - low, "low": low}  # type: ignore[union-attr]
    return drawn


def permutation(build: Builder, op: Op, seed: Any, call: Any) -> Value:
    """The order of 64-bit keys."""
    return build("arg_sort", build("word64", *pairs(build, seed, call, (op.params["n"],))), axis=0)


RULES: dict[str, Callable] = {
    "random_uniform": uniform,
    "random_normal": normal,
    "random_bernoulli": bernoulli,
    "random_randint": randint,
    "random_permutation": permutation,
}
