"""L-BFGS: PyTorch's steps, what it promises on convex problems, its state, and mistakes."""

import contextlib
import copy
from functools import partial

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import AnomalyError, ConfigError, TracingError
from minigrad.optim.line_search import Point, strong_wolfe

RNG = np.random.default_rng(0)
X, SIGNS = RNG.standard_normal((30, 6)), np.sign(RNG.standard_normal(30))
START = [np.array([-1.2, 1.0]), RNG.standard_normal(6)]


def problem(library, p, q):
    """Rosenbrock's function of p, and a logistic regression on q."""
    x, signs = library.tensor(X), library.tensor(SIGNS)
    rosenbrock = 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2
    return rosenbrock + library.sum(library.log(1 + library.exp(-(x @ q) * signs)))


class Run:
    """An optimizer of minigrad or PyTorch on the problem."""

    def __init__(self, library, modules, start=START, **arguments):
        self.library, self.evaluations = library, 0
        self.parameters = [modules.Parameter(library.tensor(x)) for x in start]
        self.optimizer = library.optim.LBFGS(self.parameters, **arguments)

    def closure(self):
        self.evaluations += 1
        self.optimizer.zero_grad()
        loss = problem(self.library, *self.parameters)
        loss.backward()
        return loss

    def steps(self, n):
        """Losses, numbers of evaluations and parameters after each of n steps."""
        return [
            [self.optimizer.step(self.closure).item(), self.evaluations, *np.concatenate(self.values())]
            for _ in range(n)
        ]

    def values(self):
        return [p.detach().numpy().copy() for p in self.parameters]


ROWS = [
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "history_size": 3, "max_iter": 4},
    {"line_search_fn": "strong_wolfe", "max_eval": 3},
    {"line_search_fn": "strong_wolfe", "lr": 0.5, "max_iter": 2},
    {"line_search_fn": "strong_wolfe", "tolerance_grad": 1.0, "tolerance_change": 1e-3},
    {"lr": 1e-3, "max_iter": 3},
    {"lr": 1e-3, "max_eval": 4},
]


@pytest.mark.parametrize("arguments", ROWS, ids=str)
def test_as_in_pytorch(arguments):
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(
        Run(mg, nn, **arguments).steps(8), Run(torch, torch.nn, **arguments).steps(8), rtol=1e-10, atol=1e-10
    )


@pytest.mark.parametrize("arguments", ROWS, ids=str)
def test_resumed_bit_for_bit_and_from_pytorch(arguments):
    torch = pytest.importorskip("torch")
    whole, first = Run(mg, nn, **arguments), Run(mg, nn, **arguments)
    expected = np.array(whole.steps(6))[3:]
    first.steps(3)
    second = Run(mg, nn, first.values())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    np.testing.assert_array_equal(np.array(second.steps(3))[:, [0, *range(2, 10)]], expected[:, [0, *range(2, 10)]])

    theirs = Run(torch, torch.nn, **arguments)
    theirs.steps(3)
    third = Run(mg, nn, theirs.values())
    third.optimizer.load_state_dict(theirs.optimizer.state_dict())
    np.testing.assert_allclose(
        np.array(third.steps(3))[:, [0, *range(2, 10)]], expected[:, [0, *range(2, 10)]], rtol=1e-10, atol=1e-10
    )


# ---- promises


def convex():
    """Logistic regression with a small ridge, features of different scales; the bounds of its curvature."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 5)) * [0.2, 0.5, 1.0, 2.0, 3.0]
    signs = np.sign(x @ rng.standard_normal(5) + rng.standard_normal(60))
    ridge = 1e-2
    data, targets = mg.tensor(x), mg.tensor(signs)

    def loss(w):
        return mg.mean(mg.log1p(mg.exp(-(data @ w) * targets))) + ridge / 2 * mg.sum(w * w)

    return loss, ridge, np.linalg.eigvalsh(x.T @ x / len(x))[-1] / 4 + ridge


def evaluations_needed(make, loss, limit):
    """How many gradients an optimizer asks for until their norm is 1e-8."""
    w, found = nn.Parameter(np.zeros(5)), []

    class EnoughError(Exception):
        """The gradient is small enough, or there were too many."""

    def closure():
        w.grad = None
        value = loss(w)
        value.backward()
        found.append(np.linalg.norm(w.grad.numpy()))
        if found[-1] <= 1e-8 or len(found) >= limit:
            raise EnoughError
        return value

    optimizer = make([w])
    with contextlib.suppress(EnoughError):
        while True:
            optimizer.step(closure)
    return len(found) if found[-1] <= 1e-8 else np.inf


def test_twenty_times_fewer_evaluations_than_gradient_descent():
    """GD with each of many rates, up to the limit of stability and beyond it."""
    loss, lowest, highest = convex()
    mine = evaluations_needed(
        lambda p: optim.LBFGS(p, line_search_fn="strong_wolfe", tolerance_grad=0, tolerance_change=0), loss, 1000
    )
    rates = [2 / (lowest + highest), *(2 / highest * np.array([0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0]))]
    theirs = min(evaluations_needed(lambda p, lr=lr: optim.SGD(p, lr=lr), loss, 20 * mine) for lr in rates)
    assert mine < 60
    assert theirs >= 20 * mine


@pytest.mark.parametrize("t", [1e-4, 0.1, 1.0, 10.0, 100.0])
def test_the_line_search_finds_a_point_with_the_strong_wolfe_conditions(t):
    """On a line with a hidden minimum: f(t) = -t / (t^2 + 2) of Moré & Thuente (1994)."""

    def phi(t):
        return Point(t, -t / (t * t + 2), np.zeros(1), (t * t - 2) / (t * t + 2) ** 2)

    start = phi(0.0)
    found, evaluations = strong_wolfe(phi, start, t, size=1.0, c2=0.1)
    assert found.f <= start.f + 1e-4 * found.t * start.slope
    assert abs(found.slope) <= 0.1 * abs(start.slope)
    assert evaluations <= 12


def test_a_step_into_infinity_is_taken_back():
    """Beyond t = 1 the objective is NaN."""

    def phi(t):
        inside = t < 1
        return Point(t, (t - 0.5) ** 2 if inside else np.nan, np.zeros(1), 2 * t - 1 if inside else np.nan)

    found, _ = strong_wolfe(phi, phi(0.0), 8.0, size=1.0)
    assert found.t == pytest.approx(0.5, abs=0.45)


def test_the_closure_may_be_compiled():
    eager, run = (Run(mg, nn, line_search_fn="strong_wolfe") for _ in range(2))
    run.closure = mg.jit(run.closure)
    rows, expected = (np.array(r.steps(2)) for r in (run, eager))
    np.testing.assert_allclose(np.delete(rows, 1, axis=1), np.delete(expected, 1, axis=1), rtol=1e-9, atol=1e-9)


# ---- mistakes


def test_a_closure_that_fails_leaves_all_as_it_was():
    run = Run(mg, nn, line_search_fn="strong_wolfe")
    run.steps(1)
    before, memory, state = run.values(), run.optimizer.memory, copy.deepcopy(run.optimizer.state_dict())
    calls = []

    def failing():
        calls.append(run.closure())
        if len(calls) == 4:
            raise KeyError("data")
        return calls[-1]

    with pytest.raises(KeyError):
        run.optimizer.step(failing)
    for a, b in zip(run.values(), before):
        np.testing.assert_array_equal(a, b)
    assert run.optimizer.memory is memory
    assert run.optimizer.state_dict()["state"][0]["n_iter"] == state["state"][0]["n_iter"]


def test_gradients_that_are_not_finite():
    p, q = (nn.Parameter(np.ones(2)) for _ in range(2))
    optimizer = optim.LBFGS([p, q])

    def closure():
        optimizer.zero_grad()
        loss = mg.sum(p + 0 * mg.log(q - 1))
        loss.backward()
        return loss

    with pytest.raises(AnomalyError, match=r"\[LBFGS\] the gradient of parameter 1, of shape \(2,\), is not finite"):
        optimizer.step(closure)
    assert p.tolist() == q.tolist() == [1, 1]


P = nn.Parameter([1.0, 2.0])
BAD = {
    "no closure": (lambda: optim.LBFGS([P]).step(), ConfigError, r"\[LBFGS\] step needs a closure"),
    "groups": (lambda: optim.LBFGS([{"params": [P]}, {"params": [nn.Parameter([1.0])]}]), ConfigError, "no groups"),
    "line search": (lambda: optim.LBFGS([P], line_search_fn="armijo"), ConfigError, "None or 'strong_wolfe', got 'arm"),
    "iterations": (lambda: optim.LBFGS([P], max_iter=0), ConfigError, "max_iter must be a number, a whole one"),
    "rate": (lambda: optim.LBFGS([P], lr=-1), ConfigError, "lr must be a number, at least 0; got -1"),
    "compiled": (
        lambda: mg.jit(partial(optim.LBFGS([P]).step, lambda: mg.sum(P)), warmup=0)(),
        TracingError,
        "compile what the closure calls",
    ),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()


def test_a_state_of_another_model_changes_nothing():
    run, p = Run(mg, nn), nn.Parameter(np.ones(3))
    run.steps(1)
    optimizer = optim.LBFGS([p, nn.Parameter(np.ones(4))])
    with pytest.raises(ConfigError, match="the state is of 8 numbers, the parameters here have 7"):
        optimizer.load_state_dict(run.optimizer.state_dict())
    assert optimizer.memory.n_iter == 0
    assert optimizer.param_groups[0]["lr"] == 1
