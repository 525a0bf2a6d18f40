"""Gradients where several answers would be defensible: at ties, kinks, bounds and poles, as PyTorch gives them."""

import math

import numpy as np
import pytest

import minigrad as mg

INF, NAN = math.inf, math.nan

# operation, inputs, cotangent of ones -> gradients
AT_KINKS = [
    (mg.abs, [[-1.0, 0.0, -0.0, 2.0]], [[-1.0, 0.0, 0.0, 1.0]]),
    (mg.sign, [[0.0, 2.0]], [[0.0, 0.0]]),
    (mg.maximum, [[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], [[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]]),
    (mg.minimum, [[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]),
    (lambda x: mg.clip(x, -1.0, 1.0), [[-2.0, -1.0, 0.0, 1.0, 2.0]], [[0.0, 1.0, 1.0, 1.0, 0.0]]),
    (mg.max, [[1.0, 3.0, 3.0, 3.0]], [[0.0, 1 / 3, 1 / 3, 1 / 3]]),
    (mg.min, [[1.0, 1.0, 3.0]], [[0.5, 0.5, 0.0]]),
    (lambda x: mg.norm(x), [[0.0, 0.0]], [[0.0, 0.0]]),
    (lambda x: mg.norm(x, 0.5), [[0.0, 0.0]], [[0.0, 0.0]]),
    (lambda x: mg.norm(x, 0.5), [[0.0, 4.0, -4.0]], [[0.0, 2.0, -2.0]]),
    (lambda x: mg.norm(x, -1), [[0.0, 4.0]], [[0.0, 0.0]]),
    (mg.hypot, [[0.0], [0.0]], [[0.0], [0.0]]),
    (lambda x: mg.pow(x, 0.0), [[0.0, 2.0]], [[0.0, 0.0]]),
    (lambda x: mg.pow(x, 0), [[0.0, -2.0]], [[0.0, 0.0]]),
    (lambda x: mg.pow(x, 1), [[0.0, -2.0]], [[1.0, 1.0]]),
    (lambda x: mg.pow(x, 2), [[0.0]], [[0.0]]),
    (mg.pow, [[0.0, 0.0], [2.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]),
    (mg.xlogy, [[0.0], [0.0]], [[0.0], [0.0]]),
    (mg.sqrt, [[0.0]], [[INF]]),
    (mg.log, [[0.0]], [[INF]]),
    (mg.reciprocal, [[0.0]], [[-INF]]),
    (mg.sinc, [[0.0]], [[0.0]]),
    (lambda x: mg.where(x > 0.0, x, 0.0), [[-1.0, 0.0, 1.0]], [[0.0, 0.0, 1.0]]),
    (lambda x: mg.prod(x), [[0.0, 2.0, 3.0]], [[6.0, 0.0, 0.0]]),
    (lambda x: mg.prod(x), [[0.0, 0.0, 3.0]], [[0.0, 0.0, 0.0]]),
    (lambda x: mg.cumprod(x), [[2.0, 0.0, 3.0]], [[1.0, 2.0 + 6.0, 0.0]]),
    (lambda x: mg.sort(x), [[2.0, 2.0, 1.0]], [[1.0, 1.0, 1.0]]),
]


@pytest.mark.parametrize(("fn", "inputs", "expected"), AT_KINKS, ids=range(len(AT_KINKS)))
def test_gradients_at_kinks(fn, inputs, expected):
    leaves = [mg.tensor(x, dtype=mg.float64, requires_grad=True) for x in inputs]
    y = fn(*leaves)
    y.backward(mg.ones_like(y))
    for x, want in zip(leaves, expected):
        np.testing.assert_allclose(x.grad.numpy(), want, rtol=1e-15)


def gradients(fn, x):
    """Value, first and second derivative of an elementwise function."""
    x = mg.tensor(x, dtype=mg.float64, requires_grad=True)
    y = fn(x)
    (first,) = mg.autograd.grad(y, x, mg.ones_like(y), create_graph=True)
    (second,) = mg.autograd.grad(first, x, mg.ones_like(first), allow_unused=True) if first.requires_grad else (None,)
    return y.detach().numpy(), first.detach().numpy(), None if second is None else second.numpy()


# Far out, every one of value, first and second derivative is finite and right.
FAR_OUT = [
    (lambda x: mg.logaddexp(x, 0.0), [-800.0, 800.0], [0.0, 800.0], [0.0, 1.0], [0.0, 0.0]),
    (lambda x: mg.logaddexp(x, x), [3.0, 700.0], [3.0 + math.log(2), 700.0 + math.log(2)], [1.0, 1.0], [0.0, 0.0]),
    (mg.sigmoid, [-800.0, 800.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]),
    (mg.tanh, [-800.0, 800.0], [-1.0, 1.0], [0.0, 0.0], [0.0, 0.0]),
    (mg.erf, [-40.0, 40.0], [-1.0, 1.0], [0.0, 0.0], [0.0, 0.0]),
    (mg.atan, [-1e200, 1e200], [-math.pi / 2, math.pi / 2], [0.0, 0.0], [0.0, 0.0]),
    (lambda x: mg.hypot(x, 1e-200), [1e-200, 1e200], [math.sqrt(2) * 1e-200, 1e200], [math.sqrt(0.5), 1.0], None),
    (lambda x: mg.logsumexp(mg.stack([x, 2.0 * x])), [1000.0], [2000.0], [2.0], [0.0]),
    (mg.sinc, [1e-9, -1e-5], [1.0, 1.0], [-(math.pi**2) / 3 * 1e-9, math.pi**2 / 3 * 1e-5], [-(math.pi**2) / 3] * 2),
    (mg.log1p, [1e-20], [1e-20], [1.0], [-1.0]),
    (mg.expm1, [1e-20], [1e-20], [1.0], [1.0]),
]


@pytest.mark.parametrize(("fn", "x", "value", "first", "second"), FAR_OUT, ids=range(len(FAR_OUT)))
def test_far_out(fn, x, value, first, second):
    got = gradients(fn, x)
    for mine, want in zip(got, (value, first, second)):
        if want is not None:
            np.testing.assert_allclose(mine, want, rtol=1e-9, atol=1e-300)


def test_infinities_in_logsumexp_and_logaddexp():
    x = mg.tensor([-INF, 1.0, -INF], dtype=mg.float64, requires_grad=True)
    mg.logsumexp(x).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 1.0, 0.0])
    assert mg.logsumexp(mg.tensor([-INF, -INF])).item() == -INF
    assert mg.logsumexp(mg.tensor([INF, 1.0])).item() == INF
    y = mg.tensor([-INF, INF], dtype=mg.float64, requires_grad=True)
    z = mg.logaddexp(y, mg.tensor([-INF, INF], dtype=mg.float64))
    z.backward(mg.ones(2))
    np.testing.assert_array_equal(z.numpy(), [-INF, INF])
    np.testing.assert_array_equal(y.grad.numpy(), [0.5, 0.5])


def test_the_branch_not_taken_sends_nothing_back():
    """where guards: NaN and infinity beyond it must not reach the gradient through the operands of where itself."""
    x = mg.tensor([-1.0, 4.0], dtype=mg.float64, requires_grad=True)
    safe = mg.where(x > 0.0, x, 1.0)
    mg.sum(mg.where(x > 0.0, mg.sqrt(safe), 0.0)).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 0.25])
    y = mg.tensor([INF, 1.0], dtype=mg.float64, requires_grad=True)
    mg.where(mg.tensor([False, True]), y, 0.0).backward(mg.tensor([NAN, 1.0]))
    np.testing.assert_array_equal(y.grad.numpy(), [0.0, 1.0])


def test_step_functions_send_zero_even_for_infinite_cotangents():
    x = mg.tensor([1.5], requires_grad=True)
    for step in (mg.floor, mg.ceil, mg.round, mg.trunc, mg.sign):
        x.grad = None
        step(x).backward(mg.tensor([INF]))
        assert x.grad.item() == 0.0


def test_max_of_nan_is_nan():
    for fn in (mg.max, mg.min, lambda x: mg.maximum(x, 0.0), lambda x: mg.clip(x, 0.0, 1.0), mg.logsumexp):
        assert np.isnan(fn(mg.tensor([NAN])).numpy()).all()


def test_reductions_of_nothing():
    empty = mg.zeros((0, 3))
    assert mg.sum(empty).item() == 0.0
    assert mg.prod(empty, axis=0).tolist() == [1.0, 1.0, 1.0]
    assert mg.all(empty).item() is True
    assert mg.any(empty).item() is False
    assert np.isnan(mg.mean(empty).item())
    assert mg.logsumexp(empty, axis=0).tolist() == [-INF] * 3
    assert mg.sum(empty, axis=1).shape == (0,)
    for fn in (mg.max, mg.min, mg.argmax, mg.argmin):
        with pytest.raises(mg.ShapeError, match=r"of no elements is undefined: shape \(0, 3\)"):
            fn(empty, axis=0)
        assert fn(empty, axis=1).shape == (0,)


# ---- errors

X = mg.zeros((2, 3))
ERRORS = [
    (lambda: mg.sum(X, axis=2), r"\[sum\] axis 2 is out of range for 2 dimensions"),
    (lambda: mg.sum(X, axis=(0, -2)), r"\[sum\] an axis is named twice in axis=\(0, -2\)"),
    (lambda: mg.max(X, axis=-3), r"\[max\] axis -3 is out of range"),
    (lambda: mg.cumsum(X), r"\[cumsum\] name the axis: x has shape \(2, 3\)"),
    (lambda: mg.reshape(X, (4, 2)), r"\[reshape\] cannot arrange 6 elements of shape \(2, 3\) as \(4, 2\)"),
    (lambda: mg.reshape(X, (-1, -1)), r"\[reshape\] cannot arrange"),
    (lambda: mg.reshape(X, (4, -1)), r"\[reshape\] cannot arrange"),
    (lambda: mg.reshape(mg.zeros(0), (0, -1)), r"\[reshape\] cannot arrange"),
    (lambda: mg.broadcast_to(X, (3, 2)), r"\[broadcast_to\] shape \(2, 3\) cannot be repeated to \(3, 2\)"),
    (lambda: mg.broadcast_to(X, (3,)), r"\[broadcast_to\]"),
    (lambda: mg.broadcast_arrays(X, mg.zeros(2)), r"shapes \(2, 3\), \(2,\) do not broadcast together"),
    (lambda: mg.permute_dims(X, (0, 0)), r"\[permute_dims\] axes \(0, 0\) are no permutation"),
    (lambda: mg.permute_dims(X, (0,)), r"\[permute_dims\]"),
    (lambda: mg.squeeze(X, 0), r"\[squeeze\] only axes of size 1 can go: shape \(2, 3\), axis=0"),
    (lambda: mg.expand_dims(X, (0, 0)), r"\[expand_dims\] an axis is named twice"),
    (lambda: mg.flatten(X, 1, 0), r"\[flatten\] start_dim 1 comes after end_dim 0"),
    (lambda: mg.moveaxis(X, 0, (0, 1)), r"\[moveaxis\] source \[0\] and destination \[0, 1\]"),
    (lambda: mg.matrix_transpose(mg.zeros(3)), r"\[matrix_transpose\] expected at least 2 dimensions"),
    (lambda: mg.rot90(X, axes=(0, 0)), r"\[rot90\] expected two different axes"),
    (lambda: mg.roll(X, (1, 2, 3), (0, 1)), r"\[roll\] expected as many shifts as axes"),
    (lambda: mg.concat([X, mg.zeros((2, 4))]), r"\[concat\].*\(2, 3\), \(2, 4\)"),
    (lambda: mg.concat([]), r"\[concat\] expected at least one tensor"),
    (lambda: mg.stack([X, mg.zeros(3)]), r"\[stack\] expected one shape, got \(2, 3\), \(3,\)"),
    (lambda: mg.split(X, 2, axis=1), r"\[split\] 3 elements along axis 1 do not divide into 2 equal parts"),
    (lambda: mg.pad(X, -1), r"\[pad\] widths must not be negative"),
    (lambda: mg.pad(mg.zeros((0, 2)), 1, mode="edge"), r"mode 'edge' has nothing to copy along axis 0"),
    (lambda: mg.matmul(X, X), r"\[matmul\] .*\(2, 3\) @ \(2, 3\)"),
    (lambda: mg.matmul(X, mg.tensor(1.0)), r"\[matmul\] .*\(2, 3\) @ \(\)"),
    (lambda: mg.matmul(mg.zeros((2, 1, 3)), mg.zeros((4, 3, 1))), r"leading axes do not broadcast"),
    (lambda: mg.tensordot(X, X, 1), r"\[tensordot\] the paired axes differ in size"),
    (lambda: mg.tril(mg.zeros(3)), r"\[tril\] expected at least 2 dimensions"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=[message for _, message in ERRORS])
def test_errors_say_who_and_what(call, message):
    with pytest.raises(mg.ShapeError, match=message):
        call()


@pytest.mark.parametrize("fn", [mg.add, mg.atan2, mg.less, mg.logaddexp, lambda x, y: mg.where(True, x, y)])
def test_shapes_that_do_not_broadcast(fn):
    with pytest.raises(mg.ShapeError, match=r"\] the shapes do not broadcast together: .*\(2, 3\), \(2,\)"):
        fn(X, mg.zeros(2))
