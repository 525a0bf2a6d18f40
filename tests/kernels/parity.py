"""What tests of kernel twins share: arrays with drawn strides, awkward values, and equality to the bit."""

import numpy as np
from hypothesis import strategies as st

SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0])


@st.composite
def laid_out(draw, array):
    """The same values in drawn strides: axes permuted, steps of 1, 2, -1 or -2, writeable or not."""
    axes = draw(st.permutations(range(array.ndim)))
    steps = draw(st.lists(st.sampled_from([1, 2, -1, -2]), min_size=array.ndim, max_size=array.ndim))
    buffer = np.zeros([array.shape[axis] * abs(steps[axis]) for axis in axes], array.dtype)
    view = buffer.transpose(np.argsort(axes))[tuple(slice(None, None, step) for step in steps)]
    view[...] = array
    view.flags.writeable = draw(st.booleans())
    return view


@st.composite
def values(draw, shape, dtype, special=True):
    """Normal numbers (small integers for an integer dtype), one in ten replaced by a special one, in drawn strides."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    array = rng.normal(size=shape) * 4
    if special and np.issubdtype(dtype, np.floating):
        array = np.where(rng.random(shape) < 0.1, rng.choice(SPECIAL, shape), array)
    return draw(laid_out(array.astype(dtype)))


def assert_identical(got, expected):
    """Same dtype, shape and bits; NaN equals NaN whatever its payload."""
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected, strict=True)
    numbers = expected == expected
    np.testing.assert_array_equal(np.signbit(got[numbers]), np.signbit(expected[numbers]))
