"""The search for a learning rate."""

import math

import joblib
import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ConfigError
from minigrad.nn import functional as F

X = np.linspace(-1, 1, 20, dtype="float32").reshape(-1, 1)


def train(lr, steps=20):
    """Gradient descent on p^2 / 2 from 1: p is (1 - lr)^steps."""
    p = nn.Parameter(mg.ones(1, dtype="float64"))
    optimizer = optim.SGD([p], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        (p * p).sum().backward(mg.tensor(0.5, dtype="float64"))
        optimizer.step()
    return p.abs().sum()


RATES = [3.0, 1.9, 0.5, 0.1, 0.01]
EXPECTED = [abs(1 - lr) ** 20 for lr in RATES]


def test_one_run_for_each_rate():
    found = optim.lr_find(train, RATES)
    np.testing.assert_array_equal(found.rates, RATES)
    np.testing.assert_allclose(found.losses, EXPECTED, rtol=1e-12)
    assert found.suggestion == 0.5


def test_the_rates_are_powers_of_ten():
    found = optim.lr_find(lambda lr: abs(math.log10(lr) + 3))
    np.testing.assert_allclose(found.rates, [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6], rtol=1e-15)
    assert found.suggestion == pytest.approx(1e-3)


def test_the_backend_is_joblibs_choice():
    with joblib.parallel_config(backend="threading", n_jobs=2):
        found = optim.lr_find(train, RATES)
    np.testing.assert_allclose(found.losses, EXPECTED, rtol=1e-12)


def test_other_processes_find_the_same():
    """The function travels even if it has no module of its own."""
    exponent = 2
    found = optim.lr_find(lambda lr: abs(1 - lr) ** exponent, [0.5, 0.9], n_jobs=2)
    np.testing.assert_allclose(found.losses, [0.25, 0.01], rtol=1e-12)


def test_a_run_that_diverges_is_no_candidate():
    found = optim.lr_find(lambda lr: math.nan if lr > 0.5 else -math.inf if lr > 0.05 else lr, [1.0, 0.1, 0.01])
    assert found.suggestion == 0.01
    assert math.isnan(found.losses[0])


# ---- the range test


def regression():
    mg.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = optim.Adam(model.parameters(), lr=0.125)

    def step():
        optimizer.zero_grad()
        loss = F.mse_loss(model(mg.tensor(X)), mg.tensor(np.sin(3 * X)))
        loss.backward()
        optimizer.step()
        return loss

    return model, optimizer, step


@pytest.mark.parametrize("compile", [lambda f: f, mg.jit], ids=["eager", "compiled"])
def test_the_rate_grows_evenly_and_everything_comes_back(compile):
    model, optimizer, step = regression()
    step()
    before, state = model.state_dict(), optimizer.state_dict()
    used = []

    def noted():
        used.append(optimizer.param_groups[0]["lr"])
        return stepped()

    stepped = compile(step)
    found = optim.lr_range_test(optimizer, noted, lowest=1e-6, highest=1.0, steps=40, stop=1e9)
    np.testing.assert_allclose(used, 10 ** np.linspace(-6, 0, 40), rtol=1e-12)
    np.testing.assert_array_equal(found.rates, used)
    assert found.losses[0] == pytest.approx(found.losses[1], rel=1e-3)
    assert found.losses.min() < 0.6 * found.losses[0]
    assert 1e-3 < found.suggestion < 1
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    for i, saved in state["state"].items():
        for name, value in optimizer.state_dict()["state"][i].items():
            np.testing.assert_array_equal(value, saved[name])
    assert optimizer.param_groups[0]["lr"] == 0.125


def test_it_ends_when_the_loss_explodes():
    """On p^2 with rate lr, p is multiplied by 1 - 2 lr: beyond lr = 1 it grows."""
    p = nn.Parameter([1.0])
    optimizer = optim.SGD([p], lr=0.5)

    def step():
        optimizer.zero_grad()
        loss = (p * p).sum() + 1.0
        loss.backward()
        optimizer.step()
        return loss

    found = optim.lr_range_test(optimizer, step, lowest=1e-3, highest=1e3, steps=61)
    assert len(found.rates) == len(found.losses) < 61
    assert found.losses[-1] > 4 > found.losses[:-3].max()
    assert 1e-2 < found.suggestion < 1
    assert p.item() == 1.0


@pytest.mark.parametrize("place", [20, 50, 70])
def test_the_suggestion_is_where_the_loss_falls_fastest(place):
    """A loss that falls along a logistic curve, noise on it, and explodes: the place is known."""
    i, rng = iter(range(100)), np.random.default_rng(0)
    losses = 2 / (1 + np.exp((np.arange(100) - place) / 4)) + 0.02 * rng.standard_normal(100) + 0.1
    losses[85:] = 100.0
    optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    found = optim.lr_range_test(optimizer, lambda: losses[next(i)], lowest=1e-6, highest=1e3)
    assert len(found.rates) == 86
    assert abs(np.searchsorted(found.rates, found.suggestion) - place) <= 3


def test_an_error_leaves_nothing_behind():
    model, optimizer, step = regression()
    before = model.state_dict()
    model.register_buffer("count", mg.zeros(()))

    def broken():
        model.count.assign_(model.count + 1)
        step()
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        optim.lr_range_test(optimizer, broken, model=model)
    assert model.count.item() == 0
    for name, value in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], value)
    assert all(p.grad is None for p in model.parameters())


def test_the_picture_shows_rates_losses_and_the_suggestion():
    from matplotlib.figure import Figure

    found = optim.lr_find(lambda lr: abs(math.log10(lr) + 3))
    axes = Figure().subplots()
    assert found.plot(axes) is axes.figure
    curve, mark = axes.get_lines()
    np.testing.assert_array_equal(curve.get_xydata(), np.stack([found.rates, found.losses], axis=1))
    assert set(mark.get_xdata()) == {found.suggestion}
    assert (axes.get_xscale(), axes.get_ylabel()) == ("log", "loss")
    assert found.plot() is not found.plot()


def range_test(**arguments):
    _, optimizer, step = regression()
    return optim.lr_range_test(optimizer, step, **arguments)


BAD = {
    "no rates": (lambda: optim.lr_find(train, []), r"expected positive learning rates, got \[\]"),
    "zero": (lambda: optim.lr_find(train, [0.1, 0.0]), "expected positive learning rates"),
    "nothing finite": (lambda: optim.lr_find(lambda lr: math.nan), "no learning rate led to a finite loss"),
    "bounds": (lambda: range_test(lowest=1.0, highest=0.1), "got lowest=1.0, highest=0.1"),
    "one step": (lambda: range_test(steps=1), "steps=1"),
    "stop": (lambda: range_test(stop=1.0), "stop > 1, .* stop=1.0"),
    "diverges at once": (
        lambda: optim.lr_range_test(optim.SGD([nn.Parameter([1.0])]), lambda: math.inf),
        r"the losses \[inf\] end before two are finite: lower `lowest`",
    ),
}


@pytest.mark.parametrize(("act", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, message):
    with pytest.raises(ConfigError, match=message):
        act()
