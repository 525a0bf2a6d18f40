"""Tables that are looked up."""

from itertools import pairwise

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong


def indices(draw, size):
    """Indices of any shape."""
    shape = draw.one_of((), (0,), (2, 0), draw.shape(1, 1, 6), draw.shape(1, 3))
    return draw.labels(size, *shape).astype(draw.one_of("int32", "int64"))


def settings(draw, size):
    """What changes the table before it is read, or the gradient."""
    return {
        "padding_idx": draw.one_of(None, draw.integer(-size, size - 1)),
        "max_norm": draw.one_of(None, draw.number(0.1, 3)),
        "norm_type": draw.one_of(1.0, 2.0, 3.0, np.inf),
        "scale_grad_by_freq": draw.flag(),
    }


def embedding(draw):
    n, width = draw.integers(2, 1, 4)
    return Call((indices(draw, n), draw.normal(n, width)))


def embedding_with_settings(draw):
    n, width = draw.integers(2, 1, 4)
    return Call((indices(draw, n), draw.normal(n, width)), (), settings(draw, n))


def embedding_module(draw):
    n, width = draw.integers(2, 1, 4)
    return Call((indices(draw, n),), (n, width), settings(draw, n))


def bag_offsets(draw, n, include_last_offset):
    """Where bags of n indices start, some of them empty."""
    offsets = np.sort(draw.labels(n + 1, draw.integer(1, 4)))
    offsets[0] = 0
    return np.append(offsets, n) if include_last_offset else offsets


def bags(draw, size):
    """Indices, their offsets or None, and whether these end with the number of indices."""
    if draw.flag():
        return draw.labels(size, *draw.integers(2, 1, 4)), None, False
    n, last = draw.integer(0, 6), draw.flag()
    return draw.labels(size, n), bag_offsets(draw, n, last), last


def embedding_bag(draw):
    n, width = draw.integers(2, 1, 4)
    index, offsets, last = bags(draw, n)
    given = () if offsets is None else (offsets,)
    options = {"mode": draw.one_of("sum", "mean", "max"), "padding_idx": draw.one_of(None, draw.integer(-n, n - 1))}
    return Call((index, draw.normal(n, width), *given), (), {"include_last_offset": last, **options})


def embedding_bag_with_settings(draw):
    call = embedding_bag(draw)
    kwargs = {**call.kwargs, **settings(draw, len(call.inputs[1])), "mode": draw.one_of("sum", "mean")}
    return Call(call.inputs, (), kwargs)


def bags_of_embeddings(index, weight, offsets=None, *, mode, include_last_offset, padding_idx, **settings):
    """embedding_bag out of PyTorch's embedding; its own scales gradients by the frequency of other indices."""
    import torch

    rows = torch.nn.functional.embedding(index, weight, **settings).reshape(-1, weight.shape[1])
    if offsets is None:
        starts = [i * index.shape[1] for i in range(len(index) + 1)]
    else:
        starts = offsets.tolist() + [index.numel()] * (not include_last_offset)
    counted = index.reshape(-1) != (-1 if padding_idx is None else padding_idx % len(weight))
    found = [rows[a:b][counted[a:b]] for a, b in pairwise(starts)]
    return torch.stack([x.sum(0) / (max(len(x), 1) if mode == "mean" else 1) for x in found])


def embedding_bag_module(draw):
    n, width = draw.integers(2, 1, 4)
    index, offsets, last = bags(draw, n)
    weights = (draw.normal(*index.shape),) if draw.flag() else ()
    mode = "sum" if weights else draw.one_of("sum", "mean", "max")
    options = {"mode": mode, "include_last_offset": last, "padding_idx": draw.one_of(None, draw.integer(0, n - 1))}
    return Call((index, offsets, *weights), (n, width), options)


ROWS = [
    Row("embedding", embedding),
    Row("embedding", embedding_with_settings, smooth=False, label="settings"),
    Row("Embedding", embedding_module, smooth=False),
    Row("embedding_bag", embedding_bag),
    Row("embedding_bag", embedding_bag_with_settings, bags_of_embeddings, smooth=False, label="settings"),
    Row("EmbeddingBag", embedding_bag_module, second=False),
]


def out_of_range(draw):
    n, width = draw.integers(2, 1, 9)
    index = mg.tensor([0, n + 2])
    return lambda: nn.Embedding(n, width)(index), [f"indices must lie in [0, {n}), found 0 to {n + 2}"]


def negative(draw):
    n, width = draw.integers(2, 1, 9)
    index = mg.tensor([[0, -1]])
    return lambda: F.embedding_bag(index, mg.ones((n, width))), [f"indices must lie in [0, {n}), found -1 to 0"]


def floats(draw):
    x = mg.ones(draw.integer(1, 5))
    return lambda: F.embedding(x, mg.ones((3, 2))), ["input must be integers", "float32"]


def vector(draw):
    n = draw.integer(1, 9)
    return lambda: F.embedding(mg.tensor([0]), mg.ones(n)), ["expected weight of shape (V, D)", (n,)]


def pretrained(draw):
    n = draw.integer(1, 9)
    return lambda: nn.Embedding.from_pretrained(mg.ones(n)), ["expected embeddings of shape (V, D)", (n,)]


def sparse(draw):
    return lambda: nn.Embedding(3, 2, sparse=True), ["leave sparse=False"]


def no_such_row(draw):
    n = draw.integer(1, 9)
    return lambda: nn.Embedding(n, 2, padding_idx=n), ["padding_idx must be one of", f"got {n}"]


def no_offsets(draw):
    index = mg.tensor(draw.labels(3, draw.integer(1, 5)))
    return lambda: nn.EmbeddingBag(3, 2)(index), ["needs offsets", index.shape]


def offsets_of_equal_bags(draw):
    index = mg.tensor(draw.labels(3, *draw.integers(2, 1, 5)))
    return lambda: nn.EmbeddingBag(3, 2)(index, mg.tensor([0])), ["take no offsets", index.shape]


def rank_of_offsets(draw):
    n = draw.integer(1, 5)
    index, offsets = mg.tensor(draw.labels(3, n)), mg.zeros((1, n), dtype="int64")
    return lambda: nn.EmbeddingBag(3, 2)(index, offsets), ["expected offsets of shape (B,)", index.shape, (1, n)]


def late_start(draw):
    n = draw.integer(2, 5)
    index = mg.tensor(draw.labels(3, n))
    says = ["the first offset must lie in [0, 1), found 1 to 1"]
    return lambda: nn.EmbeddingBag(3, 2)(index, mg.tensor([1, 2])), says


def descending(draw):
    n = draw.integer(3, 5)
    index = mg.tensor(draw.labels(3, n))
    says = [f"steps from offset to offset must lie in [0, {n + 1}), found -1 to 2"]
    return lambda: nn.EmbeddingBag(3, 2)(index, mg.tensor([0, 2, 1])), says


def weights_of_a_mean(draw):
    index = mg.tensor(draw.labels(3, *draw.integers(2, 1, 5)))
    return lambda: nn.EmbeddingBag(3, 2)(index, None, mg.ones(index.shape)), ["for mode 'sum'", "mode='mean'"]


def number_of_weights(draw):
    n = draw.integer(1, 5)
    index, weights = mg.tensor(draw.labels(3, n, 2)), mg.ones((n, 3))
    return lambda: nn.EmbeddingBag(3, 2, mode="sum")(index, None, weights), [index.shape, weights.shape]


def frequency_of_maxima(draw):
    return lambda: nn.EmbeddingBag(3, 2, mode="max", scale_grad_by_freq=True), ["use mode 'sum' or 'mean'"]


WRONG = [
    Wrong("embedding", out_of_range, IndexError),
    Wrong("embedding_bag", negative, IndexError),
    Wrong("embedding", floats, DtypeError),
    Wrong("embedding", vector),
    Wrong("Embedding", pretrained),
    Wrong("Embedding", sparse, ConfigError),
    Wrong("Embedding", no_such_row, ConfigError),
    Wrong("embedding_bag", no_offsets),
    Wrong("embedding_bag", offsets_of_equal_bags),
    Wrong("embedding_bag", rank_of_offsets),
    Wrong("embedding_bag", late_start, IndexError),
    Wrong("embedding_bag", descending, IndexError),
    Wrong("embedding_bag", weights_of_a_mean, ConfigError),
    Wrong("embedding_bag", number_of_weights),
    Wrong("EmbeddingBag", frequency_of_maxima, ConfigError),
]
