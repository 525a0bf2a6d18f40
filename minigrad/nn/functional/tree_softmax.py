"""Softmax over many classes as a binary tree: the probability of a class is that of the turns on the way to it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError
from minigrad.ops import (
    add,
    equal,
    expand_dims,
    gather,
    logaddexp,
    matmul2,
    multiply,
    negative,
    reduce_sum,
    reshape_to,
    select,
)


def tree_log_prob(
    rows: Tensor, target: Tensor, weight: Tensor, bias: Tensor | None, nodes: Tensor, turns: Tensor
) -> Tensor:
    """log p(target) = sum over the inner nodes v on the way of log sigmoid(turn_v (w_v . x + b_v)), (N,).

    Only the weights of the nodes on the way are read. rows: (N, in).  target: (N,), valid.  weight: (C - 1, in), bias:
    (C - 1,), of the inner nodes.  nodes, turns: (C, depth), the way to each class, turns 1, -1, and 0 behind its end.
    """
    on_way, turn = gather(nodes, target, axes=(0,)), gather(turns, target, axes=(0,))
    products = matmul2(gather(weight, on_way, axes=(0,)), expand_dims(rows, 2))  # (N, depth, in) by (N, in, 1)
    scores = reshape_to(products, shape=on_way.shape)
    if bias is not None:
        scores = add(scores, gather(bias, on_way, axes=(0,)))
    return along(scores, turn)


def tree_log_probs(rows: Tensor, weight: Tensor, bias: Tensor | None, nodes: Tensor, turns: Tensor) -> Tensor:
    """log p of all classes, (N, C); arguments as for `tree_log_prob`."""
    scores = matmul2(rows, weight, tb=True)
    if bias is not None:
        scores = add(scores, bias)
    n, (classes, depth) = rows.shape[0], nodes.shape
    on_ways = gather(scores, reshape_to(nodes, shape=(classes * depth,)), axes=(1,))
    return along(reshape_to(on_ways, shape=(n, classes, depth)), turns)


def along(scores: Tensor, turns: Tensor) -> Tensor:
    """The sum of log sigmoid(turn * score) over the last axis, without what is behind the end."""
    each = negative(logaddexp(negative(multiply(scores, turns)), 0.0))
    return reduce_sum(select(equal(turns, 0), 0.0, each), axes=(scores.ndim - 1,))


# ---- trees


def huffman_tree(counts: Sequence[float]) -> Any:
    """The tree with the shortest mean way to classes that occur so often (Huffman 1952), as nested pairs of classes."""
    following = itertools.count(len(counts))
    waiting = [(count, i, i) for i, count in enumerate(counts)]  # ties go to the one that has waited longer
    heapq.heapify(waiting)
    while len(waiting) > 1:
        (a, _, left), (b, _, right) = heapq.heappop(waiting), heapq.heappop(waiting)
        heapq.heappush(waiting, (a + b, next(following), (left, right)))  # type: ignore[misc]
    return waiting[0][2]


def ways(tree: Any, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """The way to each class: inner nodes, numbered from the root, and turns, 1 left and -1 right; 0 behind the end.

    Raises ConfigError unless the tree is made of pairs and has each class once.
    """
    found: dict[int, tuple] = {}
    number = itertools.count()
    stack: list[tuple[Any, Any, int]] = [(tree, None, 0)]  # a part of the tree, the way to it as a chain, its length
    while stack:
        part, chain, length = stack.pop()
        if isinstance(part, (tuple, list)):
            if len(part) != 2:
                raise ConfigError(f"[HierarchicalSoftmax] tree: expected pairs, got a part with {len(part)}: {part!r}.")
            node = next(number)
            stack.extend((sub, (node, turn, chain), length + 1) for sub, turn in zip(reversed(part), (-1, 1)))
        elif isinstance(part, bool) or not isinstance(part, (int, np.integer)) or not 0 <= part < classes:
            raise ConfigError(f"[HierarchicalSoftmax] tree: expected classes in [0, {classes}), got {part!r}.")
        elif part in found:
            raise ConfigError(f"[HierarchicalSoftmax] tree: class {part} occurs twice.")
        else:
            found[int(part)] = (chain, length)
    missing = sorted(set(range(classes)) - set(found))
    if missing:
        raise ConfigError(f"[HierarchicalSoftmax] tree: {len(missing)} classes are missing, the first is {missing[0]}.")
    depth = max(length for _, length in found.values())
    nodes, turns = np.zeros((classes, depth), np.int64), np.zeros((classes, depth), np.int8)
    for i, (chain, length) in found.items():
        for k in reversed(range(length)):
            nodes[i, k], turns[i, k], chain = chain
    return nodes, turns
