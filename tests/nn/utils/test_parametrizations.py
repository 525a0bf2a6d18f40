"""Parametrizations: weight norm and spectral norm against PyTorch's, and the mechanism under them."""

import copy
import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.nn import functional as F
from minigrad.nn.utils import parametrizations, parametrize
from tests.compiler.running import uncompiled

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 3)), RNG.integers(0, 2, 12)
LAYERS = {
    "Linear": ((4, 3), (5, 4)),
    "Conv1d": ((4, 3, 2), (2, 4, 5)),
    "Conv2d": ((2, 3, (2, 1)), (2, 2, 4, 3)),
    "ConvTranspose2d": ((2, 3, 2), (2, 2, 3, 2)),
}
NORMS = [("weight_norm", {"dim": dim}) for dim in (0, 1, -1, None)] + [
    ("spectral_norm", {}),
    ("spectral_norm", {"n_power_iterations": 3, "eps": 1e-6}),
    ("spectral_norm", {"dim": -1}),
]


class Exp(nn.Module):
    """A positive tensor."""

    def forward(self, x):
        return mg.exp(x)

    def right_inverse(self, y):
        return mg.log(y)


class Triangular(nn.Module):
    """Has no inverse."""

    def forward(self, x):
        return mg.tril(x)


@pytest.fixture(autouse=True)
def in_float64():
    with mg.set_default_dtype("float64"):
        yield


# ---- against PyTorch


def compare(ours, theirs, x):
    """Output, gradients and the state afterwards."""
    torch = pytest.importorskip("torch")
    for mode in (True, True, False):
        a, b = mg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = ours.train(mode)(a), theirs.train(mode)(b)
        np.testing.assert_allclose(y.detach(), z.detach().numpy(), rtol=1e-9)
        weights = np.random.default_rng(1).standard_normal(y.shape)
        ours.zero_grad()
        theirs.zero_grad()
        (y * mg.tensor(weights)).sum().backward()
        (z * torch.tensor(weights)).sum().backward()
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-8, atol=1e-10)
        for (name, p), (other, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert name == other
            np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-8, atol=1e-10, err_msg=name)
        for name, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), rtol=1e-9, err_msg=name)


@pytest.mark.parametrize(("norm", "options"), NORMS, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_as_pytorch(name, norm, options):
    torch = pytest.importorskip("torch")
    args, shape = LAYERS[name]
    theirs = torch.nn.Module.double(getattr(torch.nn, name)(*args))
    theirs = getattr(torch.nn.utils.parametrizations, norm)(theirs, **options)
    ours = getattr(parametrizations, norm)(getattr(nn, name)(*args), **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for value in theirs.state_dict().values():
        value.mul_(torch.rand_like(value) + 0.5)
    ours.load_state_dict(theirs.state_dict())
    compare(ours, theirs, RNG.standard_normal(shape))
    theirs.load_state_dict({name: torch.tensor(2 * value.numpy()) for name, value in ours.state_dict().items()})


@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm"])
def test_weights_of_a_recurrent_layer_as_in_pytorch(norm):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn.utils.parametrizations, norm)(torch.nn.RNNCell(3, 2).double(), "weight_hh")
    ours = getattr(parametrizations, norm)(nn.RNNCell(3, 2), "weight_hh")
    ours.load_state_dict(theirs.state_dict())
    compare(ours, theirs, X)


def test_the_largest_singular_value_is_found():
    mg.manual_seed(0)
    layer = parametrizations.spectral_norm(nn.Linear(8, 5), n_power_iterations=50)
    layer(mg.ones((1, 8)))
    assert np.linalg.norm(layer.weight.detach().numpy(), 2) == pytest.approx(1, rel=1e-6)
    vector = parametrizations.spectral_norm(nn.LayerNorm(3), "bias")
    vector.bias = mg.tensor([3.0, 0.0, 4.0])
    np.testing.assert_allclose(vector.bias.detach(), [0.6, 0.0, 0.8])


@pytest.mark.parametrize("norm", [parametrizations.weight_norm, nn.utils.weight_norm, nn.utils.spectral_norm])
def test_gradients(norm):
    layer = norm(nn.Linear(3, 2)).eval()  # in training the vectors of the power method move with the weight
    for p in layer.parameters():
        mg.gradcheck(lambda x, layer=layer: layer(x), mg.tensor(X[:2]))
        assert p.requires_grad


# ---- training


def model_and_step(jit=lambda f: f):
    mg.manual_seed(0)
    first = parametrizations.weight_norm(nn.Linear(3, 4))
    second = parametrizations.spectral_norm(nn.Linear(4, 2), n_power_iterations=2)
    model = nn.Sequential(first, nn.Tanh(), second)
    optimizer = optim.Adam(model.parameters(), lr=0.05)

    @jit
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return model, step


def test_a_compiled_training():
    eager, step = model_and_step()
    compiled, fast = model_and_step(mg.jit(warmup=0))
    start = eager[2].parametrizations["weight"][0]._u.numpy().copy()
    for rows in RNG.integers(0, 12, (5, 4)):
        x, y = mg.tensor(X[rows]), mg.tensor(Y[rows])
        np.testing.assert_allclose(fast(x, y).item(), step(x, y).item(), rtol=1e-9)
    for name, value in eager.state_dict().items():
        np.testing.assert_allclose(compiled.state_dict()[name], value.numpy(), rtol=1e-8, atol=1e-10, err_msg=name)
    assert np.abs(compiled[2].parametrizations["weight"][0]._u.numpy() - start).max() > 1e-6


def test_a_compiled_function_sees_what_is_registered():
    layer, x = nn.Linear(3, 3), mg.tensor(X)
    changes = [
        lambda: parametrizations.weight_norm(layer),
        lambda: parametrize.register_parametrization(layer, "weight", Triangular()),
        lambda: parametrize.remove_parametrizations(layer, "weight"),
    ]
    with uncompiled():
        run = mg.jit(lambda x: layer(x), warmup=0)
        for change in changes:
            run(x)
            change()
            np.testing.assert_allclose(run(x).detach(), layer(x).detach(), rtol=1e-12)


def test_the_power_method_rests_in_evaluation():
    layer, x = parametrizations.spectral_norm(nn.Linear(3, 3)).eval(), mg.tensor(X)
    vector = layer.parametrizations["weight"][0]._u
    before = vector.numpy().copy()
    with uncompiled():
        run = mg.jit(lambda x: layer(x), warmup=0)
        run(x)
        np.testing.assert_array_equal(vector, before)
        layer.train()
        run(x)
    assert np.abs(vector.numpy() - before).max() > 0


# ---- the mechanism


def test_an_only_original_stays_the_same_parameter():
    layer = nn.Linear(3, 3)
    weight, value = layer.weight, np.exp(X[:3])
    weight.assign_(value)
    parametrize.register_parametrization(layer, "weight", Exp())
    assert layer.parametrizations["weight"].original is weight
    np.testing.assert_allclose(weight.detach(), np.log(value))
    np.testing.assert_allclose(layer.weight.detach(), value)
    layer.weight = mg.tensor(2 * value)
    np.testing.assert_allclose(layer.weight.detach(), 2 * value)
    layer(mg.tensor(X)).sum().backward()
    assert weight.grad is not None
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert layer.weight is weight
    assert type(layer) is nn.Linear


def test_one_after_the_other():
    layer = nn.Linear(3, 3)
    original = layer.weight.numpy().copy()
    for part in (Triangular(), Exp()):
        parametrize.register_parametrization(layer, "weight", part)
    np.testing.assert_allclose(layer.weight.detach(), np.exp(np.tril(original)))
    with pytest.raises(ConfigError, match="cannot be assigned: Triangular has no right_inverse"):
        layer.weight = mg.ones((3, 3))
    parametrize.remove_parametrizations(layer, "weight")
    np.testing.assert_allclose(layer.weight.detach(), np.exp(np.tril(original)))
    assert list(layer.state_dict()) == ["bias", "weight"]
    assert not parametrize.is_parametrized(layer)


def test_spectral_norm_of_a_weight_norm():
    layer = parametrizations.weight_norm(nn.Linear(3, 3))
    parametrizations.spectral_norm(layer, n_power_iterations=30)
    layer(mg.tensor(X))
    assert np.linalg.norm(layer.eval().weight.detach().numpy(), 2) == pytest.approx(1)
    assert [*layer.state_dict()][1:3] == ["parametrizations.weight.original0", "parametrizations.weight.original1"]


def test_two_tensors_of_a_module():
    layer = parametrizations.weight_norm(nn.Linear(3, 3))
    parametrize.register_parametrization(layer, "bias", Exp(), unsafe=True)
    assert parametrize.is_parametrized(layer, "bias")
    parametrize.remove_parametrizations(layer, "weight")
    assert not parametrize.is_parametrized(layer, "weight")
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    assert list(layer.state_dict()) == ["weight", "parametrizations.bias.original"]
    assert isinstance(layer.weight, nn.Parameter)


def test_a_frozen_weight_stays_frozen():
    layer = nn.Linear(3, 3).requires_grad_(False)
    parametrizations.weight_norm(layer)
    assert not any(p.requires_grad for p in layer.parameters())
    parametrize.remove_parametrizations(layer, "weight")
    assert not layer.weight.requires_grad


def test_a_buffer():
    norm = nn.BatchNorm1d(3)
    parametrize.register_parametrization(norm, "running_var", Exp())
    assert "parametrizations.running_var.original" in dict(norm.named_buffers())
    np.testing.assert_allclose(norm.eval()(mg.tensor(X)).detach(), X / np.sqrt(1 + 1e-5))
    parametrize.remove_parametrizations(norm, "running_var")
    assert dict(norm.named_buffers())["running_var"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies(duplicate):
    layer = parametrizations.spectral_norm(nn.Linear(3, 2)).eval()
    other = duplicate(layer)
    np.testing.assert_array_equal(other(mg.tensor(X)).detach(), layer(mg.tensor(X)).detach())
    assert type(other) is type(layer)
    assert other.parametrizations["weight"].original is not layer.parametrizations["weight"].original
    assert dict(other.named_parameters()).keys() == dict(layer.named_parameters()).keys()


def test_errors_have_a_path():
    class Broken(nn.Module):
        def forward(self, x):
            return x if x.size == 0 else mg.reshape(x, (2, 2))

    model = nn.Sequential(nn.Linear(3, 3))
    parametrize.register_parametrization(model[0], "weight", Triangular())
    model[0].parametrizations["weight"].append(Broken())
    with pytest.raises(ShapeError, match=r"in model.0.parametrizations.weight.1 \(Broken\): \[reshape\]"):
        model(mg.tensor(X))
    with pytest.raises(ShapeError, match=r"in model.0 \(ParametrizedLinear\): \[linear\]"):
        nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 3)))(mg.ones((2, 5)))


class Returns(nn.Module):
    """A parametrization that returns what it was given."""

    def __init__(self, made):
        self.made = made

    def forward(self, x):
        return self.made(x)


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda x: x[0], ShapeError, r"forward must keep the shape \(2, 3\), got \(3,\)"),
        (lambda x: x.astype("float32"), DtypeError, "forward must keep the dtype float64, got float32"),
        (lambda x: 1, DtypeError, "forward must return a tensor, got a int"),
    ],
)
def test_what_is_no_parametrization(made, error, message):
    layer = nn.Linear(3, 2)
    with pytest.raises(error, match=message):
        parametrize.register_parametrization(layer, "weight", Returns(made))
    assert type(layer) is nn.Linear
    parametrize.register_parametrization(layer, "weight", Triangular())
    with pytest.raises(error, match=message):
        parametrize.register_parametrization(layer, "weight", Returns(made))
    assert len(layer.parametrizations["weight"]) == 1


class Halved(nn.Module):
    """Takes twice the value, and then returns what is no parametrization of it."""

    def right_inverse(self, x):
        return 2 * x

    def forward(self, x):
        return x[0] / 2


def test_a_refused_parametrization_leaves_the_value():
    layer = nn.Linear(3, 2)
    before = layer.weight.numpy()
    with pytest.raises(ShapeError, match="forward must keep the shape"):
        parametrize.register_parametrization(layer, "weight", Halved())
    np.testing.assert_array_equal(layer.weight.numpy(), before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: parametrizations.weight_norm(nn.Linear(3, 2), "wait"), "Linear has no parameter or buffer 'wait'"),
        (
            lambda: parametrizations.weight_norm(parametrizations.spectral_norm(nn.Linear(3, 2))),
            "'weight' is parametrized already",
        ),
        (lambda: parametrizations.weight_norm(nn.Linear(3, 2), dim=2), "dim must be one of the 2 axes.*got 2"),
        (lambda: parametrizations.spectral_norm(nn.Linear(3, 2), dim=2), "dim must be one of the 2 axes, got 2"),
        (lambda: parametrizations.spectral_norm(nn.Linear(3, 2), n_power_iterations=0), "at least 1, got 0"),
        (lambda: parametrize.register_parametrization(nn.ReLU(), "inplace", Exp()), "ReLU has no parameter or buffer"),
        (lambda: parametrize.remove_parametrizations(nn.Linear(3, 2), "weight"), "'weight' of this Linear is not"),
        (
            lambda: parametrize.remove_parametrizations(parametrizations.weight_norm(nn.Linear(3, 2)), "weight", False),
            "'weight' is made of 2 originals",
        ),
    ],
)
def test_wrong_calls(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
