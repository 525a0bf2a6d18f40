"""Padding by hand: the order of the widths, what negative ones leave, other dtypes; else it is compared by rows."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F

# mode, widths, what becomes of [0, 1, 2, 3]
BY_HAND = [
    ("constant", (1, 2), [9, 0, 1, 2, 3, 9, 9]),
    ("constant", (-1, -3), []),
    ("reflect", (2, 1), [2, 1, 0, 1, 2, 3, 2]),
    ("reflect", (-2, 3), [2, 3, 2, 1, 0]),
    ("replicate", (2, 1), [0, 0, 0, 1, 2, 3, 3]),
    ("replicate", (-4, 2), [3, 3]),
    ("circular", (2, 1), [2, 3, 0, 1, 2, 3, 0]),
    ("circular", (-2, 2), [2, 3, 2, 3]),
]


@pytest.mark.parametrize(("mode", "widths", "expected"), BY_HAND)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_by_hand(mode, widths, expected, dtype):
    y = F.pad(mg.tensor([[0, 1, 2, 3]], dtype=dtype), widths, mode, 9 if mode == "constant" else None)
    assert y.dtype == dtype
    assert y.tolist() == [expected]


def test_the_last_dimension_comes_first():
    assert F.pad(mg.zeros((2, 3, 4)), (1, 0, 0, 2)).shape == (2, 3 + 2, 4 + 1)
    y = F.pad(mg.ones((1, 1)), (1, 0, 0, 2))
    np.testing.assert_array_equal(y.numpy(), [[0, 1], [0, 0], [0, 0]])


def test_values_that_are_no_finite_numbers():
    for value in (np.nan, -np.inf):
        np.testing.assert_array_equal(F.pad(mg.ones(1), (0, 1), value=value).numpy(), [1.0, value])


def test_nothing_to_pad():
    x = mg.ones((2, 3))
    assert F.pad(x, ()).shape == F.pad(x, (0, 0)).shape == (2, 3)
