"""Dropout: the fraction, the scale, the gradient, the seed."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError
from minigrad.nn import functional as F


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


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_probabilities_are_checked(p):
    with pytest.raises(ConfigError, match=r"\[Dropout\] the probability p must lie in \[0, 1\]"):
        nn.Dropout(p)
    with pytest.raises(ConfigError, match=r"\[dropout\] the probability p must lie in \[0, 1\]"):
        F.dropout(mg.ones(1), p)
