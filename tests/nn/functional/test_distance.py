"""Distances at zero vectors and far out; elsewhere they are compared with PyTorch by rows."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F


def derivatives(f, *arrays):
    """Value, gradients of the sum, and gradients of the sum of those."""
    xs = [mg.tensor(a, dtype="float64", requires_grad=True) for a in arrays]
    y = f(*xs)
    first = mg.autograd.grad(y.sum(), xs, create_graph=True)
    second = mg.autograd.grad(sum(g.sum() for g in first), xs, allow_unused=True)
    return [x.numpy() for x in (y, *first, *(g for g in second if g is not None))]


ZERO, SPARSE = [[0.0, 0.0, 0.0]], [[0.0, 2.0, 0.0]]


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, math.inf])
@pytest.mark.parametrize("x", [ZERO, SPARSE], ids=["zero", "sparse"])
def test_zeros_have_finite_derivatives(x, p):
    for f in (lambda x: F.normalize(x, p=p), lambda x: F.pairwise_distance(x, mg.zeros((1, 3)), p=p, eps=0.0)):
        assert all(np.isfinite(a).all() for a in derivatives(f, x))


def test_normalize_at_zero_divides_by_eps():
    value, gradient, second = derivatives(lambda x: F.normalize(x, eps=0.5), ZERO)
    np.testing.assert_array_equal(value, ZERO)
    np.testing.assert_array_equal(gradient, [[2.0, 2.0, 2.0]])
    np.testing.assert_array_equal(second, ZERO)


@pytest.mark.parametrize(("x1", "x2"), [(ZERO, ZERO), (ZERO, SPARSE), (SPARSE, ZERO)])
def test_cosine_of_zero_vectors(x1, x2):
    value, first, second, *others = derivatives(lambda a, b: F.cosine_similarity(a, b, eps=0.5), x1, x2)
    assert value == [0.0]
    np.testing.assert_array_equal(first, np.divide(x2, 0.5 * max(np.linalg.norm(x2), 0.5)))
    np.testing.assert_array_equal(second, np.divide(x1, 0.5 * max(np.linalg.norm(x1), 0.5)))
    assert all(np.isfinite(a).all() for a in others)


def test_distance_of_equal_vectors_is_that_of_eps():
    value, first, *others = derivatives(lambda a, b: F.pairwise_distance(a, b, eps=0.1), SPARSE, SPARSE)
    np.testing.assert_allclose(value, [0.1 * math.sqrt(3)], rtol=1e-15)
    np.testing.assert_allclose(first, np.full((1, 3), 1 / math.sqrt(3)), rtol=1e-15)
    assert all(np.isfinite(a).all() for a in others)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_angles_do_not_depend_on_lengths(scale):
    x = mg.tensor([[3.0, 4.0], [-4.0, 3.0]]) * scale
    np.testing.assert_allclose(F.normalize(x).numpy(), [[0.6, 0.8], [-0.8, 0.6]], rtol=1e-6)
    np.testing.assert_allclose(F.cosine_similarity(x, mg.tensor([1.0, 0.0])).numpy(), [0.6, -0.8], rtol=1e-6)
