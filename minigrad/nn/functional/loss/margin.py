"""Losses of scores that ask the right class to win by a margin."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.nn.arguments import choice, float_tensor, number
from minigrad.nn.functional.classes import Labels, class_axis, class_weights, listed_labels
from minigrad.nn.functional.loss.shared import reduce_loss
from minigrad.ops import (
    equal,
    expand_dims,
    gather_along,
    logical_and,
    logical_not,
    reduce_any,
    reduce_sum,
    relu,
    select,
)


def hinge_loss(input: Any, target: Any, margin: float = 1.0, p: int = 1, reduction: str = "mean") -> Tensor:
    """The sum over the wrong classes j of max(0, margin + x_j - x_y)^p: the multi-class hinge (Weston & Watkins 1999).

    `multi_margin_loss` is this divided by the number of classes.

    input: (N, C) or (N, C, d1, ...) scores, or (C,).  target: integers in [0, C) of shape (N,), (N, d1, ...) or ().
    p: 1 or 2.  reduction: "mean" (over the samples), "sum" or "none".  Returns () or the shape of the target.
    Raises ShapeError, DtypeError, IndexError for a label out of range, ConfigError for other arguments.

    >>> F.hinge_loss(mg.tensor([[3.0, 2.5, 5.0]]), mg.tensor([0]))
    tensor(3.5)
    """
    return reduce_loss("hinge_loss", violations("hinge_loss", input, target, margin, p)[0], reduction)


def squared_hinge_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """The sum over the wrong classes j of max(0, margin + x_j - x_y)^2.

    Arguments, shapes and errors as for `hinge_loss`, of which this is the case p=2.

    >>> F.squared_hinge_loss(mg.tensor([[3.0, 2.5, 5.0]]), mg.tensor([0]))
    tensor(9.25)
    """
    who = "squared_hinge_loss"
    return reduce_loss(who, violations(who, input, target, margin, 2)[0], reduction)


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """The sum over the wrong classes j of w_y max(0, margin + x_j - x_y)^p, divided by the number of classes C.

    `hinge_loss` is the textbook's form, which does not divide.

    input: (N, C) scores, or (C,).  target: integers in [0, C) of shape (N,) or ().  p: 1 or 2.  weight: (C,), a factor
    for each class.  reduction: "mean" (over the samples), "sum" or "none".  Returns () or (N,).
    Raises ShapeError, DtypeError, IndexError for a label out of range, ConfigError for other arguments.

    >>> F.multi_margin_loss(mg.tensor([[3.0, 2.5, 5.0, 0.0]]), mg.tensor([0]))
    tensor(0.875)
    """
    who = "multi_margin_loss"
    rows_of_scores(who, input)
    losses, labels = violations(who, input, target, margin, p, weight)
    return reduce_loss(who, labels.weigh(losses) / float(labels.classes), reduction)


def violations(
    who: str, input: Any, target: Any, margin: float, p: int, weight: Any = None
) -> tuple[Tensor, Labels]:
    """For each sample the sum over the wrong classes j of max(0, margin + x_j - x_y)^p; and the labels."""
    choice(who, "p", p, (1, 2))
    number(who, "margin", margin)
    scores = float_tensor(who, "input", input)
    axis = class_axis(who, scores)
    labels = Labels(who, scores, target, class_weights(who, weight, scores.shape[axis]))
    excess = relu(margin + (scores - expand_dims(labels.pick(scores), axis)))
    excess = select(labels.is_label(), 0.0, excess)
    return reduce_sum(excess if p == 1 else excess * excess, axes=(axis,)), labels


def multilabel_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The sum over the right classes y and the wrong ones j of max(0, 1 + x_j - x_y), divided by their number C.

    input: (N, C) scores, or (C,).  target: integers of the same shape; each row lists the right classes, in [0, C), and
    ends at the first -1.  reduction: "mean" (over the samples), "sum" or "none".  Returns () or (N,). Takes memory for
    N C^2 numbers.  Raises ShapeError, DtypeError, IndexError for a label out of range.

    >>> F.multilabel_margin_loss(mg.tensor([0.1, 0.2, 0.4, 0.8]), mg.tensor([3, 0, -1, 1]))
    tensor(0.85)
    """
    who = "multilabel_margin_loss"
    x = rows_of_scores(who, input)
    classes = x.shape[-1]
    label, listed = listed_labels(who, x, target)
    last = x.ndim - 1
    # along the axes (right class in the list, any class)
    listed = expand_dims(listed, -1)
    same = logical_and(listed, equal(expand_dims(label, -1), Tensor(np.arange(classes))))
    wrong = logical_not(reduce_any(same, axes=(last,), keepdims=True))
    excess = relu(1 + (expand_dims(x, -2) - expand_dims(gather_along(x, label, axis=last), -1)))
    losses = reduce_sum(select(logical_and(listed, wrong), excess, 0.0), axes=(last, last + 1)) / float(classes)
    return reduce_loss(who, losses, reduction)


def rows_of_scores(who: str, input: Any) -> Tensor:
    """The scores. Raises ShapeError unless they are (N, C) or (C,)."""
    x = float_tensor(who, "input", input)
    if x.ndim not in (1, 2):
        raise ShapeError(f"[{who}] expected scores of shape (N, C) or (C,), got {x.shape}.")
    return x
