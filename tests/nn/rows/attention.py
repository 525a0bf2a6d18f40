"""Attention, transformers, positions."""

import math

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Layer, Row, Wrong


def mask(draw, *shape, allowed):
    """A random mask of which each row lets something through: boolean, `allowed` where, or a summand, or None."""
    free = draw.rng.random(shape) < 0.6
    free[..., :1] = True
    return draw.one_of(None, free == allowed, np.where(free, draw.normal(*shape), -np.inf))


def scaled_dot_product_attention(draw):
    heads, width, out = draw.integers(3, 1, 4)
    batch, length, keys = draw.one_of(draw.integers(3, 1, 4), draw.integers(3, 1, 4), draw.integers(3, 0, 2))
    gqa = draw.flag()
    lead = (batch, heads) if gqa else draw.one_of((), (batch,), (batch, heads))
    few = (batch, draw.one_of(1, heads)) if gqa else lead
    found = mask(draw, *draw.one_of((keys,), (length, keys), (*lead, length, keys)), allowed=True)
    options = {
        "attn_mask": found,
        "is_causal": found is None and draw.flag(),
        "scale": draw.one_of(None, draw.number(0.1, 2)),
        "enable_gqa": gqa,
    }
    k, v = draw.normal(*few, keys, width), draw.normal(*few, keys, out)
    return Call((draw.normal(*lead, length, width), k, v), (), options)


def attention_with_trained_mask(draw):
    batch, length, keys, width = draw.integers(4, 1, 4)
    q, k, v = draw.normal(batch, length, width), draw.normal(batch, keys, width), draw.normal(batch, keys, width)
    return Call((q, k, v, draw.normal(*draw.one_of((length, keys), (batch, length, keys)))))


def sequence(draw, batch, length, width, batch_first):
    """(L, N, E), (N, L, E), or without a batch (L, E)."""
    if batch is None:
        return draw.normal(length, width)
    return draw.normal(batch, length, width) if batch_first else draw.normal(length, batch, width)


def attention_masks(draw, batch, heads, length, keys):
    """The masks of a MultiheadAttention: for padded keys, and for pairs, and whether the latter is the causal one."""
    padding = mask(draw, *(() if batch is None else (batch,)), keys, allowed=False)
    pairs = mask(draw, *draw.one_of((), ((batch or 1) * heads,)), length, keys, allowed=False)
    causal = draw.flag()
    return {
        "key_padding_mask": padding,
        "attn_mask": ~np.tri(length, keys, dtype=bool) if causal else pairs,
        "is_causal": causal,
    }


def multihead_attention(draw):
    heads, head_width, length, keys = draw.integers(4, 1, 3)
    width, batch, first = heads * head_width, draw.one_of(None, 1, 3), draw.flag()
    kdim, vdim = draw.one_of((None, None), (None, 2), (3, 5))
    masks = attention_masks(draw, batch, heads, length, keys)
    more = {name: draw.flag() and not masks["is_causal"] for name in ("add_bias_kv", "add_zero_attn")}
    inputs = [
        sequence(draw, batch, n, features or width, first)
        for n, features in ((length, width), (keys, kdim), (keys, vdim))
    ]
    made = {"bias": draw.flag(), **more, "kdim": kdim, "vdim": vdim, "batch_first": first}
    wanted = {"need_weights": draw.flag(), "average_attn_weights": draw.flag()}
    return Call(tuple(inputs), (width, heads), made, {**masks, **wanted})


def transformer_options(draw):
    """d_model, nhead, and the arguments that all layers of transformers share."""
    heads, head_width = draw.one_of((1, 4), (2, 2), (4, 1))  # to normalize two or three features is ill-conditioned
    made = {
        "dim_feedforward": draw.integer(1, 4),
        "dropout": 0.0,
        "activation": draw.one_of("relu", "gelu"),
        "layer_norm_eps": draw.one_of(0.1, 1.0),
        "batch_first": draw.flag(),
        "norm_first": draw.flag(),
        "bias": draw.flag(),
    }
    return heads * head_width, heads, made


def renamed(masks, prefix, padding):
    """The masks of a MultiheadAttention as a transformer's layers call them."""
    causal, pairs, padded = masks["is_causal"], masks["attn_mask"], masks["key_padding_mask"]
    return {f"{prefix}mask": pairs, padding: padded, "is_causal": causal}


def encoder_layer(draw):
    width, heads, made = transformer_options(draw)
    batch, length = draw.one_of(None, 1, 2), draw.integer(1, 3)
    masks = renamed(attention_masks(draw, batch, heads, length, length), "src_", "src_key_padding_mask")
    return Call((sequence(draw, batch, length, width, made["batch_first"]),), (width, heads), made, masks)


def encoder(draw):
    width, heads, made = transformer_options(draw)
    batch, length = draw.one_of(None, 1, 2), draw.integer(1, 3)
    masks = renamed(attention_masks(draw, batch, heads, length, length), "", "src_key_padding_mask")
    layer = Layer("TransformerEncoderLayer", width, heads, **made)
    norm = draw.one_of(None, Layer("LayerNorm", width))
    x = sequence(draw, batch, length, width, made["batch_first"])
    return Call((x,), (layer, draw.integer(1, 2), norm), {"enable_nested_tensor": False}, masks)


def decoder_inputs(draw, width, heads, first):
    """A target and an encoder's output, and the masks of a decoder for them."""
    batch, length, keys = draw.one_of(None, 1, 2), *draw.integers(2, 1, 3)
    own, memory = (attention_masks(draw, batch, heads, length, n) for n in (length, keys))
    masks = {}
    for prefix, found in (("tgt", own), ("memory", memory)):
        masks[f"{prefix}_mask"] = found["attn_mask"]
        masks[f"{prefix}_key_padding_mask"] = found["key_padding_mask"]
        masks[f"{prefix}_is_causal"] = found["is_causal"]
    return tuple(sequence(draw, batch, n, width, first) for n in (length, keys)), masks


def decoder_layer(draw):
    width, heads, made = transformer_options(draw)
    inputs, masks = decoder_inputs(draw, width, heads, made["batch_first"])
    return Call(inputs, (width, heads), made, masks)


def decoder(draw):
    width, heads, made = transformer_options(draw)
    inputs, masks = decoder_inputs(draw, width, heads, made["batch_first"])
    layer = Layer("TransformerDecoderLayer", width, heads, **made)
    return Call(inputs, (layer, draw.integer(1, 2), draw.one_of(None, Layer("LayerNorm", width))), {}, masks)


def transformer(draw):
    width, heads, made = transformer_options(draw)
    (target, source), masks = decoder_inputs(draw, width, heads, made["batch_first"])
    sizes = {"num_encoder_layers": 1, "num_decoder_layers": 1}
    return Call((source, target), (width, heads), {**made, **sizes}, masks)


def positions(draw):
    first, width = draw.flag(), draw.integer(0, 5)
    x = sequence(draw, draw.one_of(None, 0, 1, 3), draw.integer(0, 5), width, first)
    return Call((x,), (width, first))


def positions_by_the_formula(width, batch_first):
    """SinusoidalPositions, one number after the other."""
    import torch

    class Positions(torch.nn.Module):
        def forward(self, x):
            first = batch_first or x.ndim == 2
            table = torch.zeros(x.shape[-2] if first else x.shape[0], width, dtype=torch.float64)
            for p in range(len(table)):
                for j in range(width):
                    angle = p / 10000 ** ((j - j % 2) / width)
                    table[p, j] = math.cos(angle) if j % 2 else math.sin(angle)
            return x + (table if first else table[:, None])

    return Positions()


ROWS = [
    Row("scaled_dot_product_attention", scaled_dot_product_attention),
    Row("scaled_dot_product_attention", attention_with_trained_mask, label="trained-mask"),
    Row("MultiheadAttention", multihead_attention),
    Row("TransformerEncoderLayer", encoder_layer),
    Row("TransformerEncoder", encoder),
    Row("TransformerDecoderLayer", decoder_layer),
    Row("TransformerDecoder", decoder),
    Row("Transformer", transformer),
    Row("SinusoidalPositions", positions, positions_by_the_formula),
]


def features_of_keys(draw):
    n = draw.integer(1, 5)
    q, k = mg.ones((3, n)), mg.ones((4, n + 1))
    return lambda: F.scaled_dot_product_attention(q, k, k), ["as many features", q.shape, k.shape]


def values_without_keys(draw):
    n = draw.integer(1, 5)
    q, k, v = mg.ones((3, 2)), mg.ones((n, 2)), mg.ones((n + 1, 2))
    return lambda: F.scaled_dot_product_attention(q, k, v), ["as many keys as values", k.shape, v.shape]


def batches(draw):
    n = draw.integer(2, 5)
    q, k = mg.ones((n, 3, 2)), mg.ones((n + 1, 3, 2))
    return lambda: F.scaled_dot_product_attention(q, k, k), ["must broadcast", q.shape, k.shape]


def shape_of_mask(draw):
    n = draw.integer(2, 5)
    q, pairs = mg.ones((n, 2)), mg.ones((n, n + 1))
    says = [f"broadcasts to the scores, {(n, n)}", pairs.shape]
    return lambda: F.scaled_dot_product_attention(q, q, q, pairs), says


def integer_mask(draw):
    n = draw.integer(2, 5)
    q, pairs = mg.ones((n, 2)), mg.ones((n, n), dtype="int64")
    return lambda: F.scaled_dot_product_attention(q, q, q, pairs), ["boolean or floating-point", "int64"]


def two_masks(draw):
    q = mg.ones(draw.integers(2, 1, 5))
    return lambda: F.scaled_dot_product_attention(q, q, q, mg.ones(1), is_causal=True), ["give it or attn_mask"]


def groups_of_heads(draw):
    n = draw.integer(2, 5)
    q, k = mg.ones((n + 1, 3, 2)), mg.ones((n, 3, 2))
    return lambda: F.scaled_dot_product_attention(q, k, k, enable_gqa=True), ["must be a multiple", q.shape, k.shape]


def uneven_heads(draw):
    n = draw.integer(2, 5)
    return lambda: nn.MultiheadAttention(n + 1, n), ["multiple of num_heads", f"got {n + 1} and {n}"]


def dropout_of_attention(draw):
    p = draw.number(1.1, 2)
    return lambda: nn.MultiheadAttention(2, 1, dropout=p), ["must lie in [0, 1]", p]


def features_of_query(draw):
    n = draw.integer(1, 5)
    x = mg.ones((3, 2, n + 1))
    return lambda: nn.MultiheadAttention(n, 1)(x, x, x), [f"query must have {n} features, it has {n + 1}", x.shape]


def ranks_of_sequences(draw):
    q, k = mg.ones((3, 2)), mg.ones((3, draw.integer(1, 5), 2))
    says = ["sequences (L, N, E), or all of them (L, E)", q.shape, k.shape]
    return lambda: nn.MultiheadAttention(2, 1)(q, k, k), says


def samples_of_keys(draw):
    n = draw.integer(1, 5)
    q, k = mg.ones((n, 3, 2)), mg.ones((n + 1, 3, 2))
    says = ["as many samples (axis 0)", q.shape, k.shape]
    return lambda: nn.MultiheadAttention(2, 1, batch_first=True)(q, k, k), says


def padding_mask(draw):
    n, batch = draw.integers(2, 1, 5)
    x, padding = mg.ones((n, batch, 2)), mg.ones((batch, n + 1), dtype="bool")
    says = [f"expected key_padding_mask of shape {(batch, n)}", padding.shape]
    return lambda: nn.MultiheadAttention(2, 1)(x, x, x, padding), says


def pairs_mask(draw):
    n, batch = draw.integers(2, 2, 5)
    x, pairs = mg.ones((n, batch, 2)), mg.ones((batch, n, n), dtype="bool")
    says = [f"expected attn_mask of shape {(n, n)} or {(2 * batch, n, n)}", pairs.shape]
    return lambda: nn.MultiheadAttention(2, 2)(x, x, x, attn_mask=pairs), says


def unknown_activation(draw):
    return lambda: nn.TransformerEncoderLayer(2, 1, activation="swish"), ["one of 'relu', 'gelu'", "'swish'"]


def features_of_positions(draw):
    n = draw.integer(1, 5)
    return lambda: nn.SinusoidalPositions(n)(mg.ones((3, n + 1))), [f"(L, N, {n}) or (L, {n})", (3, n + 1)]


def integer_positions(draw):
    return lambda: F.sinusoidal_positions(3, 2, "int64"), ["expected a floating-point dtype", "int64"]


WRONG = [
    Wrong("scaled_dot_product_attention", features_of_keys),
    Wrong("scaled_dot_product_attention", values_without_keys),
    Wrong("scaled_dot_product_attention", batches),
    Wrong("scaled_dot_product_attention", shape_of_mask),
    Wrong("scaled_dot_product_attention", integer_mask, DtypeError),
    Wrong("scaled_dot_product_attention", two_masks, ConfigError),
    Wrong("scaled_dot_product_attention", groups_of_heads),
    Wrong("MultiheadAttention", uneven_heads, ConfigError),
    Wrong("MultiheadAttention", dropout_of_attention, ConfigError),
    Wrong("MultiheadAttention", features_of_query),
    Wrong("MultiheadAttention", ranks_of_sequences),
    Wrong("MultiheadAttention", samples_of_keys),
    Wrong("MultiheadAttention", padding_mask),
    Wrong("MultiheadAttention", pairs_mask),
    Wrong("TransformerEncoderLayer", unknown_activation, ConfigError),
    Wrong("SinusoidalPositions", features_of_positions),
    Wrong("sinusoidal_positions", integer_positions, DtypeError),
]
