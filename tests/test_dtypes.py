"""Which dtype comes out: a table, and the rules around it."""

import numpy as np
import pytest

import minigrad as mg

# The Array API's promotion table, and beyond it integer with float (the float's dtype).
RESULTS = """
          float64 float32 int8    int16   int32   int64   uint8   bool
float64   float64 float64 float64 float64 float64 float64 float64 float64
float32   float64 float32 float32 float32 float32 float32 float32 float32
int8      float64 float32 int8    int16   int32   int64   int16   int8
int16     float64 float32 int16   int16   int32   int64   int16   int16
int32     float64 float32 int32   int32   int32   int64   int32   int32
int64     float64 float32 int64   int64   int64   int64   int64   int64
uint8     float64 float32 int16   int16   int32   int64   uint8   uint8
bool      float64 float32 int8    int16   int32   int64   uint8   bool
"""
COLUMNS, *ROWS = [line.split() for line in RESULTS.strip().splitlines()]
PAIRS = [(row[0], column, result) for row in ROWS for column, result in zip(COLUMNS, row[1:])]


@pytest.mark.parametrize(("left", "right", "expected"), PAIRS)
def test_promotion(left, right, expected):
    assert mg.result_type(left, right) == np.dtype(expected)
    x, y = mg.ones(2, dtype=left), mg.ones(2, dtype=right)
    if expected != "bool":
        assert (x * y).dtype == np.dtype(expected)
    assert mg.where(x > 0, x, y).dtype == np.dtype(expected)
    assert mg.concat([x, y]).dtype == np.dtype(expected)


WEAK = [
    ("float32", 2, "float32"),
    ("float32", 2.5, "float32"),
    ("float64", 2.5, "float64"),
    ("float32", True, "float32"),
    ("int8", 2, "int8"),
    ("int8", 2.5, "float32"),
    ("int64", 2.5, "float32"),
    ("uint8", True, "uint8"),
    ("bool", 2, "int64"),
    ("bool", 2.5, "float32"),
]


@pytest.mark.parametrize(("dtype", "scalar", "expected"), WEAK)
def test_python_scalars_are_weak(dtype, scalar, expected):
    x = mg.ones(2, dtype=dtype)
    assert mg.result_type(x, scalar) == (x * scalar).dtype == (scalar * x).dtype == np.dtype(expected)


def test_numpy_float_scalars_are_weak_and_arrays_are_not():
    x = mg.ones(2)
    assert (x * np.sqrt(2.0)).dtype == mg.float32
    assert (x * np.array(2.0)).dtype == mg.float64


def test_what_new_tensors_get():
    assert mg.tensor([1.0]).dtype == mg.float32
    assert mg.tensor([1]).dtype == mg.int64
    assert mg.tensor([True]).dtype == mg.bool
    assert mg.tensor(np.ones(1)).dtype == mg.float64
    assert mg.zeros(1).dtype == mg.float32
    assert mg.tensor([1], dtype=float).dtype == mg.float32
    assert mg.tensor([mg.tensor(1.5), 2.5]).tolist() == [1.5, 2.5]


def test_the_default_dtype():
    assert mg.default_dtype() == mg.float32
    with mg.set_default_dtype(mg.float64):
        assert mg.tensor([1.0]).dtype == mg.zeros(1).dtype == mg.exp(mg.tensor([1])).dtype == mg.float64
        assert mg.random.uniform(2).dtype == mg.float64
    assert mg.tensor([1.0]).dtype == mg.float32
    mg.set_default_dtype("float64")
    try:
        assert mg.default_dtype() == mg.float64
    finally:
        mg.set_default_dtype("float32")
    with pytest.raises(mg.DtypeError, match="expected float32 or float64, got int32"):
        mg.set_default_dtype("int32")


@pytest.mark.parametrize("dtype", ["complex64", "U3", "object", "uint32", "no such"])
def test_dtypes_that_are_not_supported(dtype):
    with pytest.raises(mg.DtypeError, match=r"\[dtype\]"):
        mg.zeros(1, dtype=dtype)


def test_numbers_that_are_no_numbers():
    for data in ("text", [1.0, None], 1j):
        with pytest.raises(mg.DtypeError):
            mg.tensor(data)
    with pytest.raises(mg.ShapeError, match="ragged"):
        mg.tensor([[1.0], [1.0, 2.0]])


def test_float16_is_for_storage():
    x = mg.ones(2, dtype=mg.float16)
    assert x.astype(mg.float32).tolist() == [1.0, 1.0]
    assert (x * mg.ones(2)).dtype == mg.float32
    for compute in (mg.exp, lambda x: x + x, lambda x: x @ x, lambda x: x * 2.0):
        with pytest.raises(mg.DtypeError, match="float16 is for storage only"):
            compute(x)


def test_casts_are_differentiated_in_the_dtype_of_the_input():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    w = mg.tensor([3.0, 4.0], dtype=mg.float64, requires_grad=True)
    mg.sum(x * w).backward()
    assert (x.grad.dtype, w.grad.dtype) == (mg.float32, mg.float64)
    assert (x.grad.tolist(), w.grad.tolist()) == ([3.0, 4.0], [1.0, 2.0])
    (g,) = mg.autograd.grad(mg.sum(mg.exp(x.astype(mg.float64)) ** 2), x, create_graph=True)
    assert g.dtype == mg.float32
    (second,) = mg.autograd.grad(mg.sum(g), x)
    np.testing.assert_allclose(second.numpy(), 4 * np.exp([2.0, 4.0]), rtol=1e-6)


def test_casts_to_integers_end_the_graph():
    x = mg.tensor([1.7], requires_grad=True)
    assert not x.astype(mg.int64).requires_grad


def test_can_cast_finfo_iinfo():
    assert mg.can_cast(mg.int32, mg.float64)
    assert not mg.can_cast(mg.ones(1), mg.int64)
    assert mg.finfo("float64").eps == np.finfo(np.float64).eps
    assert mg.iinfo(mg.uint8).max == 255
