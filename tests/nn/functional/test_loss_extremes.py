"""Losses where rounding, overflow and underflow lie in wait: against the same formulas in 200 digits.

Value, gradient and second derivatives are compared relatively, so that a tail that is exp(-50) must be that and not 0.
The softmax losses are the exception: they sum to one plus the tail, so they are right to the rounding of one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F

mpmath = pytest.importorskip("mpmath")
mp = mpmath.mp.clone()
mp.dps = 200
INF = float("inf")


@dataclass(frozen=True)
class Row:
    """A loss of a vector, its formula, and where they are compared.  unit: what rounding is relative to, at least."""

    loss: Callable
    formula: Callable
    points: tuple
    unit: float = 0.0


def label(i):
    return mg.tensor(i)


def hinge(*x, margin=1.0, p=1):
    return sum(max(mp.mpf(0), margin + other - x[0]) ** p for other in x[1:])


def softplus(x):
    return mp.log(1 + mp.exp(x))


def log_total(*x):
    return mp.log(sum(map(mp.exp, x)))


def huber(error, delta):
    return error**2 / 2 if abs(error) < delta else delta * (abs(error) - delta / 2)


def cosine(a, b, c, d):
    tiny = mp.mpf(1e-12)
    return (a * c + b * d) / mp.sqrt((a * a + b * b + tiny) * (c * c + d * d + tiny))


def distance(a, b, p):
    eps = mp.mpf(1e-6)
    return sum(abs(x - y + eps) ** p for x, y in zip(a, b)) ** (mp.mpf(1) / p)


LOGITS = ((0, 0, 0), (1e4, -1e4, 0), (-1e4, 1e4, 0), (1e4, 1e4, -1e4), (50, 0, 0), (-50, 0, 1), (2**-20, 0, 0))
SCORES = ((0.25, 0, 0.5), (1e4, -1e4, 0), (-1e4, 1e4, 0), (2**-20, 0, -0.25), (1e4, 1e4, -1e4))
NUMBERS = tuple((x,) for x in (0.0, 2**-20, -1.0, 5.0, -40.0, 40.0, 80.0, -80.0, 1e4, -1e4))
PAIRS = ((0, 2**-20), (1e4, -1e4), (-1e4, 0.25), (0.5, 0.25), (1e4, 1e4 - 0.125))
POSITIVE, NEGATIVE = (1.0, -2.0), (-0.5, 3.0)

ROWS = {
    "cross_entropy": Row(
        lambda x: F.cross_entropy(x, label(0)), lambda *x: log_total(*x) - x[0], LOGITS, unit=1.0
    ),
    "cross_entropy, smoothed": Row(
        lambda x: F.cross_entropy(x, label(0), label_smoothing=0.25),
        lambda *x: log_total(*x) - x[0] * mp.mpf(0.75) - sum(x) / 12,
        LOGITS,
        unit=1.0,
    ),
    "cross_entropy, probabilities": Row(
        lambda x: F.cross_entropy(x, mg.tensor([0.5, 0.25, 0.25], dtype=x.dtype)),
        lambda *x: log_total(*x) - (2 * x[0] + x[1] + x[2]) / 4,
        LOGITS,
        unit=1.0,
    ),
    "rbf_loss": Row(
        lambda d: F.rbf_loss(d, label(0), j=2.0),
        lambda *d: d[0] + log_total(-2, *(-x for x in d)),
        ((0, 0, 0), (0, 1e4, 1e4), (1e4, 0, 2), (1e4, 1e4, 1e4), (0.5, 50, 1)),
        unit=1.0,
    ),
    "nll_loss": Row(lambda x: F.nll_loss(x, label(0)), lambda *x: -x[0], LOGITS),
    "hinge_loss": Row(lambda x: F.hinge_loss(x, label(0)), hinge, SCORES),
    "squared_hinge_loss": Row(lambda x: F.squared_hinge_loss(x, label(0)), lambda *x: hinge(*x, p=2), SCORES),
    "multi_margin_loss": Row(
        lambda x: F.multi_margin_loss(x, label(0), p=2, margin=0.5),
        lambda *x: hinge(*x, margin=0.5, p=2) / 3,
        SCORES,
    ),
    "multilabel_margin_loss": Row(
        lambda x: F.multilabel_margin_loss(x, mg.tensor([0, 2, -1])),
        lambda x, y, z: (hinge(x, y) + hinge(z, y)) / 3,
        SCORES,
    ),
    "binary_cross_entropy": Row(
        lambda x: F.binary_cross_entropy(x, mg.tensor([0.25], dtype=x.dtype)),
        lambda x: -mp.log(x) / 4 - mp.log(1 - x) * 3 / 4,
        ((2**-30,), (1 - 2**-20,), (0.5,), (0.25,), (2**-10,)),
        unit=1.0,
    ),
    "binary_cross_entropy_with_logits, 1": Row(
        lambda x: F.binary_cross_entropy_with_logits(x, mg.ones(1, dtype=x.dtype)), lambda x: softplus(-x), NUMBERS
    ),
    "binary_cross_entropy_with_logits, 0": Row(
        lambda x: F.binary_cross_entropy_with_logits(x, mg.zeros(1, dtype=x.dtype)), softplus, NUMBERS
    ),
    "binary_cross_entropy_with_logits, 1/4": Row(
        lambda x: F.binary_cross_entropy_with_logits(x, mg.tensor([0.25], dtype=x.dtype), pos_weight=3.0),
        lambda x: softplus(-x) * 3 / 4 + softplus(x) * 3 / 4,
        NUMBERS,
        unit=1.0,
    ),
    "multilabel_soft_margin_loss": Row(
        lambda x: F.multilabel_soft_margin_loss(x, mg.tensor([1.0, 0.0], dtype=x.dtype)),
        lambda x, y: (softplus(-x) + softplus(y)) / 2,
        ((0, 0), (50, -40), (1e4, -1e4), (-1e4, 1e4)),
    ),
    "soft_margin_loss": Row(
        lambda x: F.soft_margin_loss(x, mg.tensor([-1.0], dtype=x.dtype)), softplus, NUMBERS
    ),
    "mse_loss": Row(lambda x: F.mse_loss(x[0], x[1]), lambda x, y: (x - y) ** 2, PAIRS),
    "l1_loss": Row(lambda x: F.l1_loss(x[0], x[1]), lambda x, y: abs(x - y), PAIRS),
    "smooth_l1_loss": Row(
        lambda x: F.smooth_l1_loss(x[0], x[1], beta=0.5), lambda x, y: huber(x - y, 0.5) / 0.5, PAIRS
    ),
    "huber_loss": Row(lambda x: F.huber_loss(x[0], x[1], delta=2.0), lambda x, y: huber(x - y, 2), PAIRS),
    "euclidean_loss": Row(
        lambda x: F.euclidean_loss(x, mg.tensor([1.0, 2.0], dtype=x.dtype), reduction="sum"),
        lambda x, y: (x - 1) ** 2 / 2 + (y - 2) ** 2 / 2,
        PAIRS,
    ),
    "kl_div": Row(
        lambda x: F.kl_div(x[0], x[1], reduction="sum"),
        lambda x, y: y * (mp.log(y) - x),
        ((-1e4, 2**-60), (0, 1), (-50, 0.5), (-1e4, 1e4)),
    ),
    "kl_div, logarithms": Row(
        lambda x: F.kl_div(x[0], x[1], reduction="sum", log_target=True),
        lambda x, y: mp.exp(y) * (y - x),
        ((-1e4, -1e4), (0, -50), (-3, 0), (-1e4, -2)),
    ),
    "poisson_nll_loss": Row(
        lambda x: F.poisson_nll_loss(x[0], x[1]),
        lambda x, y: mp.exp(x) - y * x,
        ((-1e4, 3), (0, 0), (50, 7), (-60, 1e4)),
    ),
    "poisson_nll_loss, rates": Row(
        lambda x: F.poisson_nll_loss(x[0], x[1], log_input=False, full=True, eps=2**-30),
        lambda x, y: x - y * mp.log(x + mp.mpf(2) ** -30)
        + (y * mp.log(y) - y + mp.log(2 * mp.pi * y) / 2 if y > 1 else 0),
        ((0, 3), (1e4, 2), (0.5, 1e4), (2**-30, 0.5)),
    ),
    "gaussian_nll_loss": Row(
        lambda x: F.gaussian_nll_loss(x[0], x[1], x[2], full=True),
        lambda x, y, v: (mp.log(v) + (x - y) ** 2 / v + mp.log(2 * mp.pi)) / 2,
        ((1e4, -1e4, 2**-10), (0, 0, 1), (2**-10, 0, 1e4), (1e4, 0, 1e4)),
    ),
    "hinge_embedding_loss": Row(
        lambda x: F.hinge_embedding_loss(x, mg.tensor([1.0, -1.0], dtype=x.dtype), reduction="sum"),
        lambda x, y: x + max(0, 1 - y),
        PAIRS,
    ),
    "margin_ranking_loss": Row(
        lambda x: F.margin_ranking_loss(x[0], x[1], mg.tensor(-1.0, dtype=x.dtype), margin=0.5),
        lambda x, y: max(0, mp.mpf(0.5) + x - y),
        PAIRS,
    ),
    "cosine_embedding_loss": Row(
        lambda x: F.cosine_embedding_loss(x, mg.tensor([3.0, 4.0], dtype=x.dtype), label(1)),
        lambda a, b: 1 - cosine(a, b, 3, 4),
        ((0, 0), (1e4, -1e4), (2**-10, 2**-12), (-1e4, 0)),
        unit=1.0,
    ),
    "triplet_margin_loss": Row(
        lambda x: F.triplet_margin_loss(x, *(mg.tensor(v, dtype=x.dtype) for v in (POSITIVE, NEGATIVE)), margin=5.0),
        lambda *x: max(0, 5 + distance(x, POSITIVE, 2) - distance(x, NEGATIVE, 2)),
        ((0, 0), (1, -1.5), (0.25, 3)),
        unit=1.0,
    ),
    "triplet_margin_loss, far away": Row(
        lambda x: F.triplet_margin_loss(x, *(mg.tensor(v, dtype=x.dtype) for v in (POSITIVE, NEGATIVE)), margin=5.0),
        lambda *x: max(0, 5 + distance(x, POSITIVE, 2) - distance(x, NEGATIVE, 2)),
        ((1e4, -1e4), (-1e4, 1e4)),
        unit=1e4,
    ),
}


@cache
def exact(name, point):
    """The value, the gradient and the second derivatives, in floats."""
    f, n = ROWS[name].formula, len(point)
    x = tuple(mp.mpf(v) for v in point)
    once = np.eye(n, dtype=int)
    twice = (once[:, None] + once).reshape(n * n, n)
    derivatives = [mp.diff(f, x, tuple(map(int, orders))) for orders in (*once, *twice)]
    # what is below 1e-150 is the rounding of mp.diff
    return np.array([float(mp.chop(v, tol=1e-150)) for v in (f(*x), *derivatives)])


def found(loss, x):
    """The same of ours."""
    value = loss(x)
    (gradient,) = mg.autograd.grad(value, [x], create_graph=True)
    rows = [mg.zeros_like(x)] * x.size
    if gradient.requires_grad:
        rows = [mg.autograd.grad(g, [x], retain_graph=True, allow_unused=True)[0] for g in mg.unstack(gradient)]
    parts = [value, gradient, *(mg.zeros_like(x) if row is None else row for row in rows)]
    assert {part.dtype for part in parts} == {x.dtype}
    return np.concatenate([np.ravel(part.numpy()) for part in parts]).astype(np.float64)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ROWS)
def test_against_200_digits(name, dtype):
    row, eps = ROWS[name], float(np.finfo(dtype).eps)
    for point in row.points:
        rounded = tuple(float(v) for v in np.array(point, dtype))
        x = mg.tensor(rounded, dtype=dtype, requires_grad=True)
        expected = exact(name, rounded)
        atol = max(10 * eps * row.unit, float(np.finfo(dtype).tiny))
        np.testing.assert_allclose(found(row.loss, x), expected, rtol=50 * eps, atol=atol, err_msg=str(point))


# ---- infinite inputs that mean something: what is certain or impossible

INFINITE = {
    "cross_entropy, an impossible class": (F.cross_entropy, [-INF, 0.0, 0.0], 1, np.log(2), [0.0, -0.5, 0.5]),
    "cross_entropy, an impossible label": (F.cross_entropy, [-INF, 0.0, 0.0], 0, INF, [-1.0, 0.5, 0.5]),
    "cross_entropy, all others impossible": (F.cross_entropy, [-INF, 2.0, -INF], 1, 0.0, [0.0, 0.0, 0.0]),
    "cross_entropy, an impossible class that is not wanted": (
        F.cross_entropy, [-INF, 0.0, 0.0], [0.0, 1.0, 0.0], np.log(2), [0.0, -0.5, 0.5],
    ),
    "rbf_loss, an impossible class": (F.rbf_loss, [INF, 0.0], 1, np.log1p(np.exp(-1)), [0.0, 1 - 1 / (1 + np.exp(-1))]),
    "hinge_loss, an impossible class": (F.hinge_loss, [-INF, 0.0, 0.5], 1, 1.5, [0.0, -1.0, 1.0]),
    "squared_hinge_loss, an impossible class": (F.squared_hinge_loss, [-INF, 0.0, 0.5], 1, 2.25, [0.0, -3.0, 3.0]),
    "binary_cross_entropy_with_logits, certain and right": (
        F.binary_cross_entropy_with_logits, [INF, -INF], [1.0, 0.0], 0.0, [0.0, 0.0],
    ),
    "soft_margin_loss, certain and right": (F.soft_margin_loss, [INF, -INF], [1.0, -1.0], 0.0, [0.0, 0.0]),
    "kl_div, impossible in both": (F.kl_div, [-INF, 0.0], [0.0, 1.0], 0.0, [0.0, -0.5]),
    "poisson_nll_loss, no counts of an impossible event": (F.poisson_nll_loss, [-INF], [0.0], 0.0, [0.0]),
    "huber_loss of an infinite error": (F.huber_loss, [-INF, 0.0], [0.0, 0.0], INF, [-0.5, 0.0]),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("loss", "x", "target", "value", "gradient"), INFINITE.values(), ids=INFINITE)
def test_infinite_inputs(dtype, loss, x, target, value, gradient):
    x = mg.tensor(x, dtype=dtype, requires_grad=True)
    out = loss(x, mg.tensor(target, dtype=dtype if isinstance(target, list) else None))
    out.backward()
    np.testing.assert_allclose(out.item(), value, rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), gradient, rtol=1e-6, atol=1e-30)


def test_an_impossible_logarithmic_target():
    x = mg.tensor([0.0, -1.0], requires_grad=True)
    out = F.kl_div(x, mg.tensor([-INF, 0.0]), reduction="sum", log_target=True)
    out.backward()
    assert (out.item(), x.grad.tolist()) == (1.0, [0.0, -1.0])


def test_an_impossible_label_that_is_ignored():
    x = mg.tensor([[-INF, 0.0], [0.0, 0.0]], requires_grad=True)
    out = F.cross_entropy(x, mg.tensor([-100, 1]))
    out.backward()
    np.testing.assert_allclose(out.item(), np.log(2), rtol=1e-6)
    assert x.grad.tolist() == [[0.0, 0.0], [0.5, -0.5]]
