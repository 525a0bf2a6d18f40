"""Containers: lists, dicts, slices, names."""

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError


def add(n):
    """A module that adds n."""
    layer = nn.Linear(1, 1)
    layer.load_state_dict({"weight": [[1.0]], "bias": [float(n)]})
    return layer


def value(model, x=0.0):
    return model(mg.tensor([x])).item()


def names(module):
    return [name for name, _ in module.named_children()]


def test_sequential_applies_in_order():
    double = nn.Linear(1, 1)
    double.load_state_dict({"weight": [[2.0]], "bias": [0.0]})
    assert value(nn.Sequential(add(3), double)) == 6
    assert value(nn.Sequential(double, add(3))) == 3
    assert value(nn.Sequential(), 5.0) == 5


def test_sequential_with_names():
    model = nn.Sequential({"one": add(1), "two": add(2)})
    assert names(model) == ["one", "two"]
    assert model.one is model[0]
    assert list(model.state_dict()) == ["one.weight", "one.bias", "two.weight", "two.bias"]
    assert value(model) == 3


def test_a_module_may_occur_twice():
    layer = add(1)
    model = nn.Sequential(layer, nn.Identity(), layer)
    assert len(model) == 3
    assert value(model) == 2
    assert len(list(model.parameters())) == 2
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList])
def test_lists(kind):
    a, b, c, d = (add(i) for i in range(4))
    model = kind(*[a, b]) if kind is nn.Sequential else kind([a, b])
    assert model.append(c) is model
    assert model.extend([d]) is model
    assert list(model) == [a, b, c, d]
    assert len(model) == 4
    assert (model[0], model[-1], model[2]) == (a, d, c)
    del model[1]
    assert list(model) == [a, c, d]
    assert names(model) == ["0", "1", "2"]
    model.insert(1, b)
    assert list(model) == [a, b, c, d]
    model[-1] = nn.Identity()
    assert isinstance(model[3], nn.Identity)
    assert names(model) == ["0", "1", "2", "3"]
    del model[1:]
    assert list(model) == [a]


def test_slices():
    model = nn.Sequential(*(add(10**i) for i in range(4)))
    part = model[1:3]
    assert isinstance(part, nn.Sequential)
    assert value(part) == 110
    assert names(part) == ["1", "2"]  # as in PyTorch, so that the part's state fits the whole's
    assert part[0] is model[1]
    numbered = nn.ModuleList(model)[::2]
    assert names(numbered) == ["0", "1"]
    assert list(numbered) == [model[0], model[2]]


def test_a_subclass_of_sequential_can_be_sliced():
    class Pair(nn.Sequential):
        def __init__(self, one, two):
            super().__init__(one, two)
            self.note = nn.Parameter([1.0])

    pair = Pair(add(1), add(2))
    assert len(pair) == 2
    assert value(pair[1:]) == 2


def test_module_dict():
    a, b = add(1), add(2)
    model = nn.ModuleDict({"a": a})
    model["b"] = b
    assert list(model) == list(model.keys()) == ["a", "b"]
    assert list(model.values()) == [a, b]
    assert list(model.items()) == [("a", a), ("b", b)]
    assert "a" in model
    assert "forward" not in model
    assert model["b"] is b
    assert model.pop("a") is a
    assert len(model) == 1
    model.update([("c", a), ("b", a)])
    assert list(model.values()) == [a, a]
    del model["c"]
    assert list(nn.ModuleDict(model.items())) == ["b"]


def test_parameter_list():
    model = nn.ParameterList([mg.zeros(2), nn.Parameter([1.0, 1.0, 1.0])])
    assert [p.shape for p in model] == [(2,), (3,)]
    assert all(isinstance(p, nn.Parameter) for p in model)
    assert list(model.state_dict()) == ["0", "1"]
    assert [p.shape for p in model[1:]] == [(3,)]


THREE = nn.ModuleList([nn.Identity()] * 3)
BAD = {
    "index": (lambda: THREE[3], IndexError, r"\[ModuleList\] index 3 is out of range for 3 items"),
    "negative index": (lambda: THREE[-4], IndexError, "index -4"),
    "index to set": (lambda: nn.Sequential().__setitem__(0, nn.ReLU()), IndexError, "0 is out of range for 0 items"),
    "no module": (
        lambda: nn.Sequential(nn.ReLU(), "tanh"),
        DtypeError,
        r"\[Sequential\] 1 must be a Module.* got a str",
    ),
    "none": (lambda: nn.Sequential(None), ConfigError, r"\[Sequential\] item 0 is None"),
    "key": (lambda: nn.ModuleDict()["x"], KeyError, r"has no module 'x'; it has \[\]"),
    "key to delete": (lambda: nn.ModuleDict().__delitem__("keys"), KeyError, "has no module 'keys'"),
    "name of a method": (lambda: nn.ModuleDict({"pop": nn.ReLU()}), ConfigError, "already has an attribute 'pop'"),
    "name with a dot": (lambda: nn.Sequential({"a.b": nn.ReLU()}), ConfigError, "without a dot"),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()


@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList])
def test_pop(kind):
    a, b, c = (add(i) for i in range(3))
    model = kind(a, b, c) if kind is nn.Sequential else kind([a, b, c])
    assert model.pop() is c
    assert model.pop(0) is a
    assert list(model) == [b]
    assert names(model) == ["0"]


def test_clear():
    heads = nn.ModuleDict({"a": add(1), "b": add(2)})
    heads.clear()
    assert len(heads) == 0
    assert heads.state_dict() == {}


def test_arguments_by_pytorchs_names():
    a, b = add(1), add(2)
    layers = nn.ModuleList(modules=[a])
    layers.insert(index=0, module=b)
    assert list(layers) == [b, a]
    assert list(nn.ModuleDict(modules=None)) == list(nn.ParameterList(values=None)) == []
    assert nn.Sequential(a)(input=mg.tensor([1.0])).item() == 2
