"""The spectral density: weights that sum to 1, moments and clusters of the exact spectrum, the picture."""

import numpy as np
import pytest

from minigrad.curvature import Hessian, SpectralDensity, spectral_density
from minigrad.errors import ConfigError
from tests.curvature.problems import dense_hessian, net_hessian, quadratic, small_net


def test_as_many_steps_as_unknowns_find_every_eigenvalue():
    p, loss, a = quadratic(np.linspace(-3, 5, 40))
    density = spectral_density(Hessian(loss, [p]), steps=100, samples=1)
    np.testing.assert_allclose(density.nodes, np.linalg.eigvalsh(a), atol=1e-9)


@pytest.mark.parametrize("eigenvalues", [[2.0] * 10, [0.0] * 10, [1.0] * 5 + [4.0] * 5])
def test_few_different_eigenvalues_end_the_iteration_early(eigenvalues):
    p, loss, _ = quadratic(eigenvalues)
    density = spectral_density(Hessian(loss, [p]), steps=10, samples=1)
    np.testing.assert_allclose(density.nodes, np.unique(eigenvalues), atol=1e-12)


def test_the_density_of_a_net_integrates_to_one():
    density = spectral_density(net_hessian(small_net()), steps=30, samples=4)
    assert density.weights.sum() == pytest.approx(1, abs=1e-12)
    assert density.weights.min() >= 0
    for width in (None, 0.01, 0.3):
        t = density.grid(4001, width)
        assert np.trapezoid(density(t, width), t) == pytest.approx(1, abs=1e-6)


def test_moments_are_those_of_the_exact_spectrum_within_the_error_of_sampling():
    """Samples of z'H^k z / n scatter with variance 2 sum over i != j of (H^k)_ij^2 / n^2."""
    model, samples = small_net(), 64
    exact = dense_hessian(model)
    density = spectral_density(net_hessian(model), steps=10, samples=samples, seed=1)
    eigenvalues = np.linalg.eigvalsh(exact)
    for k in range(1, 7):
        power = np.linalg.matrix_power(exact, k)
        deviation = np.sqrt(2 * (np.sum(power**2) - np.sum(np.diag(power) ** 2)) / samples) / 67
        assert abs(density.moment(k) - np.mean(eigenvalues**k)) < 2 * deviation
        assert deviation < 0.5 * np.mean(np.abs(eigenvalues) ** k)  # the bound says something


def test_the_histogram_is_that_of_the_exact_spectrum():
    """Two clusters apart from each other: the share of eigenvalues in each."""
    p, loss, _ = quadratic([*np.linspace(0, 0.1, 150), *np.linspace(9, 10, 50)])
    density = spectral_density(Hessian(loss, [p]), steps=20, samples=20)
    assert density.weights[density.nodes > 5].sum() == pytest.approx(0.25, abs=0.02)
    t = density.grid()
    upper = t > 5
    assert np.trapezoid(density(t)[upper], t[upper]) == pytest.approx(0.25, abs=0.02)


def test_the_seed_fixes_it():
    hessian = net_hessian(small_net())
    first, again, other = (spectral_density(hessian, 5, 2, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.nodes, again.nodes)
    assert not np.array_equal(first.nodes, other.nodes)


def test_a_single_value_is_a_density_too():
    density = SpectralDensity(np.array([3.0]), np.array([1.0]))
    t = density.grid()
    assert np.trapezoid(density(t), t) == pytest.approx(1, abs=1e-6)


def test_it_is_drawn():
    pytest.importorskip("matplotlib")
    picture = spectral_density(net_hessian(small_net()), 10, 2).plot()
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize("arguments", [{"steps": 0}, {"steps": 1.5}, {"steps": True}, {"samples": 0}])
def test_unfit_numbers(arguments):
    with pytest.raises(ConfigError, match=r"\[spectral_density\] .* must be a whole number, at least 1"):
        spectral_density(net_hessian(small_net()), **arguments)


def test_unfit_widths():
    density = SpectralDensity(np.array([3.0]), np.array([1.0]))
    with pytest.raises(ConfigError, match=r"\[spectral_density\] the width must be above 0"):
        density([1.0], width=0.0)
