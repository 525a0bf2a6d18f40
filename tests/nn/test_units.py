"""Maxout and radial basis functions: what the papers say of them, extremes, and training."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F


@pytest.mark.parametrize(
    ("slopes", "function"), [([1.0, 0.0], F.relu), ([1.0, -1.0], mg.abs), ([1.0, 1.0], lambda x: x)]
)
def test_two_pieces_make_the_usual_activations(slopes, function):
    """Goodfellow et al. 2013, figure 1."""
    layer = nn.Maxout(1, 1, 2, bias=False)
    layer.weight.assign_(mg.tensor([[s] for s in slopes]))
    x = mg.tensor([[-1.5], [0.0], [2.0]])
    assert layer(x).tolist() == function(x).tolist()


def test_many_pieces_approach_a_convex_function():
    """Tangents of x^2 at distance h leave a gap of h^2 / 4 at most."""
    points = np.linspace(-1, 1, 21)
    layer = nn.Maxout(1, 1, 21, dtype="float64")
    layer.weight.assign_(mg.tensor(2 * points[:, None]))
    layer.bias.assign_(mg.tensor(-(points**2)))
    x = np.linspace(-1, 1, 401)
    gap = x**2 - layer(mg.tensor(x[:, None])).numpy()[:, 0]
    assert gap.min() >= -1e-15
    assert gap.max() <= 0.1**2 / 4 + 1e-15


def test_bumps_have_their_height_and_width():
    """u at the center, u / e at distance b^(-1/2), and u exp(-1/2) at one standard deviation."""
    u, b, w = 3.0, 0.5, [1.0, -2.0]
    layer = nn.RBF(2, 1, dtype="float64")
    layer.load_state_dict({"center": [[w]], "precision": [[b]], "amplitude": [[u]]})
    x = np.asarray(w) + np.array([[0, 0], [b**-0.5, 0], [0, -((2 * b) ** -0.5)]])
    np.testing.assert_allclose(layer(mg.tensor(x)).numpy()[:, 0], [u, u / np.e, u * np.exp(-0.5)], rtol=1e-14)


def test_far_away_everything_is_zero_and_finite():
    layer = nn.RBF(2, 3, 4, dtype="float64")
    x = mg.tensor([[1e4, -1e4], [1e150, 0.0]], dtype="float64", requires_grad=True)
    y = layer(x)
    leaves = [x, *layer.parameters()]
    gradients = mg.autograd.grad(y.sum(), leaves, create_graph=True)
    second = mg.autograd.grad(sum(g.sum() for g in gradients), leaves, allow_unused=True)
    for values in (y, *gradients, *second):
        assert values is None or not values.numpy().any()


def test_near_a_center_nothing_cancels():
    """||x||^2 - 2 x w + ||w||^2 would be off by 1e-4 here."""
    w = mg.full((1, 1, 1), 1e3, dtype="float32")
    y = F.rbf(mg.tensor([[1e3 + 0.25]]), w, mg.ones((1, 1)), mg.ones((1, 1)))
    np.testing.assert_allclose(y.item(), np.exp(-0.0625), rtol=1e-6)


def test_they_learn_what_no_plane_separates():
    mg.manual_seed(0)
    model = nn.Sequential(nn.RBF(2, 4, 3), nn.Maxout(4, 2, 3))
    optimizer = mg.optim.Adam(model.parameters(), lr=0.1)
    x, y = mg.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), mg.tensor([0, 1, 1, 0])
    for _ in range(60):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
