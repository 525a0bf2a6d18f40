"""The Dataset record: what it keeps and what it refuses."""

import numpy as np
import pytest

from minigrad.data import Dataset
from minigrad.errors import DataError

Y = np.array([0, 1, 1])


def test_keeps_float32_int64_and_its_shape_in_words():
    data = Dataset(np.arange(6).reshape(3, 2), Y.astype(np.uint8), ("no", "yes"), "toy")
    assert (data.x.dtype, data.y.dtype) == (np.float32, np.int64)
    assert (len(data), data.classes, data.sample_shape) == (3, 2, (2,))
    assert repr(data) == "Dataset('toy': 3 samples of shape (2,), 2 classes)"


def test_subset_keeps_names_and_drops_the_test_part():
    test = Dataset(np.zeros((1, 2)), np.array([1]), ("no", "yes"))
    data = Dataset(np.arange(6).reshape(3, 2), Y, ("no", "yes"), "toy", ("a", "b"), test)
    assert repr(data).endswith("1 for test)")
    part = data.subset(np.array([2, 0]))
    np.testing.assert_array_equal(part.x, [[4, 5], [0, 1]])
    np.testing.assert_array_equal(part.y, [1, 0])
    assert (part.class_names, part.name, part.columns, part.test) == (("no", "yes"), "toy", ("a", "b"), None)


def spoiled(value):
    x = np.zeros((3, 2, 2))
    x[1, 0, 1] = x[2, 1, 1] = value
    return x


BAD = {
    "nan": (spoiled(np.nan), Y, r"2 NaN or infinite values out of 12 .*the first in row 1, column 0, 1"),
    "infinity": (spoiled(-np.inf), Y, "2 NaN or infinite values"),
    "too large for float32": (spoiled(1e300), Y, "2 NaN or infinite values"),
    "objects": (np.array([np.zeros(2), np.zeros(3), None], dtype=object), Y, "unequal size"),
    "text": (np.array([["a"], ["b"], ["c"]]), Y, "must be numeric, got dtype <U1"),
    "complex": (np.zeros((3, 1), complex), Y, "must be numeric, got dtype complex128"),
    "flat": (np.zeros(3), Y, r"shape \(N, ...\).*got \(3,\)"),
    "no features": (np.zeros((3, 0)), Y, r"empty: shape \(3, 0\)"),
    "lengths": (np.zeros((4, 2)), Y, r"shape \(4,\), got \(3,\) for x \(4, 2\)"),
    "label too large": (np.zeros((3, 2)), Y + 1, "0 .. 1: 2 do not, the first is 2 in row 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case):
    x, y, message = BAD[case]
    with pytest.raises(DataError, match=rf"\[toy\].*{message}"):
        Dataset(x, y, ("no", "yes"), "toy")
