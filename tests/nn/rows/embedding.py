"""Tables that are looked up."""

from itertools import pairwise

import numpy as np

from tests.nn.rows.row import Call, Row


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
