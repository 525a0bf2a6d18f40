"""Learning rates by fan-in and weight sharing."""

import math

import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ConfigError


class Twice(nn.Module):
    """One linear layer, used twice."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        return self.layer(mg.tanh(self.layer(x)))


class Scaled(nn.Module):
    """A parameter of its own, and a module inside."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 2)
        self.scale = nn.Parameter(mg.ones(2))

    def forward(self, x):
        return self.inner(x) * self.scale


# a model, its input, and (shared_by, fan_in) of each parameter, counted by hand
MODELS = {
    "linear": (lambda: nn.Linear(3, 5), (4, 3), [(1, 3), (1, 1)]),
    "linear at 7 positions": (lambda: nn.Linear(3, 5), (4, 7, 3), [(7, 3), (7, 1)]),
    "convolution": (lambda: nn.Conv2d(2, 5, 3, stride=2), (4, 2, 9, 7), [(4 * 3, 18), (4 * 3, 1)]),
    "used twice": (Twice, (4, 3), [(2, 3), (2, 1)]),
    "its own and inside": (Scaled, (4, 3), [(1, 1), (1, 3), (1, 1)]),
}


@pytest.mark.parametrize(("make", "shape", "expected"), MODELS.values(), ids=MODELS)
def test_connections_are_counted(make, shape, expected):
    model = make()
    found = optim.connections(model, mg.ones(shape))
    assert sorted(found.values()) == sorted(expected)
    assert list(found) == list(model.parameters())
    assert all(tuple(found[p]) in expected for p in model.parameters())


def test_rates_follow_the_rule():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 16, 3))
    groups = optim.groups_by_connections(
        model, mg.ones((5, 1, 6, 6)), lr=0.1, rule=lambda c: math.sqrt(c.shared_by * c.fan_in)
    )
    optimizer = optim.SGD(groups, momentum=0.9)
    rates = {p: g["lr"] for g in optimizer.param_groups for p in g["params"]}
    expected = [math.sqrt(16 * 9), math.sqrt(16), math.sqrt(32), 1.0]
    assert [rates[p] for p in model.parameters()] == pytest.approx([0.1 * x for x in expected])


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 3))
    optim.connections(model, mg.ones((2, 3)))
    assert not model[0]._hooks


def test_what_the_example_does_not_reach():
    model = nn.ModuleDict({"used": nn.Linear(3, 3), "idle": nn.Linear(3, 3)})
    model.forward = lambda x: model["used"](x)
    with pytest.raises(ConfigError, match=r"\[connections\] the example does not reach idle.weight"):
        optim.connections(model, mg.ones((2, 3)))
