"""Attention: weighted means of values, with weights from the products of queries and keys.

A boolean mask says where to attend, a floating-point one is added to the scores. A query that may attend to nothing,
a row of -inf, gets weights of 0 and so a result of 0, with gradients of 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.nn.arguments import broadcasts_to, float_tensor
from minigrad.nn.functional.dropping import dropout
from minigrad.ops import (
    add,
    broadcast,
    equal,
    exp,
    join,
    matmul2,
    multiply,
    pad_constant,
    permute,
    reduce_max,
    reduce_sum,
    repeat,
    reshape_to,
    select,
    subtract,
)
from minigrad.ops.movement import as_tensor


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(scale Q K^T + mask) V (Vaswani et al. 2017).

    query: (..., L, E).  key: (..., S, E).  value: (..., S, F).  The leading axes, a batch and heads, broadcast.
    attn_mask: broadcasts to (..., L, S); boolean, true where a query may attend to a key, or a floating-point summand.
    dropout_p: drop weights with this probability, in any case: give 0 in evaluation.  is_causal: query i attends to
    keys 0 ... i only; not together with attn_mask.  scale: 1 / sqrt(E) by default.  enable_gqa: the heads, axis -3, of
    key and value are fewer, by a factor; each serves so many heads of query, one after the other.
    Returns (..., L, F); 0 for a query that may attend to nothing.
    Raises ShapeError if the shapes do not fit, ConfigError for a mask that is given twice.

    >>> q, k, v = mg.ones((1, 2)), mg.ones((3, 2)), mg.tensor([[1.0], [2.0], [6.0]])
    >>> F.scaled_dot_product_attention(q, k, v)
    tensor([[3.]])
    >>> F.scaled_dot_product_attention(q, k, v, attn_mask=mg.tensor([True, True, False]))
    tensor([[1.5]])
    """
    who = "scaled_dot_product_attention"
    q, k, v = (float_tensor(who, name, x) for name, x in (("query", query), ("key", key), ("value", value)))
    if enable_gqa:
        k, v = (repeat(x, head_ratio(who, q, x), axis=x.ndim - 3) for x in (k, v))
    shape = scores_shape(who, q, k, v)
    if is_causal and attn_mask is not None:
        raise ConfigError(f"[{who}] is_causal is a mask already: give it or attn_mask.")
    masks = [causal_mask(*shape[-2:])] if is_causal else []
    if attn_mask is not None:
        masks.append(fitting_mask(who, attn_mask, shape))
    return attend(q, k, v, masks, dropout_p, scale)[0]


def attend(
    q: Tensor, k: Tensor, v: Tensor, masks: Iterable[Tensor], dropout_p: float = 0.0, scale: float | None = None
) -> tuple[Tensor, Tensor]:
    """The result (..., L, F) of attention and its weights (..., L, S), some of them dropped."""
    if scale is None:
        scale = 1 / math.sqrt(max(q.shape[-1], 1))
    scores = matmul2(multiply(q, scale), k, tb=True)
    for mask in masks:
        scores = select(mask, scores, -math.inf) if mask.dtype.kind == "b" else add(scores, mask)
    weights = dropout(attention_weights(scores), dropout_p)
    return matmul2(weights, v), weights


def attention_weights(scores: Tensor) -> Tensor:
    """The softmax along the last axis; zeros for a row of -inf."""
    if scores.size == 0:
        return scores
    last = (scores.ndim - 1,)
    top = reduce_max(scores.detach(), axes=last, keepdims=True)
    weights = exp(subtract(scores, select(equal(top, -math.inf), 0.0, top)))
    total = reduce_sum(weights, axes=last, keepdims=True)
    return weights / select(equal(total, 0), 1.0, total)


# ---- masks


def causal_mask(length: int, keys: int) -> Tensor:
    """(length, keys): query i attends to keys 0 ... i."""
    return Tensor(np.tri(length, keys, dtype=np.bool_))


def mask_tensor(who: str, name: str, mask: Any) -> Tensor:
    """`mask` as a tensor. Raises DtypeError unless it is boolean or floating-point."""
    mask = as_tensor(mask)
    if mask.dtype.kind not in "bf":
        raise DtypeError(f"[{who}] {name} must be boolean or floating-point, got {mask.dtype}: use .astype('bool').")
    return mask


def fitting_mask(who: str, mask: Any, shape: tuple[int, ...]) -> Tensor:
    """A mask for scores of this shape. Raises ShapeError unless it broadcasts to it."""
    mask = mask_tensor(who, "attn_mask", mask)
    if not broadcasts_to(mask.shape, shape):
        raise ShapeError(f"[{who}] expected an attn_mask that broadcasts to the scores, {shape}, got {mask.shape}.")
    return mask


def scores_shape(who: str, q: Tensor, k: Tensor, v: Tensor) -> tuple[int, ...]:
    """(..., L, S). Raises ShapeError unless queries, keys and values fit."""
    shapes = f"query {q.shape}, key {k.shape}, value {v.shape}"
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ShapeError(f"[{who}] expected shapes (..., L, E), (..., S, E) and (..., S, F), got {shapes}.")
    if q.shape[-1] != k.shape[-1]:
        raise ShapeError(f"[{who}] queries and keys must have as many features: {shapes}.")
    if k.shape[-2] != v.shape[-2]:
        raise ShapeError(f"[{who}] there must be as many keys as values: {shapes}.")
    try:
        leading = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    except ValueError:
        raise ShapeError(f"[{who}] the axes before the last two must broadcast: {shapes}.") from None
    return (*leading, q.shape[-2], k.shape[-2])


def head_ratio(who: str, q: Tensor, x: Tensor) -> int:
    """How many heads of the queries share one of x. Raises ShapeError unless that is a whole number."""
    if min(q.ndim, x.ndim) < 3 or x.shape[-3] == 0 or q.shape[-3] % x.shape[-3]:
        raise ShapeError(
            f"[{who}] with enable_gqa, the heads (axis -3) of query must be a multiple of those of key and value: "
            f"query {q.shape}, got {x.shape}."
        )
    return q.shape[-3] // x.shape[-3]


# ---- heads


def split_heads(x: Tensor, heads: int, batch_first: bool) -> Tensor:
    """(N, L, E), or (L, N, E), as (N, heads, L, E / heads)."""
    *outer, features = x.shape
    parts = reshape_to(x, shape=(*outer, heads, features // heads))
    return permute(parts, axes=(0, 2, 1, 3) if batch_first else (1, 2, 0, 3))


def merge_heads(x: Tensor, batch_first: bool) -> Tensor:
    """(N, heads, L, D) as (N, L, heads D), or (L, N, heads D)."""
    parts = permute(x, axes=(0, 2, 1, 3) if batch_first else (2, 0, 1, 3))
    return reshape_to(parts, shape=(*parts.shape[:2], parts.shape[2] * parts.shape[3]))


def append_key(x: Tensor, extra: Tensor) -> Tensor:
    """Keys or values (N, heads, S, D) and one more for all samples, (1, heads, 1, D)."""
    return join(x, broadcast(extra, shape=(x.shape[0], *extra.shape[1:])), axis=2)


def allow_more_keys(mask: Tensor, count: int) -> Tensor:
    """A mask for so many keys more, which may all be attended to."""
    if not count:
        return mask
    free = True if mask.dtype.kind == "b" else 0.0
    return pad_constant(mask, widths=((0, 0),) * (mask.ndim - 1) + ((0, count),), value=free)
