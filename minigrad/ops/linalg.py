"""Products of vectors and matrices. One primitive, `matmul2`; the rest arranges axes around it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import primitive
from minigrad.errors import ShapeError
from minigrad.ops.indexing import diagonal
from minigrad.ops.movement import (
    as_tensor,
    expand_dims,
    normalize_axis,
    permute_dims,
    reshape_to,
)
from minigrad.ops.reduce import sum


@primitive(kind="contraction")
def matmul2(a, b, *, ta=False, tb=False):
    """(..., m, k) @ (..., k, n) -> (..., m, n), leading axes broadcast; ta and tb read that operand transposed.

    `matmul` is the public name.
    """
    return np.matmul(a.swapaxes(-1, -2) if ta else a, b.swapaxes(-1, -2) if tb else b)


def _wrt_a(g, out, a, b, ta=False, tb=False):
    return matmul2(b, g, ta=tb, tb=True) if ta else matmul2(g, b, tb=not tb)


def _wrt_b(g, out, a, b, ta=False, tb=False):
    return matmul2(g, a, ta=True, tb=ta) if tb else matmul2(a, g, ta=not ta)


matmul2.defvjp(_wrt_a, _wrt_b)


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product, by NumPy's rules: 1-D operands are a row and a column, leading axes broadcast.

    a: (..., m, k) or (k,).  b: (..., k, n) or (k,).  Raises ShapeError if the k differ or an operand is 0-d.

    >>> mg.matmul(mg.tensor([[1.0, 2.0], [3.0, 4.0]]), mg.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ShapeError(f"[matmul] the last axis of a and the one but last of b must agree: {a.shape} @ {b.shape}.")
    if a.ndim == 2 and b.ndim == 2:
        return matmul2(a, b)
    if a.ndim > 2 and b.ndim <= 2:  # one product with the leading axes as rows, and one gradient for all of b
        rows = matmul(reshape_to(a, shape=(math.prod(a.shape[:-1]), a.shape[-1])), b)
        return reshape_to(rows, shape=a.shape[:-1] + b.shape[1:])
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ShapeError(f"[matmul] the leading axes do not broadcast: {a.shape} @ {b.shape}.") from None
    left = expand_dims(a, 0) if a.ndim == 1 else a
    right = expand_dims(b, 1) if b.ndim == 1 else b
    out = matmul2(left, right)
    if a.ndim == 1:
        out = reshape_to(out, shape=out.shape[:-2] + out.shape[-1:])
    return reshape_to(out, shape=out.shape[:-1]) if b.ndim == 1 else out


def vecdot(a: Any, b: Any, axis: int = -1) -> Tensor:
    """The dot product along one axis, the others broadcast.

    >>> mg.vecdot(mg.tensor([1.0, 2.0]), mg.tensor([3.0, 4.0]))
    tensor(11.)
    """
    return sum(as_tensor(a) * b, axis)


def outer(a: Any, b: Any) -> Tensor:
    """out[i, j] = a[i] b[j] of the flattened operands.

    >>> mg.outer(mg.tensor([1.0, 2.0]), mg.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    a, b = as_tensor(a), as_tensor(b)
    return reshape_to(a, shape=(a.size, 1)) * reshape_to(b, shape=(1, b.size))


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum along the diagonal of two axes.

    >>> mg.trace(mg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    return sum(diagonal(x, offset, axis1, axis2), -1)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """The sum of products over pairs of axes: the last `axes` of a with the first of b, or two lists of axes.

    >>> mg.tensordot(mg.ones((2, 3, 4)), mg.ones((3, 4, 5))).shape
    (2, 5)
    """
    a, b = as_tensor(a), as_tensor(b)
    if isinstance(axes, int):
        axes = (range(a.ndim - axes, a.ndim), range(axes))
    pairs = [[x] if isinstance(x, int) else list(x) for x in axes]
    ours = [normalize_axis("tensordot", i, a.ndim) for i in pairs[0]]
    theirs = [normalize_axis("tensordot", i, b.ndim) for i in pairs[1]]
    if [a.shape[i] for i in ours] != [b.shape[i] for i in theirs]:
        raise ShapeError(f"[tensordot] the paired axes differ in size: {a.shape} over {ours}, {b.shape} over {theirs}.")
    rows = [i for i in range(a.ndim) if i not in ours]
    cols = [i for i in range(b.ndim) if i not in theirs]
    inner = math.prod(a.shape[i] for i in ours)
    left = reshape_to(permute_dims(a, rows + ours), shape=(math.prod(a.shape[i] for i in rows), inner))
    right = reshape_to(permute_dims(b, theirs + cols), shape=(inner, math.prod(b.shape[i] for i in cols)))
    return reshape_to(matmul2(left, right), shape=(*(a.shape[i] for i in rows), *(b.shape[i] for i in cols)))
