"""Divergences and negative log-likelihoods of distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import tracer
from minigrad.errors import ShapeError
from minigrad.nn.arguments import choice, float_tensor, number
from minigrad.nn.functional.loss.shared import REDUCTIONS, expected_cost, reduce_loss, same_shape
from minigrad.ops import (
    broadcast_to,
    cast,
    checked_index,
    exp,
    expand_dims,
    greater,
    less,
    log,
    maximum,
    select,
    xlogy,
)


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """y (log y - x): the divergence of Kullback & Leibler (1951) from probabilities y to exp(x), elementwise.

    input: log-probabilities x.  target: probabilities y, or with log_target their logarithms; the same shape.
    reduction: "batchmean" (the sum, over the number of samples: the divergence), "mean" (over the elements), "sum" or
    "none".  What has probability 0 costs nothing, even where x is -inf.  Raises ShapeError if the shapes differ.

    >>> F.kl_div(mg.log(mg.tensor([[0.5, 0.5]])), mg.tensor([[1.0, 0.0]]), reduction="batchmean")
    tensor(0.693147)
    """
    choice("kl_div", "reduction", reduction, KL_REDUCTIONS)
    x, y = same_shape("kl_div", input=input, target=target)
    losses = expected_cost(exp(y), y - x) if log_target else xlogy(y, y) - expected_cost(y, x)
    if reduction != "batchmean":
        return reduce_loss("kl_div", losses, reduction)
    return reduce_loss("kl_div", losses, "mean", float(x.shape[0] if x.ndim else 1))


KL_REDUCTIONS = (*REDUCTIONS, "batchmean")


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Tensor:
    """exp(x) - y x, or x - y log(x + eps) unless log_input: counts y of a Poisson distribution, up to log y!.

    input: logarithms of the rate, or rates.  target: counts, of the same shape.  full: add Stirling's approximation
    y log y - y + log(2 pi y) / 2 of log y! where y > 1.  reduction: "mean", "sum" or "none".
    Raises ShapeError if the shapes differ, ConfigError for a negative eps.

    >>> F.poisson_nll_loss(mg.tensor([0.0]), mg.tensor([3.0]), full=True)
    tensor(2.76408)
    """
    number("poisson_nll_loss", "eps", eps, at_least=0)
    x, y = same_shape("poisson_nll_loss", input=input, target=target)
    losses = exp(x) - expected_cost(y, x) if log_input else x - expected_cost(y, log(x + eps))
    if full:
        large = greater(y, 1)
        n = select(large, y, 1.0)
        losses = losses + select(large, n * log(n) - n + 0.5 * log(2 * math.pi * n), 0.0)
    return reduce_loss("poisson_nll_loss", losses, reduction)


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(log v + (x - y)^2 / v) / 2: samples y of a normal distribution of mean x and variance v (Nix & Weigend 1994).

    input, target: one shape, any.  var: variances, of that shape, or of it with one axis of size 1, or without its last
    axis, or a number; they are raised to eps, which the gradient does not see.  full: add log(2 pi) / 2.
    reduction: "mean", "sum" or "none".  Raises ShapeError for other shapes, ValueError for negative variances,
    ConfigError for a negative number as var.

    >>> F.gaussian_nll_loss(mg.tensor([1.0]), mg.tensor([3.0]), mg.tensor([4.0]))
    tensor(1.193147)
    """
    who = "gaussian_nll_loss"
    number(who, "eps", eps, at_least=0)
    x, y = same_shape(who, input=input, target=target)
    v = variances(who, var, x)
    expect_variances(who, v)
    v = v + (maximum(v, eps) - v).detach()
    error = x - y
    losses = 0.5 * (log(v) + error * error / v)
    return reduce_loss(who, losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def expect_variances(who: str, v: Tensor) -> None:
    """Raises ValueError if one is negative: now, or, run eagerly, where the compiled code refuses."""
    if tracer() is not None:
        checked_index(cast(less(v.detach(), 0.0), dtype=np.dtype(np.int64)), size=1)
    elif (v.data < 0).any():
        raise ValueError(f"[{who}] expected variances, at least 0, found {v.data.min()}: of what may be negative, exp.")


def variances(who: str, var: Any, x: Tensor) -> Tensor:
    """`var` in a shape that broadcasts to that of x. Raises ShapeError if it says neither how nor along which axis."""
    if isinstance(var, (int, float)):
        number(who, "var", var, at_least=0)
        return broadcast_to(Tensor(np.asarray(var, x.dtype)), x.shape)
    v = float_tensor(who, "var", var)
    if v.shape == x.shape[:-1] and x.ndim > 0:
        return expand_dims(v, -1)
    different = [n for n, wanted in zip(v.shape, x.shape) if n != wanted]
    if v.ndim != x.ndim or different not in ([], [1]):
        raise ShapeError(
            f"[{who}] expected var of the input's shape, with at most one axis of size 1, or without the last axis:"
            f" var {v.shape}, input {x.shape}."
        )
    return v
