"""Losses of a number, or of many: how far the prediction is from the target."""

from __future__ import annotations

from typing import Any

from minigrad.core import Tensor
from minigrad.nn.arguments import number
from minigrad.nn.functional.loss.shared import reduce_loss, same_shape
from minigrad.ops import abs, clip, reduce_sum


def mse_loss(input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """(x - y)^2, the squared error.

    input, target: one shape, any.  reduction: "mean", "sum" or "none".  weight: a factor for each element, of the same
    shape, whose sum the mean then divides by.  Raises ShapeError if the shapes differ.

    >>> F.mse_loss(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 4.0]))
    tensor(2.)
    """
    x, y, *factors = same_shape("mse_loss", input=input, target=target, **weighted(weight))
    error = x - y
    return weighted_mean("mse_loss", error * error, factors, reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """|x - y|, the absolute error; the gradient where they are equal is 0.

    Arguments and errors as for `mse_loss`.

    >>> F.l1_loss(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 4.0]))
    tensor(1.)
    """
    x, y, *factors = same_shape("l1_loss", input=input, target=target, **weighted(weight))
    return weighted_mean("l1_loss", abs(x - y), factors, reduction)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """(x - y)^2 / (2 beta) where |x - y| < beta, else |x - y| - beta / 2 (Girshick 2015).  beta=0 is the `l1_loss`.

    input, target: one shape, any.  reduction: "mean", "sum" or "none".
    Raises ShapeError if the shapes differ, ConfigError for a negative beta.

    >>> F.smooth_l1_loss(mg.tensor([0.5, 3.0]), mg.tensor([0.0, 0.0]), reduction="none")
    tensor([0.125, 2.5  ])
    """
    number("smooth_l1_loss", "beta", beta, at_least=0)
    x, y = same_shape("smooth_l1_loss", input=input, target=target)
    losses = abs(x - y) if beta == 0 else quadratic_within(x - y, beta) / beta
    return reduce_loss("smooth_l1_loss", losses, reduction)


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Tensor:
    """(x - y)^2 / 2 where |x - y| < delta, else delta (|x - y| - delta / 2) (Huber 1964).

    input, target: one shape, any.  reduction: "mean" (over the elements, whatever their weights), "sum" or "none".
    weight: a factor for each element, of the same shape.
    Raises ShapeError if the shapes differ, ConfigError unless delta is positive.

    >>> F.huber_loss(mg.tensor([0.5, 3.0]), mg.tensor([0.0, 0.0]), reduction="none", delta=2.0)
    tensor([0.125, 4.   ])
    """
    number("huber_loss", "delta", delta, above=0)
    x, y, *factors = same_shape("huber_loss", input=input, target=target, **weighted(weight))
    losses = quadratic_within(x - y, delta)
    return reduce_loss("huber_loss", losses * factors[0] if factors else losses, reduction)


def euclidean_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """|x - y|^2 / 2, one half of the squared norm of each sample's error: its gradient is x - y.

    input, target: (N, ...), one shape; all axes but the first belong to a sample; a single number is one sample.
    reduction: "mean" (over the samples), "sum" or "none".  Returns () or (N,).  Raises ShapeError if the shapes differ.

    >>> F.euclidean_loss(mg.tensor([[1.0, 2.0], [0.0, 0.0]]), mg.tensor([[1.0, 4.0], [4.0, 0.0]]), reduction="none")
    tensor([2., 8.])
    """
    x, y = same_shape("euclidean_loss", input=input, target=target)
    error = x - y
    return reduce_loss("euclidean_loss", 0.5 * reduce_sum(error * error, axes=tuple(range(1, x.ndim))), reduction)


def quadratic_within(error: Tensor, width: float) -> Tensor:
    """error^2 / 2 up to |error| = width, from there on a line of slope `width`.

    With c, the error clipped to [-width, width], it is c (error - c / 2) on both sides, and nothing large is squared.
    """
    clipped = clip(error, -width, width)
    return clipped * (error - 0.5 * clipped)


def weighted(weight: Any) -> dict:
    """The weight by its name, if there is one."""
    return {} if weight is None else {"weight": weight}


def weighted_mean(who: str, losses: Tensor, factors: list[Tensor], reduction: str) -> Tensor:
    """The losses times their factor, if there is one; the mean divides by the sum of the factors."""
    if not factors:
        return reduce_loss(who, losses, reduction)
    (factor,) = factors
    return reduce_loss(who, losses * factor, reduction, reduce_sum(factor, axes=tuple(range(factor.ndim))))
