"""The affine map."""

from __future__ import annotations

import math

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.ops import add, matmul2, reshape_to


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x W^T + b.

    input: (..., in).  weight: (out, in).  bias: (out,) or None.  Returns (..., out).
    Raises ShapeError if the sizes do not fit.

    >>> F.linear(mg.ones((3, 2)), mg.ones((4, 2)), mg.zeros(4)).shape
    (3, 4)
    """
    x, w = input.data.shape, weight.data.shape
    if len(w) != 2 or not x or x[-1] != w[1]:
        wanted = f"{w[1]} features" if len(w) == 2 else "a weight of rank 2, (out, in)"
        raise ShapeError(f"[linear] expected {wanted}, got input {x}, weight {w}.")
    if bias is not None and bias.data.shape != w[:1]:
        raise ShapeError(f"[linear] expected a bias of shape {w[:1]}, got {bias.data.shape}, weight {w}.")
    rows = input if len(x) == 2 else reshape_to(input, shape=(math.prod(x[:-1]), x[-1]))
    out = matmul2(rows, weight, tb=True)
    if bias is not None:
        out = add(out, bias)
    return out if len(x) == 2 else reshape_to(out, shape=(*x[:-1], w[0]))
