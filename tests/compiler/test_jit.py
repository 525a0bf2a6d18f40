"""jit changes speed and nothing else: compiled steps against the same steps run eagerly, in float64."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, ops, optim
from minigrad.nn import functional as F

TOLERANCE = 1e-10  # of an array's largest magnitude


@pytest.fixture(autouse=True)
def in_float64():
    with mg.set_default_dtype("float64"):
        yield


def close(a, b):
    """Whether two arrays agree to TOLERANCE of their scale."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE * max(np.abs(b).max(initial=0), 1e-300))


def batch(shape=(12, 6), classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return mg.tensor(rng.standard_normal(shape)), mg.tensor(rng.integers(0, classes, shape[0]))


def mlp(activation=nn.Tanh):
    return nn.Sequential(nn.Linear(6, 8), activation(), nn.Linear(8, 5), activation(), nn.Linear(5, 4))


def tied():
    """Two layers that share their weight."""
    first, second = nn.Linear(6, 6), nn.Linear(6, 6)
    second.weight = first.weight
    return nn.Sequential(first, nn.Tanh(), second, nn.Tanh(), nn.Linear(6, 4))


def cnn():
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d((2, 1)), nn.Flatten(),
        nn.Linear(9, 4),
    )  # fmt: skip


MODELS = {
    "linear": lambda: nn.Linear(6, 4),
    "tanh": mlp,
    "relu": lambda: mlp(nn.ReLU),
    "sigmoid": lambda: mlp(nn.Sigmoid),
    "gelu": lambda: mlp(nn.GELU),
    "dropout": lambda: nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.4), nn.Tanh(), nn.Linear(8, 4)),
    "tied": tied,
    "cnn": cnn,
}
OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=1e-2),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=1e-2, weight_decay=1e-3),
    "amsgrad": lambda p: optim.Adam(p, lr=1e-2, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=1e-2),
}


class Training:
    """A model, an optimizer and a step, as a user writes them."""

    def __init__(self, model, optimizer):
        mg.manual_seed(3)
        self.model = MODELS[model]()
        self.optimizer = OPTIMIZERS[optimizer](self.model.parameters())

    def step(self, x, y):
        model, optimizer = self.model, self.optimizer

        def step(x, y):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return step

    def state(self):
        """Everything that a step leaves behind."""
        found = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        found |= {f"grad.{k}": p.grad for k, p in self.model.named_parameters()}
        for i, state in self.optimizer.state_dict()["state"].items():
            found |= {f"optimizer.{i}.{k}": v for k, v in state.items()}
        return found


def same_state(a, b):
    assert a.keys() == b.keys()
    for name in a:
        close(a[name], b[name])


@pytest.mark.parametrize(
    ("model", "optimizer"), [(m, "adam") for m in MODELS] + [("tanh", o) for o in OPTIMIZERS if o != "adam"]
)
def test_training_steps_are_the_eager_ones(model, optimizer):
    states = []
    for compiled in (False, True):
        training = Training(model, optimizer)
        step = training.step(None, None)
        step = mg.jit(step, warmup=0) if compiled else step
        losses = [step(*batch(seed=i)).item() for i in range(4)]
        states.append((losses, training.state(), mg.random.default_generator.state_dict()))
    close(states[0][0], states[1][0])
    same_state(states[1][1], states[0][1])
    assert states[0][2] == states[1][2]


def test_learning_rate_and_other_numbers_are_read_anew():
    results = []
    for compiled in (False, True):
        training = Training("tanh", "adam")
        step = training.step(None, None)
        step = mg.jit(step, warmup=0) if compiled else step
        group = training.optimizer.param_groups[0]
        for i in range(6):
            group["lr"] = 0.1 / (i + 1)
            group["betas"] = (0.9 - 0.1 * i, 0.99)
            step(*batch(seed=i))
        results.append(training.state())
        if compiled:
            assert step.cache_info().traces == 2  # the first was made while there were no gradients
    same_state(results[1], results[0])


def test_a_changed_switch_retraces():
    training = Training("tanh", "momentum")
    step = mg.jit(training.step(None, None), warmup=0)
    step(*batch())
    step(*batch())
    training.optimizer.param_groups[0]["nesterov"] = True
    training.optimizer.param_groups[0]["dampening"] = 0.0
    before = step.cache_info().traces
    step(*batch())
    assert step.cache_info().traces == before + 1


def test_train_and_eval_each_have_their_trace():
    mg.manual_seed(0)
    model = MODELS["dropout"]()
    forward = mg.jit(lambda x: model(x), warmup=0)
    x, _ = batch()
    for _ in range(3):
        model.train()
        mg.manual_seed(1)
        dropped = forward(x)
        mg.manual_seed(1)
        close(dropped, model(x).detach())
        model.eval()
        close(forward(x), model(x).detach())
    assert forward.cache_info().traces == 2


def test_last_partial_batch():
    training, eager = Training("relu", "adam"), Training("relu", "adam")
    step, plain = mg.jit(training.step(None, None), warmup=0), eager.step(None, None)
    for n in (12, 12, 5, 12, 5):
        close(step(*batch((n, 6))), plain(*batch((n, 6))).detach())
    assert step.cache_info().traces == 3  # without gradients, with them, and the small batch
    same_state(training.state(), eager.state())


def test_gradients_accumulate_without_zero_grad():
    results = []
    for compiled in (False, True):
        mg.manual_seed(0)
        model = mlp()

        def backward(x, y, model=model):
            F.cross_entropy(model(x), y).backward()

        run = mg.jit(backward, warmup=0) if compiled else backward
        for i in range(4):
            run(*batch(seed=i))
        results.append([p.grad for p in model.parameters()])
    for a, b in zip(*results):
        close(b, a)


def test_two_models_trained_in_one_step():
    results = []
    for compiled in (False, True):
        mg.manual_seed(0)
        generator, critic = nn.Linear(3, 6), mlp()
        one, two = optim.Adam(generator.parameters(), lr=0.01), optim.SGD(critic.parameters(), lr=0.1)

        def step(z, x, y, parts=(generator, critic, one, two)):
            generator, critic, one, two = parts
            loss = F.cross_entropy(critic(x), y) + mg.mean(critic(generator(z).detach()) ** 2)
            two.zero_grad()
            loss.backward()
            two.step()
            fake = mg.mean(critic(generator(z)))
            one.zero_grad()
            fake.backward()
            one.step()
            return loss, {"fake": fake}

        run = mg.jit(step, warmup=0) if compiled else step
        z = mg.tensor(np.random.default_rng(5).standard_normal((12, 3)))
        outs = [run(z, *batch(seed=i)) for i in range(3)]
        results.append([loss.item() for loss, _ in outs] + [d["fake"].item() for _, d in outs])
        results.append([p.detach() for p in (*generator.parameters(), *critic.parameters())])
    close(results[0], results[2])
    for a, b in zip(results[1], results[3]):
        close(b, a)


def test_gradient_clipping_inside_the_step():
    results = []
    for compiled in (False, True):
        training = Training("tanh", "sgd")
        parameters = list(training.model.parameters())

        def step(x, y, training=training, parameters=parameters):
            loss = F.cross_entropy(training.model(x), y)
            training.optimizer.zero_grad()
            loss.backward()
            total = mg.sqrt(sum(mg.sum(p.grad * p.grad) for p in parameters))
            scale = mg.clip(0.01 / total, max=1.0)
            for p in parameters:
                p.grad = p.grad * scale
            training.optimizer.step()
            return total

        run = mg.jit(step, warmup=0) if compiled else step
        results.append(([run(*batch(seed=i)).item() for i in range(3)], training.state()))
    close(results[0][0], results[1][0])
    same_state(results[1][1], results[0][1])


@pytest.mark.parametrize(
    "f",
    [
        mg.grad(lambda x: mg.sum(mg.sin(x) * x)),
        lambda x: mg.hvp(lambda t: mg.sum(mg.tanh(t) ** 3), (x,), (x * 0.5,))[0],
        lambda x: mg.jvp(lambda t: mg.exp(t) / (1 + t * t), (x,), (x,)),
        lambda x: mg.vjp(lambda t: t[:, ::2] * 2.0, x)[1](x[:, ::2])[0],
    ],
)
def test_transforms_inside(f):
    x, _ = batch()
    expected, got = f(x), mg.jit(f, warmup=0)(x)
    for a, b in zip(*((r,) if isinstance(r, mg.Tensor) else r for r in (expected, got))):
        close(b, a.detach())


@pytest.mark.parametrize("label", [-1, 4, 100])
def test_bad_labels_raise_eagers_error_and_change_nothing(label):
    training = Training("tanh", "adam")
    step = mg.jit(training.step(None, None), warmup=0)
    x, y = batch()
    step(x, y)
    before = copy.deepcopy(training.state())
    bad = mg.tensor(np.where(np.arange(12) == 7, label, y.numpy()))
    with pytest.raises(IndexError) as compiled:
        step(x, bad)
    same_state(training.state(), before)
    with pytest.raises(IndexError) as eager:
        F.cross_entropy(training.model(x), bad)
    assert str(compiled.value) == str(eager.value)
    step(x, y)


def test_an_exception_while_tracing_changes_nothing():
    training = Training("tanh", "adam")
    step = training.step(None, None)
    step(*batch())
    before = training.state()

    def broken(x, y):
        step(x, y)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        mg.jit(broken, warmup=0)(*batch())
    same_state(training.state(), before)


@pytest.mark.parametrize("use", [bool, float, lambda t: t.numpy(), np.asarray, lambda t: t.item(), int])
def test_values_are_not_known_while_tracing(use):
    def f(x):
        return x * 2 if use(mg.sum(x)) else x  # the line that the message names

    with pytest.raises(mg.TracingError, match=r"test_jit\.py:\d+.*mg\.where"):
        mg.jit(f, warmup=0)(mg.ones(3))


def test_value_semantics_hold():
    training = Training("tanh", "sgd")
    step = mg.jit(training.step(None, None), warmup=0)
    weight = next(training.model.parameters())
    step(*batch())
    seen, kept, gradient = weight.numpy(), weight.numpy().copy(), weight.grad
    gradient_before = gradient.numpy().copy()
    losses = [step(*batch(seed=i)) for i in range(3)]
    values = [loss.item() for loss in losses]
    step(*batch(seed=9))
    np.testing.assert_array_equal(seen, kept)
    np.testing.assert_array_equal(gradient, gradient_before)
    assert [loss.item() for loss in losses] == values
    assert not np.array_equal(weight, kept)


def test_arguments_are_not_changed_and_numbers_are_arguments():
    def f(x, scale, name):
        assert name == "n"
        return x * scale

    g = mg.jit(f, warmup=0)
    x = mg.ones(3)
    for scale in (2.0, 3.0, 0.5):
        close(g(x, scale, "n"), np.full(3, scale))
    assert g.cache_info().traces == 1
    assert g(x, 2, name="n").dtype == x.dtype


def test_disable_jit():
    g = mg.jit(lambda x: x * 2, warmup=0)
    with mg.disable_jit():
        close(g(mg.ones(3)), np.full(3, 2.0))
    assert g.cache_info().traces == 0


def test_a_changed_variable_is_seen():
    scale = 2.0
    g = mg.jit(lambda x: x * scale, warmup=0)
    close(g(mg.ones(3)), np.full(3, 2.0))
    scale = 5.0
    close(g(mg.ones(3)), np.full(3, 5.0))


def test_views_and_inputs_as_results():
    def f(x):
        return x, x.T, x[0], mg.sum(x)

    x, _ = batch((4, 3))
    for a, b in zip(mg.jit(f, warmup=0)(x), f(x)):
        close(a, b)


def test_what_cannot_be_compiled_runs_eagerly_with_one_warning():
    g, x = mg.jit(lambda x, y: mg.pow(x, y), warmup=0), mg.tensor([2, 3])
    with pytest.warns(RuntimeWarning, match="pow.*runs eagerly"):
        close(g(x, x), [4, 27])
    close(g(x, x), [4, 27])


@pytest.mark.parametrize("bad", [-1, 4])
def test_checked_index(bad):
    assert ops.checked_index(mg.tensor([0, 3]), size=4).tolist() == [0, 3]
    assert ops.checked_index(mg.zeros(0, dtype="int64"), size=0).tolist() == []
    g = mg.jit(lambda i: ops.checked_index(i, size=4), warmup=0)
    assert g(mg.tensor([0, 3])).tolist() == [0, 3]
    for f in (g, g.fn):
        with pytest.raises(IndexError, match=rf"expected indices in \[0, 4\), found {min(bad, 1)} to {max(bad, 1)}"):
            f(mg.tensor([1, bad]))


def test_results_can_be_differentiated_outside():
    results = []
    for compiled in (False, True):
        mg.manual_seed(0)
        model = MODELS["dropout"]()
        forward = mg.jit(lambda x, model=model: model(x), warmup=0) if compiled else model
        x, y = batch()
        x.requires_grad_()
        for _ in range(2):
            loss = F.cross_entropy(forward(x) + x[:, :4], y)
            loss.backward()
        (g,) = mg.autograd.grad(mg.sum(mg.tanh(forward(x)) ** 2), x, create_graph=True)
        (second,) = mg.autograd.grad(mg.sum(g * g), x)
        results.append([x.grad, second, *(p.grad for p in model.parameters())])
    for a, b in zip(*results):
        close(b, a)


def test_gradcheck_of_a_compiled_function():
    weight = mg.tensor(np.random.default_rng(0).standard_normal((3, 3)))
    f = mg.jit(lambda x: mg.tanh(x @ weight), warmup=0)
    assert mg.gradcheck(f, [mg.ones((2, 3))]).passed
    assert f.cache_info().hits > 0


class Counting(nn.Module):
    """Keeps a count where compiled code cannot change it."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x


def test_plain_attributes_cannot_be_set_while_tracing():
    model = Counting()
    with pytest.raises(mg.TracingError, match=r"\[Counting\] the attribute 'calls'.*buffer"):
        mg.jit(lambda x: model(x), warmup=0)(mg.ones(2))
    assert model.calls == 0


@pytest.mark.parametrize(("name", "value"), [("weight_decay", 0.1), ("nesterov", True), ("momentum", "much")])
def test_what_is_built_in_cannot_be_set_while_tracing(name, value):
    training = Training("linear", "momentum")
    group = training.optimizer.param_groups[0]
    group["weight_decay"] = 0.0
    with pytest.raises(mg.TracingError, match=rf"'{name}' is set inside a compiled function.*outside"):
        mg.jit(lambda x: group.update({name: value}) or x, warmup=0)(mg.ones(2))
    assert (group["weight_decay"], group["nesterov"], group["momentum"]) == (0.0, False, 0.9)


def test_buffers_are_state():
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", mg.zeros(3))

        def forward(self, x):
            self.mean.assign_(0.9 * self.mean + 0.1 * mg.mean(x.detach(), 0))
            return x - self.mean

    plain, compiled = Mean(), Mean()
    run = mg.jit(lambda x: compiled(x), warmup=0)
    for i in range(3):
        x = batch((4, 3), seed=i)[0]
        close(run(x), plain(x))
    close(compiled.mean, plain.mean)


def test_nesting_of_arguments_is_part_of_the_signature():
    def f(x, *rest):
        return x[0] * 2 if isinstance(x, list) else x * 3

    g, x = mg.jit(f, warmup=0), mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    for args in [(x,), ([x],), (x, None), ([x], None), (x, x), ([x, x], [])]:
        close(g(*args), f(*args))


def test_a_detached_parameter_is_read_anew():
    w = mg.tensor(np.eye(3))

    @mg.jit(warmup=0)
    def step(x):
        old = w.detach()
        w.assign_(mg.flip(w, axis=0) * 2)
        return x @ old, mg.sort(w, axis=0)

    x, expected = mg.tensor(np.arange(9.0).reshape(3, 3)), np.eye(3)
    for _ in range(3):
        old, ordered = step(x)
        close(old, x.numpy() @ expected)
        expected = 2 * expected[::-1]
        close(ordered, np.sort(expected, axis=0))
