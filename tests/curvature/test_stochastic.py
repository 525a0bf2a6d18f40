"""Trace and diagonal of a net's Hessian, within their own standard errors."""

import numpy as np

from minigrad import curvature
from tests.curvature.problems import dense_hessian, net_hessian, small_net


def test_the_trace_is_right_within_its_own_standard_error():
    model = small_net()
    exact, estimate = dense_hessian(model), curvature.trace(net_hessian(model), samples=100, seed=3)
    assert abs(estimate.value - np.trace(exact)) < estimate.standard_error
    assert estimate.standard_error < 0.2 * np.trace(exact)


def test_the_diagonal_is_right_within_a_few_standard_errors():
    model = small_net()
    exact, estimate = dense_hessian(model), curvature.diagonal(net_hessian(model), samples=100)
    z = (estimate.value - np.diag(exact)) / estimate.standard_error
    assert np.abs(z).max() < 4
    assert 0.7 < np.sqrt(np.mean(z**2)) < 1.3
