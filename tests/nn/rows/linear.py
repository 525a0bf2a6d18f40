"""Affine and bilinear maps, and layers that leave the numbers as they are."""

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong


def linear_module(draw):
    n, m = draw.integers(2, 1, 4)
    return Call((draw.normal(*draw.shape(0, 3), n),), (n, m), {"bias": draw.flag()})


def linear(draw):
    n, m = draw.integers(2, 1, 4)
    bias = (draw.normal(m),) if draw.flag() else ()
    return Call((draw.normal(*draw.shape(0, 3), n), draw.normal(m, n), *bias))


def bilinear_module(draw):
    n, k, m = draw.integers(3, 1, 3)
    lead = draw.one_of((), (0,), draw.shape(1, 2))
    return Call((draw.normal(*lead, n), draw.normal(*lead, k)), (n, k, m), {"bias": draw.flag()})


def bilinear(draw):
    n, k, m = draw.integers(3, 1, 3)
    lead = draw.one_of((), (0,), draw.shape(1, 2))
    bias = (draw.normal(m),) if draw.flag() else ()
    return Call((draw.normal(*lead, n), draw.normal(*lead, k), draw.normal(m, n, k), *bias))


def identity(draw):
    return Call((draw.normal(*draw.shape(0, 3)),), (54, "anything"), {"at": "all"})


def flatten(draw):
    shape = draw.one_of((0,), (2,)) + draw.shape(1, 3)
    first = draw.integer(0, len(shape) - 1)
    last = draw.integer(first, len(shape) - 1)
    signed = [draw.one_of(axis, axis - len(shape)) for axis in (first, last)]
    return Call((draw.normal(*shape),), draw.one_of((), signed[:1], signed))


def unflatten(draw):
    parts, before, after = draw.shape(1, 3, 3), draw.shape(0, 2, 3), draw.shape(0, 2, 3)
    total = int(np.prod(parts))
    unknown = draw.integer(0, len(parts) - 1)
    axis = draw.one_of(len(before), -1 - len(after))
    sizes = tuple(draw.one_of(n, -1) if i == unknown else n for i, n in enumerate(parts))
    return Call((draw.normal(*before, total, *after),), (axis, sizes))


ROWS = [
    Row("Linear", linear_module),
    Row("linear", linear),
    Row("Bilinear", bilinear_module),
    Row("bilinear", bilinear),
    Row("Identity", identity),
    Row("Flatten", flatten),
    Row("Unflatten", unflatten),
]


def features(draw):
    n, m, rows = draw.integers(3, 2, 9)
    return lambda: nn.Linear(n, m)(mg.ones((rows, n + 1))), [f"expected {n} features", (rows, n + 1), (m, n)]


def bias(draw):
    n, m = draw.integers(2, 2, 9)
    return lambda: F.linear(mg.ones((1, n)), mg.ones((m, n)), mg.ones(m + 1)), [f"a bias of shape {(m,)}", (m + 1,)]


def second_input(draw):
    n, k, m, rows = draw.integers(4, 2, 9)
    x1, x2, layer = mg.ones((rows, n)), mg.ones((rows, k + 1)), nn.Bilinear(n, k, m)
    return lambda: layer(x1, x2), [f"expected {n} and {k} features", (rows, n), (rows, k + 1), (m, n, k)]


def rows_of_both(draw):
    n, k, rows = draw.integers(3, 2, 9)
    w = mg.ones((1, n, k))
    says = ["must agree in all axes but the last", (rows, n), (1, k)]
    return lambda: F.bilinear(mg.ones((rows, n)), mg.ones((1, k)), w), says


def unflattened(draw):
    n, rows = draw.integers(2, 2, 9)
    return lambda: nn.Unflatten(1, (n, 2))(mg.ones((rows, n))), [(n, 2), (rows, n)]


def nothing(draw):
    n = draw.integer(2, 9)
    return lambda: nn.Unflatten(-1, ())(mg.ones((n, 1))), ["expected axis 1 to split into ()", (n, 1)]


def two_unknown(draw):
    n = draw.integer(2, 9)
    return lambda: nn.Unflatten(1, (-1, n, -1)), ["only one size may be -1", (-1, n, -1)]


WRONG = [
    Wrong("linear", features),
    Wrong("linear", bias),
    Wrong("bilinear", second_input),
    Wrong("bilinear", rows_of_both),
    Wrong("Unflatten", unflattened),
    Wrong("Unflatten", nothing),
    Wrong("Unflatten", two_unknown, ConfigError),
]
