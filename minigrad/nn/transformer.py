"""Transformers (Vaswani et al. 2017): encoder and decoder layers, and stacks of them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.arguments import choice, size
from minigrad.nn.attention import MultiheadAttention
from minigrad.nn.container import ModuleList
from minigrad.nn.dropout import Dropout
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module
from minigrad.nn.normalization import LayerNorm
from minigrad.ops import full, triu

Activation = str | Callable[[Tensor], Tensor]
ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu}


class TransformerLayer(Module):
    """What encoder and decoder layers share: parts, each with dropout, a residual connection and a normalization.

    Every attention is a part; the last part is two linear maps.
    """

    attentions: ClassVar[tuple[str, ...]] = ("self_attn",)
    self_attn: MultiheadAttention

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: DtypeLike = None,
    ) -> None:
        for name in self.attentions:
            attention = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype)
        self.norm_first = norm_first
        numbers = range(1, len(self.attentions) + 2)
        for k in numbers:
            self.add_module(f"norm{k}", LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))
        for k in numbers:
            self.add_module(f"dropout{k}", Dropout(dropout))
        self.activation = activation_function(type(self).__name__, activation)

    def _part(self, k: int, x: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        """x behind its k-th part: x + dropout(part(norm(x))), or norm(x + dropout(part(x)))."""
        norm, dropout = getattr(self, f"norm{k}"), getattr(self, f"dropout{k}")
        return x + dropout(part(norm(x))) if self.norm_first else norm(x + dropout(part(x)))

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(TransformerLayer):
    """Self-attention, then two linear maps, each with dropout, a residual connection and layer normalization.

        x = norm1(x + attention(x)),  y = norm2(x + linear2(activation(linear1(x))))            norm_first=False
        x = x + attention(norm1(x)),  y = x + linear2(activation(linear1(norm2(x))))            norm_first=True

    d_model: the number of features, E.  nhead: the heads of the attention.  dim_feedforward: the features between the
    linear maps.  dropout: the probability, of attention's weights too.  activation: "relu", "gelu" or a function.
    layer_norm_eps, bias: for all parts.  batch_first: whether sequences are (N, L, E), not (L, N, E).
    norm_first: normalize what goes into a part (Xiong et al. 2020) rather than what comes out.

    >>> nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)(mg.zeros((4, 5, 8))).shape
    (4, 5, 8)
    """

    def forward(
        self, src: Tensor, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """The layer's output, shaped as src: (L, N, E), or (N, L, E) with batch_first, or (L, E).

        src_mask, src_key_padding_mask, is_causal: the masks of `MultiheadAttention`.
        """
        x = self._part(1, src, lambda x: attended(self.self_attn, x, x, src_mask, src_key_padding_mask, is_causal))
        return self._part(2, x, self._feed_forward)


class TransformerDecoderLayer(TransformerLayer):
    """Self-attention, attention to the output of an encoder, then two linear maps: see `TransformerEncoderLayer`.

    >>> memory, target = mg.zeros((4, 7, 8)), mg.zeros((4, 5, 8))
    >>> nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)(target, memory).shape
    (4, 5, 8)
    """

    attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiheadAttention

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The layer's output, shaped as tgt: (T, N, E), or (N, T, E) with batch_first, or (T, E).

        memory: the encoder's output, likewise, of length S.  tgt_...: the masks of `MultiheadAttention` for the
        attention of tgt to itself; memory_...: those for its attention to memory.
        """
        masks = tgt_mask, tgt_key_padding_mask, tgt_is_causal
        of_memory = memory_mask, memory_key_padding_mask, memory_is_causal
        x = self._part(1, tgt, lambda x: attended(self.self_attn, x, x, *masks))
        x = self._part(2, x, lambda x: attended(self.multihead_attn, x, memory, *of_memory))
        return self._part(3, x, self._feed_forward)


class Stack(Module):
    """What TransformerEncoder and TransformerDecoder share: copies of a layer, one after the other, and a last norm."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        self.num_layers = size(type(self).__name__, "num_layers", num_layers)
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(self.num_layers)])
        self.norm = norm

    def _run(self, x: Tensor, *context: Tensor, **masks: Any) -> Tensor:
        for layer in self.layers:
            x = layer(x, *context, **masks)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(Stack):
    """Copies of a layer, one after the other: y = norm(layer_n(... layer_1(x))).

    encoder_layer: the layer, of which `num_layers` copies are made, alike to begin with.  norm: what comes last, if
    anything.  enable_nested_tensor, mask_check: how PyTorch packs padded sequences in evaluation, which leaves the
    result at all other positions as it is; there is nothing to choose here.

    >>> layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> nn.TransformerEncoder(layer, 2)(mg.zeros((4, 5, 8))).shape
    (4, 5, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self, src: Tensor, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        """The encoder's output, shaped as src; mask, src_key_padding_mask, is_causal: for each layer."""
        return self._run(
            src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal)
        )


class TransformerDecoder(Stack):
    """Copies of a layer, one after the other: y = norm(layer_n(... layer_1(x, memory), memory)).

    decoder_layer: the layer, of which `num_layers` copies are made, alike to begin with.  norm: what comes last, if
    anything.

    >>> layer = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
    >>> nn.TransformerDecoder(layer, 2)(mg.zeros((4, 5, 8)), mg.zeros((4, 7, 8))).shape
    (4, 5, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The decoder's output, shaped as tgt; arguments as for each layer."""
        return self._run(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=bool(tgt_is_causal),
            memory_is_causal=memory_is_causal,
        )


class Transformer(Module):
    """An encoder, and a decoder that attends to its output, each with a last layer normalization.

    d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias: those of
    `TransformerEncoderLayer`.  num_encoder_layers, num_decoder_layers: how many layers each has.
    custom_encoder, custom_decoder: modules to take instead.  All weights (matrices) are by Xavier's rule.

    >>> model = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    >>> model(mg.zeros((4, 7, 8)), mg.zeros((4, 5, 8))).shape
    (4, 5, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: DtypeLike = None,
    ) -> None:
        settings = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, dtype
        )  # fmt: skip

        def last_norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)

        if custom_encoder is None:
            custom_encoder = TransformerEncoder(TransformerEncoderLayer(*settings), num_encoder_layers, last_norm())
        if custom_decoder is None:
            custom_decoder = TransformerDecoder(TransformerDecoderLayer(*settings), num_decoder_layers, last_norm())
        self.encoder, self.decoder = custom_encoder, custom_decoder
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The decoder's output for tgt (T, N, E), shaped as tgt, given the encoder's for src (S, N, E).

        With batch_first, N comes first; it may be missing. Masks as for `MultiheadAttention`: src_... for the encoder,
        tgt_... for the decoder's attention to itself, memory_... for its attention to the encoder's output.
        """
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, dtype: DtypeLike = None) -> Tensor:
        """(sz, sz): 0 on and below the diagonal, -inf above, to be added to scores.

        >>> nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[  0., -inf],
                [  0.,   0.]])
        """
        return triu(full((sz, sz), -math.inf, dtype), 1)


def attended(
    attention: MultiheadAttention, x: Tensor, memory: Tensor, mask: Any, key_padding_mask: Any, is_causal: bool
) -> Tensor:
    """What x finds in memory, under these masks."""
    return attention(x, memory, memory, key_padding_mask, need_weights=False, attn_mask=mask, is_causal=is_causal)[0]


def activation_function(who: str, activation: Activation) -> Callable[[Tensor], Tensor]:
    """The function, by its name. Raises ConfigError for another name."""
    if callable(activation):
        return activation
    choice(who, "activation", activation, tuple(ACTIVATIONS))
    return ACTIVATIONS[activation]
