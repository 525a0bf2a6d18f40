"""step.loop: the same as calling the step for each row, in eager mode and in float64."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F

TOLERANCE = 1e-10  # of an array's largest magnitude


@pytest.fixture(autouse=True)
def in_float64():
    with mg.set_default_dtype("float64"):
        yield


def close(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE * max(np.abs(b).max(initial=0), 1e-300))


rng = np.random.default_rng(0)
X, Y = mg.tensor(rng.standard_normal((20, 3))), mg.tensor(rng.integers(0, 2, 20))
ORDER = rng.integers(-20, 20, (7, 4))


class RunningMean(nn.Module):
    """Subtracts a running mean, as batch norm keeps one."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", mg.zeros(3))

    def forward(self, x):
        self.mean.assign_(0.9 * self.mean + 0.1 * mg.mean(x.detach(), 0))
        return x - self.mean


class Swapping(nn.Module):
    """Two buffers that change places: neither can be written where it is read."""

    def __init__(self):
        super().__init__()
        self.register_buffer("a", mg.tensor([1.0, 2.0, 3.0]))
        self.register_buffer("b", mg.tensor([4.0, 5.0, 6.0]))

    def forward(self, x):
        a, b = self.a.detach(), self.b.detach()
        self.a.assign_(mg.flip(b, 0))
        self.b.assign_(a + 1)
        return x * self.a


@dataclass
class Report:
    loss: mg.Tensor
    parts: dict


def loss_of(model, x, y):
    return F.cross_entropy(model(x), y)


def training(make_optimizer, *layers):
    """A model, its optimizer, and a step that returns the loss."""
    model = nn.Sequential(*layers, nn.Linear(3, 2))
    optimizer = make_optimizer(model.parameters())

    def step(x, y):
        loss = loss_of(model, x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return model, optimizer, step


def accumulating():
    """Gradients add up; nothing else changes."""
    model = nn.Linear(3, 2)

    def step(x, y):
        loss = loss_of(model, x, y)
        loss.backward()
        return loss

    return model, None, step


def several_results():
    model = nn.Linear(3, 2)

    def step(x, y):
        out = model(x).detach()
        return Report(mg.mean(out), {"out": out, "labels": [y, None, "name"]})

    return model, None, step


def gradients_come_and_go():
    """Every other step forgets the gradients that the step before left: no trace can follow itself."""
    model = nn.Linear(3, 2)

    def step(x, y):
        loss = loss_of(model, x, y)
        if model.bias.grad is None:
            loss.backward()
        else:
            model.weight.grad = model.bias.grad = None
        return loss

    return model, None, step


def sgd(parameters):
    return optim.SGD(parameters, lr=0.1)


STEPS = {
    "momentum": lambda: training(lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1)),
    "adam": lambda: training(lambda p: optim.Adam(p, lr=0.01)),
    "dropout": lambda: training(sgd, nn.Dropout(0.4), nn.Linear(3, 3), nn.Dropout(0.2)),
    "running mean": lambda: training(sgd, RunningMean()),
    "swapping buffers": lambda: training(sgd, Swapping()),
    "accumulated gradients": accumulating,
    "several results": several_results,
    "gradients come and go": gradients_come_and_go,
}


def outcome(make, run):
    """What a loop returns and leaves behind."""
    mg.manual_seed(5)
    model, optimizer, step = make()
    result = run(step)
    state = {**model.state_dict(), **{f"grad.{k}": p.grad for k, p in model.named_parameters() if p.grad is not None}}
    for i, tensors in (optimizer.state_dict()["state"] if optimizer else {}).items():
        state.update({f"{k}.{i}": t for k, t in tensors.items()})
    return result, state, mg.random.default_generator.state_dict()


def python_loop(step):
    """What step.loop stands for."""
    return [step(*(d[mg.tensor(row)] for d in (X, Y))) for row in ORDER]


def fields(result):
    """The tensors of a result, by name."""
    if isinstance(result, mg.Tensor):
        return {"": result}
    return {"loss": result.loss, "out": result.parts["out"], "labels": result.parts["labels"][0]}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("warmup", [0, 1])
def test_loop_is_the_python_loop(name, warmup):
    expected, state, generator = outcome(STEPS[name], python_loop)
    jitted = []

    def in_two_parts(step):  # so that the second part starts with a trace that is there already
        jitted.append(mg.jit(step, warmup=warmup))
        return [jitted[0].loop(part, X, Y) for part in (mg.tensor(ORDER[:4]), ORDER[4:].tolist())]

    parts, left, now = outcome(STEPS[name], in_two_parts)
    assert type(parts[0]) is type(expected[0])
    for field in fields(expected[0]):
        found = np.concatenate([fields(part)[field] for part in parts])
        close(found, np.stack([fields(r)[field].numpy() for r in expected]))
    assert left.keys() == state.keys()
    for key in state:
        close(left[key], state[key])
    assert now == generator
    assert (jitted[0].last.loop is not None) is (name != "gradients come and go")


def test_any_nesting_and_repetition_of_results():
    weight = mg.ones(2)
    step = mg.jit(lambda x: (x, [x, weight], {"n": 3, "sum": mg.sum(x)}), warmup=0)
    data = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    a, (b, w), rest = step.loop([[0, 1], [1, 0], [0, 0]], data)
    close(a, data.numpy()[[[0, 1], [1, 0], [0, 0]]])
    close(b, a)
    close(w, np.ones((3, 2)))
    close(rest["sum"], [10.0, 10.0, 6.0])
    assert rest["n"] == 3


def stopped(order, labels):
    """The error that a loop of training stops with, and the state it leaves."""

    def run(step):
        try:
            mg.jit(step, warmup=0).loop(order, X, labels)
        except IndexError as error:
            return str(error)
        return None

    return outcome(STEPS["dropout"], run)


GOOD = ORDER % 19  # never row 19, whose label is bad
BAD_LABELS = {label: mg.tensor([*Y.numpy()[:-1], label]) for label in (-1, 2)}


@pytest.mark.parametrize(("bad", "labels"), [(20, Y), (-21, Y), (19, BAD_LABELS[2]), (19, BAD_LABELS[-1])])
def test_out_of_range_raises_eagers_error_after_the_last_good_step(bad, labels):
    row = np.array([0, 1, bad, 3])
    error, state, generator = stopped(np.concatenate([GOOD[:3], [row], GOOD[3:]]), labels)
    none, expected, at = stopped(GOOD[:3], labels)
    assert none is None
    with pytest.raises(IndexError) as eager:
        loss_of(nn.Linear(3, 2), X[mg.tensor(row)], labels[mg.tensor(row)])
    assert error == str(eager.value)
    assert generator["call"] - at["call"] in (0, 2)  # eager had drawn its masks before it met the label
    for key in expected:
        close(state[key], expected[key])


def test_a_failing_first_step_changes_nothing():
    _, state, _ = stopped(np.concatenate([[[0, 1, 19, 3]], GOOD]), BAD_LABELS[2])
    model, _, _ = (mg.manual_seed(5), STEPS["dropout"]())[1]
    for key, value in model.state_dict().items():
        close(state[key], value)
    assert not [key for key in state if key.startswith("grad")]


def double(x):
    return x * 2


def test_without_compiler():
    expected = 2 * X.numpy()[ORDER]
    with mg.disable_jit():
        eager = mg.jit(double)
        close(eager.loop(ORDER, X), expected)
    assert eager.cache_info().traces == 0
    power = mg.jit(lambda n: mg.pow(n, n), warmup=0)
    with pytest.warns(RuntimeWarning, match=r"pow.*runs eagerly"):
        assert power.loop([[0, 1], [1, 1]], mg.tensor([2, 3])).tolist() == [[4, 27], [27, 27]]
    assert power.loop([[1, 0]], mg.tensor([2, 3])).tolist() == [[27, 4]]


def test_inside_another_compiled_function():
    inner = mg.jit(double)
    outer = mg.jit(lambda order: inner.loop(order, X) + 1, warmup=0)
    order = mg.tensor(ORDER % 20)
    close(outer(order), 2 * X.numpy()[ORDER] + 1)


def test_data_that_the_step_changes():
    """The rows are those that the step before left."""
    results = []
    for compiled in (False, True):
        data = mg.tensor([[1.0], [2.0], [3.0]])

        def step(x, data=data):
            data.assign_(data * 2)
            return mg.sum(x)

        run = mg.jit(step, warmup=0)
        rows = [[0, 1], [1, 2], [2, 0], [0, 0]]
        out = run.loop(rows, data) if compiled else mg.stack([step(data[mg.tensor(r)]) for r in rows])
        results.append((out, data))
    for a, b in zip(*results):
        close(b, a)


def test_numbers_are_read_anew():
    model, optimizer, step = STEPS["momentum"]()
    other, plain_optimizer, plain = STEPS["momentum"]()
    other.load_state_dict(model.state_dict())
    jitted = mg.jit(step, warmup=0)
    for lr in (0.1, 0.01):
        optimizer.param_groups[0]["lr"] = plain_optimizer.param_groups[0]["lr"] = lr
        jitted.loop(ORDER, X, Y)
        python_loop(plain)
    for key, value in other.state_dict().items():
        close(model.state_dict()[key], value)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[0]],), mg.ShapeError, "expected data"),
        (([[0]], X.numpy()), mg.DtypeError, "argument 0 is a ndarray: use mg.tensor"),
        (([[0]], mg.ones((20, 3), requires_grad=True)), mg.GraphError, r"use \.detach\(\)"),
        (([[0]], X, mg.ones(3)), mg.ShapeError, r"equally many rows, got \(20, 3\), \(3,\)"),
        (([[0]], mg.tensor(1.0)), mg.ShapeError, r"equally many rows, got \(\)"),
        (([[0.5]], X), mg.DtypeError, "order of integers, got float64"),
        (([0, 1], X), mg.ShapeError, r"\(steps >= 1, batch\), got \(2,\); for single rows use order\[:, None\]"),
        ((np.zeros((0, 4), np.int64), X), mg.ShapeError, r"got \(0, 4\)"),
    ],
)
def test_what_cannot_be_looped_over_is_refused(arguments, error, message):
    with pytest.raises(error, match=rf"\[loop\].*{message}"):
        mg.jit(double).loop(*arguments)


def test_results_of_other_shapes():
    sizes = iter([1, 1, 2])
    with mg.disable_jit(), pytest.raises(mg.ShapeError, match=r"\[loop\] expected results of one shape"):
        mg.jit(lambda x: mg.ones(next(sizes))).loop(np.zeros((3, 1), np.int64), X)


ENDLESS = """
import sys, time
import numpy as np
import minigrad as mg

count = mg.tensor(0)

@mg.jit
def step(x):
    count.assign_(count + 1)
    return mg.sum(mg.tanh(x @ x.T))

data = mg.ones((64, 64))
step.loop(np.zeros((500, 64), np.int64), data)
print("ready", flush=True)
try:
    step.loop(np.zeros((4_000_000, 64), np.int8), data)
except KeyboardInterrupt:
    print(time.monotonic(), count.item(), flush=True)
"""


def test_ctrl_c_stops_it_soon():
    with subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(1.0)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        stopped, steps = process.stdout.readline().split()
    assert float(stopped) - sent < 0.5  # 0.03 on a machine with nothing else to do
    assert 500 < int(steps) < 4_000_000
