"""Class labels as losses use them: checked, since they come from data, with weights and samples that do not count."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import tracer
from minigrad.errors import ShapeError
from minigrad.nn.arguments import check_range, float_tensor, in_range, integer_tensor, within
from minigrad.ops import (
    cast,
    checked_index,
    cumulate_prod,
    equal,
    expand_dims,
    gather,
    gather_along,
    greater_equal,
    logical_not,
    multiply,
    reduce_sum,
    reshape_to,
    select,
)

LABELS = "class labels"


def class_axis(who: str, scores: Tensor) -> int:
    """The axis of the classes: scores are (C,) for one sample, (N, C, d1, ...) for a batch."""
    if scores.data.ndim == 0:
        raise ShapeError(f"[{who}] expected scores of shape (N, C), (N, C, d1, ...) or (C,), got a number.")
    return min(1, scores.data.ndim - 1)


def class_weights(who: str, weight: Any, classes: int) -> Tensor | None:
    """The class weights. Raises ShapeError unless there is one for each class."""
    if weight is None:
        return None
    weights = float_tensor(who, "weight", weight)
    if weights.shape != (classes,):
        raise ShapeError(f"[{who}] expected a weight for each of {classes} classes, got shape {weights.shape}.")
    return weights


class Labels:
    """One class index for each sample, the weights of the classes, and which samples count.

    scores: (N, C, d1, ...) or (C,).  target: integers of that shape without the axis of the classes.  weights: (C,).
    Raises DtypeError or ShapeError for a target that is not that, IndexError for a label outside [0, C).
    """

    def __init__(
        self, who: str, scores: Tensor, target: Any, weights: Tensor | None, ignore_index: int | None = None
    ) -> None:
        self.axis = class_axis(who, scores)
        self.classes = scores.data.shape[self.axis]
        self.weights = weights
        self.index = class_indices(who, scores, target, self.axis)
        self.ignored = ignored(who, self.index, self.classes, ignore_index)
        if self.ignored is not None:
            self.index = select(self.ignored, 0, self.index)  # any valid index: what it finds is dropped later
        if tracer() is not None:
            self.index = checked_index(self.index, size=self.classes)

    def pick(self, x: Tensor) -> Tensor:
        """x (the shape of the scores) at each sample's label."""
        shape = self.index.data.shape
        if x.data.ndim == 2 and tracer() is None:  # half the time of the general way
            return gather(x, Tensor(np.arange(shape[0])), self.index, axes=(0, 1))
        return reshape_to(gather_along(x, expand_dims(self.index, self.axis), axis=self.axis), shape=shape)

    def is_label(self) -> Tensor:
        """Which of the scores are those of a sample's label."""
        trailing = (1,) * (self.index.data.ndim - self.axis)
        return equal(expand_dims(self.index, self.axis), Tensor(np.arange(self.classes).reshape(-1, *trailing)))

    def weigh(self, losses: Tensor) -> Tensor:
        """Each sample's loss times the weight of its class."""
        return losses if self.weights is None else multiply(losses, gather(self.weights, self.index, axes=(0,)))

    def drop_ignored(self, losses: Tensor) -> Tensor:
        """Zero for the samples that do not count, even where their loss is infinite."""
        return losses if self.ignored is None else select(self.ignored, 0.0, losses)

    def total_weight(self, dtype: np.dtype) -> Tensor | float:
        """What a mean divides by: the weights of the samples that count."""
        if self.weights is None and self.ignored is None:
            return float(self.index.data.size)
        if self.weights is not None:
            each = self.drop_ignored(gather(self.weights, self.index, axes=(0,)))
        else:
            each = cast(logical_not(self.ignored), dtype=dtype)
        return reduce_sum(each, axes=tuple(range(each.data.ndim)))


def class_indices(who: str, scores: Tensor, target: Any, axis: int) -> Tensor:
    """`target` as a tensor of integers. Raises DtypeError or ShapeError unless it has one for every sample."""
    target = integer_tensor(who, LABELS, target)
    shape = scores.data.shape
    expected = shape[:axis] + shape[axis + 1 :]
    if target.data.shape != expected:
        hint = "; class probabilities must be floating-point" if target.data.shape == shape else ""
        raise ShapeError(
            f"[{who}] expected class labels of shape {expected}, got {target.shape}, for an input {shape} with "
            f"{shape[axis]} classes on axis {axis}{hint}."
        )
    return target


def ignored(who: str, target: Tensor, classes: int, ignore_index: int | None) -> Tensor | None:
    """Which labels equal `ignore_index`; None if it is certain that none does.

    Raises IndexError, with the labels found, if one of the others is not in [0, classes).
    """
    if tracer() is not None:  # checked when the compiled code runs
        return None if ignore_index is None else equal(target, ignore_index)
    if ignore_index is None:
        check_range(who, LABELS, target.data, classes)
        return None
    if not 0 <= ignore_index < classes and in_range(target.data, classes):
        return None
    mask = equal(target, ignore_index)
    check_range(who, LABELS, target.data[~mask.data], classes, f" (ignore_index={ignore_index})")
    return mask


def listed_labels(who: str, scores: Tensor, target: Any) -> tuple[Tensor, Tensor]:
    """Several labels for each sample, in rows that end at the first -1: the labels, and which of them are in a list.

    scores: (N, C) or (C,).  target: integers of that shape.  Labels that are in no list are given as 0.
    Raises DtypeError or ShapeError for a target that is not that, IndexError for a label outside [0, C).
    """
    target = integer_tensor(who, LABELS, target)
    if target.data.shape != scores.data.shape:
        raise ShapeError(
            f"[{who}] input and target must have the same shape: input {scores.shape}, target {target.shape}."
        )
    axis, classes = scores.data.ndim - 1, scores.data.shape[-1]
    listed = equal(cumulate_prod(cast(greater_equal(target, 0), dtype=np.dtype(np.int64)), axis=axis), 1)
    return within(who, LABELS, select(listed, target, 0), classes), listed
