"""The affine map: what it refuses; against PyTorch it is tested as a layer."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.nn import functional as F

BAD = {
    "features": (
        lambda: F.linear(mg.ones((5, 3)), mg.ones((2, 4))),
        r"4 features, got input \(5, 3\), weight",
    ),
    "number": (lambda: F.linear(mg.tensor(1.0), mg.ones((2, 4))), r"4 features, got input \(\)"),
    "vector weight": (lambda: F.linear(mg.ones((5, 3)), mg.ones(3)), r"a weight of rank 2, \(out, in\), got .* \(3,\)"),
    "bias": (lambda: F.linear(mg.ones((5, 3)), mg.ones((2, 3)), mg.ones(1)), r"a bias of shape \(2,\), got \(1,\)"),
    "column bias": (
        lambda: F.linear(mg.ones((5, 3)), mg.ones((2, 3)), mg.ones((2, 1))),
        r"a bias of shape \(2,\), got \(2, 1\), weight \(2, 3\)",
    ),
}


@pytest.mark.parametrize(("act", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, message):
    with pytest.raises(ShapeError, match=r"\[linear\] expected " + message):
        act()


def test_numbers_of_any_kind_will_do():
    rows, weight = [[1.0, 2.0], [3.0, 5.0]], mg.tensor([[1.0, -1.0]])
    for given in (rows, np.array(rows, np.float32), mg.tensor(rows)):
        np.testing.assert_array_equal(F.linear(given, weight).numpy(), [[-1.0], [-2.0]])
