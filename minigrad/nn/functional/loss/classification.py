"""Losses of a class: which one of C it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import as_operand
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import float_tensor, fraction, number
from minigrad.nn.functional.activation import shift_by_max
from minigrad.nn.functional.classes import Labels, class_axis, class_weights
from minigrad.nn.functional.loss.shared import expected_cost, reduce_loss
from minigrad.ops import concat, exp, expand_dims, log, negative, reduce_sum, reshape_to, subtract


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(x)_y: the negative log-likelihood of the true class, from unnormalized scores (logits).

    With label smoothing s (Szegedy et al. 2016) the target is (1 - s) onehot(y) + s / C. The loss is right to the
    rounding of a sum of probabilities that is 1: one below 1e-16 (6e-8 in float32) is 0.

    input: (N, C) or (N, C, d1, ...) logits, or (C,).  target: integers in [0, C) of shape (N,), (N, d1, ...) or (), or
    class probabilities of the input's shape.  weight: (C,), a factor for each class.  ignore_index: samples with this
    label do not count; for probabilities it stays negative.  reduction: "mean" (weighted with the samples' factors; for
    probabilities, over the samples), "sum" or "none".  Returns () or, without reduction, the shape that integer targets
    have.
    Raises ShapeError, DtypeError, IndexError for a label out of range, ConfigError for other arguments.

    >>> F.cross_entropy(mg.tensor([[1.0, 1.0], [0.0, 1000.0]]), mg.tensor([0, 1]))
    tensor(0.346574)
    """
    who = "cross_entropy"
    fraction(who, "label_smoothing", label_smoothing)
    scores, target = float_tensor(who, "input", input), as_operand(target)
    axis = class_axis(who, scores)
    classes = scores.data.shape[axis]
    weights = class_weights(who, weight, classes)
    shifted, axes = shift_by_max(who, scores, axis)
    log_total = log(reduce_sum(exp(shifted), axes=axes))  # log p_c = shifted_c - log_total

    def expected(p: Any) -> Tensor:
        """-sum over c of weight_c p_c log p_c."""
        cost = expand_dims(log_total, axis) - shifted
        terms = expected_cost(p, cost) if isinstance(p, Tensor) else p * cost
        if weights is not None:
            terms = terms * reshape_to(weights, shape=(classes,) + (1,) * (scores.ndim - axis - 1))
        return reduce_sum(terms, axes=axes)

    if isinstance(target, Tensor) and target.data.dtype.kind == "f":
        check_probabilities(who, scores, target, ignore_index)
        p = target * (1 - label_smoothing) + label_smoothing / max(classes, 1) if label_smoothing else target
        return reduce_loss(who, expected(p), reduction)
    labels = Labels(who, scores, target, weights, ignore_index)
    losses = labels.weigh(subtract(log_total, labels.pick(shifted)))
    if label_smoothing:
        losses = losses * (1 - label_smoothing) + expected(label_smoothing / classes)
    return reduce_loss(who, labels.drop_ignored(losses), reduction, labels.total_weight(losses.dtype))


def check_probabilities(who: str, scores: Tensor, target: Tensor, ignore_index: int) -> None:
    """Raises ShapeError unless there is a probability for each score, ConfigError if a label is to be ignored."""
    if target.data.shape != scores.data.shape:
        raise ShapeError(
            f"[{who}] a floating-point target holds class probabilities of the input's shape {scores.shape}, "
            f"got {target.shape}; class labels must be integers: use .astype('int64')."
        )
    if ignore_index >= 0:
        raise ConfigError(f"[{who}] ignore_index={ignore_index} is for class labels, target has probabilities.")


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


def rbf_loss(input: Any, target: Any, j: float = 1.0, reduction: str = "mean") -> Tensor:
    """d_y + log(exp(-j) + sum_i exp(-d_i)), for squared distances d of a sample to the centers of the classes.

    Equation 9 of LeCun et al. 1998, "Gradient-based learning applied to document recognition"; d comes from RBF units.
    The first term pulls the sample to the center of its class, the second pushes it away from the others, until they
    are much farther than j, the distance of a "rubbish" class. It is the `cross_entropy` of the logits (-d, -j).

    input: (N, C) or (N, C, d1, ...) squared distances, or (C,).  target: integers in [0, C) of shape (N,), (N, d1, ...)
    or ().  j: positive; inf for no rubbish class.  reduction: "mean" (over the samples), "sum" or "none".
    Returns () or the shape of the target.
    Raises ShapeError, DtypeError, IndexError for a label out of range, ConfigError for other arguments.

    >>> F.rbf_loss(mg.tensor([[1.0, 3.0]]), mg.tensor([0]), j=2.0)
    tensor(0.407606)
    """
    who = "rbf_loss"
    number(who, "j", j, above=0)
    distances = float_tensor(who, "input", input)
    labels = Labels(who, distances, target, None)
    axis, shape = labels.axis, distances.shape
    rubbish = Tensor(np.full((*shape[:axis], 1, *shape[axis + 1 :]), -j, distances.dtype))
    shifted, axes = shift_by_max(who, concat([-distances, rubbish], axis), axis)
    return reduce_loss(who, log(reduce_sum(exp(shifted), axes=axes)) - labels.pick(shifted), reduction)
