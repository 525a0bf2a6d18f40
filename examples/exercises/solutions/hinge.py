"""Multi-class hinge loss: the solution, and mistakes that are easy to make."""

import numpy as np


def backward(dout, cache):
    """dout: a number.  Returns dscores (N, C)."""
    margins, labels = cache
    return dout * (wrong_classes(margins) - right_class(margins, labels)) / len(labels)


def wrong_classes(margins):
    """1 for each positive margin: (N, C)."""
    return 1.0 * (margins > 0)


def right_class(margins, labels):
    """At the right class of each row the number of its positive margins, 0 elsewhere: (N, C)."""
    return one_hot(margins, labels) * wrong_classes(margins).sum(axis=1, keepdims=True)


def one_hot(margins, labels):
    """1 at the right class of each row, 0 elsewhere: (N, C)."""
    return 1.0 * (np.arange(margins.shape[1]) == labels[:, None])


MISTAKES = (
    (
        "scores",
        lambda dout, cache: dout * wrong_classes(cache[0]) / len(cache[1]),
        "the right class gets no gradient: its score is subtracted in every positive margin.",
    ),
    (
        "scores",
        lambda dout, cache: dout * (wrong_classes(cache[0]) - one_hot(*cache)) / len(cache[1]),
        "the right class gets -1: it counts once for each positive margin of its row.",
    ),
    (
        "scores",
        lambda dout, cache: dout * (wrong_classes(cache[0]) - right_class(*cache)),
        "1/N is missing: the loss is the mean over the batch.",
    ),
    (
        "scores",
        lambda dout, cache: dout * (wrong_classes(cache[0]) + right_class(*cache)) / len(cache[1]),
        "the right class has the wrong sign: raising its score lowers the loss.",
    ),
    (
        "scores",
        lambda dout, cache: dout * (cache[0] - one_hot(*cache) * cache[0].sum(axis=1, keepdims=True)) / len(cache[1]),
        "multiplied with the margins: the slope is 1 wherever a margin is positive, however large it is.",
    ),
)
