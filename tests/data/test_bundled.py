"""The bundled digits against what is published about them."""

from pathlib import Path

import numpy as np
import pytest

import minigrad.data
from minigrad.data import digits

# UCI's optdigits.names: "No of examples in testing set", classes 0 to 9.
PUBLISHED_COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.fixture(scope="module")
def data():
    return digits()


def test_shapes_and_counts(data):
    assert data.x.shape == (1797, 1, 8, 8)
    assert data.x.dtype == np.float32
    assert data.y.dtype == np.int64
    assert data.class_names == tuple("0123456789")
    np.testing.assert_array_equal(np.bincount(data.y), PUBLISHED_COUNTS)


def test_pixels_are_sixteenths(data):
    ink = data.x * 16
    assert ink.min() == 0
    assert ink.max() == 16
    np.testing.assert_array_equal(ink, np.round(ink))
    # The first image, a zero, as scikit-learn's documentation prints it.
    np.testing.assert_array_equal(ink[0, 0, :2], [[0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0]])
    assert data.y[0] == 0


def test_same_as_scikit_learn(data):
    published = pytest.importorskip("sklearn.datasets").load_digits()
    np.testing.assert_array_equal(data.x[:, 0] * 16, published.images)
    np.testing.assert_array_equal(data.y, published.target)


def test_the_file_is_small_and_names_source_and_licence():
    folder = Path(minigrad.data.__file__).parent
    assert (folder / "digits.npz").stat().st_size < 150_000
    note = (folder / "digits.txt").read_text()
    for word in ("UCI", "Alpaydin", "Kaynak", "1998", "CC BY 4.0"):
        assert word in note
