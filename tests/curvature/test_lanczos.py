"""Gauss quadrature by Lanczos's method is exact for polynomials."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.curvature.lanczos import lanczos, quadrature


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_quadrature_is_exact_for_polynomials_of_degree_below_twice_the_steps(seed, steps):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((9, 9))
    a, z = (a + a.T) / 4, rng.standard_normal(9)
    z /= np.linalg.norm(z)
    nodes, weights = quadrature(*lanczos(lambda v: a @ v, z, steps))
    assert len(nodes) == steps
    for degree in range(2 * steps):
        assert weights @ nodes**degree == pytest.approx(z @ np.linalg.matrix_power(a, degree) @ z, abs=1e-9)


def test_outer_eigenvalues_are_found_once():
    """Without orthogonalization against all vectors, copies of the large ones would take the place of small ones."""
    eigenvalues = np.geomspace(1e-2, 1e3, 60)
    nodes, _ = quadrature(*lanczos(lambda v: eigenvalues * v, np.full(60, 60**-0.5), 60))
    np.testing.assert_allclose(nodes, eigenvalues, rtol=1e-6)
