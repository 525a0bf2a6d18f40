"""What is said about a loss that is no number."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.train.diverged import diagnosis

X = mg.ones((2, 2))


def model():
    return nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh(), nn.Linear(2, 2)), nn.ReLU())


def spoil(parameter, value):
    array = parameter.numpy().copy()
    array.flat[0] = value
    parameter.assign_(mg.asarray(array))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_names_the_first_bad_parameter(value):
    spoiled = model()
    spoil(spoiled[1][1].weight, value)
    spoil(spoiled[1][1].bias, value)
    assert diagnosis(spoiled, X) == "the last update made parameter 1.1.weight NaN or infinite (2 parameters in all)"


def test_names_the_first_bad_layer():
    spoiled = model()
    spoil(spoiled[1][1].weight, 3e38)
    spoil(spoiled[1][1].bias, 3e38)
    spoil(spoiled[0].bias, 1e3)  # tanh of it is 1
    assert "the output of layer 1.1 (Linear) is the first that is not" in diagnosis(spoiled, X)
    assert not spoiled[0]._hooks


def test_a_single_layer_is_the_model():
    layer = nn.Linear(2, 2)
    spoil(layer.weight, 3e38)
    spoil(layer.bias, 3e38)
    assert "the output of layer model (Linear)" in diagnosis(layer, X)


def test_finite_scores_leave_the_loss():
    assert "the loss itself overflowed" in diagnosis(model(), X)
