"""Losses of yes or no: one probability, or one logit, for each element."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import tracer
from minigrad.errors import ShapeError
from minigrad.nn.functional.loss.shared import expected_cost, fitting, reduce_loss, same_shape
from minigrad.ops import (
    cast,
    checked_index,
    greater_equal,
    less_equal,
    log,
    log1p,
    logaddexp,
    logical_and,
    logical_not,
    maximum,
    reduce_sum,
    select,
)

EDGE = 1e-12
"""`binary_cross_entropy`'s gradient (x - y) / (x (1 - x)) divides by no less than this."""


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """-(y log x + (1 - y) log(1 - x)), from probabilities x; `binary_cross_entropy_with_logits` is more accurate.

    As in PyTorch the logarithms are at least -100, and the gradient is (x - y) / max(x (1 - x), 1e-12).

    input: probabilities, in [0, 1].  target: probabilities, of the input's shape.  weight: a
    factor for each element, which broadcasts to the input.  reduction: "mean", "sum" or "none".
    Raises ShapeError for other shapes, ValueError for an input outside of [0, 1], such as logits, or NaN.

    >>> F.binary_cross_entropy(mg.tensor([0.5, 1.0, 0.0]), mg.tensor([1.0, 1.0, 1.0]), reduction="none")
    tensor([  0.693147,   0.      , 100.      ])
    """
    who = "binary_cross_entropy"
    x, y = same_shape(who, input=input, target=target)
    expect_probabilities(who, x)
    constant = x.detach()
    at_edge = less_equal(constant * (1 - constant), EDGE)
    inside = select(at_edge, 0.5, x)
    log_x = select(at_edge, maximum(log(constant), -100.0), log(inside))
    log_rest = select(at_edge, maximum(log1p(-constant), -100.0), log1p(-inside))
    # at an edge the value is a constant, and this, which is zero, has the slope
    slope = select(at_edge, (constant - y.detach()) / EDGE * (x - constant), 0.0)
    losses = slope - (y * log_x + (1 - y) * log_rest)
    return reduce_loss(who, losses if weight is None else losses * fitting(who, "weight", weight, x), reduction)


def expect_probabilities(who: str, x: Tensor) -> None:
    """Raises ValueError unless all of x lies in [0, 1]: now, or, run eagerly, where the compiled code refuses."""
    if tracer() is not None:
        outside = logical_not(logical_and(greater_equal(x.detach(), 0.0), less_equal(x.detach(), 1.0)))
        checked_index(cast(outside, dtype=np.dtype(np.int64)), size=1)
    elif x.data.size and not 0 <= x.data.min() <= x.data.max() <= 1:
        raise ValueError(
            f"[{who}] expected probabilities, in [0, 1], found {x.data.min()} to {x.data.max()}: for logits there is "
            "binary_cross_entropy_with_logits."
        )


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """-(w y log p + (1 - y) log(1 - p)) with p = sigmoid(x), accurate for every logit x.

    input: logits.  target: probabilities, of the input's shape.  weight: a factor for each element; pos_weight: w; both
    broadcast to the input.  reduction: "mean", "sum" or "none".  Raises ShapeError if the shapes do not fit.

    >>> F.binary_cross_entropy_with_logits(mg.tensor([0.0, 1000.0]), mg.tensor([1.0, 1.0]))
    tensor(0.346574)
    """
    who = "binary_cross_entropy_with_logits"
    x, y = same_shape(who, input=input, target=target)
    losses = from_logits(x, y, None if pos_weight is None else fitting(who, "pos_weight", pos_weight, x))
    return reduce_loss(who, losses if weight is None else losses * fitting(who, "weight", weight, x), reduction)


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """The mean over the classes, each of which may apply or not, of `binary_cross_entropy_with_logits`.

    input: (..., C) logits.  target: probabilities, of the same shape.  weight: a factor for each class, (C,), or each
    element.  reduction: "mean", "sum" or "none".  Returns () or (...).  Raises ShapeError if the shapes do not fit.

    >>> F.multilabel_soft_margin_loss(mg.tensor([[0.0, 1000.0]]), mg.tensor([[1.0, 1.0]]))
    tensor(0.346574)
    """
    who = "multilabel_soft_margin_loss"
    x, y = same_shape(who, input=input, target=target)
    if x.ndim == 0:
        raise ShapeError(f"[{who}] expected logits of shape (..., C), got a number.")
    losses = from_logits(x, y)
    if weight is not None:
        losses = losses * fitting(who, "weight", weight, x)
    return reduce_loss(who, reduce_sum(losses, axes=(x.ndim - 1,)) / float(x.shape[-1]), reduction)


def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-y x)), for y = 1 or -1, without overflow.

    input, target: one shape, any.  reduction: "mean", "sum" or "none".  Raises ShapeError if the shapes differ.

    >>> F.soft_margin_loss(mg.tensor([0.0, -100.0]), mg.tensor([1.0, 1.0]), reduction="none")
    tensor([  0.693147, 100.      ])
    """
    x, y = same_shape("soft_margin_loss", input=input, target=target)
    return reduce_loss("soft_margin_loss", logaddexp(-y * x, 0.0), reduction)


def from_logits(x: Tensor, y: Tensor, pos_weight: Any = None) -> Tensor:
    """The binary cross-entropy of each element; an infinite logit that is right costs nothing."""
    if_true = expected_cost(y, logaddexp(-x, 0.0))
    if_false = expected_cost(1 - y, logaddexp(x, 0.0))
    return if_false + (if_true if pos_weight is None else if_true * pos_weight)
