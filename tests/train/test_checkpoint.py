"""States to one file and back, exactly; damage is told."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad as mg
from minigrad.errors import DataError
from minigrad.saving import load, load_metadata
from minigrad.train.checkpoint import pack, readable, unpack

dtypes = st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_])
arrays = dtypes.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
plain = st.none() | st.booleans() | st.integers(0, 2**64) | st.floats(allow_nan=False) | st.text(max_size=5)
keys = st.text(max_size=5) | st.integers(-5, 5)
states = st.recursive(
    plain | arrays, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)


def assert_equal(found, expected):
    assert type(found) is (mg.Tensor if isinstance(expected, np.ndarray) else type(expected))
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_equal(found[key], expected[key])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other)
    elif isinstance(expected, np.ndarray):
        found = found.numpy()
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert found.tobytes() == expected.tobytes()
    elif isinstance(expected, float):
        assert math.copysign(1, found) == math.copysign(1, expected)
        assert found == expected
    else:
        assert found == expected


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("state") / "state.safetensors"


def through_a_file(state, file):
    tensors, header = pack(state)
    mg.save(tensors, file, header)
    return unpack(load(file), load_metadata(file), "file")


@given(states)
def test_round_trip_is_exact(file, state):
    assert_equal(through_a_file(state, file), state)


def test_tuples_become_lists_and_numpy_numbers_plain(file):
    found = through_a_file({"w": mg.asarray(np.arange(3.0)), "t": (1, 2), "n": np.float32(0.5), "i": np.int64(3)}, file)
    assert_equal(found, {"w": np.arange(3.0), "t": [1, 2], "n": 0.5, "i": 3})


@pytest.mark.parametrize(
    ("tensors", "header"),
    [
        ({"a": mg.zeros(2)}, {}),
        ({}, {"state": "{"}),
        ({}, {"state": '{"tensor": "/w"}'}),
        ({}, {"state": '{"other": 1}'}),
        ({}, {"state": '{"items": [1]}'}),
    ],
)
def test_tensors_without_their_text_are_no_state(tensors, header):
    with pytest.raises(DataError, match="runs/a holds no state of a run"):
        unpack(tensors, header, "runs/a")


def test_readable_shows_shapes():
    assert readable({0: [np.zeros((2, 3)), 1.5], "a": (None, np.int64(2))}) == {
        "0": ["tensor of shape (2, 3)", 1.5],
        "a": [None, 2],
    }
