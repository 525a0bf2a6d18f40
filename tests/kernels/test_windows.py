"""Window copies and their sum: the reference against its definition, the numba twin against the reference."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.kernels.cpu import windows as cpu
from minigrad.kernels.reference import windows as reference
from tests.kernels.geometry import geometries
from tests.kernels.parity import assert_identical, values

DTYPES = [np.float32, np.float64]
side = st.integers(0, 2)


def look_up(x, geometry):
    """out[n, c, t, k] = x[n, c, t * stride + k * dilation - low], element by element."""
    out = np.zeros((*x.shape[:2], *geometry.out, *geometry.window), x.dtype)
    dims = len(geometry.spatial)
    for index in np.ndindex(*out.shape[2:]):
        moves = zip(index[:dims], index[dims:], geometry.stride, geometry.dilation, geometry.padding, strict=True)
        place = tuple(t * step + k * d - low for t, k, step, d, (low, _) in moves)
        if all(0 <= p < size for p, size in zip(place, geometry.spatial, strict=True)):
            out[..., *index] = x[..., *place]
    return out


@given(geometries(), side, side, st.data())
def test_reference_copies_the_windows(geometry, batch, channels, data):
    x = data.draw(values((batch, channels, *geometry.spatial), np.float64))
    _, *motion = astuple(geometry)
    assert_identical(reference.windows(x, *motion), look_up(x, geometry))


@given(geometries(), side, side, st.data())
def test_reference_fold_is_the_adjoint(geometry, batch, channels, data):
    """<windows(x), c> = <x, fold_windows(c)>, exactly on small integers."""
    x = np.round(data.draw(values((batch, channels, *geometry.spatial), np.float64, special=False)))
    spatial, window, *motion = astuple(geometry)
    copies = reference.windows(x, window, *motion)
    cols = np.round(data.draw(values(copies.shape, np.float64, special=False)))
    assert np.sum(copies * cols) == np.sum(x * reference.fold_windows(cols, spatial, *motion))


@pytest.mark.parametrize("dtype", DTYPES)
@given(geometry=geometries(), batch=side, channels=side, data=st.data())
def test_cpu_windows_match_to_the_bit(dtype, geometry, batch, channels, data):
    x = data.draw(values((batch, channels, *geometry.spatial), dtype))
    _, *motion = astuple(geometry)
    before = x.copy()
    assert_identical(cpu.windows(x, *motion), reference.windows(x, *motion))
    assert_identical(x, before)


@pytest.mark.parametrize("dtype", DTYPES)
@given(geometry=geometries(), batch=side, channels=side, data=st.data())
def test_cpu_fold_matches(dtype, geometry, batch, channels, data):
    """The error is that of a sum of one term per tap."""
    cols = data.draw(values((batch, channels, *geometry.out, *geometry.window), dtype, special=False))
    spatial, window, *motion = astuple(geometry)
    before = cols.copy()
    got = cpu.fold_windows(cols, spatial, *motion)
    exact = reference.fold_windows(cols.astype(np.float64), spatial, *motion)
    size = reference.fold_windows(np.abs(cols.astype(np.float64)), spatial, *motion)
    assert got.dtype == dtype
    assert got.shape == exact.shape
    np.testing.assert_array_less(np.abs(got - exact), np.prod(window) * np.finfo(dtype).eps * size + 1e-300)
    assert_identical(cols, before)
