"""From data to standardized parts."""

import numpy as np
import pytest

from minigrad.data import Dataset, digits
from minigrad.errors import ConfigError, DataError
from minigrad.train import Config
from minigrad.train.prepare import augmentation, split_data, with_full_paths


def test_parts_are_disjoint_complete_and_standardized_by_the_training_part():
    data = digits()
    parts = split_data(data, Config(data="digits", validation=0.2, test=0.1))
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [1258, 360, 179]
    together = np.concatenate([parts.scale.inverse(part.x) for part in (parts.train, parts.validation, parts.test)])
    assert_same_rows(together, data.x)
    assert parts.train.x.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert parts.train.x.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)


def assert_same_rows(one, other):
    flat = [np.round(array.reshape(len(array), -1) * 16).astype(int) for array in (one, other)]
    np.testing.assert_array_equal(*(rows[np.lexsort(rows.T)] for rows in flat))


def test_a_fixed_test_part_stays_and_tables_are_standardized_by_column():
    rng = np.random.default_rng(0)
    y = np.arange(100) % 2
    test = Dataset(rng.normal(size=(7, 2)), np.arange(7) % 2, ("a", "b"))
    data = Dataset(rng.normal([3, -100], [2, 50], size=(100, 2)), y, ("a", "b"), test=test)
    parts = split_data(data, Config(data="x", validation=0.25, test=0.9))
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [75, 25, 7]
    np.testing.assert_allclose(parts.train.x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(parts.scale.inverse(parts.test.x), test.x, rtol=1e-5, atol=1e-5)


def test_nothing_left_to_train_on():
    with pytest.raises(ConfigError, match="must leave something to train on"):
        split_data(digits(), Config(data="digits", validation=0.5, test=0.5))


def test_one_class_in_the_training_part():
    data = Dataset(np.zeros((20, 1)), [1] * 20, ("a", "b"))
    with pytest.raises(DataError, match=r"of one class \(b\)"):
        split_data(data, Config(data="x"))


def test_what_is_shifted_in_is_background():
    config = Config(data="digits", shift=2)
    parts = split_data(digits(), config)
    shift = augmentation(config, parts)
    assert shift.pixels == 2
    assert shift.fill == pytest.approx(parts.train.x.min())
    assert augmentation(Config(data="digits"), parts) is None


def test_full_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"data": "a.csv", "model": "nets/b.py:net", "lr": 0.1}
    assert with_full_paths(given) == {"data": str(tmp_path / "a.csv"), "model": f"{tmp_path}/nets/b.py:net", "lr": 0.1}
    for untouched in ({"data": "digits", "model": "cnn"}, {"data": "mnist", "model": None}):
        assert with_full_paths(untouched) == untouched
