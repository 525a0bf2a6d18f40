"""How many multiplications with an addition a primitive does: the cost of products and convolutions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

MULTIPLY_ADDS: dict[str, Callable[..., int]] = {
    "matmul2": lambda out, a, b, ta=False, **p: out.size * a.shape[-2 if ta else -1],
    "convolve": lambda out, x, w, **p: out.size * math.prod(w.shape[1:]),
    "convolve_input": lambda out, g, w, **p: g.size * math.prod(w.shape[1:]),
    "convolve_weight": lambda out, x, g, **p: g.size * math.prod(out.shape[1:]),
    "linear_recurrence": lambda out, *inputs, **p: out.size,
}
"""By the name of the primitive, a function of the result, the inputs (whatever has a shape and a size) and parameters.

What a convolution multiplies with its padding counts; elementwise operations and sums do not."""


def multiply_adds(name: str, out: Any, inputs: Any, params: dict) -> int:
    """The count of one call; 0 for what does not stand in the table."""
    count = MULTIPLY_ADDS.get(name)
    return 0 if count is None else count(out, *inputs, **params)
