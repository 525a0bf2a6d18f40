"""Eigenvalues against numpy.linalg on the dense Hessian, and what they say about gradient descent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import curvature, nn, optim
from minigrad.curvature import Hessian
from minigrad.errors import ConfigError, MinigradError, ShapeError
from tests.curvature.problems import RNG, dense_hessian, net_hessian, quadratic, small_net

pytest.importorskip("scipy")


@pytest.mark.parametrize("k", [1, 5, 60])
def test_eigenvalues_of_a_net_are_those_of_the_dense_hessian(k):
    model = small_net()
    hessian, exact = net_hessian(model), np.linalg.eigvalsh(dense_hessian(model))
    np.testing.assert_allclose(curvature.largest_eigenvalues(hessian, k), exact[::-1][:k], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(curvature.smallest_eigenvalues(hessian, k), exact[:k], rtol=1e-6, atol=1e-9)
    assert curvature.sharpness(hessian) == pytest.approx(exact[-1], rel=1e-6)
    assert curvature.critical_rate(hessian) == pytest.approx(2 / exact[-1], rel=1e-6)
    assert curvature.condition_number(hessian) == float("inf")  # it has directions of negative curvature
    assert exact[0] < 0


@pytest.mark.parametrize("largest", [True, False])
def test_eigenvectors(largest):
    hessian = net_hessian(small_net())
    values, vectors = curvature.eigenvectors(hessian, 3, largest)
    ends = curvature.largest_eigenvalues if largest else curvature.smallest_eigenvalues
    np.testing.assert_allclose(values, ends(hessian, 3), rtol=1e-10)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=1e-10)
    for value, vector in zip(values, vectors.T):
        np.testing.assert_allclose(hessian @ vector, value * vector, atol=1e-8)
        assert curvature.along(hessian, hessian.tensors(vector)) == pytest.approx(value)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12))
def test_spectra_of_quadratics(eigenvalues):
    p, loss, _ = quadratic(eigenvalues)
    hessian = Hessian(loss, [p])
    np.testing.assert_allclose(curvature.smallest_eigenvalues(hessian, len(p)), np.sort(eigenvalues), atol=1e-10)
    high = max(eigenvalues)
    if abs(high) > 1e-9:
        assert curvature.critical_rate(hessian) == pytest.approx(2 / high if high > 0 else float("inf"))


@pytest.mark.parametrize("n", [5, 60])
def test_the_condition_number(n):
    p, loss, _ = quadratic(np.geomspace(1e-3, 10, n))
    assert curvature.condition_number(Hessian(loss, [p])) == pytest.approx(1e4, rel=1e-6)
    p, loss, _ = quadratic([*[1e-2] * n, *np.geomspace(1, 10, n)])
    assert curvature.condition_number(Hessian(loss, [p])) == pytest.approx(1e3, rel=1e-6)
    p, loss, _ = quadratic([0.0, *np.geomspace(1e-3, 10, n)])
    assert curvature.condition_number(Hessian(loss, [p])) == float("inf")


def test_float32_nets():
    model = small_net()
    single = small_net()
    for p in single.parameters():
        p.data = p.data.astype(np.float32)
    exact = np.linalg.eigvalsh(dense_hessian(model))
    x, y = (mg.tensor(a) for a in (np.float32(RNG.standard_normal((30, 4))), RNG.integers(0, 3, 30)))
    hessian = Hessian(lambda: nn.functional.cross_entropy(single(x), y), single.parameters())
    found = np.linalg.eigvalsh(hessian.dense())
    np.testing.assert_allclose(curvature.largest_eigenvalues(hessian, 2), found[::-1][:2], rtol=1e-5)
    assert exact.shape == found.shape


# ---- gradient descent


@settings(max_examples=10)
@given(st.lists(st.floats(0.1, 100), min_size=2, max_size=6), st.integers(0, 100))
def test_gradient_descent_diverges_just_above_the_critical_rate_and_converges_just_below(eigenvalues, seed):
    def distance(factor):
        p, loss, _ = quadratic(eigenvalues, seed)
        optimizer = optim.SGD([p], lr=factor * curvature.critical_rate(Hessian(loss, [p])))
        for _ in range(600):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
        return np.abs(top @ p.numpy()) / abs(top @ np.ones(len(eigenvalues)))

    _, _, a = quadratic(eigenvalues, seed)
    top = np.linalg.eigh(a)[1][:, -1]
    if abs(top.sum()) < 1e-3:
        return  # nothing to see along the top direction
    assert distance(0.99) < 1e-5  # |1 - 2 * 0.99|^600 = 5e-6
    assert distance(1.01) > 1e5


# ---- along a direction


def test_along_is_the_second_derivative_on_the_line():
    model = small_net()
    hessian, dense = net_hessian(model), dense_hessian(model)
    v = RNG.standard_normal(67)
    assert curvature.along(hessian, v) == pytest.approx(v @ dense @ v / (v @ v), rel=1e-10)
    assert curvature.along(hessian, -3 * v) == pytest.approx(curvature.along(hessian, v), rel=1e-10)


def test_mistakes():
    hessian = net_hessian(small_net())
    with pytest.raises(ConfigError, match="a length above 0"):
        curvature.along(hessian, np.zeros(67))
    with pytest.raises(ShapeError, match=r"\(67,\)"):
        curvature.along(hessian, np.ones(3))
    for k in (0, 68, 1.5, True):
        with pytest.raises(ConfigError, match="from 1 to 67 eigenvalues"):
            curvature.largest_eigenvalues(hessian, k)


@pytest.fixture
def no_convergence(monkeypatch):
    from scipy.sparse import linalg

    def gives_up(*args, **kwargs):
        raise linalg.ArpackNoConvergence("no convergence", np.ones(2), np.ones((67, 2)))

    monkeypatch.setattr(linalg, "eigsh", gives_up)


def test_the_matrix_steps_in_where_the_iteration_does_not_converge(no_convergence):
    model = small_net()
    exact = np.linalg.eigvalsh(dense_hessian(model))
    np.testing.assert_allclose(curvature.largest_eigenvalues(net_hessian(model), 3), exact[::-1][:3], rtol=1e-10)


def test_no_convergence_is_told_of_where_the_matrix_is_too_large(no_convergence, monkeypatch):
    monkeypatch.setattr("minigrad.curvature.eigen.DENSE", 50)
    with pytest.raises(MinigradError, match=r"\[curvature\] the Lanczos iteration found 2 of 3.*above 1e-12"):
        curvature.largest_eigenvalues(net_hessian(small_net()), 3, tolerance=1e-12)


def test_clusters_of_many_eigenvalues():
    p, loss, _ = quadratic([*(1e-3 + 1e-7 * np.linspace(0, 1, 150) ** 2), *np.linspace(0.1, 1, 20)])
    assert curvature.smallest_eigenvalues(Hessian(loss, [p]))[0] == pytest.approx(1e-3, rel=1e-6)


def test_a_loss_without_curvature():
    p = nn.Parameter(np.ones(50))
    hessian = Hessian(lambda: mg.sum(3 * p), [p])
    np.testing.assert_array_equal(curvature.largest_eigenvalues(hessian, 2), [0.0, 0.0])
    assert curvature.critical_rate(hessian) == float("inf")
