"""Losses: one number that says how wrong a prediction is.

None of them broadcasts: (N, 1) against (N,) would silently become (N, N), so shapes that differ are an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import as_operand
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import choice, float_tensor
from minigrad.nn.functional.activation import shift_by_max
from minigrad.nn.functional.classes import Labels, class_axis, class_weights
from minigrad.ops import (
    abs,
    broadcast_to,
    equal,
    exp,
    expand_dims,
    log,
    logaddexp,
    negative,
    reduce_sum,
    reshape_to,
    select,
    subtract,
)

__all__ = ["binary_cross_entropy_with_logits", "cross_entropy", "l1_loss", "mse_loss", "nll_loss"]


def reduce_loss(who: str, losses: Tensor, reduction: str, count: Any = None) -> Tensor:
    """The mean, sum or ("none") tensor of the losses; `count`: what the mean divides by, if not their number."""
    choice(who, "reduction", reduction, ("mean", "sum", "none"))
    if reduction == "none":
        return losses
    total = reduce_sum(losses, axes=tuple(range(losses.data.ndim)))
    if reduction == "sum":
        return total
    return total / (float(losses.data.size) if count is None else count)


def same_shape(who: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Both as floating-point tensors. Raises ShapeError if their shapes differ."""
    x, y = float_tensor(who, "input", input), as_operand(target)
    shape = getattr(y, "shape", ())
    if x.data.shape != shape:
        raise ShapeError(f"[{who}] input and target must have the same shape: input {x.shape}, target {shape}.")
    if not isinstance(y, Tensor):
        y = Tensor(np.asarray(y, x.dtype))
    return x, y


# ---- classification


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(x)_y: the negative log-likelihood of the true class, from unnormalized scores (logits).

    With label smoothing s (Szegedy et al. 2016) the target is (1 - s) onehot(y) + s / C.

    input: (N, C) or (N, C, d1, ...) logits, or (C,).  target: integers in [0, C) of shape (N,), (N, d1, ...) or (), or
    class probabilities of the input's shape.  weight: (C,), a factor for each class.  ignore_index: samples with this
    label do not count.  reduction: "mean" (weighted with the samples' factors; for probabilities, over the samples),
    "sum" or "none".  Returns () or, without reduction, the shape that integer targets have.
    Raises ShapeError, DtypeError, IndexError for a label out of range, ConfigError for other arguments.

    >>> F.cross_entropy(mg.tensor([[1.0, 1.0], [0.0, 1000.0]]), mg.tensor([0, 1]))
    tensor(0.346574)
    """
    who = "cross_entropy"
    if not 0 <= label_smoothing <= 1:
        raise ConfigError(f"[{who}] label_smoothing must lie in [0, 1], got {label_smoothing}.")
    scores, target = float_tensor(who, "input", input), as_operand(target)
    axis = class_axis(who, scores)
    classes = scores.data.shape[axis]
    weights = class_weights(who, weight, classes)
    shifted, axes = shift_by_max(who, scores, axis)
    log_total = log(reduce_sum(exp(shifted), axes=axes))  # log p_c = shifted_c - log_total

    def expected(p: Any) -> Tensor:
        """-sum over c of weight_c p_c log p_c."""
        terms = p * (expand_dims(log_total, axis) - shifted)
        if isinstance(p, Tensor):  # a class that cannot be, and is not wanted, costs nothing: 0, not 0 * inf
            terms = select(broadcast_to(equal(p, 0), terms.shape), 0.0, terms)
        if weights is not None:
            terms = terms * reshape_to(weights, shape=(classes,) + (1,) * (scores.ndim - axis - 1))
        return reduce_sum(terms, axes=axes)

    if isinstance(target, Tensor) and target.data.dtype.kind == "f":
        if target.data.shape != scores.data.shape:
            raise ShapeError(
                f"[{who}] a floating-point target holds class probabilities of the input's shape {scores.shape}, "
                f"got {target.shape}; class labels must be integers: use .astype('int64')."
            )
        p = target * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else target
        return reduce_loss(who, expected(p), reduction)
    labels = Labels(who, scores, target, weights, ignore_index)
    losses = labels.weigh(subtract(log_total, labels.pick(shifted)))
    if label_smoothing:
        losses = losses * (1 - label_smoothing) + expected(label_smoothing / classes)
    return reduce_loss(who, labels.drop_ignored(losses), reduction, labels.total_weight(losses.dtype))


def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Tensor:
    """-x_y: the negative log-likelihood of the true class, from log-probabilities such as `log_softmax` gives.

    Arguments, shapes and errors as for `cross_entropy`, with integer targets.

    >>> F.nll_loss(mg.tensor([[-1.0, -2.0], [-3.0, -4.0]]), mg.tensor([0, 1]))
    tensor(2.5)
    """
    who = "nll_loss"
    log_p = float_tensor(who, "input", input)
    weights = class_weights(who, weight, log_p.shape[class_axis(who, log_p)])
    labels = Labels(who, log_p, target, weights, ignore_index)
    losses = labels.weigh(negative(labels.pick(log_p)))
    return reduce_loss(who, labels.drop_ignored(losses), reduction, labels.total_weight(losses.dtype))


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
    x, y = same_shape(who, input, target)
    if_true, if_false = y * logaddexp(-x, 0.0), (1 - y) * logaddexp(x, 0.0)
    if pos_weight is not None:
        if_true = if_true * fitting(who, "pos_weight", pos_weight, x)
    losses = if_true + if_false
    if weight is not None:
        losses = losses * fitting(who, "weight", weight, x)
    return reduce_loss(who, losses, reduction)


def fitting(who: str, name: str, weight: Any, x: Tensor) -> Any:
    """A factor for the elements of x. Raises ShapeError unless it broadcasts to exactly the shape of x."""
    weight = as_operand(weight)
    shape = getattr(weight, "shape", ())
    try:
        fits = np.broadcast_shapes(shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"[{who}] {name} of shape {shape} does not broadcast to the input's shape {x.shape}.")
    return weight


# ---- regression


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """(x - y)^2, the squared error.

    input, target: one shape, any.  reduction: "mean", "sum" or "none".  Raises ShapeError if the shapes differ.

    >>> F.mse_loss(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 4.0]))
    tensor(2.)
    """
    x, y = same_shape("mse_loss", input, target)
    error = x - y
    return reduce_loss("mse_loss", error * error, reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """|x - y|, the absolute error; the gradient where they are equal is 0.

    input, target: one shape, any.  reduction: "mean", "sum" or "none".  Raises ShapeError if the shapes differ.

    >>> F.l1_loss(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 4.0]))
    tensor(1.)
    """
    x, y = same_shape("l1_loss", input, target)
    return reduce_loss("l1_loss", abs(x - y), reduction)
