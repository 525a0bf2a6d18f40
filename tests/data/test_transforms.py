"""Standardization and random shifts."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minigrad.data import RandomShift, Standardizer, digits, random_split, standardize
from minigrad.data.shuffle import batch_generator
from minigrad.errors import ConfigError, ShapeError

AXES = {"feature": (0,), "channel": (0, 2, 3), "all": (0, 1, 2, 3)}


@pytest.mark.parametrize("scope", AXES)
def test_training_part_gets_mean_zero_and_deviation_one(scope):
    x = np.random.default_rng(0).normal(3, 5, (40, 2, 3, 4)).astype(np.float32)
    z = Standardizer.fit(x, scope)(x).astype(np.float64)
    np.testing.assert_allclose(z.mean(axis=AXES[scope]), 0, atol=1e-6)
    np.testing.assert_allclose(z.std(axis=AXES[scope]), 1, atol=1e-6)


def test_others_use_the_numbers_of_the_training_part():
    train, test = random_split(digits(), [0.8, 0.2])
    _, scaled, scale = standardize(train, test, scope="all")
    expected = (test.x - train.x.mean(dtype=np.float64)) / train.x.std(dtype=np.float64)
    np.testing.assert_allclose(scaled.x, expected, rtol=1e-5, atol=1e-6)
    assert scale.mean.shape == (1, 1, 1)
    assert scaled.y is not None


@given(st.floats(-1e6, 1e6, width=32), st.integers(1, 50))
def test_constant_features_become_zero(value, n):
    x = np.full((n, 1), value, np.float32)
    np.testing.assert_allclose(Standardizer.fit(x)(x), 0, atol=abs(value) * 1e-6)


@pytest.mark.parametrize("x", [1e-45, 1e-40, 1e-37, 1e37])
def test_the_smallest_and_largest_deviations(x):
    z = Standardizer.fit(np.array([[x], [0.0]], np.float32))(np.array([[x], [0.0]], np.float32))
    np.testing.assert_allclose(z, [[1.0], [-1.0]] if x > 1e-38 else [[0.0], [0.0]], atol=1e-6)


@given(hnp.arrays(np.float32, (5, 3), elements=st.floats(-1000, 1000, width=32)))
def test_inverse_and_json_round_trip(x):
    scale = Standardizer.fit(x)
    np.testing.assert_allclose(scale.inverse(scale(x)), x, rtol=1e-5, atol=1e-5 * max(1, np.abs(x).max()))
    again = Standardizer.from_dict(json.loads(json.dumps(scale.to_dict())))
    np.testing.assert_array_equal(again(x), scale(x))


def test_refuses_other_samples_and_scopes():
    scale = Standardizer.fit(np.zeros((4, 3)))
    with pytest.raises(ShapeError, match=r"fitted to samples like \(3,\), got x \(4, 2\)"):
        scale(np.zeros((4, 2)))
    with pytest.raises(ShapeError):
        scale.inverse(np.zeros((4, 3, 1)))
    with pytest.raises(ConfigError, match="feature, channel, all, got 'row'"):
        Standardizer.fit(np.zeros((4, 3)), "row")


def test_shift_moves_whole_images_by_up_to_its_reach():
    x = np.zeros((200, 2, 7, 9), np.float32)
    x[:, 0, 3, 4] = 1
    x[:, 1, 3, 4] = 2
    y = np.arange(200)
    moved, same = RandomShift(2, fill=0.0)(batch_generator(0, 0, 0), x, y)
    assert same is y
    assert moved.shape == x.shape
    places = np.argwhere(moved == 1)[:, 2:]
    np.testing.assert_array_equal(np.argwhere(moved == 2)[:, 2:], places)
    assert {tuple(place) for place in places} == {(row, column) for row in range(1, 6) for column in range(2, 7)}


def test_shift_fills_the_border():
    (moved,) = RandomShift(1, fill=-5.0)(batch_generator(0, 0, 0), np.ones((50, 1, 3, 3), np.float32))
    assert set(np.unique(moved)) == {-5.0, 1.0}
    assert moved.dtype == np.float32
