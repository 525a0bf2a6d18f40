"""A long step is compiled in parts, which do together what it does in one piece."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.compiler import emit
from minigrad.compiler.schedule import Step
from minigrad.nn import functional as F


def trained(compile_step, model, optimizer, x, y):
    @compile_step
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, model(x)

    results = [step(x, y) for _ in range(4)]
    arrays = [r.data for pair in results for r in pair] + [p.data for p in model.parameters()]
    return arrays + [p.grad.data for p in model.parameters()], step


@pytest.fixture
def case():
    mg.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Dropout(0.2), nn.Linear(7, 3)).to("float64")
    rng = np.random.default_rng(0)
    x, y = mg.tensor(rng.standard_normal((6, 5))), mg.tensor(rng.integers(0, 3, 6))
    return model, optim.Adam(model.parameters(), lr=0.01), x, y


def test_parts_do_what_the_whole_does(case, monkeypatch):
    model, optimizer, x, y = case
    mg.manual_seed(1)
    expected, _ = trained(lambda f: f, *copy.deepcopy((model, optimizer)), x, y)
    monkeypatch.setattr(emit, "PART", 4)
    monkeypatch.setattr(emit, "WHOLE", 4)
    mg.manual_seed(1)
    found, step = trained(mg.jit, model, optimizer, x, y)
    assert step.source.count("@cfunc") > 3
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    before = [p.data.copy() for p in model.parameters()]
    with pytest.raises(IndexError, match="class labels must lie in"):
        step(x, mg.tensor(np.full(6, 3)))
    for p, old in zip(model.parameters(), before):
        np.testing.assert_array_equal(p.data, old)
    order = np.array([[0, 1, 2, 3, 4, 5]] * 3)
    eager = copy.deepcopy((model, optimizer, mg.random.default_generator.state_dict()))
    losses, _ = step.loop(order, x, y)
    mg.random.default_generator.load_state_dict(eager[2])
    again, _ = trained(lambda f: f, *eager[:2], x, y)
    np.testing.assert_allclose(losses.data, [float(again[2 * i]) for i in range(3)], rtol=1e-10)


@pytest.mark.parametrize(("steps", "lengths"), [(1, [1]), (36, [36]), (37, [19, 18]), (60, [20, 20, 20]), (0, [0])])
def test_lengths_of_parts(steps, lengths):
    assert [len(part) for part in emit.parted([Step((2,))] * steps)] == lengths
