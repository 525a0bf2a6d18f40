"""What goes around an optimizer's step: noise on gradients, gradients in several parts, frozen parameters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ConfigError, DtypeError, ShapeError, TracingError
from minigrad.nn import functional as F

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 3)), RNG.standard_normal((12, 2))
COMPILE = pytest.mark.parametrize("compile", [lambda f: f, lambda f: mg.jit(f, warmup=0)], ids=["eager", "compiled"])


@pytest.fixture(autouse=True)
def in_float64():
    with mg.set_default_dtype("float64"):
        yield


# ---- noise


@COMPILE
def test_noise_has_the_variance_of_the_paper(compile):
    """eta / (1 + t)^gamma: the sample variance of n normals has the standard deviation sigma^2 sqrt(2 / n)."""
    mg.manual_seed(1)
    n = 40_000
    p = nn.Parameter(mg.zeros(n))
    noise = optim.GradientNoise([p], eta=0.3, gamma=0.55)

    def step():
        p.grad = mg.ones(n)
        noise.add_()

    step = compile(step)
    seen = []
    for t in range(4):
        step()
        g = p.grad.numpy() - 1
        seen.append(g)
        variance = 0.3 / (1 + t) ** 0.55
        assert abs(g.mean()) < 5 * np.sqrt(variance / n)
        assert abs(g.var() / variance - 1) < 5 * np.sqrt(2 / n)
    assert np.abs(np.corrcoef(seen) - np.eye(4)).max() < 5 / np.sqrt(n)
    assert noise.state_dict() == {"calls": 4}


def noisy_run(compile, steps, resume=None):
    generator = mg.Generator(3)
    p = nn.Parameter(X[0])
    noise = optim.GradientNoise([p, nn.Parameter([1.0])], generator=generator)
    if resume is not None:
        noise.load_state_dict(resume[0])
        generator.load_state_dict(resume[1])

    def step():
        p.grad = mg.zeros(3)
        noise.add_()

    step, seen = compile(step), []
    for _ in range(steps):
        step()
        seen.append(p.grad.numpy().copy())
    return seen, (noise.state_dict(), generator.state_dict())


def test_noise_compiled_is_the_same_noise():
    (eager, state), (compiled, compiled_state) = noisy_run(lambda f: f, 5), noisy_run(mg.jit, 5)
    np.testing.assert_allclose(compiled, eager, rtol=1e-12)
    assert state == compiled_state


def test_noise_resumes_bit_for_bit():
    whole, _ = noisy_run(lambda f: f, 5)
    _, state = noisy_run(lambda f: f, 2)
    later, _ = noisy_run(lambda f: f, 3, state)
    np.testing.assert_array_equal(later, whole[2:])


# ---- gradients in parts


def net():
    mg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def gradients(compute, compile=lambda f: f):
    model = net()
    loss = compile(lambda x, y: compute(lambda x, y: F.mse_loss(model(x), y), x, y))(mg.tensor(X), mg.tensor(Y))
    return [loss.numpy(), *(p.grad.numpy() for p in model.parameters())]


def at_once(loss_fn, x, y):
    loss = loss_fn(x, y)
    loss.backward()
    return loss.detach()


@COMPILE
@pytest.mark.parametrize("parts", [1, 2, 5])
def test_parts_make_the_gradient_of_the_batch(parts, compile):
    """Also parts of several sizes: 12 samples in 5."""
    in_parts = gradients(lambda f, x, y: optim.accumulate_grad(f, x, y, parts=parts), compile)
    for a, b in zip(in_parts, gradients(at_once)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_k_backward_passes_and_one_step_are_one_step_on_the_batch():
    """The recipe for batches that come one after the other."""
    found = []
    for k in (1, 4):
        model = net()
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            for x, y in zip(np.split(X, k), np.split(Y, k)):
                (F.mse_loss(model(mg.tensor(x)), mg.tensor(y)) / k).backward()
            optimizer.step()
        found.append([p.numpy() for p in model.parameters()])
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=1e-10)


# ---- frozen parameters


@given(frozen=st.lists(st.booleans(), min_size=4, max_size=4), momentum=st.sampled_from([0.0, 0.9]))
def test_only_what_is_not_frozen_changes(frozen, momentum):
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=momentum, weight_decay=0.1)
    parameters = list(model.parameters())

    def train():
        loss = F.mse_loss(model(mg.tensor(X)), mg.tensor(Y))
        if loss.requires_grad:
            loss.backward()
        optimizer.step()

    train()
    held = [p.grad for p in parameters]
    before = [p.numpy().copy() for p in parameters]
    with optim.frozen(*(p for p, yes in zip(parameters, frozen) if yes)):
        assert [p.requires_grad for p in parameters] == [not yes for yes in frozen]
        train()
    for p, old, grad, yes in zip(parameters, before, held, frozen):
        assert np.array_equal(p, old) == yes
        assert (p.grad is grad) == yes
        assert p.requires_grad
    train()
    assert not any(np.array_equal(p, old) for p, old in zip(parameters, before))


def test_compiled_steps_notice():
    found = []
    for compile in (lambda f: f, lambda f: mg.jit(f, warmup=0)):
        model = net()
        optimizer = optim.Adam(model.parameters(), lr=0.1, weight_decay=0.1)

        def step(model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = F.mse_loss(model(mg.tensor(X)), mg.tensor(Y))
            loss.backward()
            optimizer.step()
            return loss

        step, rows = compile(step), []
        for i in range(6):
            if i in (2, 3):
                before = model[0].weight.numpy().copy()
                with optim.frozen(model[0]):
                    step()
                np.testing.assert_array_equal(model[0].weight, before)
            else:
                step()
            rows.append(np.concatenate([p.numpy().ravel() for p in model.parameters()]))
        found.append(rows)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)
    assert step.cache_info().traces <= 3


def test_frozen_nested_and_after_an_error():
    model = net()
    model[2].requires_grad_(False)
    calls = []
    model[0].weight.register_hook(lambda g: calls.append(1))
    with pytest.raises(KeyError), optim.frozen(model), optim.frozen(model[0]):
        raise KeyError
    assert [p.requires_grad for p in model.parameters()] == [True, True, False, False]
    model(mg.tensor(X)).sum().backward()
    assert calls == [1]


# ---- mistakes


def frozen_while_traced():
    with optim.frozen(nn.Parameter([1.0])):
        return mg.zeros(1)


def freeze(x):
    with optim.frozen(x):
        pass


BAD = {
    "eta": (lambda: optim.GradientNoise([], eta=-1.0), ConfigError, "eta must be at least 0, got -1.0"),
    "gamma": (lambda: optim.GradientNoise([], gamma=-1.0), ConfigError, "gamma must be at least 0, got -1.0"),
    "no parts": (lambda: optim.accumulate_grad(at_once, X, parts=0), ConfigError, r"in \[1, 12\], got 0"),
    "many parts": (lambda: optim.accumulate_grad(at_once, X, parts=13), ConfigError, r"in \[1, 12\], got 13"),
    "lengths": (lambda: optim.accumulate_grad(at_once, X, Y[:3], parts=2), ShapeError, r"samples, got \[12, 3\]"),
    "frozen list": (lambda: freeze([1.0]), DtypeError, "expected modules or parameters, got a list"),
    "frozen inside": (mg.jit(frozen_while_traced, warmup=0), TracingError, "enter the block outside of it"),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()
