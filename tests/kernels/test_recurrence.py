"""linear_recurrence: the reference against the closed form, the numba twin against the reference."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.kernels.cpu import recurrence as cpu
from minigrad.kernels.reference import recurrence as reference
from tests.kernels.parity import assert_identical, values

KERNELS = [reference, cpu]
DTYPES = [np.float32, np.float64]
shapes = st.lists(st.integers(0, 5), min_size=1, max_size=4).map(tuple)
small = st.integers(-3, 3)


def closed_form(a, b):
    """s_i = sum over j <= i of b_j a_{j+1} ... a_i, in Python's integers."""
    return [sum(b[j] * math.prod(a[j + 1 : i + 1]) for j in range(i + 1)) for i in range(len(b))]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(rows=st.lists(st.lists(st.tuples(small, small), min_size=6, max_size=6), min_size=1, max_size=3))
def test_closed_form(kernel, dtype, rows):
    a, b = np.moveaxis(np.array(rows), -1, 0)
    expected = [closed_form(*row) for row in zip(a.tolist(), b.tolist(), strict=True)]
    assert_identical(kernel.linear_recurrence(a.astype(dtype), b.astype(dtype)), np.array(expected, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data(), shape=shapes)
def test_cpu_equals_reference(dtype, data, shape):
    a, b = data.draw(values(shape, dtype)), data.draw(values(shape, dtype))
    with np.errstate(invalid="ignore"):  # inf - inf, 0 * inf
        assert_identical(cpu.linear_recurrence(a, b), reference.linear_recurrence(a, b))


@pytest.mark.parametrize("kernel", KERNELS)
def test_first_coefficient_is_not_read(kernel):
    s = kernel.linear_recurrence(np.array([np.nan, 2.0]), np.array([3.0, 4.0]))
    np.testing.assert_array_equal(s, [3.0, 10.0])


@pytest.mark.parametrize("kernel", KERNELS)
@given(data=st.data(), shape=shapes)
def test_inputs_are_left_alone(kernel, data, shape):
    a, b = (data.draw(values(shape, np.float64, special=False)) for _ in "ab")
    before = a.copy(), b.copy()
    s = kernel.linear_recurrence(a, b)
    assert not np.shares_memory(s, b)
    assert_identical(a, before[0])
    assert_identical(b, before[1])
