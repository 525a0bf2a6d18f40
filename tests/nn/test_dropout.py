"""Dropout: the fraction, the scale, what goes together, mean and variance, the gradient, the seed."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.nn.functional.dropping import SELU_LIMIT


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_zero_or_scaled(p):
    mg.manual_seed(0)
    x = mg.tensor(np.linspace(1, 2, 10_000), requires_grad=True)
    y = nn.Dropout(p)(x)
    y.sum().backward()
    kept = y.numpy() != 0
    assert abs(kept.mean() - (1 - p)) < 4 * np.sqrt(p * (1 - p) / 10_000)  # four standard deviations
    np.testing.assert_allclose(y.numpy()[kept], x.numpy()[kept] / (1 - p), rtol=1e-15)
    np.testing.assert_array_equal(x.grad.numpy(), np.where(kept, 1 / (1 - p), 0))


CHANNELS = {
    "Dropout1d": [(40, 50, 3), (2000, 3)],
    "Dropout2d": [(40, 50, 3, 2), (40, 50, 3)],
    "Dropout3d": [(40, 50, 3, 2, 2), (2000, 3, 2, 2)],
}


@pytest.mark.parametrize(("name", "shape"), [(n, shape) for n, shapes in CHANNELS.items() for shape in shapes])
def test_whole_channels(name, shape):
    """One decision for each of 2000 channels, which are the axes before the spatial ones."""
    mg.manual_seed(1)
    y = getattr(nn, name)(0.3)(mg.ones(shape)).numpy().reshape(2000, -1)
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    kept = y[:, 0] != 0
    np.testing.assert_allclose(y[kept], 1 / 0.7, rtol=1e-6)
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / 2000)


def test_the_constant_of_alpha_dropout():
    """SELU's limit -scale alpha from the closed forms (Klambauer et al. 2017, eq. 14)."""
    tail = math.erfc(1 / math.sqrt(2)) * math.exp(0.5)
    alpha = -math.sqrt(2 / math.pi) / (tail - 1)
    square = 2 * math.erfc(math.sqrt(2)) * math.e**2 + math.pi * tail**2 - 2 * (2 + math.pi) * tail + math.pi + 2
    scale = (1 - tail) * math.sqrt(2 * math.pi) / math.sqrt(square)
    np.testing.assert_allclose(SELU_LIMIT, -scale * alpha, rtol=1e-12)


@pytest.mark.parametrize("p", [0.05, 0.3, 0.9])
def test_alpha_dropout_keeps_mean_and_variance(p):
    mg.manual_seed(2)
    n = 200_000
    x = mg.random.normal(n, dtype="float64")
    y = nn.AlphaDropout(p)(x).numpy()
    fourth = (y**4).mean()
    assert abs(y.mean()) < 5 / np.sqrt(n)
    assert abs(y.var() - 1) < 5 * np.sqrt((fourth - 1) / n)
    values, counts = np.unique(y, return_counts=True)
    dropped = counts.max()
    assert abs(dropped / n - p) < 5 * np.sqrt(p * (1 - p) / n)
    q = 1 - p
    a = 1 / np.sqrt(q * (1 + SELU_LIMIT**2 * p))
    assert values[counts.argmax()] == pytest.approx(a * SELU_LIMIT * q, rel=1e-12)


def test_alpha_dropout_of_whole_channels():
    mg.manual_seed(3)
    y = nn.FeatureAlphaDropout(0.4)(mg.zeros((50, 40, 3, 2))).numpy()
    assert y.dtype == np.float32
    flat = y.reshape(2000, 6)
    np.testing.assert_array_equal(flat, np.broadcast_to(flat[:, :1], flat.shape))
    dropped = flat[:, 0] < 0
    assert abs(dropped.mean() - 0.4) < 5 * np.sqrt(0.4 * 0.6 / 2000)


def test_functions_of_alpha_dropout_do_nothing_unless_told():
    x = mg.ones((2, 3))
    assert F.alpha_dropout(x) is x
    assert F.feature_alpha_dropout(x) is x


def test_the_seed_decides():
    drop, x = nn.Dropout(), mg.ones(50)
    mg.manual_seed(3)
    first, second = drop(x), drop(x)
    mg.manual_seed(3)
    np.testing.assert_array_equal(drop(x).numpy(), first.numpy())
    assert (first.numpy() != second.numpy()).any()


@pytest.mark.parametrize("module", [nn.Dropout(0.5).eval(), nn.Dropout(0.0)])
def test_the_identity(module):
    mg.manual_seed(0)
    x = mg.ones(3)
    assert module(x) is x
    assert mg.random.default_generator.call == 0  # nothing was drawn


def test_dropping_everything_drops_nan_and_infinity_too():
    x = mg.tensor([np.nan, np.inf, 1.0], requires_grad=True)
    y = F.dropout(x, p=1.0)
    y.sum().backward()
    assert y.tolist() == x.grad.tolist() == [0, 0, 0]
