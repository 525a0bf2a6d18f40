"""Activations at their kinks, what NaN becomes, those that draw random numbers, and the arguments they refuse.

Values and gradients elsewhere: `tests/nn/rows/activation.py` and `tests/nn/test_extremes_activation.py`.
"""

import math

import numpy as np
import pytest
from scipy import stats

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.nn import functional as F
from tests.compiler.running import uncompiled

NAN = np.nan

# name, arguments, x, value, gradient
KINKS = [
    ("relu", {}, 0.0, 0.0, 0.0),
    ("relu6", {}, 0.0, 0.0, 0.0),
    ("relu6", {}, 6.0, 6.0, 0.0),
    ("leaky_relu", {"negative_slope": 0.25}, 0.0, 0.0, 0.25),
    ("rrelu", {"lower": 0.0, "upper": 0.5}, 0.0, 0.0, 0.25),
    ("rrelu", {"lower": 0.5, "upper": 0.5, "training": True}, 0.0, 0.0, 0.5),
    ("elu", {"alpha": 2.0}, 0.0, 0.0, 2.0),
    ("selu", {}, 0.0, 0.0, 1.7580993408473766),
    ("celu", {"alpha": 2.0}, 0.0, 0.0, 1.0),
    ("hardtanh", {}, -1.0, -1.0, 0.0),
    ("hardtanh", {}, 1.0, 1.0, 0.0),
    ("hardtanh", {"min_val": 0.0, "max_val": 2.0}, 2.0, 2.0, 0.0),
    ("hardsigmoid", {}, -3.0, 0.0, 0.0),
    ("hardsigmoid", {}, 3.0, 1.0, 0.0),
    ("hardswish", {}, -3.0, 0.0, 0.0),
    ("hardswish", {}, 3.0, 3.0, 1.0),
    ("threshold", {"threshold": 1.0, "value": 1.0}, 1.0, 1.0, 0.0),
    ("threshold", {"threshold": 1.0, "value": -7.0}, 1.0, -7.0, 0.0),
    ("softshrink", {}, 0.5, 0.0, 0.0),
    ("softshrink", {}, -0.5, 0.0, 0.0),
    ("softshrink", {"lambd": 0.0}, 0.0, 0.0, 0.0),
    ("hardshrink", {}, 0.5, 0.0, 0.0),
    ("hardshrink", {}, -0.5, 0.0, 0.0),
    ("softsign", {}, 0.0, 0.0, 1.0),
    ("softplus", {"threshold": 1.0}, 1.0, math.log1p(math.e), 1 / (1 + math.exp(-1))),
]
SIZES = [1, 1000]
"""Large arrays may take another way."""


@pytest.mark.parametrize(("name", "arguments", "at", "value", "gradient"), KINKS)
@pytest.mark.parametrize("size", SIZES)
def test_kinks(name, arguments, at, value, gradient, size):
    torch = pytest.importorskip("torch")
    x = mg.tensor(np.full(size, at), requires_grad=True)
    y = getattr(F, name)(x, **arguments)
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), np.full(size, value), rtol=1e-14)
    np.testing.assert_allclose(x.grad.numpy(), np.full(size, gradient), rtol=1e-14)

    z = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    theirs = getattr(torch.nn.functional, name)(z, **arguments)
    theirs.backward()
    assert (theirs.item(), z.grad.item()) == pytest.approx((value, gradient), rel=1e-7)


def test_the_kink_of_prelu():
    x, weight = mg.tensor([[0.0, 0.0]], requires_grad=True), mg.tensor([0.25, 0.5], requires_grad=True)
    F.prelu(x, weight).sum().backward()
    assert x.grad.tolist() == [[0.25, 0.5]]
    assert weight.grad.tolist() == [0.0, 0.0]


OF_NUMBERS = [
    "celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "logsigmoid", "mish",
    "noisy_relu", "relu", "relu6", "rrelu", "scaled_tanh", "selu", "sigmoid", "silu", "softplus", "softshrink",
    "softsign", "tanh", "tanh_linear", "tanhshrink",
]  # fmt: skip
OTHERS = {
    "glu": lambda x: F.glu(x, dim=0),
    "log_softmax": lambda x: F.log_softmax(x, dim=0),
    "noisy_relu in training": lambda x: F.noisy_relu(x, training=True),
    "prelu": lambda x: F.prelu(x, 0.25),
    "rrelu in training": lambda x: F.rrelu(x, training=True),
    "softmax": lambda x: F.softmax(x, dim=0),
    "softmin": lambda x: F.softmin(x, dim=0),
    "tanh gelu": lambda x: F.gelu(x, approximate="tanh"),
    "threshold": lambda x: F.threshold(x, 1.0, 0.0),
}
ALL = {name: getattr(F, name) for name in OF_NUMBERS} | OTHERS


@pytest.mark.parametrize("f", ALL.values(), ids=ALL)
@pytest.mark.parametrize("size", [2, 1000])
def test_nan_stays_nan(f, size):
    assert np.isnan(f(mg.full(size, NAN)).numpy()).all()


@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_a_gate_beside_nan_is_still_right_at_infinity(name):
    x = mg.tensor([NAN, -np.inf, np.inf])
    np.testing.assert_array_equal(getattr(F, name)(x).numpy(), [NAN, 0.0, np.inf])


@pytest.mark.parametrize("f", [F.softmax, F.log_softmax, F.softmin])
def test_softmax_of_nothing_and_of_other_dtypes(f):
    assert f(mg.zeros((3, 0)), dim=1).shape == (3, 0)
    assert f(mg.zeros((0, 3)), dim=0).shape == (0, 3)
    assert f(mg.tensor([1, 2]), dim=0, dtype="float64").dtype == np.float64
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    f(x, dim=0, dtype=mg.float64)[0].backward()
    assert x.grad.dtype == np.float32


# ---- random ones

N = 20_000


@pytest.fixture(autouse=True)
def seeded():
    mg.manual_seed(5)


def follows(sample, distribution):
    """By the Kolmogorov-Smirnov test: of 20,000 numbers it would see a scale wrong by 4 %."""
    return stats.kstest(sample.numpy(), distribution.cdf).pvalue > 0.01


def test_the_slopes_of_rrelu():
    x = mg.full(N, -2.0, dtype="float64", requires_grad=True)
    y = F.rrelu(x, 0.25, 0.75, training=True)
    assert follows(y / -2.0, stats.uniform(0.25, 0.5))
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.numpy() / -2.0)  # each its own slope
    assert F.rrelu(mg.full(3, 2.0), training=True).tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("at", [-1.0, 0.0, 2.0])
def test_the_noise_of_noisy_relu(at):
    """Nair & Hinton: the variance of the noise is sigmoid(x)."""
    x = mg.full(N, at, dtype="float64", requires_grad=True)
    y = F.noisy_relu(x, training=True)
    std = math.sqrt(1 / (1 + math.exp(-at)))
    on = y.numpy() > 0
    assert on.mean() == pytest.approx(stats.norm.cdf(at / std), abs=0.01)
    assert follows(y[on], stats.truncnorm(-at / std, np.inf, at, std))
    y.sum().backward()
    d_std = std * (1 - std**2) / 2  # of sqrt(sigmoid): the noise that was drawn grows with x
    np.testing.assert_allclose(x.grad.numpy(), np.where(on, 1 + d_std * (y.numpy() - at) / std, 0.0), rtol=1e-9)


def test_modules_are_random_in_training_only():
    for module in (nn.RReLU(), nn.NoisyReLU()):
        x = mg.tensor(np.linspace(-2, 3, 50))
        assert (module(x).numpy() != module(x).numpy()).any()
        module.eval()
        assert module(x).tolist() == module(x).tolist()


PROBABILITIES = np.array([0.5, 0.3, 0.2])


def test_hard_gumbel_draws_are_distributed_as_softmax():
    logits = mg.tensor(np.tile(np.log(PROBABILITIES), (N, 1)))
    for tau in (0.5, 3.0):  # whatever the temperature
        y = F.gumbel_softmax(logits, tau, hard=True).numpy()
        assert sorted(set(y.ravel())) == [0.0, 1.0]
        assert (y.sum(1) == 1).all()
        assert stats.chisquare(y.sum(0), N * PROBABILITIES).pvalue > 0.01


def test_the_gumbel_noise():
    """For two classes the odds of a soft draw are those of the logits plus a difference of Gumbels, a logistic."""
    y = F.gumbel_softmax(mg.zeros((N, 2), dtype="float64"), tau=2.0, dim=1)
    assert follows(2.0 * (mg.log(y[:, 0]) - mg.log(y[:, 1])), stats.logistic)
    np.testing.assert_allclose(y.sum(1).numpy(), np.ones(N))


def test_hard_gumbel_draws_have_the_gradient_of_soft_ones():
    gradients = []
    for hard in (False, True):
        mg.manual_seed(3)
        x = mg.tensor(np.zeros((4, 3)), requires_grad=True)
        (F.gumbel_softmax(x, 0.7, hard, dim=0) * np.arange(12.0).reshape(4, 3)).sum().backward()
        gradients.append(x.grad.numpy())
    assert gradients[0].any()
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_draws_are_the_same_in_a_compiled_step(hard):
    x = mg.tensor(np.linspace(-1, 1, 12).reshape(3, 4))

    def draw(x):
        return F.gumbel_softmax(x, 0.8, hard, dim=0)

    with uncompiled():
        mg.manual_seed(4)
        eager = draw(x).numpy()
        mg.manual_seed(4)
        np.testing.assert_allclose(mg.jit(draw, warmup=0)(x).numpy(), eager, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gumbel_noise_is_finite_whatever_is_drawn(monkeypatch, dtype):
    ends = np.array([0.0, 1 - np.finfo(dtype).eps / 2], dtype)
    monkeypatch.setattr(mg.random, "uniform", lambda shape, dtype: mg.tensor(ends, dtype=dtype))
    soft = F.gumbel_softmax(mg.zeros(2, dtype=dtype)).numpy()
    assert np.isfinite(soft).all()
    assert soft[0] < 1e-6 < soft[1]


def test_gumbel_draws_of_no_classes():
    assert F.gumbel_softmax(mg.zeros((2, 0)), hard=True).shape == (2, 0)


# ---- refusals that are about no shape; the others: `tests/nn/rows/activation.py`

BAD = {
    "integers": (lambda: F.relu(mg.tensor([1, 2])), DtypeError, r"\[relu\] input must be floating-point, got int64"),
    "integers in softmax": (lambda: F.softmax(mg.tensor([1]), 0), DtypeError, r"\[softmax\] input must be"),
    "axis": (lambda: F.softmax(mg.ones((2, 2)), dim=2), ShapeError, r"\[softmax\] axis 2 is out of range"),
    "approximation": (lambda: F.gelu(mg.ones(1), "erf"), ConfigError, r"approximate must be one of 'none', 'tanh'"),
    "no axis": (lambda: F.softmax(mg.ones(3)), ConfigError, r"\[softmax\] needs dim"),
    "limits": (lambda: F.hardtanh(mg.ones(1), 1.0, -1.0), ConfigError, r"\[hardtanh\] expected min_val <= max_val"),
    "not a number": (lambda: F.rrelu(mg.ones(1), NAN), ConfigError, r"\[rrelu\] lower must be a number; got nan"),
    "negative": (lambda: F.softshrink(mg.ones(1), -1.0), ConfigError, "lambd must be a number, at least 0"),
    "no parameters": (lambda: nn.PReLU(0), ConfigError, r"\[PReLU\] num_parameters must be .* at least 1; got 0"),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()
