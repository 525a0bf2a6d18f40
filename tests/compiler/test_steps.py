"""Steps as people write them: compiled, they leave behind what they leave eagerly. A case is one function."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F
from minigrad.optim import lr_scheduler as schedules
from tests.compiler.agreement import assert_close
from tests.compiler.running import uncompiled

CASES = {}


@pytest.fixture(autouse=True)
def in_float64():
    with mg.set_default_dtype("float64"):
        yield


def case(function):
    """Register a case: a function of what stands for `mg.jit`, which gives tensors and numbers to be compared."""
    CASES[function.__name__] = function
    return function


def batch(i=0, n=12):
    rng = np.random.default_rng(i)
    return mg.tensor(rng.standard_normal((n, 6))), mg.tensor(rng.integers(0, 3, n))


def net(hidden=5):
    return nn.Sequential(nn.Linear(6, hidden), nn.Tanh(), nn.Linear(hidden, 3))


def step_of(model, optimizer, between=lambda: None):
    """A training step, with something done between backward and the optimizer."""

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        between()
        optimizer.step()
        return loss

    return step


def state(*things):
    """Everything that modules and optimizers hold, gradients too."""
    found = []
    for thing in things:
        if isinstance(thing, nn.Module):
            found += [*thing.state_dict().values(), *(p.grad for p in thing.parameters())]
        else:
            found += [t for of_one in thing.state.values() for t in of_one.values()]
    return found


@case
def dropout_masks(jit):
    model = nn.Sequential(nn.Dropout(0.3), nn.Linear(6, 3), nn.Dropout(0.5))
    step = jit(step_of(model, optim.SGD(model.parameters(), lr=0.1)))
    drop = jit(lambda x: F.dropout(F.dropout(x, 0.2), 0.5))
    return [*(drop(mg.ones((4, 7))) for _ in range(3)), *(step(*batch(i)) for i in range(3)), *state(model)]


class BatchNorm(nn.Module):
    """Batch normalization (Ioffe & Szegedy 2015) of the columns of (N, C)."""

    def __init__(self, n):
        super().__init__()
        self.weight, self.bias = nn.Parameter(mg.ones(n)), nn.Parameter(mg.zeros(n))
        self.register_buffer("mean", mg.zeros(n))
        self.register_buffer("var", mg.ones(n))

    def forward(self, x):
        mean, var = self.mean, self.var
        if self.training:
            mean, var = mg.mean(x, 0), mg.var(x, 0)
            self.mean.assign_(0.9 * self.mean + 0.1 * mean.detach())
            self.var.assign_(0.9 * self.var + 0.1 * var.detach())
        return self.weight * (x - mean) / mg.sqrt(var + 1e-5) + self.bias


@case
def batch_norm_statistics(jit):
    before, after = nn.Linear(6, 4), nn.Linear(4, 3)
    model = nn.Sequential(before, BatchNorm(4), nn.Tanh(), after)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    step, evaluate = jit(step_of(model, optimizer)), jit(lambda x: model(x))
    results = []
    for i in range(4):
        results.append(step(*batch(i)))
        model.eval()
        results.append(evaluate(batch(9)[0]))
        model.train()
    compared = dict(model.named_parameters()) | dict(model.named_buffers())
    del compared["0.bias"]  # its exact gradient is zero: Adam moves it by rounding errors, which the output ignores
    return [*results, *compared.values()]


def schedule(build):
    def run(jit):
        model = net()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        scheduler, step = build(optimizer), jit(step_of(model, optimizer))
        results = []
        for i in range(6):
            results += [step(*batch(i)), optimizer.param_groups[0]["lr"]]
            scheduler.step()
        assert not hasattr(step, "cache_info") or step.cache_info().traces == 2  # without gradients, and with them
        return [*results, *state(model, optimizer)]

    return run


CASES |= {
    "step schedule": schedule(lambda o: schedules.StepLR(o, 2, 0.5)),
    "cosine schedule": schedule(lambda o: schedules.CosineAnnealingLR(o, 8)),
    "warm-up": schedule(lambda o: schedules.LinearLR(o, 0.1, total_iters=3)),
}  # fmt: skip


@case
def gradients_clipped_by_norm(jit):
    model = net()
    parameters, optimizer = list(model.parameters()), optim.Adam(model.parameters(), lr=0.01)
    norms = []

    def clip():
        total = mg.sqrt(sum(mg.sum(p.grad**2) for p in parameters))
        for p in parameters:
            p.grad = p.grad * mg.minimum(0.1 / total, 1.0)
        norms.append(total)

    def step(x, y):
        loss = plain(x, y)
        return loss, norms.pop()

    plain = step_of(model, optimizer, clip)
    step = jit(step)
    return [*(t for i in range(3) for t in step(*batch(i))), *state(model, optimizer)]


@case
def gradients_clipped_by_value(jit):
    model = net()

    def clip():
        for p in model.parameters():
            p.grad = mg.clip(p.grad, -0.01, 0.02)

    step = jit(step_of(model, optim.SGD(model.parameters(), lr=0.5), clip))
    return [*(step(*batch(i)) for i in range(3)), *state(model)]


class Autoencoder(nn.Module):
    """Decodes with the transpose of the weight that encodes."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(6, 4)

    def forward(self, x):
        return mg.tanh(self.encoder(x)) @ self.encoder.weight


@case
def shared_weights(jit):
    model = Autoencoder()
    optimizer = optim.AdamW(model.parameters(), lr=0.01)

    def step(x):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), x)
        loss.backward()
        optimizer.step()
        return loss

    step = jit(step)
    return [*(step(batch(i)[0]) for i in range(3)), *state(model, optimizer)]


@case
def adversaries_that_take_turns(jit):
    generator, critic = nn.Linear(2, 6), nn.Sequential(nn.Linear(6, 4), nn.LeakyReLU(0.2), nn.Linear(4, 1))
    of_generator = optim.Adam(generator.parameters(), lr=0.01)
    of_critic = optim.Adam(critic.parameters(), lr=0.02, betas=(0.5, 0.9))

    def train_critic(x):
        fake = generator(mg.random.normal((x.shape[0], 2))).detach()
        of_critic.zero_grad()
        loss = mg.mean(F.softplus(-critic(x))) + mg.mean(F.softplus(critic(fake)))
        loss.backward()
        of_critic.step()
        return loss

    def train_generator(n):
        of_generator.zero_grad()
        loss = mg.mean(F.softplus(-critic(generator(mg.random.normal((8, 2))) * n)))
        loss.backward()  # leaves gradients on the critic too, which its own step forgets
        of_generator.step()
        return loss

    train_critic, train_generator = jit(train_critic), jit(train_generator)
    losses = [loss for i in range(4) for loss in (train_critic(batch(i)[0]), train_generator(1.0 + i))]
    return [*losses, *state(generator, critic, of_generator, of_critic)]


@case
def gradients_accumulated_over_batches(jit):
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def add(x, y):
        loss = F.cross_entropy(model(x), y) / 2
        loss.backward()
        return loss

    def update():
        optimizer.step()
        optimizer.zero_grad()

    add, update = jit(add), jit(update)
    losses = []
    for i in range(6):
        losses.append(add(*batch(i)))
        if i % 2:
            update()
    return [*losses, *state(model, optimizer)]


@case
def gradients_read_without_a_backward_pass(jit):
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    norm, found = jit(lambda: mg.sum(w.grad**2)), []
    for k in range(3):
        w.grad = mg.tensor([1.0, k])
        found.append(norm())
    return found


@pytest.mark.parametrize("name", CASES)
def test_compiled_step(name):
    results = []
    for jit in (lambda f: f, mg.jit(warmup=0)):
        mg.manual_seed(7)
        found = [None if x is None else np.array(getattr(x, "data", x)) for x in CASES[name](jit)]
        results.append((found, mg.random.default_generator.state_dict()))
    (eager, random), (compiled, compiled_random) = results
    assert random == compiled_random
    assert [x is None for x in eager] == [x is None for x in compiled]
    for x, y in zip(compiled, eager):
        if y is not None:
            assert_close(x, y, y, "float64")


def test_dropout_masks_are_the_same_bits():
    drop = mg.jit(lambda x: F.dropout(x, 0.4), warmup=0)
    masks = []
    for f in (drop, drop.fn):
        mg.manual_seed(3)
        masks.append([f(mg.ones((5, 9))).numpy() for _ in range(3)])
    np.testing.assert_array_equal(*masks)
    assert not np.array_equal(masks[0][0], masks[0][1])


def test_an_exception_inside_a_compiled_step_leaves_everything_as_it_was():
    mg.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 4), BatchNorm(4), nn.Dropout(0.5), nn.Linear(4, 3))
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    step = mg.jit(step_of(model, optimizer), warmup=0)
    x, y = batch()
    with uncompiled():
        step(x, y)
        step(x, y)
        before = [np.array(t.data) for t in state(model, optimizer)]
        drawn = mg.random.default_generator.state_dict()
        with pytest.raises(IndexError, match=r"class|\[0, 3\)"):
            step(x, mg.tensor(np.full(12, 3)))
    for a, b in zip(state(model, optimizer), before):
        np.testing.assert_array_equal(a.data, b)
    assert mg.random.default_generator.state_dict() == drawn


def test_the_gradient_of_an_argument_is_left_on_it():
    w = mg.ones(3).requires_grad_()

    def backward(x):
        y = mg.sum(x * x * w)
        y.backward()
        return y

    step, x = mg.jit(backward, warmup=0), mg.ones(3).requires_grad_()
    with pytest.warns(RuntimeWarning, match=r"gradient of an argument.*test_steps\.py:\d+.*runs eagerly"):
        step(x)
    step(x)
    np.testing.assert_array_equal(x.grad, np.full(3, 4.0))
    np.testing.assert_array_equal(w.grad, np.full(3, 2.0))
