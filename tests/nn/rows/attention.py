"""Attention, transformers, positions."""

import math

import numpy as np

from tests.nn.rows.row import Call, Layer, Row


def mask(draw, *shape, allowed):
    """A random mask of which each row lets something through: boolean, `allowed` where, or a summand, or None."""
    free = draw.rng.random(shape) < 0.6
    free[..., :1] = True
    return draw.one_of(None, free == allowed, np.where(free, draw.normal(*shape), -np.inf))


def scaled_dot_product_attention(draw):
    batch, heads, length, keys, width, out = draw.integers(6, 1, 4)
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


def transformer_options(draw, bias):
    """d_model, nhead, and the arguments that all layers of transformers share."""
    heads, head_width = draw.one_of((1, 4), (2, 2), (4, 1))  # to normalize two or three features is ill-conditioned
    made = {
        "dim_feedforward": draw.integer(1, 4),
        "dropout": 0.0,
        "activation": "gelu",
        "layer_norm_eps": draw.one_of(0.1, 1.0),
        "batch_first": draw.flag(),
        "norm_first": draw.flag(),
        "bias": bias,
    }
    return heads * head_width, heads, made


def renamed(masks, prefix, padding):
    """The masks of a MultiheadAttention as a transformer's layers call them."""
    causal, pairs, padded = masks["is_causal"], masks["attn_mask"], masks["key_padding_mask"]
    return {f"{prefix}mask": pairs, padding: padded, "is_causal": causal}


def encoder_layer(draw, bias=True):
    width, heads, made = transformer_options(draw, bias)
    batch, length = draw.one_of(None, 1, 2), draw.integer(1, 3)
    masks = renamed(attention_masks(draw, batch, heads, length, length), "src_", "src_key_padding_mask")
    return Call((sequence(draw, batch, length, width, made["batch_first"]),), (width, heads), made, masks)


def encoder(draw):
    width, heads, made = transformer_options(draw, bias=False)
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


def decoder_layer(draw, bias=True):
    width, heads, made = transformer_options(draw, bias)
    inputs, masks = decoder_inputs(draw, width, heads, made["batch_first"])
    return Call(inputs, (width, heads), made, masks)


def decoder(draw):
    width, heads, made = transformer_options(draw, bias=False)
    inputs, masks = decoder_inputs(draw, width, heads, made["batch_first"])
    layer = Layer("TransformerDecoderLayer", width, heads, **made)
    return Call(inputs, (layer, draw.integer(1, 2), draw.one_of(None, Layer("LayerNorm", width))), {}, masks)


def transformer(draw):
    width, heads, made = transformer_options(draw, bias=draw.flag())
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


# The gradient of the keys' bias is 0 but for rounding errors. Those look like kinks, so that the checker looks at each
# element alone, which takes minutes for the larger layers: it gets them without biases.
ROWS = [
    Row("scaled_dot_product_attention", scaled_dot_product_attention),
    Row("scaled_dot_product_attention", attention_with_trained_mask, label="trained-mask"),
    Row("MultiheadAttention", multihead_attention),
    Row("TransformerEncoderLayer", encoder_layer, smooth=False),
    Row("TransformerEncoderLayer", lambda draw: encoder_layer(draw, bias=False), label="without-bias"),
    Row("TransformerEncoder", encoder),
    Row("TransformerDecoderLayer", decoder_layer, smooth=False),
    Row("TransformerDecoderLayer", lambda draw: decoder_layer(draw, bias=False), label="without-bias"),
    Row("TransformerDecoder", decoder),
    Row("Transformer", transformer, smooth=False),
    Row("SinusoidalPositions", positions, positions_by_the_formula),
]
