"""Pooling beyond comparison with PyTorch: ties, extremes, unpooling; values are in tests/nn/rows."""

import itertools

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError
from minigrad.nn import functional as F
from minigrad.nn.functional.pooling import window_arguments, window_starts

# ---- where the windows are


def geometries():
    """All small ones that are allowed: n, kernel, stride, padding, dilation."""
    for n, kernel, stride, padding, dilation in itertools.product(
        range(7), range(1, 4), range(1, 4), range(3), range(1, 4)
    ):
        try:
            window_arguments("pool", 1, kernel, stride, padding, dilation)
        except ConfigError:
            continue
        yield n, kernel, stride, padding, dilation


def test_every_window_has_a_tap_inside_or_is_refused():
    """The kernel counts on it."""
    for n, kernel, stride, padding, dilation in geometries():
        for ceil_mode in (False, True):
            for start in window_starts(n, kernel, stride, padding, dilation, ceil_mode):
                assert any(0 <= start + k * dilation < n for k in range(kernel))


# ---- maximum


def test_max_pooling_sends_the_gradient_to_the_first_maximum():
    x = mg.tensor([[1.0, 1.0, 1.0, 0.0]], requires_grad=True)
    F.max_pool1d(x, 2).sum().backward()
    assert x.grad.tolist() == [[1.0, 0.0, 1.0, 0.0]]


def test_max_pooling_finds_nan_and_minus_infinity():
    x = mg.tensor([[-np.inf, -np.inf, 1.0, np.nan, np.nan, 2.0]])
    y, index = F.max_pool1d(x, 2, return_indices=True)
    np.testing.assert_array_equal(y.numpy(), [[-np.inf, np.nan, np.nan]])
    assert index.tolist() == [[0, 3, 4]]


def test_padding_is_never_the_maximum():
    y = F.max_pool2d(mg.full((1, 1, 2, 2), -5.0), 3, 1, 1)
    assert (y.numpy() == -5).all()


def test_overlapping_windows_add_their_gradients():
    x = mg.tensor([[0.0, 9.0, 0.0]], requires_grad=True)
    F.max_pool1d(x, 2, 1).sum().backward()
    assert x.grad.tolist() == [[0.0, 2.0, 0.0]]


# ---- mean


def test_infinity_and_nan_stay_in_their_windows():
    x = mg.tensor([[np.inf, 1.0, 3.0, 2.0, np.nan]])
    np.testing.assert_array_equal(F.adaptive_avg_pool1d(x, 3).numpy(), [[np.inf, 2, np.nan]])
    np.testing.assert_array_equal(F.avg_pool1d(x, 2).numpy(), [[np.inf, 2.5]])


def test_float32_stays_float32():
    x = mg.ones((1, 2, 5, 5))
    assert F.avg_pool2d(x, 3, 2, 1, count_include_pad=False).dtype == np.float32
    assert F.adaptive_avg_pool2d(x, 2).dtype == np.float32


# ---- p-norm


@pytest.mark.parametrize("p", [1, 2, 3, 1.5, 4])
def test_no_gradient_where_a_window_is_zero(p):
    """The slope of the root is infinite there; PyTorch's convention is 0, and so is its derivative."""
    x = mg.tensor([[0.0, 0.0, 3.0, 4.0]], requires_grad=True, dtype="float64")
    y = F.lp_pool1d(x, p, 2)
    (g,) = mg.autograd.grad(y.sum(), [x], create_graph=True)
    (second,) = mg.autograd.grad((g * mg.tensor([[1.0, 2.0, 3.0, 4.0]])).sum(), [x], allow_unused=True)
    norm = (3**p + 4**p) ** (1 / p)
    np.testing.assert_allclose(y.numpy(), [[0, norm]], rtol=1e-14)
    np.testing.assert_allclose(g.numpy(), [[0, 0, (3 / norm) ** (p - 1), (4 / norm) ** (p - 1)]], rtol=1e-14)
    if p >= 2:
        assert second.tolist()[0][:2] == [0, 0]
        assert np.isfinite(second.numpy()).all()


def test_the_norm_of_large_and_small_elements():
    x = mg.tensor([[3e4, 4e4, -3e-4, 4e-4]], requires_grad=True)
    y = F.lp_pool1d(x, 2, 2)
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), [[5e4, 5e-4]], rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), [[0.6, 0.8, -0.6, 0.8]], rtol=1e-6)


def test_infinite_orders_are_the_largest_and_the_smallest_magnitude():
    x = mg.tensor([[-3.0, 1.0, 2.0, -0.5]])
    assert F.lp_pool1d(x, float("inf"), 2).tolist() == [[3, 2]]
    assert F.lp_pool1d(x, -float("inf"), 2).tolist() == [[1, 0.5]]


# ---- unpooling


def test_what_was_pooled_comes_back():
    mg.manual_seed(0)
    x = mg.random.normal((2, 3, 7, 6))
    y, index = F.max_pool2d(x, (3, 2), return_indices=True)
    back = F.max_unpool2d(y, index, (3, 2), output_size=x.shape)
    kept = back.numpy() != 0
    assert kept.sum() == y.size
    np.testing.assert_array_equal(back.numpy()[kept], x.numpy()[kept])


def test_a_maximum_of_several_windows_comes_back_once_with_its_gradient():
    pool = nn.MaxPool1d(3, 1, return_indices=True)

    def there_and_back(x):
        return F.max_unpool1d(*pool(x), 3, 1)

    x = mg.tensor([[1.0, 2.0, 9.0, 4.0, 5.0]], dtype="float64", requires_grad=True)
    y = there_and_back(x)
    y.sum().backward()
    assert y.tolist() == [[0, 0, 9, 0, 0]]
    assert x.grad.tolist() == [[0, 0, 1, 0, 0]]
    mg.gradcheck(there_and_back, [x.detach()])


def test_compiled_code_checks_the_indices_before_it_writes():
    count = mg.zeros((), dtype="float64")

    @mg.jit(warmup=0)
    def step(x, index):
        count.assign_(count + 1)
        return F.max_unpool1d(x, index, 2)

    x = mg.tensor([[1.0, 2.0]])
    assert step(x, mg.tensor([[1, 2]])).tolist() == [[0, 1, 2, 0]]
    for bad in ([[1, 4]], [[-1, 2]]):
        with pytest.raises(IndexError, match=r"\[max_unpool1d\] indices must lie in \[0, 4\), found"):
            step(x, mg.tensor(bad))
    assert count.item() == 1


# ---- the whole input


def test_global_pooling_of_any_number_of_dimensions():
    for shape in [(2, 3, 4), (2, 3, 4, 5), (2, 3, 2, 3, 2), (2, 3, 2, 1, 2, 2)]:
        x = np.random.default_rng(0).standard_normal(shape)
        axes = tuple(range(2, len(shape)))
        np.testing.assert_allclose(F.global_avg_pool(mg.tensor(x)).numpy(), x.mean(axes), rtol=1e-12, atol=1e-15)
        np.testing.assert_array_equal(F.global_max_pool(mg.tensor(x)).numpy(), x.max(axes))
