"""The loss of connectionist temporal classification: labels for a sequence whose alignment is not known."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import tracer
from minigrad.errors import ConfigError, ShapeError
from minigrad.loops import scan
from minigrad.nn.arguments import choice, float_tensor, integer_tensor, within
from minigrad.nn.functional.loss.shared import REDUCTIONS, reduce_loss
from minigrad.ops import (
    broadcast_to,
    cast,
    checked_index,
    concat,
    cumulative_sum,
    equal,
    expand_dims,
    full,
    gather,
    gather_along,
    greater,
    less,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    not_equal,
    pad,
    reduce_sum,
    reshape_to,
    select,
    stack,
)

__all__ = ["ctc_loss"]

WHO = "ctc_loss"
ZERO = Tensor(np.zeros((), np.int64))


def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the probability of all alignments of a target with the input (Graves et al. 2006).

    An alignment has a label or a blank at each time step; without its repetitions, and then without its blanks, it is
    the target. The sum over all of them is computed forward in time, in logarithms.

    log_probs: (T, N, C), or (T, C) for one sequence, such as `log_softmax` gives.  targets: labels in [0, C), not
    blank, (N, S) with anything behind the end of shorter ones, or one after the other, (sum(target_lengths),).
    input_lengths, target_lengths: (N,) integers, a tensor or a tuple, how much of each counts.  blank: its class.
    reduction: "mean" (each divided by its target's length, then over the batch), "sum" or "none".  zero_infinity: 0
    instead of inf where the input is too short for any alignment; the gradient is 0 there in any case.
    Returns () or, without reduction, (N,).
    The gradient is that of this function of log_probs, -(the probability that the label is at that place). PyTorch's is
    exp(log_probs) more, which is the same once it has gone through `log_softmax`.
    Raises ShapeError, DtypeError, ConfigError for another blank or reduction, IndexError for lengths and labels that
    are out of range.

    >>> log_probs = F.log_softmax(mg.zeros((3, 1, 2)), dim=2)
    >>> loss = F.ctc_loss(log_probs, mg.tensor([[1]]), (3,), (1,))  # 6 of 8 paths: all but 000 and 101
    >>> mg.exp(-loss)
    tensor(0.75)
    """
    choice(WHO, "reduction", reduction, REDUCTIONS)
    scores = float_tensor(WHO, "log_probs", log_probs)
    if scores.ndim not in (2, 3):
        raise ShapeError(f"[{WHO}] expected log_probs of shape (T, N, C) or (T, C), got {scores.shape}.")
    batched = scores.ndim == 3
    if not batched:
        scores = expand_dims(scores, 1)
    steps, n, classes = scores.shape
    if isinstance(blank, bool) or not isinstance(blank, (int, np.integer)) or not 0 <= blank < classes:
        raise ConfigError(f"[{WHO}] blank must be a class, an integer in [0, {classes}); got {blank!r}.")
    labels = as_integers("targets", targets)
    if labels.ndim not in (1, 2) or (labels.ndim == 2 and labels.shape[0] != n):
        raise ShapeError(
            f"[{WHO}] expected targets of shape ({n}, S), or (sum(target_lengths),), got {labels.shape}: "
            f"log_probs {getattr(log_probs, 'shape', None)}."
        )
    times = as_lengths("input_lengths", input_lengths, n, steps)
    ends = as_lengths("target_lengths", target_lengths, n, labels.shape[-1])
    labels = checked_labels(padded(labels, ends, target_lengths), ends, blank, classes)

    final = forward(scores, labels, times, ends, blank)
    impossible = equal(final, -np.inf)
    losses = select(impossible, 0.0 if zero_infinity else np.inf, -final)
    if reduction == "mean":
        losses = losses / cast(maximum(ends, 1), dtype=losses.dtype)
    return reduce_loss(WHO, losses if batched else reshape_to(losses, shape=()), reduction)


def forward(scores: Tensor, labels: Tensor, times: Tensor, ends: Tensor, blank: int) -> Tensor:
    """The log-probability of each target, (N,).

    alpha[s] is that of all alignments so far that have come to place s of the target with blanks around each label.
    From one step to the next they stay, go on by one, or by two to a label that is not the one before.
    """
    steps, n, _ = scores.shape
    blanks = full((n, 1), blank, dtype=np.int64)
    pairs = stack([broadcast_to(blanks, labels.shape), labels], axis=2)
    path = concat([reshape_to(pairs, shape=(n, 2 * labels.shape[1])), blanks], axis=1)
    places = path.shape[1]
    before = shifted(path, 2, blank)
    skips = logical_and(not_equal(path, blank), logical_and(not_equal(path, before), greater(np.arange(places), 1)))

    running = less(np.arange(steps)[:, None, None], reshape_to(times, shape=(1, n, 1)))
    emitted = gather_along(scores, broadcast_to(expand_dims(path, 0), (steps, n, places)), axis=2)
    emitted = select(running, emitted, 0.0)  # whatever is behind the end

    def step(alpha: Tensor, x: tuple[Tensor, Tensor]) -> tuple[Tensor, None]:
        emission, runs = x
        near = logaddexp(alpha, shifted(alpha, 1, -np.inf))
        reached = select(skips, logaddexp(near, shifted(alpha, 2, -np.inf)), near)
        return select(runs, reached + emission, alpha), None

    start = np.full((n, places), -np.inf, scores.dtype)
    start[:, 0] = 0.0
    alpha, _ = scan(step, Tensor(start), (emitted, running))
    last = reshape_to(2 * ends, shape=(n, 1))
    in_blank = gather_along(alpha, last, axis=1)
    in_label = select(greater(last, 0), gather_along(alpha, maximum(last - 1, 0), axis=1), -np.inf)
    return reshape_to(logaddexp(in_blank, in_label), shape=(n,))


def shifted(x: Tensor, by: int, fill: float) -> Tensor:
    """Each row moved to the right."""
    n = x.shape[1]
    return pad(x[:, : max(n - by, 0)], ((0, 0), (min(by, n), 0)), constant_values=fill)


# ---- targets and lengths, which come from data


def as_integers(name: str, given: Any) -> Tensor:
    """A tensor of int64. Raises DtypeError for other dtypes."""
    if isinstance(given, (tuple, list)) and any(isinstance(x, Tensor) for x in given):
        given = stack([x + ZERO for x in given])  # a sum, since a compiled step's arguments may stand for numbers
    if isinstance(given, (tuple, list)) and not given:
        given = np.zeros(0, np.int64)
    return integer_tensor(WHO, name, given).astype(np.int64)


def as_lengths(name: str, given: Any, n: int, largest: int) -> Tensor:
    """The lengths, (N,). Raises ShapeError for another shape, IndexError unless they lie in [0, largest]."""
    x = as_integers(name, given)
    if x.shape != (n,) and not (x.shape == () and n == 1):
        raise ShapeError(f"[{WHO}] expected {name} of shape ({n},), one for each sequence, got {x.shape}.")
    return within(WHO, name, reshape_to(x, shape=(n,)), largest + 1)


def padded(labels: Tensor, ends: Tensor, given: Any) -> Tensor:
    """The labels as (N, S), with anything behind the end of each target.

    given: the lengths as the user gave them. If they are not known while a function is traced, there is room for all
    labels in each row.
    """
    if labels.ndim == 2:
        return labels
    total = reduce_sum(ends, axes=(0,))
    if tracer() is not None:
        checked_index(total - labels.size, size=1)
    elif total.item() != labels.size:
        raise ShapeError(
            f"[{WHO}] expected targets of shape ({total.item()},), the sum of target_lengths, or (N, S); "
            f"got {labels.shape}."
        )
    longest = labels.size
    if tracer() is None:
        longest = int(ends.data.max(initial=0))
    elif isinstance(given, (tuple, list)) and not any(isinstance(x, Tensor) for x in given):
        longest = max(given, default=0)
    place = np.arange(longest)
    index = reshape_to(cumulative_sum(ends) - ends, shape=(-1, 1)) + place
    return gather(labels, select(less(place, expand_dims(ends, 1)), index, 0), axes=(0,))


def checked_labels(labels: Tensor, ends: Tensor, blank: int, classes: int) -> Tensor:
    """The labels, blank behind the end. Raises IndexError for those out of range, or blank."""
    counts = less(np.arange(labels.shape[1]), expand_dims(ends, 1))
    wrong = logical_or(equal(labels, blank), logical_or(less(labels, 0), greater(labels, classes - 1)))
    wrong = logical_and(counts, wrong)
    if tracer() is not None:
        checked_index(cast(wrong, dtype=np.dtype(np.int64)), size=1)
    elif wrong.data.any():
        found = labels.data[wrong.data]
        raise IndexError(
            f"[{WHO}] labels must lie in [0, {classes}) and differ from blank={blank}, "
            f"found {found.min()} to {found.max()}."
        )
    return select(logical_and(counts, logical_not(wrong)), labels, blank)
