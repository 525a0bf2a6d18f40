"""Attention with several heads."""

from __future__ import annotations

from typing import Any

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.arguments import float_tensor, fraction, size
from minigrad.nn.functional.attention import (
    allow_more_keys,
    append_key,
    attend,
    causal_mask,
    mask_tensor,
    merge_heads,
    split_heads,
)
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import expand_dims, logical_not, mean, reshape_to, split, squeeze, zeros

WHO = "MultiheadAttention"


class MultiheadAttention(Module):
    """concat(head_1, ..., head_H) W_o^T, head_i = attention(Q W_q,i^T, K W_k,i^T, V W_v,i^T) (Vaswani et al. 2017).

    embed_dim: the features E of queries and results, divided among num_heads heads H.  dropout: the probability with
    which a weight is dropped in training.  bias: whether the projections have one.  add_bias_kv: one more key and value
    for all samples, trained.  add_zero_attn: one more of zeros.  kdim, vdim: the features of keys and values, by
    default E.  batch_first: whether sequences are (N, L, E), not (L, N, E).
    in_proj_weight: (3 E, E), or with a kdim or vdim q_proj_weight (E, E), k_proj_weight (E, kdim), v_proj_weight
    (E, vdim), all by Xavier's rule; in_proj_bias: (3 E,), 0; bias_k, bias_v: (1, 1, E); out_proj: a Linear(E, E).

    >>> layer = nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = mg.zeros((4, 5, 8))
    >>> out, weights = layer(x, x, x)
    >>> out.shape, weights.shape
    ((4, 5, 8), (4, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        dtype: DtypeLike = None,
    ) -> None:
        self.embed_dim = size(WHO, "embed_dim", embed_dim, 1)
        self.num_heads = size(WHO, "num_heads", num_heads, 1)
        if embed_dim % num_heads:
            raise ConfigError(f"[{WHO}] embed_dim must be a multiple of num_heads, got {embed_dim} and {num_heads}.")
        self.kdim = embed_dim if kdim is None else size(WHO, "kdim", kdim, 1)
        self.vdim = embed_dim if vdim is None else size(WHO, "vdim", vdim, 1)
        fraction(WHO, "dropout", dropout)
        self.dropout = dropout
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn
        sizes = (embed_dim, self.kdim, self.vdim)
        packed = sizes == (embed_dim,) * 3
        self.in_proj_weight = Parameter(zeros((3 * embed_dim, embed_dim), dtype)) if packed else None
        self.q_proj_weight, self.k_proj_weight, self.v_proj_weight = (
            None if packed else Parameter(zeros((embed_dim, n), dtype)) for n in sizes
        )
        self.in_proj_bias = Parameter(zeros(3 * embed_dim, dtype)) if bias else None
        self.bias_k, self.bias_v = (
            Parameter(zeros((1, 1, embed_dim), dtype)) if add_bias_kv else None for _ in range(2)
        )
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        self.out_proj.reset_parameters()
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The result of attention, and its weights if they are wanted.

        query: (L, N, E), or (N, L, E) with batch_first, or (L, E).  key, value: the same with S for L, kdim and vdim
        for E.  key_padding_mask: (N, S) or (S,); attn_mask: (L, S) or (N H, L, S). Both: boolean, true where *not* to
        attend, or added to the scores.  is_causal: query i attends to keys 0 ... i only, besides what the masks say.
        Returns a result shaped as query, 0 before the last projection where nothing may be attended to, and None or
        the weights (N, L, S), the mean over the heads, or (N, H, L, S); without N if query has none.
        Raises ShapeError if the shapes do not fit.
        """
        x = [float_tensor(WHO, name, x) for name, x in (("query", query), ("key", key), ("value", value))]
        self._check_shapes(*x)
        of_itself = x[0] is x[1] is x[2]
        unbatched = x[0].ndim == 2
        batch_first = self.batch_first or unbatched
        if unbatched:
            x = [expand_dims(part, 0) for part in x]
        q, k, v = (split_heads(part, self.num_heads, batch_first) for part in self._projected(x, of_itself))
        masks = self._masks(q.shape, k.shape[2], unbatched, key_padding_mask, attn_mask, is_causal)
        k, v = self._with_more_keys(k, v)
        heads, weights = attend(q, k, v, masks, self.dropout if self.training else 0.0)
        out = self.out_proj(merge_heads(heads, batch_first))
        if average_attn_weights:
            weights = mean(weights, axis=1)
        if unbatched:
            out, weights = squeeze(out, 0), squeeze(weights, 0)
        return out, weights if need_weights else None

    def _check_shapes(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        """Raises ShapeError unless query, key and value fit the layer and one another."""
        shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
        if query.ndim not in (2, 3) or not query.ndim == key.ndim == value.ndim:
            layout = "(N, L, E)" if self.batch_first else "(L, N, E)"
            raise ShapeError(f"[{WHO}] expected sequences {layout}, or all of them (L, E), got {shapes}.")
        features = {"query": (query, self.embed_dim), "key": (key, self.kdim), "value": (value, self.vdim)}
        for name, (x, n) in features.items():
            if x.shape[-1] != n:
                raise ShapeError(f"[{WHO}] {name} must have {n} features, it has {x.shape[-1]}: {shapes}.")
        if key.shape[:-1] != value.shape[:-1]:
            raise ShapeError(f"[{WHO}] there must be as many keys as values: {shapes}.")
        batch = 0 if self.batch_first else 1
        if query.ndim == 3 and query.shape[batch] != key.shape[batch]:
            raise ShapeError(f"[{WHO}] queries and keys must be of as many samples (axis {batch}): {shapes}.")

    def _projected(self, x: list[Tensor], of_itself: bool) -> list[Tensor]:
        """Queries, keys and values, each after its linear map; one product for all if a sequence attends to itself."""
        if of_itself and self.in_proj_weight is not None:
            return split(F.linear(x[0], self.in_proj_weight, self.in_proj_bias), 3, axis=-1)
        own: tuple[Any, ...] = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        weights = own if self.in_proj_weight is None else split(self.in_proj_weight, 3)
        biases = [None] * 3 if self.in_proj_bias is None else split(self.in_proj_bias, 3)
        return [F.linear(part, weight, bias) for part, weight, bias in zip(x, weights, biases)]

    def _masks(
        self, q: tuple[int, ...], keys: int, unbatched: bool, key_padding_mask: Any, attn_mask: Any, is_causal: bool
    ) -> list[Tensor]:
        """The masks for queries (N, H, L, D), which broadcast to the scores (N, H, L, S); true where to attend."""
        batch, heads, length, _ = q
        found = [causal_mask(length, keys)] if is_causal else []
        if key_padding_mask is not None:
            mask = mask_tensor(WHO, "key_padding_mask", key_padding_mask)
            expect_mask("key_padding_mask", mask, (keys,) if unbatched else (batch, keys))
            found.append(allowed(reshape_to(mask, shape=(batch, 1, 1, keys))))
        if attn_mask is not None:
            mask = mask_tensor(WHO, "attn_mask", attn_mask)
            expect_mask("attn_mask", mask, (length, keys), (batch * heads, length, keys))
            found.append(allowed(reshape_to(mask, shape=(batch, heads, length, keys)) if mask.ndim == 3 else mask))
        return [allow_more_keys(mask, self.add_zero_attn + (self.bias_k is not None)) for mask in found]

    def _with_more_keys(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (N, H, S, D) with those that the layer adds."""
        if self.bias_k is not None and self.bias_v is not None:
            k = append_key(k, split_heads(self.bias_k, self.num_heads, batch_first=True))
            v = append_key(v, split_heads(self.bias_v, self.num_heads, batch_first=True))
        if self.add_zero_attn:
            zero = zeros((1, self.num_heads, 1, k.shape[3]), k.dtype)
            k, v = append_key(k, zero), append_key(v, zero)
        return k, v


def allowed(mask: Tensor) -> Tensor:
    """A boolean mask that is true where to attend, of one that is true where not to."""
    return logical_not(mask) if mask.dtype.kind == "b" else mask


def expect_mask(name: str, mask: Tensor, *shapes: tuple[int, ...]) -> None:
    """Raises ShapeError unless a mask has one of the shapes."""
    if mask.shape not in shapes:
        raise ShapeError(f"[{WHO}] expected {name} of shape {' or '.join(map(str, shapes))}, got {mask.shape}.")
