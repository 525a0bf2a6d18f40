"""Softmax and cross-entropy: the solution, and mistakes that are easy to make."""

import numpy as np


def backward(dout, cache):
    """dout: a number.  Returns dscores (N, C)."""
    p, labels = cache
    return dout * (p - one_hot(cache)) / len(labels)


def one_hot(cache):
    """1 at the right class of each row, 0 elsewhere: (N, C)."""
    p, labels = cache
    return np.arange(p.shape[1]) == labels[:, None]


MISTAKES = (
    (
        "scores",
        lambda dout, cache: dout * cache[0] / len(cache[1]),
        "the right class is missing: subtract 1 from its probability.",
    ),
    (
        "scores",
        lambda dout, cache: dout * (cache[0] - one_hot(cache)),
        "1/N is missing: the loss is the mean over the batch.",
    ),
    (
        "scores",
        lambda dout, cache: dout * (cache[0] - one_hot(cache)) / cache[0].size,
        "divided by the number of scores: the mean is over the N rows only.",
    ),
    (
        "scores",
        lambda dout, cache: -dout * one_hot(cache) * (1 - cache[0]) / len(cache[1]),
        "only the score of the right class has a gradient here: the others are in the denominator of p.",
    ),
    (
        "scores",
        lambda dout, cache: -dout * one_hot(cache) / cache[0] / len(cache[1]),
        "this is the gradient by p: go on through the softmax to the scores.",
    ),
)
