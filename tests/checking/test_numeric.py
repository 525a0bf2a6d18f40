"""Numerical derivatives against known ones, and kinks against known kinks."""

import numpy as np
import pytest

from minigrad.checking.numeric import derivative, granularity, measured_noise


def slope_of(f, x, thorough=False):
    """f's derivative at x by relative steps of |x|, and the whole finding."""
    scale = abs(x) or 1.0
    with np.errstate(all="ignore"):
        found = derivative(
            lambda t: np.atleast_1d(np.asarray(f(x + t * scale), float)),
            np.ones(1),
            lambda slope: 1e-7 * abs(slope.value[0]),
            thorough,
        )
    return found.value[0] / scale, found


SMOOTH = {
    "exp": (np.exp, 0.3, np.exp(0.3)),
    "square, tiny": (np.square, 1e-12, 2e-12),
    "square, huge": (np.square, 1e12, 2e12),
    "log near its edge": (np.log, 1e-9, 1e9),
    "short wavelength": (lambda x: np.sin(1e5 * x), 1.0, 1e5 * np.cos(1e5)),
    "steep sigmoid": (lambda x: 1 / (1 + np.exp(-1e4 * (x - 1.0))), 1.0, 2500.0),
    "flat": (lambda x: 0.0 * x + 3.0, 2.0, 0.0),
    "at 0": (np.expm1, 0.0, 1.0),
    "large offset": (lambda x: 1e5 + np.sin(x), 0.7, np.cos(0.7)),
    "just beside a kink": (lambda x: np.maximum(x, 1.0) ** 2, 1.0 + 1e-6, 2 * (1 + 1e-6)),
    "between kinks": (lambda x: np.abs(np.sin(1000 * np.pi * x)), 1.0003, 1000 * np.pi * np.cos(0.3 * np.pi)),
}


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("name", SMOOTH)
def test_smooth(name, thorough):
    f, x, expected = SMOOTH[name]
    value, found = slope_of(f, x, thorough)
    np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-12)
    assert not found.kink[0]


@pytest.mark.parametrize("name", SMOOTH)
def test_the_error_estimate_bounds_the_error(name):
    f, x, expected = SMOOTH[name]
    value, found = slope_of(f, x, thorough=True)
    assert abs(value - expected) <= 5 * found.error[0] / abs(x or 1.0)


ROUGH = {
    "abs at 0": (np.abs, 0.0),
    "relu at 0": (lambda x: np.maximum(x, 0), 0.0),
    "relu with curvature": (lambda x: np.maximum(x - 2, 0) + np.exp(x), 2.0),
    "small kink on a steep slope": (lambda x: 100 * x + 0.1 * np.abs(x - 1), 1.0),
    "jump to the right": (np.floor, 1.0),
    "jump on both sides": (np.sign, 0.0),
    "jump beside a slope": (lambda x: np.where(x < 1, x, x + 1), 1.0),
    "infinite slope": (lambda x: np.sign(x) * np.sqrt(np.abs(x)), 0.0),
    "edge of the domain": (np.sqrt, 0.0),
    "huge": (lambda x: np.maximum(x, 1e12), 1e12),
}


@pytest.mark.parametrize("name", ROUGH)
def test_kinks_are_seen(name):
    f, x = ROUGH[name]
    assert slope_of(f, x, thorough=True)[1].kink[0]


def test_an_input_so_small_that_a_relative_change_changes_nothing():
    value, found = slope_of(np.exp, 1e-14, thorough=True)
    np.testing.assert_allclose(value, 1.0, rtol=1e-6)
    assert not found.kink[0]


@pytest.mark.parametrize("noise", [1e-12, 1e-9, 1e-6])
def test_noise_is_measured(noise):
    rng = np.random.default_rng(3)
    measured = measured_noise(lambda t: np.exp(t) * np.ones(50) + noise * rng.normal(size=50))
    assert (measured > 0.5 * noise).all()
    assert np.median(measured) < 4 * noise


def test_granularity_sees_lost_digits():
    x = np.random.default_rng(0).normal(size=(20, 1))
    single = x.astype(np.float32).astype(float)
    both = granularity(np.concatenate([x, single, np.sign(x)], axis=1))
    assert both[0] < 1e-15
    assert 1e-12 < both[1] < 1e-7
    assert both[2] == 0.0
