"""Affine maps."""

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong


def linear_module(draw):
    n, m = draw.integers(2, 1, 4)
    return Call((draw.normal(*draw.shape(0, 3), n),), (n, m), {"bias": draw.flag()})


def linear(draw):
    n, m = draw.integers(2, 1, 4)
    bias = (draw.normal(m),) if draw.flag() else ()
    return Call((draw.normal(*draw.shape(0, 3), n), draw.normal(m, n), *bias))


ROWS = [Row("Linear", linear_module), Row("linear", linear)]


def features(draw):
    n, m, rows = draw.integers(3, 2, 9)
    return lambda: nn.Linear(n, m)(mg.ones((rows, n + 1))), [f"expected {n} features", (rows, n + 1), (m, n)]


def bias(draw):
    n, m = draw.integers(2, 2, 9)
    return lambda: F.linear(mg.ones((1, n)), mg.ones((m, n)), mg.ones(m + 1)), [f"a bias of shape {(m,)}", (m + 1,)]


WRONG = [Wrong("linear", features), Wrong("linear", bias)]
