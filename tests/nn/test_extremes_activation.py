"""Activations near 0, far out and at infinity: value, first and second derivative to all digits, against mpmath."""

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

INF = float("inf")
DIGITS = 150  # tanh(100) differs from 1 by 1e-87, and x - tanh(x) from x by 1e-60 where x = 1e-30
PRECISION = {"float64": (1e-13, 1e-150), "float32": (4e-6, 1e-38)}  # relative, absolute
POSITIVE = [1e-30, 1e-5, 0.01, 0.3, 0.49, 0.51, 0.99, 1.0, 1.7, 5.0, 20.0, 100.0, 1e4]
POINTS = np.array([*(-x for x in reversed(POSITIVE)), 0.0, *POSITIVE])

SELU_SCALE = mpf("1.0507009873554804934193349852946")
SELU_SLOPE = SELU_SCALE * mpf("1.6732632423543772848170429916717")


def logistic(x):
    return 1 / (1 + mpmath.exp(-x))


def softplus(x):
    return mpmath.log1p(mpmath.exp(x))


def nearly_gelu(x):
    return x * logistic(2 * mpmath.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3))


# name, arguments, the function
SMOOTH = [
    ("sigmoid", {}, logistic),
    ("logsigmoid", {}, lambda x: -softplus(-x)),
    ("tanh", {}, mpmath.tanh),
    ("scaled_tanh", {}, lambda x: mpf("1.7159") * mpmath.tanh(2 * x / 3)),
    ("tanh_linear", {"a": 0.25}, lambda x: mpmath.tanh(x) + x / 4),
    ("softsign", {}, lambda x: x / (1 + abs(x))),
    ("tanhshrink", {}, lambda x: x - mpmath.tanh(x)),
    ("softplus", {"threshold": 1e9}, softplus),
    ("softplus", {"beta": 0.5, "threshold": 1e9}, lambda x: 2 * softplus(x / 2)),
    ("gelu", {}, lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2),
    ("gelu", {"approximate": "tanh"}, nearly_gelu),
    ("silu", {}, lambda x: x * logistic(x)),
    ("mish", {}, lambda x: x * mpmath.tanh(softplus(x))),
    ("hardsigmoid", {}, lambda x: min(max(x + 3, 0), 6) / 6),
    ("hardswish", {}, lambda x: x * min(max(x + 3, 0), 6) / 6),
    ("softshrink", {}, lambda x: mpmath.sign(x) * max(abs(x) - 0.5, 0)),
    ("hardshrink", {}, lambda x: x if abs(x) > 0.5 else mpf(0)),
    ("threshold", {"threshold": 0.1, "value": -3.0}, lambda x: x if x > 0.1 else mpf(-3)),
    ("hardtanh", {"min_val": -2.0, "max_val": 1.5}, lambda x: min(max(x, -2), mpf(1.5))),
]


def bent(left, right=lambda x: x):
    """A function in two pieces that meet at 0."""
    return lambda x: right(x) if x > 0 else left(x)


KINK_AT_0 = [
    ("relu", {}, bent(lambda x: 0 * x)),
    ("noisy_relu", {}, bent(lambda x: 0 * x)),
    ("relu6", {}, bent(lambda x: 0 * x, lambda x: min(x, 6))),
    ("leaky_relu", {"negative_slope": 0.25}, bent(lambda x: x / 4)),
    ("prelu", {"weight": 0.25}, bent(lambda x: x / 4)),
    ("rrelu", {"lower": 0.0, "upper": 0.5}, bent(lambda x: x / 4)),
    ("elu", {"alpha": 1.5}, bent(lambda x: 1.5 * mpmath.expm1(x))),
    ("selu", {}, bent(lambda x: SELU_SLOPE * mpmath.expm1(x), lambda x: SELU_SCALE * x)),
    ("celu", {"alpha": 0.5}, bent(lambda x: mpmath.expm1(2 * x) / 2)),
]
CASES = [*((*row, POINTS) for row in SMOOTH), *((*row, POINTS[POINTS != 0]) for row in KINK_AT_0)]


def derivatives(name, arguments, x):
    """The value and the first two derivatives, each with respect to its own element."""
    y = getattr(F, name)(x, **arguments)
    (first,) = mg.autograd.grad(y.sum(), x, create_graph=True)
    second = mg.autograd.grad(first.sum(), x)[0] if first.requires_grad else mg.zeros_like(first)
    return [t.numpy() for t in (y, first, second)]


@pytest.mark.parametrize(("name", "arguments", "function", "points"), CASES)
@pytest.mark.parametrize("dtype", PRECISION)
def test_all_digits(name, arguments, function, points, dtype):
    x = mg.tensor(points, dtype=dtype, requires_grad=True)
    rtol, atol = PRECISION[dtype]
    for order, found in enumerate(derivatives(name, arguments, x)):
        with mp.workdps(DIGITS):
            true = [float(mpmath.diff(function, mpf(float(p)), order)) for p in x.numpy()]
        np.testing.assert_allclose(found, true, rtol=rtol, atol=atol, err_msg=f"derivative {order}")


# name, arguments, value and derivative at minus infinity, value and derivative at infinity
AT_INFINITY = [
    ("relu", {}, (0, 0), (INF, 1)),
    ("noisy_relu", {}, (0, 0), (INF, 1)),
    ("noisy_relu", {"training": True}, (0, 0), (INF, 1)),
    ("relu6", {}, (0, 0), (6, 0)),
    ("leaky_relu", {"negative_slope": 0.25}, (-INF, 0.25), (INF, 1)),
    ("prelu", {"weight": 0.25}, (-INF, 0.25), (INF, 1)),
    ("rrelu", {"lower": 0.25, "upper": 0.25, "training": True}, (-INF, 0.25), (INF, 1)),
    ("elu", {"alpha": 1.5}, (-1.5, 0), (INF, 1)),
    ("selu", {}, (-float(SELU_SLOPE), 0), (INF, float(SELU_SCALE))),
    ("celu", {"alpha": 0.5}, (-0.5, 0), (INF, 1)),
    ("hardtanh", {}, (-1, 0), (1, 0)),
    ("hardsigmoid", {}, (0, 0), (1, 0)),
    ("hardswish", {}, (0, 0), (INF, 1)),
    ("threshold", {"threshold": 1.0, "value": -3.0}, (-3, 0), (INF, 1)),
    ("softshrink", {}, (-INF, 1), (INF, 1)),
    ("hardshrink", {}, (-INF, 1), (INF, 1)),
    ("sigmoid", {}, (0, 0), (1, 0)),
    ("logsigmoid", {}, (-INF, 1), (0, 0)),
    ("tanh", {}, (-1, 0), (1, 0)),
    ("scaled_tanh", {}, (-1.7159, 0), (1.7159, 0)),
    ("tanh_linear", {"a": 0.5}, (-INF, 0.5), (INF, 0.5)),
    ("softsign", {}, (-1, 0), (1, 0)),
    ("tanhshrink", {}, (-INF, 1), (INF, 1)),
    ("softplus", {}, (0, 0), (INF, 1)),
    ("gelu", {}, (0, 0), (INF, 1)),
    ("gelu", {"approximate": "tanh"}, (0, 0), (INF, 1)),
    ("silu", {}, (0, 0), (INF, 1)),
    ("mish", {}, (0, 0), (INF, 1)),
]


@pytest.mark.parametrize(("name", "arguments", "left", "right"), AT_INFINITY)
@pytest.mark.parametrize("large", [1e30, INF])
@pytest.mark.parametrize("dtype", PRECISION)
def test_infinity(name, arguments, left, right, large, dtype):
    """And where squares and cubes overflow: the same, but that a value is as large as the input."""
    x = mg.tensor([-large, large], dtype=dtype, requires_grad=True)
    value, slope, curvature = derivatives(name, arguments, x)
    limits = np.array([left, right]).T
    scale = np.array([left[1], right[1]])
    expected = limits[0] if large == INF else np.where(np.isinf(limits[0]), scale * x.numpy(), limits[0])
    np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-25)
    np.testing.assert_allclose(slope, limits[1], rtol=1e-6, atol=1e-25)
    np.testing.assert_allclose(curvature, [0, 0], atol=1e-25)


def test_the_weight_of_prelu_does_not_see_infinity_on_the_right():
    weight = mg.tensor([0.25], requires_grad=True)
    F.prelu(mg.tensor([INF, -2.0]), weight).sum().backward()
    assert weight.grad.tolist() == [-2.0]


# ---- softmax and its relatives


LOGITS = {
    "equal": [3.0, 3.0, 3.0],
    "equal and large": [1e4, 1e4, 1e4],
    "equal and small": [-1e4, -1e4, -1e4],
    "equal and tiny": [1e-30, 1e-30, 1e-30],
    "far apart": [1e4, -1e4, 0.0],
    "a class left out": [-INF, 0.5, 1.0],
    "all but one left out": [-INF, -INF, -1e4],
    "usual": [0.3, -1.2, 2.0],
    "alone": [1e4],
}


def true_softmax(logits):
    with mp.workdps(DIGITS):
        weights = [mpmath.exp(mpf(x)) for x in logits]
        return np.array([float(w / sum(weights)) for w in weights])


def true_log_softmax(logits):
    with mp.workdps(DIGITS):
        total = mpmath.log(sum(mpmath.exp(mpf(x)) for x in logits))
        return np.array([float(mpf(x) - total) for x in logits])


@pytest.mark.parametrize("logits", LOGITS.values(), ids=LOGITS)
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-14), ("float32", 1e-6)])
def test_softmaxes(logits, dtype, rtol):
    """Values; the gradient y_i (g_i - sum_j g_j y_j); and that of the logarithm, g_i - y_i sum_j g_j."""
    rounded = mg.tensor(logits, dtype=dtype).numpy().astype(np.float64)
    g = np.array([1.0, -2.0, 0.5])[: len(logits)]
    y = true_softmax(rounded)
    expected = {
        F.softmax: (y, y * (g - g @ y)),
        F.log_softmax: (true_log_softmax(rounded), g - y * g.sum()),
        F.softmin: (y, -y * (g - g @ y)),
    }
    for f, (value, gradient) in expected.items():
        x = mg.tensor(-rounded if f is F.softmin else rounded, dtype=dtype, requires_grad=True)
        out = f(x, dim=0)
        (found,) = mg.autograd.grad(out, x, mg.tensor(g, dtype=dtype))
        np.testing.assert_allclose(out.numpy(), value, rtol=rtol, atol=1e-37)
        np.testing.assert_allclose(found.numpy(), gradient, rtol=rtol, atol=3 * rtol)


@pytest.mark.parametrize("logits", LOGITS.values(), ids=LOGITS)
def test_second_derivatives_of_softmaxes(logits):
    """Of log(y_i): minus the covariance diag(y) - y y^T, whatever i; of softmax through the logarithm where y_i > 0."""
    x = mg.tensor(logits, dtype="float64", requires_grad=True)
    y, v = true_softmax(logits), np.array([1.0, -2.0, 0.5])[: len(logits)]
    best = int(y.argmax())
    for f in (lambda x: F.log_softmax(x, dim=0)[-1], lambda x: mg.log(F.softmax(x, dim=0)[best])):
        (first,) = mg.autograd.grad(f(x), x, create_graph=True)
        (found,) = mg.autograd.grad(first, x, mg.tensor(v))
        np.testing.assert_allclose(found.numpy(), -(y * v - y * (y @ v)), atol=1e-15)


def test_both_halves_of_a_gated_linear_unit():
    x = mg.tensor([2.0, 2.0, 2.0, -1e4, 0.0, 1e4], requires_grad=True)
    y = nn.GLU()(x)
    y.sum().backward()
    assert y.tolist() == [0.0, 1.0, 2.0]
    assert x.grad.tolist() == [0.0, 0.5, 1.0, 0.0, 0.5, 0.0]
