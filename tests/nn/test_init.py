"""Initialization: the distributions, the seed, and what is refused."""

import math

import numpy as np
import pytest
from scipy import stats

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init

SHAPE = (60, 20, 3, 3)  # fan in 180, fan out 540
GAIN = math.sqrt(2 / (1 + 0.3**2))

# name, arguments, the distribution
RANDOM = [
    ("uniform_", {"a": -1.0, "b": 3.0}, stats.uniform(-1, 4)),
    ("normal_", {"mean": 1.0, "std": 2.0}, stats.norm(1, 2)),
    ("trunc_normal_", {}, stats.truncnorm(-2, 2)),
    ("trunc_normal_", {"mean": 1.0, "std": 0.5, "a": 0.0, "b": 3.0}, stats.truncnorm(-2, 4, 1, 0.5)),
    ("xavier_uniform_", {"gain": 2.0}, stats.uniform(-2 * math.sqrt(6 / 720), 4 * math.sqrt(6 / 720))),
    ("xavier_normal_", {"gain": 2.0}, stats.norm(0, 2 * math.sqrt(2 / 720))),
    ("tanh_uniform_", {}, stats.uniform(-math.sqrt(6 / 720), 2 * math.sqrt(6 / 720))),
    ("sigmoid_uniform_", {}, stats.uniform(-4 * math.sqrt(6 / 720), 8 * math.sqrt(6 / 720))),
    ("lecun_uniform_", {}, stats.uniform(-math.sqrt(3 / 180), 2 * math.sqrt(3 / 180))),
    ("lecun_normal_", {}, stats.norm(0, math.sqrt(1 / 180))),
    ("kaiming_uniform_", {"nonlinearity": "relu"}, stats.uniform(-math.sqrt(6 / 180), 2 * math.sqrt(6 / 180))),
    ("kaiming_normal_", {"a": 0.3, "mode": "fan_out"}, stats.norm(0, GAIN / math.sqrt(540))),
]


@pytest.mark.parametrize(("name", "arguments", "distribution"), RANDOM)
def test_distribution(name, arguments, distribution):
    """10,800 numbers follow the distribution: the Kolmogorov-Smirnov test would see a scale wrong by 5 %."""
    x = mg.zeros(SHAPE, dtype="float64")
    assert getattr(init, name)(x, **arguments, generator=mg.Generator(0)) is x
    assert stats.kstest(x.numpy().ravel(), distribution.cdf).pvalue > 0.01


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "lecun", "xavier", "kaiming"])
def test_weights_without_elements(name):
    for shape in ((0, 0), (0, 3), (3, 0)):
        assert getattr(init, f"{name}_uniform_")(mg.zeros(shape)).shape == shape


@pytest.mark.parametrize(
    "layer",
    [
        ("Linear", 5, 7),
        ("Conv1d", 4, 6, 3),
        ("Conv2d", 4, 6, (3, 2), 1, 0, 1, 2),
        ("Conv3d", 2, 3, (1, 2, 3)),
        ("ConvTranspose1d", 4, 6, 3),
        ("ConvTranspose2d", 4, 6, (3, 2), 1, 0, 0, 2),
        ("ConvTranspose3d", 2, 3, (1, 2, 3)),
    ],
    ids=str,
)
def test_fans(layer):
    torch = pytest.importorskip("torch")
    name, *args = layer
    ours, theirs = getattr(nn, name)(*args).weight, getattr(torch.nn, name)(*args).weight
    assert init.fans("test", ours) == torch.nn.init._calculate_fan_in_and_fan_out(theirs)


def test_sparse():
    x = init.sparse_(mg.zeros((40, 300), dtype="float64"), 0.21, std=2.0, generator=mg.Generator(1)).numpy()
    dropped = x == 0
    assert (dropped.sum(0) == 9).all()  # 8.4, rounded up
    assert stats.chisquare(dropped.sum(1)).pvalue > 0.01  # every row is as likely
    assert stats.kstest(x[~dropped], stats.norm(0, 2).cdf).pvalue > 0.01


@pytest.mark.parametrize(("sparsity", "zeros"), [(0.0, 0), (1.0, 4)])
def test_sparse_at_its_ends(sparsity, zeros):
    assert (init.sparse_(mg.zeros((4, 3)), sparsity).numpy() == 0).sum(0).tolist() == [zeros] * 3


@pytest.mark.parametrize(
    ("shape", "groups"),
    [((2, 3, 3), 1), ((5, 2, 4), 1), ((4, 4, 3, 2), 1), ((6, 2, 3, 3), 3), ((6, 4, 1, 2, 3), 2), ((3, 1, 1), 3)],
)
def test_dirac(shape, groups):
    torch = pytest.importorskip("torch")
    ours = init.dirac_(mg.ones(shape), groups).numpy()
    np.testing.assert_array_equal(ours, torch.nn.init.dirac_(torch.ones(shape), groups).numpy())


def test_dirac_passes_its_input_on():
    conv = nn.Conv2d(4, 4, 3, padding="same", groups=2, bias=False)
    init.dirac_(conv.weight, groups=2)
    x = mg.random.normal((1, 4, 5, 6))
    np.testing.assert_array_equal(conv(x).numpy(), x.numpy())


def test_the_rules_for_sigmoid_and_tanh_make_equally_steep_layers():
    steepness = {}
    for name in ("sigmoid", "tanh"):
        x = mg.tensor(np.zeros((1, 5)), requires_grad=True)
        w = getattr(init, f"{name}_uniform_")(mg.zeros((5, 5)), mg.Generator(3))
        getattr(F, name)(x @ w).sum().backward()
        steepness[name] = x.grad.numpy()
    np.testing.assert_allclose(steepness["sigmoid"], steepness["tanh"], rtol=1e-5)


def test_layers_start_as_in_pytorch():
    mg.manual_seed(0)
    linear, conv = nn.Linear(400, 300), nn.Conv2d(20, 60, 3)
    for layer, fan_in in ((linear, 400), (conv, 180)):
        bound = 1 / math.sqrt(fan_in)
        for parameter in layer.parameters():
            assert stats.kstest(parameter.numpy().ravel(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01


def test_one_seed_rules():
    def drawn(seed):
        mg.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 2), nn.Conv2d(1, 1, 3)).state_dict()

    first, again, other = drawn(1), drawn(1), drawn(2)
    for name in first:
        np.testing.assert_array_equal(first[name].numpy(), again[name].numpy())
        assert (first[name].numpy() != other[name].numpy()).any()


def test_a_generator_leaves_the_default_one_alone():
    mg.manual_seed(0)
    init.normal_(mg.zeros(3), generator=mg.Generator(1))
    assert mg.random.default_generator.call == 0


def test_resetting_draws_anew():
    layer = nn.Linear(3, 2)
    before = layer.state_dict()
    layer.reset_parameters()
    assert (layer.weight.numpy() != before["weight"].numpy()).all()


@pytest.mark.parametrize("layer", [nn.Linear(0, 3), nn.Linear(3, 0)])
def test_layers_without_features(layer):
    assert layer(mg.zeros((2, layer.in_features))).tolist() == [[0.0] * layer.out_features] * 2


def test_constants():
    x = nn.Parameter(np.zeros((2, 3)))
    assert init.ones_(x).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert init.constant_(x, 2.5).tolist() == [[2.5, 2.5, 2.5], [2.5, 2.5, 2.5]]
    assert init.zeros_(x).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert init.eye_(x).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert x.requires_grad
    assert x.is_leaf
    assert x.dtype == np.float64


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (2, 3, 2)])
def test_orthogonal(shape):
    w = init.orthogonal_(mg.zeros(shape, dtype="float64"), gain=3.0).numpy().reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 9 * np.eye(min(w.shape)), atol=1e-12)


def test_orthogonal_matrices_have_no_preferred_sign():
    diagonal = [init.orthogonal_(mg.zeros((2, 2)), generator=mg.Generator(i)).numpy()[0, 0] for i in range(100)]
    assert 30 < sum(d > 0 for d in diagonal) < 70


@pytest.mark.parametrize(
    ("name", "param"), [*((name, None) for name in (*init.GAINS, "leaky_relu")), ("leaky_relu", 0.3), ("leaky_relu", 0)]
)
def test_gains(name, param):
    torch = pytest.importorskip("torch")
    assert init.calculate_gain(name, param) == pytest.approx(torch.nn.init.calculate_gain(name, param), rel=1e-15)


BAD = {
    "vector": (
        lambda: init.xavier_uniform_(mg.zeros(3)),
        ShapeError,
        r"\[xavier_uniform_\] .* rank 2 or more, got .*\(3,\)",
    ),
    "mode": (
        lambda: init.kaiming_normal_(mg.zeros((2, 2)), mode="in"),
        ConfigError,
        "one of 'fan_in', 'fan_out'; got 'in'",
    ),
    "nonlinearity": (lambda: init.calculate_gain("softmax"), ConfigError, "'leaky_relu'; got 'softmax'"),
    "slope": (lambda: init.calculate_gain("leaky_relu", True), ConfigError, "param must be a number; got True"),
    "lecun": (lambda: init.lecun_normal_(mg.zeros(3)), ShapeError, r"\[lecun_normal_\] .* rank 2 or more"),
    "tanh": (lambda: init.tanh_uniform_(mg.zeros(3)), ShapeError, r"\[tanh_uniform_\] .* rank 2 or more"),
    "sparse": (lambda: init.sparse_(mg.zeros(3), 0.5), ShapeError, r"\[sparse_\] expected a matrix, got shape \(3,\)"),
    "sparsity": (lambda: init.sparse_(mg.zeros((2, 2)), 1.5), ConfigError, r"sparsity must lie in \[0, 1\], got 1.5"),
    "dirac": (lambda: init.dirac_(mg.zeros((2, 2))), ShapeError, r"one to three spatial axes .* got shape \(2, 2\)"),
    "groups": (lambda: init.dirac_(mg.zeros((3, 2, 2)), 2), ShapeError, r"groups=2, got shape \(3, 2, 2\)"),
    "no groups": (lambda: init.dirac_(mg.zeros((3, 2, 2)), 0), ConfigError, "groups must be an integer, at least 1"),
    "eye": (lambda: init.eye_(mg.zeros(3)), ShapeError, "expected a matrix"),
    "orthogonal": (lambda: init.orthogonal_(mg.zeros(3)), ShapeError, "rank 2 or more"),
    "interval": (lambda: init.trunc_normal_(mg.zeros(3), a=1.0, b=1.0), ConfigError, "a < b"),
    "deviation": (lambda: init.trunc_normal_(mg.zeros(3), std=0.0), ConfigError, "std > 0"),
    "features": (lambda: nn.Linear(3.5, 2), ConfigError, r"\[Linear\] in_features must be an integer.* got 3\.5"),
    "negative": (lambda: nn.Linear(3, -1), ConfigError, "out_features must be an integer, at least 0; got -1"),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()


FILLS = {name: getattr(init, name) for name in init.__all__ if name.endswith("_")}
ARGUMENTS = {"constant_": (1.0,), "sparse_": (0.5,)}


@pytest.mark.parametrize("name", FILLS)
def test_a_layer_in_place_of_its_weight(name):
    with pytest.raises(DtypeError, match=r"_\] expected a tensor such as layer.weight, got a Linear"):
        FILLS[name](nn.Linear(2, 3), *ARGUMENTS.get(name, ()))
