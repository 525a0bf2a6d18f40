"""Softmax over many classes in clusters: the frequent ones cheap, the rare ones in few dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import tracer
from minigrad.nn.functional.activation import log_softmax
from minigrad.ops import (
    concat,
    expand_dims,
    gather,
    gather_along,
    greater_equal,
    less,
    logical_and,
    reshape_to,
    scatter_add,
    select,
)

Layers = Sequence[Callable[[Tensor], Tensor]]


def adaptive_log_prob(head: Callable, tail: Layers, cutoffs: Sequence[int], rows: Tensor, target: Tensor) -> Tensor:
    """log p(target), (N,): that of a frequent class, or that of its cluster and of the class within it.

    head: (N, in) -> scores of the frequent classes and of the clusters.  tail: for each cluster, (n, in) -> scores of
    its classes.  cutoffs: where the clusters begin, and the number of classes.  rows: (N, in).  target: (N,), valid.
    """
    shortlist = cutoffs[0]
    at = target
    for i, low in enumerate(cutoffs[:-1]):
        at = select(greater_equal(target, low), shortlist + i, at)
    found = picked(log_softmax(head(rows), 1), at)
    for layers, low, high in zip(tail, cutoffs, cutoffs[1:]):
        inside = logical_and(greater_equal(target, low), less(target, high))
        compute = everywhere if tracer() is not None else where_needed
        found = found + compute(layers, rows, target - low, inside)
    return found


def where_needed(layers: Callable, rows: Tensor, target: Tensor, inside: Tensor) -> Tensor:
    """log p(target) within a cluster, computed for the rows whose target lies in it; 0 for the others."""
    (chosen,) = np.nonzero(inside.data)
    if not chosen.size:
        return Tensor(np.zeros(inside.shape, rows.dtype))
    index = Tensor(chosen)
    log_p = log_softmax(layers(gather(rows, index, axes=(0,))), 1)
    return scatter_add(picked(log_p, gather(target, index, axes=(0,))), index, axes=(0,), shape=inside.shape)


def everywhere(layers: Callable, rows: Tensor, target: Tensor, inside: Tensor) -> Tensor:
    """The same for all rows, since in compiled code no shape depends on data; what is not needed is dropped."""
    return select(inside, picked(log_softmax(layers(rows), 1), select(inside, target, 0)), 0.0)


def picked(log_p: Tensor, index: Tensor) -> Tensor:
    """An element of each row."""
    return reshape_to(gather_along(log_p, expand_dims(index, 1), axis=1), shape=index.shape)


def adaptive_log_probs(head: Callable, tail: Layers, shortlist: int, rows: Tensor) -> Tensor:
    """log p of all classes, (N, C); arguments as for `adaptive_log_prob`."""
    log_p = log_softmax(head(rows), 1)
    parts = [log_p[:, :shortlist]]
    for i, layers in enumerate(tail):
        parts.append(log_softmax(layers(rows), 1) + log_p[:, shortlist + i : shortlist + i + 1])
    return concat(parts, axis=1)
