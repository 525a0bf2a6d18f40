"""Gauss-Newton and Levenberg-Marquardt: SciPy's solutions, exact steps, rejected steps, mistakes."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ConfigError, DtypeError, GraphError

RNG = np.random.default_rng(0)
T = np.linspace(0, 3, 40)
KINDS = [optim.GaussNewton, optim.LevenbergMarquardt]


def rosenbrock(lib, p):
    """The residuals of Rosenbrock's function; none is left at (1, 1)."""
    return lib.stack([10 * (p[1] - p[0] ** 2), 1 - p[0]])


def decay(lib, p):
    """An exponential through noise: residuals that stay large."""
    noisy = 2 * np.exp(-1.5 * T) + 0.5 + 0.1 * np.sin(40 * T)
    t, y = (T, noisy) if lib is np else (mg.tensor(T), mg.tensor(noisy))
    return p[0] * lib.exp(p[1] * t) + p[2] - y


def powell(lib, p):
    """Powell's singular function (1962): J'J has no inverse at the solution, 0."""
    return lib.stack(
        [p[0] + 10 * p[1], 5**0.5 * (p[2] - p[3]), (p[1] - 2 * p[2]) ** 2, 10**0.5 * (p[0] - p[3]) ** 2]
    )


PROBLEMS = {
    "rosenbrock": (rosenbrock, [-1.2, 1.0], 1e-8),
    "decay": (decay, [1.0, -1.0, 0.0], 1e-7),
    "powell": (powell, [3.0, -1.0, 0.0, 1.0], 1e-2),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_solution_of_scipy(kind, name):
    optimize = pytest.importorskip("scipy.optimize")
    residuals, start, tolerance = PROBLEMS[name]
    p = nn.Parameter(np.array(start))
    optimizer = kind([p])
    for _ in range(40):
        optimizer.step(lambda: residuals(mg, p))
    expected = optimize.least_squares(lambda x: residuals(np, x), start, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    np.testing.assert_allclose(p.numpy(), expected.x, atol=tolerance)
    assert 0.5 * np.sum(residuals(np, p.numpy()) ** 2) <= expected.cost * (1 + 1e-10) + 1e-9


def test_one_step_of_gauss_newton_solves_linear_least_squares():
    a, b = RNG.standard_normal((20, 6)), RNG.standard_normal(20)
    p, q = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros((2, 2)))
    optimizer = optim.GaussNewton([p, q], cg_tolerance=1e-13)
    x, y = mg.tensor(a), mg.tensor(b)
    loss = optimizer.step(lambda: (x @ nn.utils.parameters_to_vector([p, q]) - y).reshape(4, 5))
    assert loss.item() == pytest.approx(b @ b / 2)
    expected = np.linalg.lstsq(a, b, rcond=None)[0]
    np.testing.assert_allclose(np.append(p.numpy(), q.numpy()), expected, rtol=1e-9)


def test_one_step_of_levenberg_marquardt_is_ridge_regression():
    a, b = RNG.standard_normal((20, 6)), RNG.standard_normal(20)
    p, x, y = nn.Parameter(np.zeros(6)), mg.tensor(a), mg.tensor(b)
    optimizer = optim.LevenbergMarquardt([p], damping=0.7, cg_tolerance=1e-13)
    optimizer.step(lambda: x @ p - y)
    np.testing.assert_allclose(p.numpy(), np.linalg.solve(a.T @ a + 0.7 * np.eye(6), a.T @ b), rtol=1e-9)
    assert 0.7 / 3 <= optimizer.param_groups[0]["damping"] < 0.7


def test_levenberg_marquardt_takes_no_step_that_raises_the_loss():
    p = nn.Parameter(np.array([3.0]))
    optimizer = optim.LevenbergMarquardt([p], damping=1e-6)
    loss = 0.5 * np.arctan(3.0) ** 2
    assert optimizer.step(lambda: mg.atan(p)).item() == pytest.approx(loss)  # the full step would end at -9.5
    assert 0.5 * np.arctan(p.item()) ** 2 < loss
    assert optimizer.param_groups[0]["damping"] > 1e-6


def test_levenberg_marquardt_gives_up_where_nothing_lowers_the_loss():
    p = nn.Parameter(np.array([3.0]))
    optimizer = optim.LevenbergMarquardt([p], damping=1e-6, max_tries=1)
    optimizer.step(lambda: mg.atan(p))
    assert p.item() == 3.0
    assert optimizer.param_groups[0]["damping"] == pytest.approx(2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_net_is_fitted(kind):
    mg.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    x = mg.tensor(np.linspace(-1, 1, 30, dtype=np.float32)[:, None])
    y = mg.sin(3 * x)
    optimizer = kind(model.parameters(), damping=1e-2)
    for _ in range(30):
        loss = optimizer.step(lambda: model(x) - y)
    assert loss.item() < 0.01


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("closure", "error", "message"),
    [
        (lambda p: mg.tensor([1, 2]), DtypeError, "residuals, a float tensor; got dtype int64"),
        (lambda p: 1.0, DtypeError, "got a float"),
        (lambda p: p.detach(), GraphError, "no tensor that requires grad"),
    ],
)
def test_unfit_closures(kind, closure, error, message):
    p = nn.Parameter(np.array([1.0, 2.0]))
    with pytest.raises(error, match=rf"\[{kind.__name__}\].*{message}"):
        kind([p]).step(lambda: closure(p))


def test_no_damping_is_no_levenberg_marquardt():
    with pytest.raises(ConfigError, match=r"\[LevenbergMarquardt\] damping must be a number, above 0"):
        optim.LevenbergMarquardt([nn.Parameter([1.0])], damping=0.0)
