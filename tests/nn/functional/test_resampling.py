"""Interpolation beyond comparison with PyTorch in float64: positions in float32, infinities, unchanged axes."""

import itertools

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nearest_rounds_as_pytorch(mode, dtype):
    """Where t n / m is an integer, rounding decides: every pair of small sizes, and odd factors."""
    torch = pytest.importorskip("torch")
    targets = [{"size": m} for m in range(1, 40)] + [{"scale_factor": f} for f in (0.3, 0.7, 2.3, 3.3)]
    for n, target in itertools.product(range(4, 20), targets):
        x = np.arange(n, dtype=dtype).reshape(1, 1, n)
        expected = torch.nn.functional.interpolate(torch.tensor(x), mode=mode, **target)
        np.testing.assert_array_equal(F.interpolate(mg.tensor(x), mode=mode, **target).numpy(), expected.numpy())


def test_nearest_keeps_infinities_where_they_are():
    x = mg.tensor([[[[1.0, -np.inf], [np.nan, 2.0]]]])
    y = F.interpolate(x, scale_factor=2)
    np.testing.assert_array_equal(y.numpy(), np.repeat(np.repeat(x.numpy(), 2, axis=2), 2, axis=3))


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "area"])
def test_axes_that_keep_their_size_keep_their_elements(mode):
    x = mg.tensor(np.random.default_rng(0).standard_normal((1, 2, 3, 5)))
    np.testing.assert_array_equal(F.interpolate(x, scale_factor=1.1, mode=mode).numpy(), x.numpy())


def test_aligned_corners_continue_straight_lines():
    x = np.linspace(0, 1, 4) + np.linspace(0, 2, 3)[:, None]
    y = F.interpolate(mg.tensor(x[None, None]), size=(9, 7), mode="bilinear", align_corners=True)
    np.testing.assert_allclose(y.numpy()[0, 0], np.linspace(0, 1, 7) + np.linspace(0, 2, 9)[:, None], atol=1e-15)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_constants_stay(mode):
    y = F.interpolate(mg.full((1, 1, 4, 5), 3.0), scale_factor=(1.7, 0.6), mode=mode)
    np.testing.assert_allclose(y.numpy(), np.full((1, 1, 6, 3), 3.0), rtol=1e-6)


def test_repr():
    assert repr(nn.Upsample(scale_factor=2.0)) == "Upsample(scale_factor=2.0, mode='nearest')"
    shown = "Upsample(size=(4, 5), mode='bilinear', align_corners=True)"
    assert repr(nn.Upsample((4, 5), mode="bilinear", align_corners=True)) == shown
