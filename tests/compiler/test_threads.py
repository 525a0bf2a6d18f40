"""Compiled steps on several threads: the same bits as on one, concurrent callers, forks, and who stays sequential."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.compiler import parallel
from minigrad.nn import functional as F
from tests.compiler.running import assert_same, compiled, plainly, reference


@pytest.fixture(autouse=True)
def restore_threads():
    before = mg.get_num_threads()
    yield
    mg.set_num_threads(before)


# ---- chunks of every kind of loop, on small shapes


@pytest.fixture
def cut_small(monkeypatch):
    """Whatever can be cut is cut, however small."""
    small = {"PAYS": 0.0, "LEAST": 1e-9, "MOST": 3, "LONG": 2, "LINE": 1, "RUN": 2}
    for name, value in small.items():
        monkeypatch.setattr(parallel, name, value)


X, Y, Z = (np.random.default_rng(i).standard_normal((5, 7)) for i in range(3))
STACK = np.random.default_rng(3).standard_normal((3, 4, 5, 7))

CHUNKED = {
    "flat": (lambda x, y: x * y + 1, X, Y),
    "rows of a broadcast": (lambda x, b: mg.tanh(x + b), X, X[0]),
    "columns of a broadcast": (lambda x, b: x * b, X, X[:, :1]),
    "transposed": (lambda x, y: x.T + y, X, Y.T.copy()),
    "backwards along the rows": (lambda x, y: mg.flip(x, axis=0) - y, X, Y),
    "backwards along both": (lambda x, y: mg.flip(x) - y, X, Y),
    "every other row": (lambda x, y: x[::2] * y[1:4], X, Y),
    "sum of rows": (lambda x, y: mg.sum(x * y, axis=1), X, Y),
    "sum of columns": (lambda x, y: mg.sum(x * y, axis=0), X, Y),
    "sum of the middle": (lambda x: mg.sum(mg.exp(x), axis=(1, 2)), STACK),
    "mean of everything": (lambda x, y: mg.mean(x * y), X, Y),
    "softmax": (lambda x: F.softmax(x, 1), X),
    "softmax of columns": (lambda x: F.softmax(x, 0), X),
    "product": (lambda x, y: x @ y.T, X, Y),
    "product, wide": (lambda x, y: x[:2] @ y.T, X, Y),
    "product, transposed": (lambda x, y: x.T @ y, X, Y),
    "products": (lambda x, y: x @ mg.matrix_transpose(y), STACK, STACK[::-1].copy()),
    "products with a shared factor": (lambda x, w: x @ w, STACK, Z.T.copy()),
    "products of two batches": (lambda x, y: x @ y, STACK[:2, :1], np.swapaxes(STACK[:2], -1, -2).copy()),
    "products of a batch backwards": (lambda x, y: mg.flip(x, axis=0) @ mg.matrix_transpose(y), STACK[0], STACK[1]),
    "a part set backwards": (lambda x, y: mg.grad(lambda x: mg.sum(x[::-2] * y))(x), X, Y[:3].copy()),
    "padding": (lambda x: mg.pad(x, ((0, 0), (0, 0), (1, 2), (0, 3))), STACK),
    "join": (lambda x, y: mg.concat([x, y], axis=1), X, Y),
    "three alike": (lambda x, y, z: (mg.exp(x) * 2, mg.exp(y) * 2, mg.exp(z[1:]) * 2), X, Y, Z),
}


@pytest.mark.parametrize("case", CHUNKED.values(), ids=CHUNKED)
@pytest.mark.usefixtures("cut_small")
def test_chunks_stay_inside_and_cover_everything(case):
    """As plain Python: every index is checked, and what no chunk writes is NaN."""
    f, *arrays = case
    assert_same(plainly(f, *arrays), reference(f, *arrays), 1e-13)


@pytest.mark.usefixtures("cut_small")
def test_compiled_chunks():
    """One function of all of them, so that it compiles once."""
    cases = list(CHUNKED.values())
    starts = np.cumsum([0, *(len(arrays) for _, *arrays in cases)])

    def f(*xs):
        return tuple(g(*xs[i : i + len(arrays)]) for i, (g, *arrays) in zip(starts, cases))

    arrays = [a for _, *given in cases for a in given]
    mg.set_num_threads(2)
    assert_same(compiled(f, *arrays), reference(f, *arrays), 1e-13)


# ---- whole steps


def train_step(model, optimizer, loss_of=F.cross_entropy):
    def step(x, y):
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def images(n, *shape, classes=10):
    rng = np.random.default_rng(0)
    return mg.tensor(rng.standard_normal((n, *shape)).astype(np.float32)), mg.tensor(rng.integers(0, classes, n))


def wide_mlp():
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return model, mg.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), images(128, 784)


def cnn():
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10),
    )  # fmt: skip
    return model, mg.optim.Adam(model.parameters(), lr=1e-3), images(32, 1, 28, 28)


def large_adam():
    model = nn.Sequential(nn.Linear(700, 900), nn.Tanh(), nn.Linear(900, 700), nn.Tanh(), nn.Linear(700, 900))
    return model, mg.optim.Adam(model.parameters(), lr=1e-3), images(8, 700, classes=900)


class Rows(nn.Module):
    """Rows and columns brought to mean 0 and variance 1, as layer and batch norm do, then scaled."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(mg.ones(1000))

    def forward(self, x):
        x = (x - mg.mean(x, axis=1, keepdims=True)) / mg.std(x, axis=1, keepdims=True)
        x = (x - mg.mean(x, axis=0)) / mg.std(x, axis=0)
        return F.softmax(x * self.scale, 1)


def rows():
    model = Rows()
    return model, mg.optim.SGD(model.parameters(), lr=0.1), images(600, 1000, classes=1000)


STEPS = {"MLP": wide_mlp, "CNN": cnn, "Adam": large_adam, "softmax and norms": rows}


def after_steps(make, threads):
    """Everything that three steps leave behind."""
    mg.manual_seed(0)
    mg.set_num_threads(threads)
    model, optimizer, (x, y) = make()
    step = mg.jit(train_step(model, optimizer), warmup=0)
    losses = [step(x, y).numpy() for _ in range(3)]
    state = [t.numpy() for values in optimizer.state.values() for t in values.values()]
    arrays = [*losses, *(v.numpy() for v in model.state_dict().values()), *state]
    return arrays + [p.grad.numpy() for p in model.parameters()], step.last.decisions


@pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)
def test_threads_change_no_bit_of_a_training_step(make):
    alone, decisions = after_steps(make, 1)
    together, _ = after_steps(make, 2)
    assert sum(d.cut is not None for d in decisions) >= 2
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


# ---- what is cut


def test_small_steps_stay_sequential():
    f = mg.jit(lambda x, w: F.relu(x @ w), warmup=0)
    f(mg.ones((32, 64)), mg.ones((64, 10)))
    assert {d.why for d in f.last.decisions} == {parallel.SMALL}
    assert "spread(" not in f.source
    assert "on threads" not in f.explain()


def test_decisions_are_told():
    f = mg.jit(lambda x, w: (mg.exp(x @ w), mg.sum(mg.tanh(x))), warmup=0)
    f(mg.ones((1000, 500)), mg.ones((500, 800)))
    cut = {f.last.steps[int(d.step)].ops[0].name: d.cut for d in f.last.decisions}
    assert cut["matmul2"] == (0, 1000, 64)
    assert cut["exp"][:2] == (0, 800_000)
    assert cut["tanh"] is None
    assert f.source.count("spread(") == 2
    text = f.explain()
    assert "on threads, in 16 chunks: " in text
    assert f"on one thread: {parallel.SHORT}" in text


def cut_of(f, *shapes):
    """How the first loop that is worth it is cut."""
    g = mg.jit(f, warmup=0)
    g(*(mg.zeros(s) for s in shapes))
    return max(g.last.decisions, key=lambda d: d.nanoseconds)


def test_a_loop_that_reduces_is_not_cut_along_what_it_adds_up():
    assert cut_of(lambda x: mg.sum(x * x, axis=0), (3000, 2000)).cut[:2] == (1, 2000)
    assert cut_of(lambda x: mg.sum(x * x, axis=1), (3000, 2000)).cut[:2] == (0, 3000)
    assert cut_of(lambda x: mg.sum(x * x), (3000, 2000))[2:4] == (None, parallel.SHORT)


def test_what_writes_or_fails_by_indices_from_data_is_not_cut():
    i = mg.tensor(np.arange(12000) % 5)
    assert cut_of(lambda x: x[i], (5, 1000))[2:4] == (None, parallel.CHECKED)
    assert cut_of(lambda x: mg.grad(lambda x: mg.sum(x[i] * 2))(x), (5, 1000)).why == parallel.SCATTERED


# ---- threads, users' and ours


ONE_THREAD = """
import threading
import minigrad as mg

def helpers():
    return [t for t in threading.enumerate() if t.name.startswith("minigrad")]

mg.set_num_threads(1)
f = mg.jit(lambda x: mg.exp(x) * 2, warmup=0)
x = mg.ones((1000, 1000))
alone = f(x).numpy()
assert f.last.decisions[0].cut is not None
assert not helpers(), "threads were started for a process that wants one"
mg.set_num_threads(2)
assert (f(x).numpy() == alone).all()
assert len(helpers()) == 1, "no thread was started"
"""

FORKED = """
import os
import minigrad as mg

mg.set_num_threads(2)
f = mg.jit(lambda x: mg.sum(mg.exp(x) @ mg.tanh(x), axis=1), warmup=0)
x = mg.ones((500, 500))
before = f(x).numpy()
child = os.fork()
if child == 0:
    same = (f(x).numpy() == before).all()
    g = mg.jit(lambda x: mg.exp(x) - 3, warmup=0)
    os._exit(0 if same and g(x).shape == x.shape else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert (f(x).numpy() == before).all()
"""


def run(script):
    """A script in a process of its own that may have two threads."""
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120, env=environment)


def test_one_thread_starts_no_others_until_there_may_be_more():
    run(ONE_THREAD)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_runs_compiled_steps():
    run(FORKED)


def test_users_threads_call_compiled_steps_at_once():
    """The same one and another one; whoever does not get our threads works alone."""
    mg.set_num_threads(2)
    f = mg.jit(lambda x: mg.sum(mg.exp(x) @ mg.tanh(x), axis=1), warmup=0)
    g = mg.jit(lambda x: mg.exp(x) * 3 - x, warmup=0)
    xs = [mg.tensor(np.random.default_rng(i).standard_normal((300, 300))) for i in range(4)]
    expected = [(f(x).numpy(), g(x).numpy()) for x in xs]
    with ThreadPoolExecutor(4) as pool:
        calls = [(pool.submit(f, x), pool.submit(g, x), e) for _ in range(8) for x, e in zip(xs, expected)]
        for a, b, (left, right) in calls:
            np.testing.assert_array_equal(a.result().numpy(), left)
            np.testing.assert_array_equal(b.result().numpy(), right)


def test_blas_threads_are_restored():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    f = mg.jit(lambda x: x @ x, warmup=0)
    x = mg.ones((300, 300))
    f(x)
    before = threadpoolctl.threadpool_info()
    f(x)
    assert threadpoolctl.threadpool_info() == before
