"""summary: figures against formulas and PyTorch, whatever the forward is made of; the model stays as it was."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import engine, nn
from minigrad.errors import ConfigError, ShapeError


def figures(model, given):
    """The figures by path."""
    return {layer.path: layer for layer in nn.summary(model, given).layers}


def conv_work(n, out, spatial, inputs, kernel):
    return n * out * spatial * inputs * kernel


MODELS = {
    "linear": (lambda: nn.Linear(5, 7), (3, 5), 3 * 5 * 7, (3, 7)),
    "rows": (lambda: nn.Linear(5, 7), (2, 3, 5), 6 * 5 * 7, (2, 3, 7)),
    "conv": (lambda: nn.Conv2d(4, 6, 3, padding=1), (2, 4, 8, 8), conv_work(2, 6, 64, 4, 9), (2, 6, 8, 8)),
    "groups": (lambda: nn.Conv2d(4, 6, 3, groups=2), (2, 4, 8, 8), conv_work(2, 6, 36, 2, 9), (2, 6, 6, 6)),
    "strided": (lambda: nn.Conv1d(3, 5, 4, stride=2), (1, 3, 10), conv_work(1, 5, 4, 3, 4), (1, 5, 4)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3), (2, 4, 5, 5), conv_work(2, 4, 25, 6, 9), (2, 6, 7, 7)),
    "elementwise": (lambda: nn.Tanh(), (3, 5), 0, (3, 5)),
}


@pytest.mark.parametrize(("make", "shape", "work", "output"), MODELS.values(), ids=MODELS)
def test_layers(make, shape, work, output):
    model = make()
    found = nn.summary(model, shape)
    assert (found.multiply_adds, found.layers[0].output) == (work, output)
    assert found.parameters == sum(p.size for p in model.parameters())


def test_a_net_of_several():
    """129024 flops by PyTorch 2.13's FlopCounterMode, two for each multiply-add."""
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.ConvTranspose2d(8, 4, 2, stride=2), nn.Flatten(),
        nn.Linear(4 * 16 * 16, 10),
    )  # fmt: skip
    assert nn.summary(model, (2, 3, 16, 16)).multiply_adds == 129024 / 2


class Attention(nn.Module):
    """A forward of its own: products of tensors, a scan, and a compiled function."""

    def __init__(self):
        self.project = nn.Linear(4, 4)
        self.step = mg.jit(lambda a, b: a @ b, warmup=0)

    def forward(self, x):
        q = self.project(x)
        scores = self.step(q, x.mT)
        _, out = mg.scan(lambda c, row: (c, row @ c), x, scores)
        return out


def test_counts_what_runs():
    found = figures(Attention(), (5, 4))
    assert found["project"].multiply_adds == 5 * 4 * 4
    assert found[""].multiply_adds == 5 * 5 * 4 + 5 * 5 * 4


def mlp():
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def kept(loss):
    """The bytes of the arrays below a tensor that an operation has made."""
    nodes, arrays = [loss.node], {}
    while nodes:
        node = nodes.pop()
        if isinstance(node, engine.Node):
            arrays[id(node.out)] = node.out
            nodes.extend(node.parents)
    return sum(x.nbytes for x in arrays.values() if x.base is None)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (mlp, (5, 6)),
        (lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(16, 2)), (3, 2, 4, 4)),
    ],
)
def test_memory_is_what_the_graph_keeps(make, shape):
    model = make()
    assert nn.summary(model, shape).activations == kept(model(mg.ones(shape)))


def test_shared_modules_and_parameters_count_once():
    layer = nn.Linear(3, 3)
    tied = nn.Linear(3, 3)
    tied.weight = layer.weight
    model = nn.Sequential(layer, nn.Tanh(), layer, tied)
    found = figures(model, (2, 3))
    assert list(found) == ["", "0", "1", "3"]
    assert (found["0"].calls, found["0"].parameters, found["0"].multiply_adds) == (2, 12, 2 * 18)
    assert (found["3"].calls, found["3"].parameters) == (1, 3)
    assert nn.summary(model, (2, 3)).parameters == sum(p.size for p in model.parameters()) == 15
    assert "Linear (2 calls)" in str(nn.summary(model, (2, 3)))


def test_what_is_not_called():
    model = nn.ModuleDict({"used": nn.Linear(2, 2), "idle": nn.Linear(2, 2)})
    model.forward = lambda x: model["used"](x)
    idle = figures(model, (1, 2))["idle"]
    assert (idle.calls, idle.output, idle.parameters, idle.multiply_adds) == (0, None, 6, 0)


def test_frozen_parameters_and_buffers():
    model = mlp()
    model[0].requires_grad_(False)
    model.register_buffer("count", mg.zeros(3, dtype="float64"))
    found = nn.summary(model, (1, 6))
    assert (found.parameters, found.trainable) == (56 + 27, 27)
    assert (found.parameter_bytes, found.buffer_bytes) == (83 * 4, 24)


class Pair(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(3, 2)

    def forward(self, x, index):
        return self.layer(x), (index, {"sum": x.sum()}), None


GIVEN = {
    "shape": (mlp, (4, 6)),
    "list": (mlp, [4, 6]),
    "tensor": (mlp, mg.ones((4, 6))),
    "array": (mlp, np.ones((4, 6), np.float32)),
    "shapes": (Pair, [(4, 3), (4,)]),
    "batch": (Pair, (mg.ones((4, 3)), mg.zeros(4, dtype="int64"))),
    "mixed": (Pair, ((4, 3), mg.zeros(4, dtype="int64"))),
}


@pytest.mark.parametrize(("make", "given"), GIVEN.values(), ids=GIVEN)
def test_inputs(make, given):
    found = nn.summary(make(), given).layers
    assert found[1].output[0] == 4
    if make is Pair:
        assert found[0].output == ((4, 2), ((4,), ((),)), None)


def test_the_dtype_is_the_models():
    assert nn.summary(mlp().double(), (5, 6)).activations == 2 * nn.summary(mlp(), (5, 6)).activations


class Stateful(nn.Module):
    """Counts its calls in a buffer and draws random numbers; notes its mode."""

    def __init__(self, fails=False):
        self.inner = nn.Dropout(0.5)
        self.register_buffer("count", mg.zeros((), dtype="int64"))
        self.fails, self.seen = fails, []

    def forward(self, x):
        self.count.assign_(self.count + 1)
        self.seen.append((self.training, self.inner.training))
        if self.fails:
            raise ShapeError("no")
        return self.inner(x) + mg.random.normal(x.shape)


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_left_as_it_was(fails):
    model = Stateful(fails)
    model.inner.eval()
    before = copy.deepcopy([m.configuration() for m in model.modules()])
    random = mg.random.default_generator.state_dict()
    if fails:
        with pytest.raises(ShapeError):
            nn.summary(model, (2, 2))
    else:
        nn.summary(model, (2, 2))
    assert model.seen == [(False, False)]
    assert model.count.item() == 0
    assert [m.configuration() for m in model.modules()] == before
    assert (model.training, model.inner.training) == (True, False)
    assert mg.random.default_generator.state_dict() == random


@pytest.mark.parametrize("given", [3, "x", [(2, 3), "x"], (2, -1), None])
def test_wrong_inputs(given):
    with pytest.raises(ConfigError, match=r"\[summary\] expected a shape"):
        nn.summary(mlp(), given)
