"""Estimates of trace and diagonal: unbiased, with standard errors that are right, and mistakes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ConfigError, ShapeError
from minigrad.optim.hutchinson import diagonal_of, mean_of, trace_of

RNG = np.random.default_rng(0)
A = RNG.standard_normal((8, 8))
H = A + A.T
OFF = H - np.diag(np.diag(H))


def test_the_standard_errors_are_those_of_theory():
    """Var z'H z = 2 sum of H_ij^2, and of element i of z * H z the sum over j of H_ij^2, i != j."""
    samples = 4000
    trace = trace_of(lambda v: H @ v, 8, samples, seed=0)
    assert trace.standard_error == pytest.approx(np.sqrt(2 * np.sum(OFF**2) / samples), rel=0.05)
    assert abs(trace.value - np.trace(H)) < 3 * trace.standard_error
    diagonal = diagonal_of(lambda v: H @ v, 8, samples, seed=0)
    np.testing.assert_allclose(diagonal.standard_error, np.sqrt(np.sum(OFF**2, axis=1) / samples), rtol=0.05)
    assert np.all(np.abs(diagonal.value - np.diag(H)) < 4 * diagonal.standard_error)


def test_diagonal_matrices_need_one_sample():
    estimate = diagonal_of(lambda v: np.arange(5.0) * v, 5, 1, seed=0)
    np.testing.assert_array_equal(estimate.value, np.arange(5.0))
    assert np.all(np.isnan(estimate.standard_error))


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20))
def test_means_as_they_come(values):
    estimate = mean_of(values)
    assert estimate.value == pytest.approx(np.mean(values), abs=1e-9)
    assert estimate.standard_error == pytest.approx(np.std(values, ddof=1) / np.sqrt(len(values)), abs=1e-9)


def test_the_diagonal_comes_in_the_shapes_of_the_parameters():
    p, q = nn.Parameter(np.ones((2, 3))), nn.Parameter(mg.ones(2))
    fixed = nn.Parameter(mg.ones(2), requires_grad=False)
    found = optim.hessian_diagonal(lambda: mg.sum(p**3) + mg.sum(fixed * q**2), [p, fixed, q], samples=1)
    assert [(x.shape, x.dtype) for x in found] == [((2, 3), mg.float64), ((2,), mg.float32)]
    np.testing.assert_allclose(found[0].numpy(), 6)
    np.testing.assert_allclose(found[1].numpy(), 2)


def test_the_diagonal_of_a_loss():
    p, a = nn.Parameter(RNG.standard_normal(8)), mg.tensor(H)

    def closure():
        return mg.sum(mg.exp(a @ p / 10))

    exact = np.diag(H.T @ np.diag(np.exp(H @ p.numpy() / 10)) @ H) / 100
    (found,) = optim.hessian_diagonal(closure, [p], samples=2000, seed=1)
    np.testing.assert_allclose(found.numpy(), exact, rtol=0.1)
    (again,) = optim.hessian_diagonal(closure, [p], samples=2000, seed=1)
    np.testing.assert_array_equal(found.numpy(), again.numpy())
    assert p.grad is None


@pytest.mark.parametrize("samples", [0, 1.5, True])
def test_unfit_numbers_of_samples(samples):
    p = nn.Parameter([1.0])
    with pytest.raises(ConfigError, match=r"\[hessian_diagonal\] samples must be a whole number, at least 1"):
        optim.hessian_diagonal(lambda: mg.sum(p**2), [p], samples=samples)


def test_losses_that_are_no_scalars():
    p = nn.Parameter([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"\[hessian_diagonal\].*one element"):
        optim.hessian_diagonal(lambda: p**2, [p])
