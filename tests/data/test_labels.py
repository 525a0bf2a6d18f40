"""Labels to class indices."""

import numpy as np
import pytest

from minigrad.data.labels import encode_labels
from minigrad.errors import DataError

NAMES = ("cat", "dog")
GOOD = {
    "names are sorted": (["dog", "cat", "dog"], None, [1, 0, 1], NAMES),
    "numbers as text sort as numbers": (["10", "9", "-1"], None, [2, 1, 0], ("-1", "9", "10")),
    "spellings of a number are one class": (["1", " 1.0", "2.0"], None, [0, 0, 1], ("1", "2")),
    "text with names": (["dog", "dog"], NAMES, [1, 1], NAMES),
    "indices": ([0, 2, 1, 2], None, [0, 2, 1, 2], ("0", "1", "2")),
    "whole floats": ([0.0, 1.0], None, [0, 1], ("0", "1")),
    "booleans": ([True, False], None, [1, 0], ("0", "1")),
    "indices with names": ([1, 1], NAMES, [1, 1], NAMES),
    "unsigned bytes": (np.array([1, 0], np.uint8), None, [1, 0], ("0", "1")),
}


@pytest.mark.parametrize("case", GOOD)
def test_encodes(case):
    raw, names, expected, expected_names = GOOD[case]
    y, class_names = encode_labels("here", np.asarray(raw), names)
    np.testing.assert_array_equal(y, expected)
    assert y.dtype == np.int64
    assert class_names == expected_names


BAD = {
    "negative": ([0, -1, 1], None, r"0 .. 1: 1 do not, the first is -1 in row 1"),
    "too large for the names": ([0, 2], NAMES, r"0 .. 1: 1 do not, the first is 2 in row 1"),
    "gap": ([0, 1, 255], None, "run up to 255 but class 2 never occurs"),
    "from one": ([1, 2, 3], None, "run up to 3 but class 0 never occurs"),
    "fraction": ([0, 1.5], None, "label 1.5 in row 1 is not a whole number"),
    "nan": ([0, np.nan], None, "label nan in row 1"),
    "one-hot": ([[0, 1], [1, 0]], None, r"shape \(N,\), got \(2, 2\).*argmax"),
    "objects": (np.array([0, None]), None, "never unpickled"),
    "bytes": (np.array([b"a"]), None, "dtype |S1"),
    "none": (np.array([], np.int64), None, "no labels"),
    "text fraction": (["0.5", "1"], None, "'0.5' in row 0.*regression"),
    "text nan": (["a", "nan"], None, "'nan' in row 1"),
    "text empty": (["a", " "], None, "row 1 is empty"),
    "unknown name": (["cat", "cow"], NAMES, "'cow' in row 1 is none of the 2 classes: cat, dog"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case):
    raw, names, message = BAD[case]
    with pytest.raises(DataError, match=rf"\[here\].*{message}"):
        encode_labels("here", np.asarray(raw), names)
