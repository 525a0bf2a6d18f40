"""Elementwise rules as one loop: what is left to Python, what is emitted, what is refused."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.compiler.load import is_on_disk, watching
from minigrad.compiler.lower import Unsupported
from minigrad.compiler.rule import Rule


def decay(arrays, numbers):
    rate, t = numbers
    factor = (1 - rate**t) / 3
    return {"x": arrays["x"] * factor - arrays["y"] / (factor + 1)}, [t + 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 7, 100])
def test_a_rule_is_numpy_s_bit_for_bit_at_every_length(dtype, n):
    rule = Rule(decay, ["x", "y"], dtype, 2)
    rng = np.random.default_rng(n)
    x, y = (rng.standard_normal(n).astype(dtype) for _ in range(2))
    new, (t,) = decay({"x": x, "y": y}, [0.9, 3.0])
    scalars, results = rule.numbers([0.9, 3.0])
    before = y.copy()
    rule.compile()(x, y, scalars, n)
    np.testing.assert_array_equal(x, new["x"])
    np.testing.assert_array_equal(y, before)
    assert results == [t]
    assert is_on_disk(rule.source)


def test_numbers_alone_are_no_part_of_the_loop():
    source = Rule(decay, ["x", "y"], np.float32, 2).source
    assert "def step(x, y, S, n):" in source
    assert "pow" not in source
    assert source.count("for ") == 1


OTHER = mg.ones(1024)
REFUSED = {
    "sum": lambda arrays, numbers: ({"x": arrays["x"] - mg.sum(arrays["x"])}, []),
    "neighbours": lambda arrays, numbers: ({"x": mg.flip(arrays["x"])}, []),
    "another tensor": lambda arrays, numbers: ({"x": arrays["x"] + OTHER}, []),
    "random": lambda arrays, numbers: ({"x": arrays["x"] + mg.random.uniform((1024,))}, []),
    "function of a number": lambda arrays, numbers: ({"x": arrays["x"] * mg.exp(numbers[0])}, []),
}


@pytest.mark.parametrize("fn", REFUSED.values(), ids=REFUSED)
def test_what_is_no_elementwise_rule_is_refused(fn):
    with pytest.raises(Unsupported):
        Rule(fn, ["x"], np.float32, 1)


def test_compilations_can_be_watched():
    told = []
    with watching(told.append):
        rule = Rule(decay, ["x", "y"], np.float64, 2)
        rule.compile()
        rule.compile()
    rule.compile()
    assert len(told) == 2
    assert told[1] is True
