"""Operations of one's own: values, gradients of several orders, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given

import minigrad as mg
from minigrad import engine
from minigrad.checking import strategies as mgst

rng = np.random.default_rng(3)


def scaled_outer(x, y, scale=1.0):
    return scale * x[:, None] * y


def scaled_outer_vjp(g, out, x, y, scale=1.0):
    return scale * g @ y, scale * x @ g


def sum_and_spread(x):
    return np.sum(x), x - np.mean(x)


def sum_and_spread_vjp(g, out, x):
    total, spread = g
    return total + spread - mg.mean(spread)


def numpy_sum_and_spread_vjp(g, out, x):
    total, spread = g
    return total + spread - np.mean(spread)


def pick(x, index):
    return x[index]


def pick_vjp(g, out, x, index):
    return mg.one_hot(index, x.shape[0]).astype(x.dtype).T @ g, None


softplus = mg.custom_op(lambda x: np.logaddexp(0, x), lambda g, out, x: g * mg.sigmoid(x))
numpy_softplus = mg.custom_op(
    lambda x: np.logaddexp(0, x), lambda g, out, x: g / (1 + np.exp(-x)), once_differentiable=True
)
power = mg.custom_op(np.power, lambda g, out, x, n: (g * n * x ** (n - 1), None))
X = rng.normal(size=(4, 3))

RIGHT = {
    "one input": (softplus, X, 3),
    "from a ufunc": (mg.custom_op(np.sinh, lambda g, out, x: g * mg.cosh(x)), X, 3),
    "two inputs": (mg.custom_op(scaled_outer, scaled_outer_vjp), (X[0], X[:, 1]), 2),
    "a broadcast input": (mg.custom_op(np.multiply, lambda g, out, x, y: (g * y, g * x)), (X, X[0]), 2),
    "its own result": (mg.custom_op(np.exp, lambda g, out, x: g * out), X, 3),
    "two results": (mg.custom_op(sum_and_spread, sum_and_spread_vjp), X, 2),
    "an integer input": (mg.custom_op(pick, pick_vjp), (X, np.array([2, 0, 2])), 2),
    "a Python number": (lambda x: power(x, 3), X, 3),
    "a setting": (lambda x, y: mg.custom_op(scaled_outer, scaled_outer_vjp)(x, y, scale=-2.5), (X[0], X[:, 1]), 2),
    "NumPy": (numpy_softplus, X, 1),
    "NumPy, two results": (mg.custom_op(sum_and_spread, numpy_sum_and_spread_vjp, once_differentiable=True), X, 1),
}


@pytest.mark.parametrize("name", RIGHT)
def test_gradient(name):
    op, inputs, order = RIGHT[name]
    assert mg.gradcheck(op, inputs, order=order)


@given(mgst.arrays(mgst.shapes(), min=-3, max=3))
def test_is_the_op_it_says(x):
    """Value and gradients are those of the library's softplus, written by hand."""
    t = mg.tensor(x, requires_grad=True)
    ours, theirs = softplus(t), mg.logaddexp(0.0, t)
    np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-14)
    for _ in range(2):
        (ours,), (theirs,) = (mg.autograd.grad(mg.sum(y), t, create_graph=True) for y in (ours, theirs))
        np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-12, atol=1e-15)


def test_a_wrong_rule_is_found():
    wrong = mg.custom_op(np.sinh, lambda g, out, x: -g * mg.cosh(x))
    report = mg.gradcheck(wrong, X, raise_exception=False)
    assert [cause.name for cause in report.causes] == ["sign flipped"]
    assert report.name == "sinh"


def test_stands_outside_the_table_of_primitives():
    before = dict(engine.PRIMITIVES)
    mg.custom_op(np.exp, lambda g, out, x: g * out)
    assert before == engine.PRIMITIVES


def test_no_graph_without_need():
    assert not softplus(mg.tensor(X)).requires_grad
    with mg.no_grad():
        assert not softplus(mg.tensor(X, requires_grad=True)).requires_grad


def test_the_gradient_has_the_dtype_of_the_input():
    x = mg.tensor(X, dtype=mg.float32, requires_grad=True)
    wider = mg.custom_op(lambda x: x.astype(np.float64), lambda g, out, x: g)
    mg.sum(wider(x)).backward()
    assert (x.grad.dtype, wider(x).dtype) == (mg.float32, mg.float64)


def test_only_what_is_needed_is_checked():
    y = mg.tensor(X[0], requires_grad=True)
    half = mg.custom_op(np.multiply, lambda g, out, x, y: (None, g * x))
    half(mg.tensor(X[1]), y).sum().backward()
    np.testing.assert_array_equal(y.grad.data, X[1])


def test_works_in_checkpoint_and_anomaly_detection():
    x = mg.tensor(X, requires_grad=True)
    mg.checkpoint(lambda x: mg.sum(softplus(softplus(x))), x).backward()
    (expected,) = mg.autograd.grad(mg.sum(mg.logaddexp(0.0, mg.logaddexp(0.0, x))), x)
    np.testing.assert_allclose(x.grad.data, expected.data, rtol=1e-12)
    log = mg.custom_op(lambda x: np.log(x), lambda g, out, x: g / x)
    with mg.detect_anomaly(), np.errstate(divide="ignore"), pytest.raises(mg.AnomalyError, match="first -inf"):
        log(mg.tensor([0.0]))


def test_second_derivative_of_a_numpy_rule():
    x = mg.tensor(X, requires_grad=True)
    (g,) = mg.autograd.grad(mg.sum(numpy_softplus(x)), x, create_graph=True)
    with pytest.raises(mg.GraphError, match=r"differentiated once only: its vjp is written in NumPy"):
        mg.sum(g).backward()


def test_what_the_compiler_needs_is_kept():
    def kernel(x, out):
        out[...] = x

    op = mg.custom_op(np.sin, lambda g, out, x: g * mg.cos(x), shape=lambda x: x, kernel=kernel)
    assert (op.kernel, op.shape((2, 3)), op.traceable) == (kernel, (2, 3), True)
    assert not softplus.traceable


def writes(x):
    x[0] = 0.0
    return x


def writes_in_vjp(g, out, x, y):
    g *= 2
    return g, g


FORWARD = {
    "no array": (lambda x: None, mg.DtypeError, r"\[<lambda>\] forward must return a NumPy array .* got 'NoneType'"),
    "a list": (lambda x: [x], mg.DtypeError, "got 'list'"),
    "a Python number": (lambda x: float(x.sum()), mg.DtypeError, "got 'float'"),
    "a tensor": (lambda x: mg.tensor(x), mg.DtypeError, "got 'Tensor'"),
    "complex numbers": (lambda x: x + 1j, mg.DtypeError, "ndarray of dtype complex128"),
    "one of two": (lambda x: (x, None), mg.DtypeError, "got 'NoneType'"),
    "writes into its input": (writes, ValueError, "read-only"),
}


@pytest.mark.parametrize("name", FORWARD)
def test_forward_that_is_refused(name):
    forward, error, message = FORWARD[name]
    with pytest.raises(error, match=message):
        mg.custom_op(forward, lambda g, out, x: g)(mg.tensor(X))


def test_a_shape_rule_that_does_not_hold():
    op = mg.custom_op(np.transpose, lambda g, out, x: g.T, shape=lambda x: x)
    with pytest.raises(mg.ShapeError, match=r"\[transpose\] the shape rule says \(4, 3\), forward returned \(3, 4\)"):
        op(mg.tensor(X))


def add(x, y):
    return x + y


VJP = {
    "too few": (lambda g, out, x, y: g, False, mg.ShapeError, r"1 cotangents for 2 inputs \(x, y\)"),
    "too many": (lambda g, out, x, y: (g, g, g), False, mg.ShapeError, r"3 cotangents for 2 inputs"),
    "wrong shape": (lambda g, out, x, y: (g, g.T), False, mg.ShapeError, r"shape \(3, 4\) for y of shape \(4, 3\)"),
    "summed": (lambda g, out, x, y: (mg.sum(g), g), False, mg.ShapeError, r"shape \(\) for x of shape \(4, 3\)"),
    "missing": (lambda g, out, x, y: (g, None), False, mg.GraphError, "None for y, which needs a gradient"),
    "NumPy": (lambda g, out, x, y: (g, g.numpy()), False, mg.DtypeError, "cotangent of y: write it in minigrad op"),
    "tensors": (lambda g, out, x, y: (mg.tensor(g), g), True, mg.DtypeError, "cotangent of x: with once_diff"),
    "NumPy, too few": (lambda g, out, x, y: g, True, mg.ShapeError, r"1 cotangents for 2 inputs"),
    "NumPy, wrong shape": (lambda g, out, x, y: (g, g.T), True, mg.ShapeError, r"\(3, 4\) for y of shape \(4, 3\)"),
    "NumPy, written into": (writes_in_vjp, True, ValueError, "read-only"),
}


@pytest.mark.parametrize("name", VJP)
def test_vjp_that_is_refused(name):
    vjp, once, error, message = VJP[name]
    x, y = (mg.tensor(X, requires_grad=True) for _ in range(2))
    with pytest.raises(error, match=message):
        mg.sum(mg.custom_op(add, vjp, once_differentiable=once)(x, y)).backward()
