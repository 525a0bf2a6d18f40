"""Random splits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.data import Dataset, TensorDataset, digits, random_split
from minigrad.errors import ConfigError


def numbered(y):
    y = np.asarray(y)
    return Dataset(np.arange(len(y))[:, None], y, tuple(str(i) for i in range(y.max() + 1)))


labels = st.lists(st.integers(0, 3), min_size=6, max_size=60)


@given(labels, st.integers(0, 2**64 - 1), st.booleans(), st.integers(1, 5))
def test_parts_hold_every_sample_once_in_its_order(y, seed, stratify, first):
    data = numbered(y)
    parts = random_split(data, [first, len(y) - first], seed=seed, stratify=stratify)
    assert [len(part) for part in parts] == [first, len(y) - first]
    rows = [part.x[:, 0].astype(int) for part in parts]
    for part, indices in zip(parts, rows, strict=True):
        assert (np.diff(indices) > 0).all()
        np.testing.assert_array_equal(part.y, data.y[indices])
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(len(y)))


@given(labels, st.integers(0, 99), st.integers(1, 2), st.integers(1, 3))
def test_stratified_parts_have_the_shares_of_the_whole(y, seed, first, second):
    data = numbered(y)
    share = np.bincount(data.y) / len(data)
    classes = np.count_nonzero(share)
    for part in random_split(data, [first, second, len(y) - first - second], seed=seed, stratify=True):
        found = np.bincount(part.y, minlength=data.classes)
        assert (np.abs(found - share * len(part)) <= 1 + share * max(0, classes - 2) + 1e-9).all()


def test_stratified_digits_split_is_close_to_exact():
    data = digits()
    for part in random_split(data, [0.8, 0.1, 0.1], seed=3, stratify=True):
        expected = np.bincount(data.y) * len(part) / len(data)
        assert np.abs(np.bincount(part.y) - expected).max() < 2


def test_seed_decides():
    data = digits()
    rows = [random_split(data, [0.5, 0.5], seed=seed)[0].x for seed in (0, 0, 1)]
    np.testing.assert_array_equal(rows[0], rows[1])
    assert (rows[0] != rows[2]).any()


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [([0.8, 0.2], [8, 2]), ([0.5, 0.25, 0.25], [6, 2, 2]), ([1.0], [10]), ([7, 3], [7, 3]), ([1 / 3] * 3, [4, 3, 3])],
)
def test_sizes(lengths, sizes):
    assert [len(part) for part in random_split(numbered([0, 1] * 5), lengths)] == sizes


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([], "positive"),
        ([5, 0, 5], "positive"),
        ([1.2, -0.2], "positive"),
        ([np.nan, 0.5], "positive"),
        ([5, 4], "sum to 10 samples or to 1"),
        ([0.5, 0.4], "sum to 10 samples or to 1"),
        ([0.94, 0.03, 0.03], "too few"),
    ],
)
def test_refuses_lengths(lengths, message):
    with pytest.raises(ConfigError, match=message):
        random_split(numbered([0, 1] * 5), lengths)


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5, "a", True])
def test_refuses_seeds(seed):
    with pytest.raises(ConfigError, match="seed must be a whole number"):
        random_split(numbered([0, 1]), [1, 1], seed=seed)


def test_tensor_datasets_split_too_but_have_no_classes():
    data = TensorDataset(np.arange(10))
    assert [len(part) for part in random_split(data, [3, 7])] == [3, 7]
    with pytest.raises(ConfigError, match="needs a Dataset"):
        random_split(data, [3, 7], stratify=True)
