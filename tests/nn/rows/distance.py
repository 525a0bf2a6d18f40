"""Norms, angles and distances; class indices as vectors."""

import math

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong

ORDERS = (2.0, 1, 3, 1.5, math.inf)


def normalize(draw):
    shape = draw.one_of((), (0,)) + draw.shape(1, 3)
    options = {"p": draw.one_of(*ORDERS), "dim": draw.integer(-len(shape), len(shape) - 1), "eps": 1e-3}
    if 0 in shape:
        options["dim"] = -1  # PyTorch has no largest of nothing
    return Call((draw.normal(*shape),), (), draw.one_of(options, {"dim": -1}))


def pair(draw, shape):
    """Two arrays whose shapes broadcast to this one, of which both have the last axis."""
    shapes = [[draw.one_of(n, n, 1) for n in shape[:-1]] + [shape[-1]] for _ in range(2)]
    return draw.normal(*shape), draw.normal(*draw.one_of(shape, shapes[0], shape[-1:]))


def cosine_similarity(draw):
    # Vectors of one element have the cosine 1 or -1, and as derivatives rounding errors alone.
    shape = draw.one_of((), (0,)) + draw.shape(1, 2) + (draw.integer(2, 4),)
    return Call(pair(draw, shape), (draw.one_of(-1, len(shape) - 1), draw.one_of(1e-8, 1e-3)))


def pairwise_distance(draw):
    shape = draw.one_of((), (0,)) + draw.shape(1, 3)
    options = {"p": draw.one_of(*ORDERS), "eps": draw.one_of(1e-6, 0.1), "keepdim": draw.flag()}
    return Call(pair(draw, shape), (), options)


def one_hot(draw):
    classes = draw.integer(1, 5)
    return Call((draw.labels(classes, *draw.shape(0, 3)),), (classes,))


ROWS = [
    Row("normalize", normalize),
    Row("CosineSimilarity", cosine_similarity),
    Row("cosine_similarity", cosine_similarity),
    Row("PairwiseDistance", pairwise_distance),
    Row("pairwise_distance", pairwise_distance),
    Row("one_hot", one_hot, smooth=False),
]


def angle(draw):
    n, d = draw.integers(2, 2, 5)
    return lambda: nn.CosineSimilarity()(mg.ones((n, d)), mg.ones((n, d + 1))), ["broadcast", (n, d), (n, d + 1)]


def distance(draw):
    n, d = draw.integers(2, 2, 5)
    return lambda: nn.PairwiseDistance()(mg.ones((n, d)), mg.ones((n + 1, d))), ["broadcast", (n, d), (n + 1, d)]


def integers(draw):
    return lambda: F.normalize(mg.ones((2, 2), dtype="int64")), ["input must be floating-point", "int64"]


def floats(draw):
    return lambda: F.one_hot(mg.ones(2), 3), ["indices must be integers", "float32"]


def no_number(draw):
    return lambda: nn.PairwiseDistance(p="2"), ["p must be a", "number", "'2'"]


WRONG = [
    Wrong("cosine_similarity", angle),
    Wrong("pairwise_distance", distance),
    Wrong("PairwiseDistance", no_number, ConfigError),
    Wrong("normalize", integers, DtypeError),
    Wrong("one_hot", floats, DtypeError),
]
