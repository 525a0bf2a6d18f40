"""Scatter-adds: the references against the definition of an adjoint, the numba twins against the references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.kernels.cpu import scatter as cpu
from minigrad.kernels.reference import scatter as reference
from tests.kernels.parity import assert_identical, laid_out, values

KERNELS = [reference, cpu]
DTYPES = [np.float32, np.float64, np.int64]

side = st.integers(0, 4)
shapes = st.lists(side, min_size=1, max_size=4).map(tuple)


@st.composite
def indices(draw, size, shape):
    """In range for an axis of `size`, negative ones included. None fits an empty axis: then shape must hold a 0."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    index = rng.integers(-size, size, shape) if size else np.zeros(shape, np.int64)
    return draw(laid_out(index))


@st.composite
def row_problems(draw, dtype):
    """(shape, index, values, axis) for index_add."""
    shape = draw(shapes)
    axis = draw(st.integers(0, len(shape) - 1))
    count = draw(st.integers(0, 7)) if shape[axis] else 0
    full = (*shape[:axis], count, *shape[axis + 1 :])
    return shape, draw(indices(shape[axis], (count,))), draw(values(full, dtype)), axis


@st.composite
def axis_problems(draw, dtype, broadcast):
    """(shape, index, values, axis) for scatter_add_along_axis; `broadcast` lets `shape` and `index` have ones."""
    full = draw(shapes)
    axis = draw(st.integers(-len(full), len(full) - 1))
    shape, index_shape = list(full), list(full)
    for d in range(len(full)) if broadcast else ():
        shape[d], index_shape[d] = draw(st.sampled_from([(full[d], full[d]), (1, full[d]), (full[d], 1)]))
    shape[axis] = draw(side)
    index_shape[axis] = full[axis] if shape[axis] else 0
    full = (*full[: axis % len(full)], index_shape[axis], *full[axis % len(full) + 1 :])
    index = draw(indices(shape[axis], tuple(index_shape)))
    return tuple(shape), index, draw(values(full, dtype, special=not broadcast)), axis


def integers(shape):
    """Numbers whose sums and products are exact in floating point."""
    return np.random.default_rng(0).integers(-8, 9, shape).astype(np.float64)


def test_index_add_by_hand():
    for kernel in KERNELS:
        index, rows = np.array([2, 0, 2, -1]), np.array([[1.0, 2], [3, 4], [5, 6], [10, 20]])
        np.testing.assert_array_equal(kernel.index_add((3, 2), index, rows, 0), [[3, 4], [0, 0], [16, 28]])
        np.testing.assert_array_equal(kernel.index_add((2, 3), index, rows.T, 1), [[3, 0, 16], [4, 0, 28]])


def test_scatter_add_along_axis_by_hand():
    for kernel in KERNELS:
        out = kernel.scatter_add_along_axis((2, 3), np.array([[0, 0], [2, -2]]), np.array([[1.0, 2], [3, 4]]), 1)
        np.testing.assert_array_equal(out, [[3, 0, 0], [0, 4, 3]])


@given(row_problems(np.int64))
def test_index_add_is_the_adjoint_of_indexing(problem):
    """<index_add(v), x> = <v, x[index]> for every x."""
    shape, index, v, axis = problem
    x = integers(shape)
    assert np.sum(reference.index_add(shape, index, v, axis) * x) == np.sum(v * np.take(x, index, axis))


@given(axis_problems(np.int64, broadcast=True))
def test_scatter_add_along_axis_is_the_adjoint_of_take_along_axis(problem):
    """<scatter(v), x> = <v, take_along_axis(x, index)> for every x."""
    shape, index, v, axis = problem
    x = integers(shape)
    gathered = np.take_along_axis(x, index, axis)
    assert gathered.shape == v.shape
    assert np.sum(reference.scatter_add_along_axis(shape, index, v, axis) * x) == np.sum(v * gathered)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_index_add_cpu_equals_reference(dtype, data):
    problem = data.draw(row_problems(dtype))
    with np.errstate(invalid="ignore"):  # inf - inf
        assert_identical(cpu.index_add(*problem), reference.index_add(*problem))


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_scatter_add_along_axis_cpu_equals_reference(dtype, data):
    problem = data.draw(axis_problems(dtype, broadcast=False))
    with np.errstate(invalid="ignore"):
        assert_identical(cpu.scatter_add_along_axis(*problem), reference.scatter_add_along_axis(*problem))


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_take_along_axis_cpu_equals_numpy(dtype, data):
    shape, index, _, axis = data.draw(axis_problems(dtype, broadcast=False))
    x = data.draw(values(shape, dtype))
    assert_identical(cpu.take_along_axis(x, index, axis), np.take_along_axis(x, index, axis))


@given(axis_problems(np.int64, broadcast=True))
def test_scatter_add_along_axis_cpu_equals_reference_where_shapes_broadcast(problem):
    assert_identical(cpu.scatter_add_along_axis(*problem), reference.scatter_add_along_axis(*problem))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("index", "bad"), [([0, 3], 3), ([-4, 9], -4), ([1, 2, 2**40], 2**40)])
def test_index_out_of_range(kernel, index, bad):
    index = np.array(index)
    with pytest.raises(IndexError, match=f"index {bad} is out of bounds for axis 0 with size 3"):
        kernel.index_add((3, 2), index, np.ones((index.size, 2)), 0)
    with pytest.raises(IndexError, match=f"index {bad} is out of bounds for axis 1 with size 3"):
        kernel.index_add((2, 3), index, np.ones((2, index.size)), 1)
    with pytest.raises(IndexError, match=f"index {bad} is out of bounds for axis 1 with size 3"):
        kernel.scatter_add_along_axis((1, 3), index[None], np.ones((1, index.size)), -1)
    with pytest.raises(IndexError, match=f"index {bad} is out of bounds for axis 1 with size 3"):
        kernel.take_along_axis(np.ones((1, 3)), index[None], -1)


@pytest.mark.parametrize("kernel", KERNELS)
def test_nothing_fits_an_empty_axis(kernel):
    with pytest.raises(IndexError, match="out of bounds for axis 0 with size 0"):
        kernel.index_add((0, 2), np.array([0]), np.ones((1, 2)), 0)
