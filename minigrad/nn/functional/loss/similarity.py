"""Losses of pairs and triples: what belongs together shall be near, what does not far, or one ranked above another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from minigrad.core import Tensor
from minigrad.engine import as_operand
from minigrad.errors import ShapeError
from minigrad.nn.arguments import number
from minigrad.nn.functional.distance import pairwise_distance
from minigrad.nn.functional.loss.shared import reduce_loss, same_shape
from minigrad.ops import clip, equal, minimum, not_equal, reduce_sum, select, sqrt

SMALLEST = 1e-12
"""What `cosine_embedding_loss` adds to squared norms."""


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """x where y = 1, max(0, margin - x) where y = -1: x is a distance of what is similar, or is not.

    input, target: one shape, any.  reduction: "mean", "sum" or "none".  Raises ShapeError if the shapes differ.

    >>> F.hinge_embedding_loss(mg.tensor([0.25, 0.25]), mg.tensor([1.0, -1.0]), reduction="none")
    tensor([0.25, 0.75])
    """
    who = "hinge_embedding_loss"
    number(who, "margin", margin)
    x, y = same_shape(who, input=input, target=target)
    near = select(not_equal(y, -1), x, 0.0)
    far = select(not_equal(y, 1), at_least_zero(margin - x), 0.0)
    return reduce_loss(who, near + far, reduction)


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(0, margin - y (x1 - x2)): x1 shall be larger where y = 1, x2 where y = -1.

    input1, input2, target: one shape, any.  reduction: "mean", "sum" or "none".
    Raises ShapeError if the shapes differ.

    >>> F.margin_ranking_loss(mg.tensor([1.0, 1.0]), mg.tensor([0.0, 3.0]), mg.tensor([1.0, 1.0]), reduction="none")
    tensor([0., 2.])
    """
    who = "margin_ranking_loss"
    number(who, "margin", margin)
    x1, x2, y = same_shape(who, input1=input1, input2=input2, target=target)
    return reduce_loss(who, at_least_zero(margin - y * (x1 - x2)), reduction)


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1.

    The cosine with the zero vector is 0: 1e-12 is added to the squared norms.

    input1, input2: (N, D) or (D,), one shape.  target: (N,) or ().  reduction: "mean", "sum" or "none".
    Returns () or (N,).  Raises ShapeError for other shapes.

    >>> F.cosine_embedding_loss(mg.tensor([[3.0, 0.0]]), mg.tensor([[0.0, 2.0]]), mg.tensor([1]))
    tensor(1.)
    """
    who = "cosine_embedding_loss"
    number(who, "margin", margin)
    x1, x2 = same_shape(who, input1=input1, input2=input2)
    y = as_operand(target)
    shape = getattr(y, "shape", ())
    if x1.ndim not in (1, 2) or shape != x1.shape[:-1]:
        raise ShapeError(
            f"[{who}] expected inputs (N, D) and a target (N,), or (D,) and a number:"
            f" input1 and input2 {x1.shape}, target {shape}."
        )
    cosine = inner(x1, x2) / (sqrt(inner(x1, x1) + SMALLEST) * sqrt(inner(x2, x2) + SMALLEST))
    similar = select(equal(y, 1), 1 - cosine, 0.0)
    different = select(equal(y, -1), at_least_zero(cosine - margin), 0.0)
    return reduce_loss(who, similar + different, reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin + d(a, p) - d(a, n)): the anchor shall be nearer to the positive than to the negative.

    d is `pairwise_distance`, the p-norm of a - b + eps along the last axis.  swap: where the positive is nearer to the
    negative than the anchor is, take that distance as d(a, n) (Balntas et al. 2016).

    anchor, positive, negative: (N, D) or (D,), in general (..., D), one shape.  reduction: "mean", "sum" or "none".
    Returns () or (...).  Raises ShapeError if the shapes differ, ConfigError unless margin and p are positive.

    >>> F.triplet_margin_loss(mg.zeros((1, 2)), mg.tensor([[3.0, 4.0]]), mg.tensor([[0.0, 1.0]]))
    tensor(5.00000)
    """
    who = "triplet_margin_loss"
    number(who, "p", p, above=0)
    number(who, "eps", eps)
    distance = partial(pairwise_distance, p=p, eps=eps)
    return triplet(who, anchor, positive, negative, distance, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of one's own; by default `pairwise_distance`.

    distance_function: of two tensors (N, ...); returns their distances, one for each pair.

    >>> def city(a, b):
    ...     return mg.sum(mg.abs(a - b), axis=-1)
    >>> a, p, n = mg.zeros((1, 2)), mg.tensor([[3.0, 4.0]]), mg.tensor([[0.0, 1.0]])
    >>> F.triplet_margin_with_distance_loss(a, p, n, distance_function=city)
    tensor(7.)
    """
    who = "triplet_margin_with_distance_loss"
    return triplet(who, anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction)


def triplet(
    who: str, anchor: Any, positive: Any, negative: Any, distance: Callable, margin: float, swap: bool, reduction: str
) -> Tensor:
    """The triplet loss for any distance."""
    number(who, "margin", margin, above=0)
    a, p, n = same_shape(who, anchor=anchor, positive=positive, negative=negative)
    if a.ndim == 0:
        raise ShapeError(f"[{who}] expected vectors, (..., D), got numbers.")
    near, far = distance(a, p), distance(a, n)
    if swap:
        far = minimum(far, distance(p, n))
    return reduce_loss(who, at_least_zero(margin + near - far), reduction)


def inner(a: Tensor, b: Tensor) -> Tensor:
    """The inner product along the last axis."""
    return reduce_sum(a * b, axes=(a.ndim - 1,))


def at_least_zero(x: Tensor) -> Tensor:
    """max(0, x), whose gradient at 0 is, as PyTorch's clamp has it and relu does not, 1."""
    return clip(x, 0.0)
