"""Short rows: what is computed over all rows at once, or as a product with ones, is what the reference computes."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F
from tests.compiler.running import Emitted, assert_same, compiled, plainly, reference

ROWS = {
    "scores": (24, 10),
    "two classes": (30, 2),
    "a wide register": (9, 16),
    "just above": (9, 17),
    "one row": (1, 10),
    "one column": (20, 1),
    "three axes": (4, 5, 6),
    "long rows": (3, 70),
}
FUNCTIONS = {
    "function": lambda x: mg.exp(x - 1.0),
    "of two": lambda x: mg.logaddexp(x, -x),
    "of a broadcast": lambda x: mg.atan2(x, mg.broadcast_to(x[:1], x.shape)),
    "of a transpose": lambda x: mg.tanh(mg.permute_dims(x, tuple(range(x.ndim))[::-1])),
    "sum of rows": lambda x: mg.sum(x * 2.0, axis=-1),
    "sum of columns": lambda x: mg.sum(x * 2.0, axis=tuple(range(x.ndim - 1))),
    "maximum of rows": lambda x: mg.max(x * 2.0, axis=-1),
    "softmax": lambda x: F.softmax(x * 3.0, dim=-1),
    "softmax of columns": lambda x: F.softmax(x, dim=0),
}


@pytest.mark.parametrize("shape", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_value(name, shape):
    x = np.random.default_rng(0).standard_normal(shape)
    assert_same(plainly(FUNCTIONS[name], x), reference(FUNCTIONS[name], x), 1e-13)


def test_compiled():
    def all_of_them(x):
        return [f(x) for f in FUNCTIONS.values()]

    x = np.random.default_rng(0).standard_normal((24, 10))
    assert_same(compiled(all_of_them, x), reference(all_of_them, x), 1e-12)


def test_infinities_and_nan_stay_in_their_rows():
    x = np.ones((20, 10))
    x[3, 4], x[5, 6], x[7, 8] = np.nan, np.inf, -np.inf
    for name in ("sum of rows", "sum of columns", "softmax"):
        assert_same(plainly(FUNCTIONS[name], x), reference(FUNCTIONS[name], x), 1e-13)


def test_short_rows_are_taken_at_once():
    source = Emitted(FUNCTIONS["softmax"], mg.zeros((24, 10))).source
    exponential = source.split("# exp ")[1].split("#")[0]
    assert "range(240)" in exponential
    assert "gemm64" in Emitted(FUNCTIONS["sum of rows"], mg.zeros((24, 10), dtype="float64")).source
