"""Derivatives far out, where they are tiny: right relative to their own size, against sixty-digit decimals."""

from decimal import Context, Decimal, localcontext

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F

POINTS = {"float64": (0.75, 9.5, 18.25, 37.5, 120.0, 340.0), "float32": (0.75, 9.5, 18.25, 37.5, 43.0)}
RTOL = {"float64": 2e-15, "float32": 1e-6}


def logistic(x):
    return 1 / (1 + (-x).exp())


def derivatives_of_logistic(s):
    """s', s'' and s''' where s = sigmoid(x)."""
    first = s * (1 - s)
    return [first, first * (1 - 2 * s), first * (1 - 6 * first)]


def sigmoid(x):
    return derivatives_of_logistic(logistic(x))


def tanh(x):
    """tanh x = 2 sigmoid(2 x) - 1."""
    return [d * 2 ** (k + 2) for k, d in enumerate(derivatives_of_logistic(logistic(2 * x)))]


def softplus(x):
    return [logistic(x), *derivatives_of_logistic(logistic(x))[:2]]


def silu(x):
    s = logistic(x)
    d = [s, *derivatives_of_logistic(s)]
    return [d[k] * (k + 1) + x * d[k + 1] for k in range(3)]


FUNCTIONS = [
    (mg.sigmoid, sigmoid),
    (mg.tanh, tanh),
    (lambda x: mg.logaddexp(x, 0.0), softplus),
    (lambda x: mg.logaddexp(0.0, x), softplus),
    (F.silu, silu),
]
NAMES = ["sigmoid", "tanh", "logaddexp", "logaddexp of a number", "silu"]


def derivatives(f, x):
    """The first three."""
    found = []
    for _ in range(3):
        f = mg.grad(lambda x, f=f: mg.sum(f(x)))
        found.append(f(x).numpy())
    return found


@pytest.mark.parametrize("dtype", POINTS)
@pytest.mark.parametrize(("f", "exact"), FUNCTIONS, ids=NAMES)
def test_derivatives_in_the_tails(f, exact, dtype):
    x = np.array([sign * p for p in POINTS[dtype] for sign in (1, -1)], dtype)
    got = derivatives(f, mg.tensor(x))
    with localcontext(Context(prec=400)):
        expected = zip(*(exact(Decimal(float(v))) for v in x))
        for mine, want in zip(got, expected):
            assert mine.dtype == dtype
            np.testing.assert_allclose(mine.astype(np.float64), np.array(want, np.float64), rtol=RTOL[dtype], atol=0)


@pytest.mark.parametrize("dtype", POINTS)
@pytest.mark.parametrize("f", [f for f, _ in FUNCTIONS], ids=NAMES)
def test_compiled_derivatives_in_the_tails(f, dtype):
    x = np.array([sign * p for p in POINTS[dtype] for sign in (1, -1)], dtype)
    compiled = mg.jit(lambda x: mg.grad(lambda x: mg.sum(f(x)))(x), warmup=0)(mg.tensor(x))
    np.testing.assert_allclose(compiled.numpy(), derivatives(f, mg.tensor(x))[0], rtol=RTOL[dtype], atol=0)


@pytest.mark.parametrize("f", [mg.sigmoid, mg.tanh, lambda x: mg.logaddexp(x, 0.0)])
def test_derivatives_at_infinity_are_zero_or_one(f):
    first, second, third = derivatives(f, mg.tensor([-np.inf, np.inf], dtype="float64"))
    assert set(first) <= {0.0, 1.0}
    assert not second.any()
    assert not third.any()


def test_gelu_by_tanh_keeps_its_left_tail():
    x = np.array([-5.0, -6.0, -7.5])
    u = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    got = F.gelu(mg.tensor(x), approximate="tanh").numpy()
    np.testing.assert_allclose(got, x * np.exp(2 * u) / (1 + np.exp(2 * u)), rtol=1e-14, atol=0)
