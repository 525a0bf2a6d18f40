"""init.check: the variances of deep nets against the theory of Glorot & Bengio, He et al., and mean fields."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F

WIDTH, DEPTH, BATCH = 300, 8, 150


def deep(activation, gain, seed=1):
    """DEPTH layers of one width with weights of variance gain^2 / WIDTH; the last one has an activation before it."""
    generator = mg.Generator(seed)
    layers = []
    for _ in range(DEPTH):
        linear = nn.Linear(WIDTH, WIDTH, bias=False)
        nn.init.normal_(linear.weight, std=gain / math.sqrt(WIDTH), generator=generator)
        layers += [linear, activation()]
    return nn.Sequential(*layers[:-1])


def batch(scale=1.0):
    return mg.random.normal((BATCH, WIDTH), std=scale, generator=mg.Generator(2))


def weighted(found):
    return [layer for layer in found.layers if layer.weighted]


# activation, gain, the factor of the variance at each layer after the first
RATES = {
    "relu, He": (nn.ReLU, math.sqrt(2), 1.0),
    "relu, LeCun": (nn.ReLU, 1.0, 1 / 2),
    "relu, the default of Linear": (nn.ReLU, math.sqrt(1 / 3), 1 / 6),
    "relu, too large": (nn.ReLU, 3.0, 9 / 2),
    "leaky relu": (lambda: nn.LeakyReLU(0.2), nn.init.calculate_gain("leaky_relu", 0.2), 1.0),
    "linear": (nn.Identity, 1.0, 1.0),
}


@pytest.mark.parametrize(("activation", "gain", "rate"), RATES.values(), ids=RATES)
def test_rates_of_piecewise_linear_nets(activation, gain, rate):
    """Each layer multiplies both variances with gain^2 (1 + slope^2) / 2 (He et al. 2015)."""
    found = weighted(nn.init.check(deep(activation, gain), batch()))
    forward = (found[-1].forward / found[0].forward) ** (1 / (DEPTH - 1))
    backward = (found[0].backward / found[-1].backward) ** (1 / (DEPTH - 1))
    assert forward == pytest.approx(rate, rel=0.06)
    assert backward == pytest.approx(rate, rel=0.06)
    assert found[0].forward == pytest.approx(gain**2, rel=0.05)
    assert found[0].forward_ratio == pytest.approx(found[0].forward / 1.0, rel=0.02)
    assert found[3].forward_ratio == found[3].forward / found[2].forward
    assert found[3].backward_ratio == found[3].backward / found[4].backward


NODES = np.linspace(-8, 8, 2001)


def mean(f, q):
    """E f(z), z ~ N(0, q)."""
    weights = np.exp(-(NODES**2) / 2)
    return float(weights @ f(np.sqrt(q) * NODES) / weights.sum())


@pytest.mark.parametrize("gain", [0.5, 1.0, 5 / 3, 4.0])
def test_tanh_nets_against_their_mean_field(gain):
    """q' = gain^2 E tanh^2(z), and backward gain^2 E tanh'(z)^2, z ~ N(0, q)."""
    found = weighted(nn.init.check(deep(nn.Tanh, gain), batch()))
    q = gain**2
    for layer, above in zip(found, [*found[1:], None]):
        assert layer.forward == pytest.approx(q, rel=0.15)
        if above is not None:
            assert layer.backward_ratio == pytest.approx(gain**2 * mean(lambda z: np.cosh(z) ** -4, q), rel=0.15)
        q = gain**2 * mean(lambda z: np.tanh(z) ** 2, q)


def test_glorot_is_between_forward_and_backward():
    """With var = 2 / (in + out), a layer n -> m changes the forward variance by 2n / (n + m), the backward by 2m / ."""
    layer = nn.Linear(300, 900, bias=False)
    nn.init.xavier_normal_(layer.weight, generator=mg.Generator(3))
    model = nn.Sequential(nn.Identity(), layer)
    x = mg.random.normal((300, 300), generator=mg.Generator(4))
    found = nn.init.check(model, x)
    assert found.layers[1].forward_ratio == pytest.approx(2 * 300 / 1200, rel=0.05)
    assert found.layers[0].backward == pytest.approx(2 * 900 / 1200, rel=0.05)  # the gradient of the input


WARNINGS = {
    "good": (nn.ReLU, math.sqrt(2), []),
    "vanishes": (nn.ReLU, 0.5, ["forward variance vanishes", "backward variance vanishes"]),
    "explodes": (nn.ReLU, 4.0, ["forward variance explodes", "backward variance explodes"]),
    "tanh, good": (nn.Tanh, 5 / 3, []),
    "tanh, too small": (nn.Tanh, 0.5, ["forward variance vanishes", "backward variance vanishes"]),
    "tanh, saturated": (nn.Tanh, 40.0, ["backward variance explodes"]),
    "overflow": (nn.ReLU, 1e8, ["forward variance is not finite", "backward variance"]),
    "zero": (nn.Tanh, 0.0, ["forward variance is 0 at 0", "backward variance is 0 at 12"]),
}


@pytest.mark.parametrize(("activation", "gain", "expected"), WARNINGS.values(), ids=WARNINGS)
def test_warnings(activation, gain, expected):
    found = nn.init.check(deep(activation, gain), batch())
    assert len(found.warnings) == len(expected)
    for warning, words in zip(found.warnings, expected):
        assert words in warning
        assert f"warning: {warning}" in str(found)


def test_the_rate_in_a_warning():
    (forward, _) = nn.init.check(deep(nn.ReLU, 0.5), batch()).warnings
    assert "at 0 (Linear)" in forward
    assert "at 14 (Linear), by 0.12 from layer to layer" in forward


def test_a_loss_of_ones_own():
    model = nn.Sequential(nn.Linear(3, 2, bias=False))
    x, y = mg.random.normal((5, 3)), mg.tensor([0, 1, 0, 1, 1])
    found = nn.init.check(model, x, loss=lambda out: F.cross_entropy(out, y))
    p = F.softmax(model(x), 1).numpy()
    assert found.layers[0].backward == pytest.approx(np.var((p - np.eye(2)[y.numpy()]) / 5), rel=1e-5)


def test_convolutions_and_calls_in_order():
    conv, tanh = nn.Conv2d(3, 3, 3, padding=1), nn.Tanh()
    found = nn.init.check(nn.Sequential(conv, tanh, conv, tanh), mg.random.normal((2, 3, 5, 5)))
    assert [str(layer) for layer in found.layers] == ["0 (Conv2d)", "1 (Tanh)", "0 (Conv2d)", "1 (Tanh)"]
    assert [layer.weighted for layer in found.layers] == [True, False, True, False]
    assert found.layers[1].forward_ratio is None


def test_an_input_of_integers():
    """Has no variance to compare with; that of the layers is looked at."""
    model = nn.Sequential(nn.Embedding(10, 8), nn.Linear(8, 4), nn.Linear(4, 2))
    found = nn.init.check(model, mg.tensor([1, 2, 3]))
    assert found.input is None
    assert found.layers[0].forward_ratio is None
    assert found.layers[1].forward_ratio == found.layers[1].forward / found.layers[0].forward
    assert "nan" not in str(found)


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    random, before = mg.random.default_generator.state_dict(), [m.configuration() for m in model.modules()]
    first = nn.init.check(model, mg.ones((4, 3)))
    assert str(nn.init.check(model, mg.ones((4, 3)))) == str(first)  # dropout drops the same
    assert mg.random.default_generator.state_dict() == random
    assert [m.configuration() for m in model.modules()] == before
    assert all(p.grad is None for p in model.parameters())


BAD = {
    "limit": (lambda: nn.init.check(nn.Linear(2, 2), mg.ones((1, 2)), limit=1), ConfigError, "limit must be above 1"),
    "batch": (lambda: nn.init.check(nn.Linear(2, 2), [[1, 2]]), DtypeError, r"\[check\] batch must be floating-point"),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()
