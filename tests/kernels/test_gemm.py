"""Products in pieces against NumPy's: every transposition, sizes below, at and above those of a piece."""

import numpy as np
import pytest
from numba import float32, float64, njit
from threadpoolctl import threadpool_info

from minigrad.kernels.cpu.gemm import blas_core, pieces, product

SIZES = [(1, 1, 1), (3, 5, 2), (32, 32, 128), (33, 65, 129)]
SIZES += [(33, 65, 129), (128, 1, 300), (1, 70, 1000), (130, 90, 257), (64, 40, 900)]
ELEMENTS = {"float32": float32, "float64": float64}


@njit
def multiply(element, ta, a, tb, b, accumulate, c, k):
    m, n = c.shape
    left, right, out = a.ctypes.data, b.ctypes.data, c.ctypes.data
    product(element, c.itemsize, m, n, k, ta, left, a.shape[1], tb, right, b.shape[1], accumulate, out, n)


@pytest.mark.parametrize("dtype", ELEMENTS)
@pytest.mark.parametrize("ta", [0, 1])
@pytest.mark.parametrize("tb", [0, 1])
@pytest.mark.parametrize("accumulate", [False, True])
def test_product(dtype, ta, tb, accumulate):
    rng = np.random.default_rng(0)
    for m, n, k in SIZES:
        a, b, before = (rng.standard_normal(s).astype(dtype) for s in ((m, k), (k, n), (m, n)))
        expected = a.astype(float) @ b.astype(float) + before * accumulate
        found = before.copy()
        stored = np.ascontiguousarray(a.T if ta else a), np.ascontiguousarray(b.T if tb else b)
        multiply(ELEMENTS[dtype], ta, stored[0], tb, stored[1], accumulate, found, k)
        np.testing.assert_allclose(found, expected, atol=4 * k * np.finfo(dtype).eps, rtol=0)


@pytest.mark.parametrize("ta", [0, 1])
@pytest.mark.parametrize("tb", [0, 1])
def test_pieces_cover_the_product(ta, tb):
    for m, n, k in [*SIZES, (1000, 1000, 1000), (7, 4096, 4096)]:
        rows, columns, depth = pieces(m, n, k, ta, tb)
        assert min(rows, columns, depth) >= 1
        assert (rows, columns, depth) == (m, n, k) or rows * columns * depth <= 10**6


def test_name_of_the_blas():
    loaded = {b.get("architecture") for b in threadpool_info() if b["internal_api"] == "openblas"}
    assert blas_core() in loaded or not loaded
