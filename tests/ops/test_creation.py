"""Creation functions against NumPy, their dtypes, shapes and errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.checking import strategies as mgst

SAME = [
    (lambda: mg.arange(5), np.arange(5)),
    (lambda: mg.arange(2, 9, 3), np.arange(2, 9, 3)),
    (lambda: mg.arange(5, 2, -1), np.arange(5, 2, -1)),
    (lambda: mg.arange(0.0, 1.0, 0.25), np.arange(0, 1, 0.25, dtype=np.float32)),
    (lambda: mg.arange(3, dtype=mg.float64), np.arange(3.0)),
    (lambda: mg.linspace(0, 1, 5), np.linspace(0, 1, 5, dtype=np.float32)),
    (lambda: mg.linspace(0, 1, 4, endpoint=False, dtype="float64"), np.linspace(0, 1, 4, endpoint=False)),
    (lambda: mg.eye(3), np.eye(3, dtype=np.float32)),
    (lambda: mg.eye(2, 4, k=1, dtype=mg.int64), np.eye(2, 4, 1, dtype=np.int64)),
    (lambda: mg.full((2, 3), 7.5), np.full((2, 3), 7.5, np.float32)),
    (lambda: mg.full(2, 7), np.full(2, 7)),
    (lambda: mg.full((), True), np.array(True)),
    (lambda: mg.zeros((2, 0)), np.zeros((2, 0), np.float32)),
    (lambda: mg.ones(3, dtype="uint8"), np.ones(3, np.uint8)),
    (lambda: mg.zeros_like(mg.tensor([1, 2])), np.zeros(2, np.int64)),
    (lambda: mg.ones_like([1.5, 2.5]), np.ones(2, np.float32)),
    (lambda: mg.full_like(np.zeros((2, 2)), 3.5), np.full((2, 2), 3.5)),
    (lambda: mg.zeros_like(mg.ones(2), dtype=mg.int8), np.zeros(2, np.int8)),
    (lambda: mg.tensor([[1, 2], [3, 4]], dtype=mg.float64), np.array([[1.0, 2.0], [3.0, 4.0]])),
    (lambda: mg.tensor(3), np.array(3)),
    (lambda: mg.asarray([True, False]), np.array([True, False])),
    (lambda: mg.meshgrid([1, 2], [3, 4, 5])[1], np.meshgrid([1, 2], [3, 4, 5])[1]),
    (lambda: mg.meshgrid([1, 2], [3, 4, 5], indexing="ij")[0], np.meshgrid([1, 2], [3, 4, 5], indexing="ij")[0]),
]


@pytest.mark.parametrize(("make", "expected"), SAME, ids=range(len(SAME)))
def test_the_same_as_numpy(make, expected):
    np.testing.assert_array_equal(make().numpy(), expected, strict=True)


@given(mgst.shapes(), st.sampled_from(["float32", "float64", "int64", "bool"]))
def test_shapes_and_dtypes(shape, dtype):
    for make in (mg.zeros, mg.ones, mg.empty):
        made = make(shape, dtype=dtype)
        assert (made.shape, made.dtype) == (shape, np.dtype(dtype))
    assert mg.empty_like(made).shape == shape


def test_requires_grad_at_birth():
    for made in (
        mg.tensor([1.0], requires_grad=True),
        mg.zeros(2, requires_grad=True),
        mg.ones(2, requires_grad=True),
        mg.full(2, 1.5, requires_grad=True),
        mg.empty(2, requires_grad=True),
    ):
        assert made.requires_grad
        assert made.is_leaf
    with pytest.raises(mg.DtypeError):
        mg.ones(2, dtype=mg.int64, requires_grad=True)


def test_asarray_of_a_tensor_is_the_tensor():
    x = mg.tensor([1.0], requires_grad=True)
    assert mg.asarray(x) is x
    assert mg.asarray(x, dtype=mg.float64).requires_grad  # the cast is recorded
    assert mg.asarray(x, copy=True) is not x


def test_allclose():
    assert mg.allclose([1.0, np.nan], [1.0 + 1e-9, np.nan], equal_nan=True)
    assert not mg.allclose([1.0], [1.001])
    assert mg.allclose([1.0], [1.001], rtol=0.01)
    assert isinstance(mg.allclose(1.0, 1.0), bool)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mg.zeros(-1), mg.ShapeError, r"\[shape\] sizes must not be negative, got -1"),
        (lambda: mg.ones((2, -3)), mg.ShapeError, r"sizes must not be negative, got \(2, -3\)"),
        (lambda: mg.zeros(2.5), mg.ShapeError, r"sizes must be integers, got 2\.5"),
        (lambda: mg.zeros("ab"), mg.ShapeError, "sizes must be integers, got 'ab'"),
        (lambda: mg.from_dlpack(np.ones(2, np.complex64)), mg.DtypeError, "complex64 is not supported"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
