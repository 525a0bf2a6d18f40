"""The affine map, and the bilinear one."""

from __future__ import annotations

import math
from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.nn.arguments import float_tensor
from minigrad.ops import add, matmul2, multiply, reshape_to


def linear(input: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x W^T + b.

    input: (..., in).  weight: (out, in).  bias: (out,) or None.  Returns (..., out).
    Raises ShapeError if the sizes do not fit.

    >>> F.linear(mg.ones((3, 2)), mg.ones((4, 2)), mg.zeros(4)).shape
    (3, 4)
    """
    if not isinstance(input, Tensor):
        input = float_tensor("linear", "input", input)
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


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """y_k = x1^T W_k x2 + b_k: linear in each of two inputs.

    input1: (..., in1).  input2: (..., in2), with the same leading axes.  weight: (out, in1, in2).  bias: (out,) or
    None.  Returns (..., out).  Raises ShapeError if the sizes do not fit.

    >>> F.bilinear(mg.tensor([1.0, 2.0]), mg.tensor([3.0]), mg.ones((1, 2, 1)))
    tensor([9.])
    """
    x1, x2, w = (
        float_tensor("bilinear", name, x) for name, x in (("input1", input1), ("input2", input2), ("weight", weight))
    )
    if w.ndim != 3 or x1.shape[-1:] != w.shape[1:2] or x2.shape[-1:] != w.shape[2:]:
        wanted = f"{w.shape[1]} and {w.shape[2]} features" if w.ndim == 3 else "a weight of rank 3, (out, in1, in2)"
        raise ShapeError(f"[bilinear] expected {wanted}, got inputs {x1.shape} and {x2.shape}, weight {w.shape}.")
    if x1.shape[:-1] != x2.shape[:-1]:
        raise ShapeError(f"[bilinear] the inputs must agree in all axes but the last: {x1.shape} and {x2.shape}.")
    b = None if bias is None else float_tensor("bilinear", "bias", bias)
    if b is not None and b.shape != w.shape[:1]:
        raise ShapeError(f"[bilinear] expected a bias of shape {w.shape[:1]}, got {b.shape}, weight {w.shape}.")
    # sum over i, j of W[k, i, j] x1[i] x2[j]: linear in the products of the features.
    out, *features = w.shape
    pairs = multiply(reshape_to(x1, shape=(*x1.shape, 1)), reshape_to(x2, shape=(*x2.shape[:-1], 1, x2.shape[-1])))
    flat = reshape_to(pairs, shape=(*x1.shape[:-1], math.prod(features)))
    return linear(flat, reshape_to(w, shape=(out, math.prod(features))), b)
