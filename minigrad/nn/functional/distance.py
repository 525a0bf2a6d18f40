"""Norms and distances of vectors along an axis."""

from __future__ import annotations

from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.nn.arguments import float_tensor
from minigrad.ops import broadcast_arrays, clip, divide, multiply, norm
from minigrad.ops import sum as sum_over


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(||x||_p, eps) of the vectors along an axis.

    input: any shape.  p: the exponent of the norm, also inf.  dim: the axis, or a tuple of axes.
    Returns the input's shape.  A vector of zeros stays one, with the finite gradient 1 / eps.

    >>> F.normalize(mg.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6, 0.8],
            [0. , 0. ]])
    """
    x = float_tensor("normalize", "input", input)
    return divide(x, at_least(norm(x, p, dim, keepdims=True), eps))


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """cos(x1, x2) = x1 . x2 / (max(||x1||, eps) max(||x2||, eps)) of the vectors along an axis.

    x1, x2: of shapes that broadcast.  dim: the axis of the broadcast shape.  Returns that shape without the axis.
    At vectors of zeros it is 0, and its derivatives are finite.

    >>> F.cosine_similarity(mg.tensor([[1.0, 0.0]]), mg.tensor([[1.0, 1.0]]))
    tensor([0.70711])
    """
    a, b = broadcast_together("cosine_similarity", x1, x2)
    lengths = (at_least(norm(x, 2, dim, keepdims=True), eps) for x in (a, b))
    units = (divide(x, length) for x, length in zip((a, b), lengths))
    return sum_over(multiply(*units), dim)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """||x1 - x2 + eps||_p of the vectors along the last axis; eps keeps the gradient of equal vectors away from 0 / 0.

    x1, x2: of shapes that broadcast, (..., D).  p: the exponent of the norm, also inf.  Returns (...), or (..., 1) with
    keepdim.

    >>> F.pairwise_distance(mg.tensor([[3.0, 4.0]]), mg.tensor([[0.0, 0.0]]))
    tensor([5.])
    """
    a, b = broadcast_together("pairwise_distance", x1, x2)
    return norm(a - b + eps, p, -1, keepdims=keepdim)


def at_least(length: Tensor, eps: float) -> Tensor:
    """max(length, eps)."""
    return clip(length, eps, None)


def broadcast_together(who: str, x1: Any, x2: Any) -> list[Tensor]:
    """Both as floating-point tensors of their common shape. Raises ShapeError if they have none."""
    a, b = float_tensor(who, "x1", x1), float_tensor(who, "x2", x2)
    try:
        return broadcast_arrays(a, b)
    except ShapeError:
        raise ShapeError(f"[{who}] the shapes must broadcast: x1 {a.shape}, x2 {b.shape}.") from None
