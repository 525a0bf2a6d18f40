"""Output layers for many classes, whose cost grows more slowly than the number of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn import init
from minigrad.nn.arguments import choice, float_tensor, integer_tensor, number, size, within
from minigrad.nn.container import ModuleList, Sequential
from minigrad.nn.functional.adaptive_softmax import adaptive_log_prob, adaptive_log_probs
from minigrad.nn.functional.classes import LABELS
from minigrad.nn.functional.loss.shared import REDUCTIONS, reduce_loss
from minigrad.nn.functional.tree_softmax import huffman_tree, tree_log_prob, tree_log_probs, ways
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import argmax, expand_dims, mean, negative, reshape_to, zeros
from minigrad.ops.movement import as_tensor


class AdaptiveOutput(NamedTuple):
    """What `AdaptiveLogSoftmaxWithLoss` returns: log p(target) for each sample, and the mean of their negatives."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Softmax over many classes, sorted from frequent to rare, in clusters (Grave et al. 2017).

    The head scores the classes below the first cutoff and one more for each cluster; the classes of a cluster have
    scores of their own, with 1 / div_value, 1 / div_value^2, ... of the features: log p(y) = log p(cluster) +
    log p(y | cluster). Most samples need the head alone.

    in_features: the size of the input.  n_classes: C.  cutoffs: where the clusters begin, increasing, in [1, C - 1].
    div_value: see above.  head_bias: whether the head has a bias; the clusters have none.
    Called with input (N, in_features), target (N,) of integers in [0, C), or (in_features,) and (), it returns
    (output, loss): log p(target), of the target's shape, and -mean(output).
    Eagerly a cluster is computed for the samples that are in it; in a compiled step, where no shape may depend on data,
    for all, which costs as much as if all classes were wanted, though still less than a full softmax.
    Raises ShapeError, DtypeError, IndexError for a class out of range, ConfigError for cutoffs that are not increasing.

    >>> layer = nn.AdaptiveLogSoftmaxWithLoss(16, 1000, cutoffs=[20, 200])
    >>> output, loss = layer(mg.zeros((3, 16)), mg.tensor([0, 50, 999]))
    >>> output.shape, loss.shape
    ((3,), ())
    >>> [p.shape for p in layer.parameters()]
    [(22, 16), (4, 16), (180, 4), (1, 16), (800, 1)]
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        dtype: DtypeLike = None,
    ) -> None:
        who = "AdaptiveLogSoftmaxWithLoss"
        self.in_features = size(who, "in_features", in_features, 1)
        self.n_classes = size(who, "n_classes", n_classes, 2)
        number(who, "div_value", div_value, above=0)
        found = [size(who, "each of cutoffs", c, 1) for c in cutoffs]
        if not found or found[-1] >= n_classes or found != sorted(set(found)):
            raise ConfigError(f"[{who}] cutoffs must increase from 1 at least to {n_classes - 1} at most; got {found}.")
        self.cutoffs = (*found, self.n_classes)
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = found[0]
        self.n_clusters = len(found)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(self.in_features, self.head_size, bias=head_bias, dtype=dtype)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(zip(self.cutoffs, self.cutoffs[1:])):
            features = int(self.in_features // div_value ** (i + 1))
            inner = Linear(self.in_features, features, bias=False, dtype=dtype)
            self.tail.append(Sequential(inner, Linear(features, high - low, bias=False, dtype=dtype)))

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for layer in (self.head, *(layer for layers in self.tail for layer in layers)):
            layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Any) -> AdaptiveOutput:
        rows, labels = checked(self, input_, target_)
        output = adaptive_log_prob(self.head, list(self.tail), self.cutoffs, rows, labels)
        return AdaptiveOutput(single(output, input_), negative(mean(output)))

    def log_prob(self, input: Tensor) -> Tensor:
        """log p of all classes: (N, in_features) -> (N, C), or (in_features,) -> (C,)."""
        rows = features(self, input)
        return single(adaptive_log_probs(self.head, list(self.tail), self.shortlist_size, rows), input)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class: (N, in_features) -> (N,), or (in_features,) -> ()."""
        return argmax(self.log_prob(input), axis=-1)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, n_classes={self.n_classes}, cutoffs={list(self.cutoffs[:-1])}, "
            f"div_value={self.div_value}, head_bias={self.head_bias}"
        )


class HierarchicalSoftmax(Module):
    """Softmax over many classes as a binary tree of decisions (Morin & Bengio 2005; Mikolov et al. 2013).

    log p(y | x) = sum over the inner nodes v on the way to y of log sigmoid(+-(w_v . x + b_v)), + if it turns left.
    The probabilities of all classes add up to 1 whatever the weights are, so the loss needs the about log2 C nodes on
    the way alone, instead of C scores.

    in_features: the size of the input.  n_classes: C.  counts: how often each class occurs, for Huffman's tree, in
    which frequent classes have short ways; by default all equally often, a balanced tree.  tree: instead, nested pairs
    of classes, such as ((0, 1), (2, (3, 4))).  bias: whether there is a b.  reduction: "mean", "sum" or "none".
    weight: (C - 1, in_features), bias: (C - 1,), of the inner nodes, numbered from the root, left before right; both
    from U(-1/sqrt(in), 1/sqrt(in)).  The buffers nodes and turns, (C, depth), hold the way to each class.
    Called with input (N, in_features) and target (N,) of integers in [0, C), or (in_features,) and (), it returns the
    loss, -log p(target).
    Raises ShapeError, DtypeError, IndexError for a class out of range, ConfigError for other arguments.

    >>> layer = nn.HierarchicalSoftmax(16, 5, counts=[100, 50, 20, 10, 5])
    >>> layer(mg.zeros((2, 16)), mg.tensor([0, 4])).shape
    ()
    >>> mg.sum(mg.exp(layer.log_prob(mg.ones(16)))).item()
    1.000000
    """

    nodes: Tensor
    turns: Tensor

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        counts: Any = None,
        tree: Any = None,
        bias: bool = True,
        reduction: str = "mean",
        dtype: DtypeLike = None,
    ) -> None:
        who = "HierarchicalSoftmax"
        self.in_features = size(who, "in_features", in_features, 1)
        self.n_classes = size(who, "n_classes", n_classes, 1)
        choice(who, "reduction", reduction, REDUCTIONS)
        self.reduction = reduction
        if counts is not None and tree is not None:
            raise ConfigError(f"[{who}] expected counts or a tree, got both.")
        if tree is None:
            tree = huffman_tree(occurrences(who, counts, n_classes))
        nodes, turns = ways(tree, n_classes)
        self.register_buffer("nodes", Tensor(nodes))
        self.register_buffer("turns", Tensor(turns))
        self.weight = Parameter(zeros((n_classes - 1, in_features), dtype))
        self.bias = Parameter(zeros(n_classes - 1, dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.uniform_by_fan_in(self.weight, self.bias)

    def forward(self, input: Tensor, target: Any) -> Tensor:
        rows, labels = checked(self, input, target)
        log_p = tree_log_prob(rows, labels, self.weight, self.bias, self.nodes, self.turns)
        return reduce_loss("HierarchicalSoftmax", negative(single(log_p, input)), self.reduction)

    def log_prob(self, input: Tensor) -> Tensor:
        """log p of all classes: (N, in_features) -> (N, C), or (in_features,) -> (C,)."""
        log_p = tree_log_probs(features(self, input), self.weight, self.bias, self.nodes, self.turns)
        return single(log_p, input)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class: (N, in_features) -> (N,), or (in_features,) -> ()."""
        return argmax(self.log_prob(input), axis=-1)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, n_classes={self.n_classes}, depth={self.nodes.shape[1]}, "
            f"bias={self.bias is not None}, reduction={self.reduction!r}"
        )


# ---- what both take


def features(layer: Any, input: Tensor) -> Tensor:
    """The input as rows (N, in_features). Raises ShapeError for another shape."""
    who = type(layer).__name__
    x = float_tensor(who, "input", input)
    if x.ndim not in (1, 2) or x.shape[-1] != layer.in_features:
        n = layer.in_features
        raise ShapeError(f"[{who}] expected input of shape (N, {n}) or ({n},), got {x.shape}.")
    return x if x.ndim == 2 else expand_dims(x, 0)


def checked(layer: Any, input: Tensor, target: Any) -> tuple[Tensor, Tensor]:
    """The input as rows and a class for each. Raises ShapeError, DtypeError or IndexError if they are not that."""
    who, rows = type(layer).__name__, features(layer, input)
    labels, shape = integer_tensor(who, LABELS, target), as_tensor(input).shape
    if labels.shape != shape[:-1]:
        raise ShapeError(
            f"[{who}] expected target of shape {shape[:-1]}, one class for each sample, got {labels.shape}: "
            f"input {shape}."
        )
    labels = within(who, LABELS, labels, layer.n_classes)
    return rows, reshape_to(labels, shape=(rows.shape[0],))


def single(out: Tensor, input: Tensor) -> Tensor:
    """The result for a single sample without the batch axis."""
    return out if as_tensor(input).ndim == 2 else reshape_to(out, shape=out.shape[1:])


def occurrences(who: str, counts: Any, classes: int) -> list[float]:
    """How often each class occurs. Raises ConfigError unless these are numbers from 0 on, one for each."""
    if counts is None:
        return [1.0] * classes
    found = np.asarray(counts, np.float64)
    if found.shape != (classes,) or not (np.isfinite(found).all() and (found >= 0).all()):
        raise ConfigError(f"[{who}] counts must be {classes} numbers, at least 0; got shape {found.shape}.")
    return found.tolist()
