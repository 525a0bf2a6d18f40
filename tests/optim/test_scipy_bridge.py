"""SciPy's optimizers on parameters: every method finds the minimum, arguments pass through, nothing is half done."""

import subprocess
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ConfigError, GraphError, ShapeError
from minigrad.optim.objective import Objective
from minigrad.optim.scipy_bridge import METHODS, Function

optimize = pytest.importorskip("scipy.optimize")

RNG = np.random.default_rng(0)
A = RNG.standard_normal((20, 4))
SIGNS = np.sign(RNG.standard_normal(20))


def logistic(p, q):
    """A logistic regression with penalty on two parameters of two elements."""
    w = mg.concat([p, q.reshape(2)])
    return mg.mean(mg.logaddexp(0.0, -mg.tensor(SIGNS) * (mg.tensor(A) @ w))) + 0.05 * mg.sum(w**2)


def reference(w):
    """The same in NumPy."""
    return np.mean(np.logaddexp(0.0, -SIGNS * (A @ w))) + 0.05 * np.sum(w**2)


SOLUTION = optimize.minimize(reference, np.zeros(4), method="BFGS", tol=1e-10).x


def parameters(dtype=mg.float64):
    return nn.Parameter(mg.ones(2, dtype=dtype)), nn.Parameter(mg.ones((1, 2), dtype=dtype))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_minimum(method):
    p, q = parameters()
    result = optim.minimize(lambda: logistic(p, q), [p, q], method=method, tol=1e-8)
    assert isinstance(result, optimize.OptimizeResult)
    np.testing.assert_allclose(result.x, SOLUTION, atol=1e-4)
    np.testing.assert_array_equal(np.concatenate([p.numpy(), q.numpy().reshape(-1)]), result.x)
    assert result.fun == pytest.approx(logistic(p, q).item())
    assert p.grad is q.grad is None


@pytest.mark.parametrize("method", [name for name, uses in METHODS.items() if uses.hessian == "hessp"])
def test_hessian_vector_products_are_used(method):
    p, q = parameters()
    result = optim.minimize(lambda: logistic(p, q), [p, q], method=method)
    assert result.nhev > 0


@pytest.mark.parametrize("method", ["L-BFGS-B", "CG", "trust-ncg"])
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
@pytest.mark.parametrize("jit", [False, True])
def test_dtypes_are_kept(method, dtype, jit):
    p, q = parameters(dtype)
    x, signs = mg.tensor(A, dtype=dtype), mg.tensor(SIGNS, dtype=dtype)

    def closure():
        w = mg.concat([p, q.reshape(2)])
        return mg.mean(mg.logaddexp(0.0, -signs * (x @ w))) + 0.05 * mg.sum(w**2)

    result = optim.minimize(closure, [p, q], method=method, jit=jit)
    assert result.x.dtype == np.float64
    assert (p.dtype, q.dtype, q.shape) == (dtype, dtype, (1, 2))
    np.testing.assert_allclose(np.concatenate([p.numpy(), q.numpy().reshape(-1)]), SOLUTION, atol=1e-3)


def test_a_model_and_its_frozen_part():
    mg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    model[0].requires_grad_(False)
    frozen, x = model[0].weight.numpy().copy(), mg.tensor(A, dtype=mg.float32)
    y = mg.tensor(SIGNS[:, None], dtype=mg.float32)
    before = nn.functional.mse_loss(model(x), y).item()
    result = optim.minimize(lambda: nn.functional.mse_loss(model(x), y), model.parameters())
    assert result.fun < before
    assert result.x.shape == (4,)
    np.testing.assert_array_equal(model[0].weight.numpy(), frozen)


def test_a_vector_that_the_solver_changes_in_place_is_a_new_point():
    p = nn.Parameter(np.array([1.0, 2.0]))
    function = Function(Objective("test", lambda: mg.sum(p**2), [p]))
    x = np.array([1.0, 2.0])
    assert function.value(x) == 5.0
    x[:] = 0.0
    assert function.value(x) == 0.0


# ---- what is passed on


def test_bounds():
    p, q = parameters()
    bounds = [(0.5, None), (None, 0.2), (None, None), (None, None)]
    result = optim.minimize(lambda: logistic(p, q), [p, q], bounds=bounds)
    expected = optimize.minimize(reference, np.ones(4), bounds=bounds)
    np.testing.assert_allclose(result.x, expected.x, atol=1e-4)
    assert p.numpy()[0] >= 0.5
    assert p.numpy()[1] <= 0.2


def test_options_and_callback():
    p, q = parameters()
    seen = []
    result = optim.minimize(
        lambda: logistic(p, q), [p, q], "BFGS", options={"maxiter": 2, "gtol": 0.0}, callback=lambda x: seen.append(x)
    )
    assert result.nit == 2 == len(seen)
    np.testing.assert_array_equal(seen[-1], result.x)


def test_a_callback_that_asks_for_the_result():
    p, q = parameters()
    seen = []

    def callback(intermediate_result):
        seen.append(intermediate_result.fun)
        raise StopIteration

    optim.minimize(lambda: logistic(p, q), [p, q], "L-BFGS-B", callback=callback)
    assert len(seen) == 1


def test_the_tolerance():
    def steps(tol):
        p, q = parameters()
        return optim.minimize(lambda: logistic(p, q), [p, q], "CG", tol=tol).nit

    assert steps(1e-1) < steps(1e-9)


def test_methods_in_any_case():
    p, q = parameters()
    assert optim.minimize(lambda: logistic(p, q), [p, q], "l-bfgs-b").success


# ---- mistakes


@pytest.mark.parametrize("method", ["L-BFGS-B", "Nelder-Mead", "Newton-CG"])
@pytest.mark.parametrize("calls", [0, 1, 3])
def test_parameters_are_restored_if_the_closure_fails(method, calls):
    p, q = parameters()
    left = [calls]

    def closure():
        if not left[0]:
            raise KeyError("no more")
        left[0] -= 1
        return logistic(p, q)

    with pytest.raises(KeyError, match="no more"):
        optim.minimize(closure, [p, q], method)
    np.testing.assert_array_equal(p.numpy(), 1)
    np.testing.assert_array_equal(q.numpy(), 1)


P = nn.Parameter(np.ones(2))


@pytest.mark.parametrize(
    ("closure", "arguments", "error", "message"),
    [
        (lambda: mg.sum(P**2), {"method": "Adam"}, ConfigError, "unknown method 'Adam'; there .*L-BFGS-B.*trust-ncg"),
        (lambda: mg.sum(P**2), {"method": None}, ConfigError, "unknown method None"),
        (lambda: mg.sum(P**2), {"params": []}, ConfigError, "empty list"),
        (lambda: mg.sum(P**2), {"bounds": [(0, 1)]}, ShapeError, "expected 2 bounds, .* got 1"),
        (lambda: P**2, {}, ShapeError, r"one element; got shape \(2,\)"),
        (lambda: mg.sum(P.detach()), {}, GraphError, "no tensor that requires grad"),
        (lambda: mg.sum(nn.Parameter([1.0])), {"method": "Powell"}, GraphError, "none of the parameters"),
    ],
)
def test_mistakes(closure, arguments, error, message):
    with pytest.raises(error, match=rf"\[minimize\].*{message}"):
        optim.minimize(closure, **{"params": [P], **arguments})
    np.testing.assert_array_equal(P.numpy(), 1)


def test_scipy_is_imported_when_it_is_used():
    code = """
import sys
from minigrad import nn, optim
p = nn.Parameter([1.0])
before = "scipy" in sys.modules
optim.minimize(lambda: (p**2).sum(), [p])
print(before, "scipy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
