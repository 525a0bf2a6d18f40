"""Products with the Hessian of a net: over batches, in the shapes of the parameters, compiled, and mistakes."""

import subprocess
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.curvature import Hessian
from minigrad.data import DataLoader, TensorDataset
from minigrad.errors import ConfigError, DataError, ShapeError
from minigrad.nn import functional as F
from tests.curvature.problems import RNG, X, Y, dense_hessian, net_hessian, small_net

V = RNG.standard_normal(67)


def test_the_dense_matrix():
    model = small_net()
    hessian = net_hessian(model)
    assert hessian.shape == (67, 67)
    np.testing.assert_allclose(hessian.dense(), dense_hessian(model), atol=1e-12)


@pytest.mark.parametrize(("jit", "batch_size"), [(False, 7), (True, 15)])  # the last of 7 has 2
def test_batches_add_up_to_the_data(jit, batch_size):
    model = small_net()
    loader = DataLoader(TensorDataset(X, Y), batch_size=batch_size, shuffle=True)
    hessian = Hessian(lambda x, y: F.cross_entropy(model(x), y), model.parameters(), loader, jit=jit)
    expected = dense_hessian(model)
    np.testing.assert_allclose(hessian @ V, expected @ V, atol=1e-12)
    np.testing.assert_allclose(hessian @ V, expected @ V, atol=1e-12)  # a second pass over the loader


def test_batches_may_be_single_tensors():
    p = nn.Parameter(np.array([1.0, 2.0]))
    hessian = Hessian(lambda x: mg.mean((x @ p) ** 2), [p], [mg.tensor(X[:5, :2]), mg.tensor(X[5:, :2])])
    np.testing.assert_allclose(hessian.dense(), 2 * X[:, :2].T @ X[:, :2] / 30, rtol=1e-12)


def test_directions_in_the_shapes_of_the_parameters():
    model = small_net()
    hessian = net_hessian(model)
    parts = hessian.tensors(V)
    assert [part.shape for part in parts] == [p.shape for p in model.parameters()]
    np.testing.assert_array_equal(hessian @ parts, hessian @ V)
    np.testing.assert_array_equal(hessian @ [part.numpy() for part in parts], hessian @ V)


def test_the_gradient_is_a_direction():
    model = small_net()
    hessian = net_hessian(model)
    F.cross_entropy(model(mg.tensor(X)), mg.tensor(Y)).backward()
    expected = np.concatenate([p.grad.numpy().reshape(-1) for p in model.parameters()])
    np.testing.assert_allclose(hessian.gradient(), expected, atol=1e-14)
    np.testing.assert_allclose(hessian @ [p.grad for p in model.parameters()], hessian @ expected, atol=1e-14)


def test_scipy_may_multiply_with_it():
    pytest.importorskip("scipy")
    hessian = net_hessian(small_net())
    np.testing.assert_array_equal(hessian.linear_operator() @ V, hessian @ V)
    np.testing.assert_allclose(hessian.linear_operator() @ np.stack([V, 2 * V], axis=1), np.outer(hessian @ V, [1, 2]))


@pytest.mark.parametrize(
    ("v", "got"),
    [
        (np.ones(66), r"\(66,\)"),
        (np.ones((67, 1)), r"\(67, 1\)"),
        (1.0, r"\(\)"),
        ([np.ones((8, 4)), np.ones(8), np.ones((3, 8)), np.ones(4)], r"shape \(3,\), the direction there \(4,\)"),
    ],
)
def test_unfit_directions(v, got):
    with pytest.raises(ShapeError, match=rf"\[curvature\].*{got}"):
        net_hessian(small_net()) @ v


def test_mistakes():
    p = nn.Parameter([1.0, 2.0])
    with pytest.raises(ConfigError, match=r"\[curvature\] got an empty list"):
        Hessian(lambda: mg.sum(p), [])
    with pytest.raises(ShapeError, match=r"\[curvature\] the closure must return the loss.*\(2,\)"):
        Hessian(lambda: p * 2, [p]) @ [1.0, 2.0]
    with pytest.raises(DataError, match=r"\[curvature\] the data hold no sample"):
        Hessian(lambda x: mg.sum(p * x), [p], []) @ [1.0, 2.0]


def test_it_is_imported_when_it_is_asked_for():
    code = """
import sys
import minigrad as mg
before = "minigrad.curvature" in sys.modules
mg.curvature.Hessian
print(before, "scipy" in sys.modules, "matplotlib" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] * 3
