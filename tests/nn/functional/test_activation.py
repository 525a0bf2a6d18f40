"""Activations at their kinks and extremes; against PyTorch they are tested as layers."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.nn import functional as F

INF, NAN = np.inf, np.nan
PHI = 7.619853024160526e-24  # the normal distribution function at -10

# name, arguments, x, value, gradient
POINTS = [
    ("relu", {}, 0.0, 0.0, 0.0),
    ("relu", {}, -INF, 0.0, 0.0),
    ("relu", {}, INF, INF, 1.0),
    ("leaky_relu", {}, 0.0, 0.0, 0.01),
    ("leaky_relu", {"negative_slope": 0.0}, -1e30, 0.0, 0.0),
    ("leaky_relu", {}, NAN, NAN, 0.01),
    ("elu", {"alpha": 2.0}, 0.0, 0.0, 2.0),
    ("elu", {}, 1e4, 1e4, 1.0),
    ("elu", {}, -1e4, -1.0, 0.0),
    ("elu", {}, -INF, -1.0, 0.0),
    ("elu", {}, INF, INF, 1.0),
    ("elu", {}, NAN, NAN, NAN),
    ("gelu", {}, -1e4, 0.0, 0.0),
    ("gelu", {}, 1e4, 1e4, 1.0),
    ("gelu", {}, -10.0, -10 * PHI, PHI - 10 * np.exp(-50.0) / np.sqrt(2 * np.pi)),  # 1 + erf would be 0
    ("silu", {}, -1e4, 0.0, 0.0),
    ("silu", {}, 1e4, 1e4, 1.0),
    ("softplus", {}, -1e4, 0.0, 0.0),
    ("softplus", {}, 1e4, 1e4, 1.0),
    ("softplus", {}, -50.0, np.exp(-50.0), np.exp(-50.0)),
    ("softplus", {"beta": 1e3}, 1e30, 1e30, 1.0),
    ("softplus", {}, INF, INF, 1.0),
    ("softplus", {}, NAN, NAN, NAN),
    ("sigmoid", {}, -1e4, 0.0, 0.0),
    ("sigmoid", {}, 1e4, 1.0, 0.0),
    ("tanh", {}, -1e4, -1.0, 0.0),
]


@pytest.mark.parametrize(("name", "arguments", "at", "value", "gradient"), POINTS)
@pytest.mark.parametrize("size", [1, 1000])  # large arrays may take another way
def test_points(name, arguments, at, value, gradient, size):
    x = mg.tensor(np.full(size, at), requires_grad=True)
    y = getattr(F, name)(x, **arguments)
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), np.full(size, value), rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), np.full(size, gradient), rtol=1e-6)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh"])
@pytest.mark.parametrize("size", [1, 1000])
def test_nan_stays_nan(name, size):
    assert np.isnan(getattr(F, name)(mg.full(size, NAN)).numpy()).all()


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([1e4, -1e4], [1.0, 0.0]),
        ([1e4, 1e4], [0.5, 0.5]),
        ([-INF, 0.0], [0.0, 1.0]),
        ([-1e30, -1e30], [0.5, 0.5]),
        ([NAN, 0.0], [NAN, NAN]),
    ],
)
def test_softmax_at_the_extremes(logits, expected):
    x = mg.tensor(np.array(logits), requires_grad=True)
    y = F.softmax(x, dim=0)
    np.testing.assert_allclose(y.numpy(), expected)
    first = np.log(expected[0]) if expected[0] else logits[0] - logits[1]  # finite although the probability is 0
    np.testing.assert_allclose(F.log_softmax(x, dim=0).numpy()[0], first)
    (gradient,) = mg.autograd.grad(y[0], x)
    assert np.isfinite(gradient.numpy()).all() == np.isfinite(expected).all()


def test_softmax_of_nothing():
    assert F.softmax(mg.zeros((3, 0)), dim=1).shape == (3, 0)
    assert F.log_softmax(mg.zeros((0, 3)), dim=0).shape == (0, 3)


BAD = {
    "integers": (lambda: F.relu(mg.tensor([1, 2])), DtypeError, r"\[relu\] input must be floating-point, got int64"),
    "integers in softmax": (lambda: F.softmax(mg.tensor([1]), 0), DtypeError, r"\[softmax\] input must be"),
    "axis": (lambda: F.softmax(mg.ones((2, 2)), dim=2), ShapeError, r"\[softmax\] axis 2 is out of range"),
    "approximation": (lambda: F.gelu(mg.ones(1), "erf"), ConfigError, r"approximate must be one of 'none', 'tanh'"),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()
