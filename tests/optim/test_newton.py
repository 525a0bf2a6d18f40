"""Newton-CG: few steps on a convex loss, the solver inside, descent on losses without convexity, damping, mistakes."""

import copy
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import digits
from minigrad.errors import AnomalyError, ConfigError, GraphError, ShapeError, TracingError
from minigrad.nn import functional as F
from minigrad.optim.conjugate_gradients import conjugate_gradients
from minigrad.optim.objective import Objective


def logistic_on_digits():
    """Convex: multinomial logistic regression on 300 digits with an L2 penalty, 640 parameters."""
    images, labels = digits().x[:300].reshape(300, 64), mg.tensor(digits().y[:300])
    x, w = mg.tensor(np.asarray(images, np.float64)), nn.Parameter(np.zeros((10, 64)))
    return w, lambda: F.cross_entropy(x @ w.T, labels) + 1e-3 * mg.sum(w**2)


def gradient_norm(closure, params):
    return np.linalg.norm(Objective("test", closure, params).value_and_gradient()[1])


@pytest.mark.parametrize("damping", [0.0, 1e-4])
def test_convex_logistic_regression_in_fewer_than_20_steps(damping):
    w, closure = logistic_on_digits()
    optimizer = optim.NewtonCG([w], damping=damping)
    steps = 0
    while gradient_norm(closure, [w]) > 1e-8:
        optimizer.step(closure)
        steps += 1
        assert steps < 20


def test_one_step_solves_a_quadratic():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((6, 6))
    h, b = mg.tensor(a @ a.T + np.eye(6)), mg.tensor(rng.standard_normal(6))
    p, q = nn.Parameter(np.ones(2)), nn.Parameter(np.ones((2, 2)))

    def closure():
        x = nn.utils.parameters_to_vector([p, q])
        return 0.5 * x @ (h @ x) - b @ x

    loss = optim.NewtonCG([p, q], cg_tolerance=1e-14).step(closure)
    assert loss.item() == pytest.approx(0.5 * np.ones(6) @ h.numpy() @ np.ones(6) - b.numpy().sum())
    expected = np.linalg.solve(h.numpy(), b.numpy())
    np.testing.assert_allclose(np.append(p.numpy(), q.numpy()), expected, rtol=1e-10)


@given(st.integers(0, 10**6), st.integers(1, 8))
def test_conjugate_gradients_solve_within_as_many_steps_as_unknowns(seed, n):
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    b, matrix = rng.standard_normal(n), (q * rng.uniform(1, 10, n)) @ q.T
    d = conjugate_gradients(lambda v: matrix @ v, b, 1e-10, n)
    np.testing.assert_allclose(matrix @ d, b, atol=1e-8 * np.linalg.norm(b))


@given(st.integers(0, 10**6), st.integers(1, 8), st.floats(-3, 3))
def test_conjugate_gradients_give_a_descent_direction_for_any_symmetric_matrix(seed, n, shift):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((n, n)), rng.standard_normal(n)
    d = conjugate_gradients(lambda v: (a + a.T + shift * np.eye(n)) @ v, b, 1e-3, 20)
    assert b @ d > 0


@given(st.integers(0, 10**6), st.sampled_from([0.0, 1e-2]))
def test_every_step_lowers_a_loss_that_is_not_convex(seed, damping):
    rng = np.random.default_rng(seed)
    p, a = nn.Parameter(3 * rng.standard_normal(4)), mg.tensor(rng.standard_normal((4, 4)))

    def closure():
        return mg.sum(mg.cos(a @ p)) + 0.1 * mg.sum(p**2)

    optimizer = optim.NewtonCG([p], damping=damping)
    losses = []
    while gradient_norm(closure, [p]) > 1e-6 and len(losses) < 100:
        losses.append(optimizer.step(closure).item())
    assert len(losses) < 100
    assert all(after <= before + 1e-12 for before, after in itertools.pairwise(losses))


# where to start, a loss, the factor of the damping, and why
MODELS = [
    (3.0, lambda p: p**2, 2 / 3, "the model is exact"),
    (0.98, lambda p: mg.sqrt(1 + p**2), 1.5, "the step goes to -0.94, where the loss is hardly lower"),
    (1.2, lambda p: mg.sqrt(1 + p**2), 1.0, "half the step is taken, for 0.63 of what the model says"),
]


@pytest.mark.parametrize(("start", "loss", "factor", "why"), MODELS)
def test_the_damping_follows_how_good_the_model_is(start, loss, factor, why):
    p = nn.Parameter(np.array([start]))
    optimizer = optim.NewtonCG([p], damping=1e-6)
    optimizer.step(lambda: mg.sum(loss(p)))
    assert optimizer.param_groups[0]["damping"] == pytest.approx(1e-6 * factor), why


def test_float32_parameters():
    p = nn.Parameter(mg.ones(3))
    optimizer = optim.NewtonCG([p])
    for _ in range(10):
        optimizer.step(lambda: mg.sum(mg.exp(p) - 2 * p))
    np.testing.assert_allclose(p.numpy(), np.log(2), rtol=1e-5)
    assert p.dtype == mg.float32


def test_resumed_from_a_state_dict_bit_for_bit():
    def run(w, optimizer, closure, steps):
        for _ in range(steps):
            optimizer.step(closure)
        return w.numpy()

    w, closure = logistic_on_digits()
    optimizer = optim.NewtonCG([w], damping=0.1, cg_max_iter=5)
    run(w, optimizer, closure, 2)
    state, middle = copy.deepcopy(optimizer.state_dict()), w.numpy().copy()
    expected = run(w, optimizer, closure, 2).copy()
    w, closure = logistic_on_digits()
    w.assign_(middle)
    resumed = optim.NewtonCG([w])
    resumed.load_state_dict(state)
    np.testing.assert_array_equal(run(w, resumed, closure, 2), expected)


def test_a_stationary_point_is_left_alone():
    p = nn.Parameter(np.zeros(3))
    assert optim.NewtonCG([p]).step(lambda: mg.sum(p**2)).item() == 0.0
    np.testing.assert_array_equal(p.numpy(), 0)


# ---- mistakes


def failing_after(calls, result):
    def closure():
        closure.left -= 1
        if closure.left < 0:
            raise KeyboardInterrupt
        return result()

    closure.left = calls
    return closure


# what a full step goes much too far on
FAR = [
    (optim.NewtonCG, lambda p: mg.sum(mg.log(mg.cosh(p)))),
    (optim.GaussNewton, mg.atan),
    (optim.LevenbergMarquardt, mg.atan),
]


@pytest.mark.parametrize(("kind", "result"), FAR)
@pytest.mark.parametrize("calls", [0, 1, 2, 3, 4])
def test_a_closure_that_fails_leaves_everything_as_it_was(kind, result, calls):
    p = nn.Parameter(np.array([3.0, 4.0]))
    optimizer = kind([p], damping=1e-6)
    with pytest.raises(KeyboardInterrupt):
        optimizer.step(failing_after(calls, lambda: result(p)))
    np.testing.assert_array_equal(p.numpy(), [3.0, 4.0])
    assert optimizer.param_groups[0]["damping"] == 1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lr": -1.0}, "lr must be a number, at least 0"),
        ({"damping": -1.0}, "damping must be a number, at least 0"),
        ({"cg_tolerance": 1.0}, r"in \[0, 1\)"),
        ({"cg_max_iter": 0}, "at least 1"),
    ],
)
def test_unfit_numbers(arguments, message):
    with pytest.raises(ConfigError, match=rf"\[NewtonCG\].*{message}"):
        optim.NewtonCG([nn.Parameter([1.0])], **arguments)


def test_groups_are_refused():
    with pytest.raises(ConfigError, match=r"\[NewtonCG\].*no groups"):
        optim.NewtonCG([{"params": [nn.Parameter([1.0])]}, {"params": [nn.Parameter([1.0])]}])


@pytest.mark.parametrize(
    ("closure", "error", "message"),
    [
        (None, ConfigError, "needs a closure"),
        (lambda p: p * 2, ShapeError, "one element"),
        (lambda p: mg.sum(p.detach()), GraphError, "no tensor that requires grad"),
        (lambda p: mg.sum(mg.log(p - 3)), AnomalyError, "loss is nan"),
        (lambda p: mg.sum(mg.sqrt(p - 1)), AnomalyError, "1 elements of its gradient"),
    ],
)
def test_unfit_closures(closure, error, message):
    p = nn.Parameter(np.array([1.0, 2.0]))
    with pytest.raises(error, match=rf"\[NewtonCG\].*{message}"):
        optim.NewtonCG([p]).step(closure and (lambda: closure(p)))
    np.testing.assert_array_equal(p.numpy(), [1.0, 2.0])


def test_it_cannot_be_compiled():
    p = nn.Parameter(np.array([1.0, 2.0]))
    optimizer = optim.NewtonCG([p])

    @mg.jit(warmup=0)
    def step():
        return optimizer.step(lambda: mg.sum(p**2))

    with pytest.raises(TracingError, match=r"\[NewtonCG\]"):
        step()
