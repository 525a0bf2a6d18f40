"""Activations near 0, far out and at infinity: value, first and second derivative to all digits, against mpmath."""

import functools
import itertools

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


def bent(left, right=lambda x: x):
    """A function in two pieces that meet at 0."""
    return lambda x: right(x) if x > 0 else left(x)


# name, arguments, the function; value and derivative far on the left, and on the right
SMOOTH = [
    ("sigmoid", {}, logistic, (0, 0), (1, 0)),
    ("logsigmoid", {}, lambda x: -softplus(-x), (-INF, 1), (0, 0)),
    ("tanh", {}, mpmath.tanh, (-1, 0), (1, 0)),
    ("scaled_tanh", {}, lambda x: mpf("1.7159") * mpmath.tanh(2 * x / 3), (-1.7159, 0), (1.7159, 0)),
    ("tanh_linear", {"a": 0.25}, lambda x: mpmath.tanh(x) + x / 4, (-INF, 0.25), (INF, 0.25)),
    ("softsign", {}, lambda x: x / (1 + abs(x)), (-1, 0), (1, 0)),
    ("tanhshrink", {}, lambda x: x - mpmath.tanh(x), (-INF, 1), (INF, 1)),
    ("softplus", {"threshold": 1e9}, softplus, (0, 0), (INF, 1)),
    ("softplus", {"beta": 0.5, "threshold": 1e9}, lambda x: 2 * softplus(x / 2), (0, 0), (INF, 1)),
    ("gelu", {}, lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2, (0, 0), (INF, 1)),
    ("gelu", {"approximate": "tanh"}, nearly_gelu, (0, 0), (INF, 1)),
    ("silu", {}, lambda x: x * logistic(x), (0, 0), (INF, 1)),
    ("mish", {}, lambda x: x * mpmath.tanh(softplus(x)), (0, 0), (INF, 1)),
    ("hardsigmoid", {}, lambda x: min(max(x + 3, 0), 6) / 6, (0, 0), (1, 0)),
    ("hardswish", {}, lambda x: x * min(max(x + 3, 0), 6) / 6, (0, 0), (INF, 1)),
    ("softshrink", {}, lambda x: mpmath.sign(x) * max(abs(x) - 0.5, 0), (-INF, 1), (INF, 1)),
    ("hardshrink", {}, lambda x: x if abs(x) > 0.5 else mpf(0), (-INF, 1), (INF, 1)),
    ("threshold", {"threshold": 0.1, "value": -3.0}, lambda x: x if x > 0.1 else mpf(-3), (-3, 0), (INF, 1)),
    ("hardtanh", {"min_val": -2.0, "max_val": 1.5}, lambda x: min(max(x, -2), mpf(1.5)), (-2, 0), (1.5, 0)),
]
KINK_AT_0 = [
    ("relu", {}, bent(lambda x: 0 * x), (0, 0), (INF, 1)),
    ("noisy_relu", {}, bent(lambda x: 0 * x), (0, 0), (INF, 1)),
    ("relu6", {}, bent(lambda x: 0 * x, lambda x: min(x, 6)), (0, 0), (6, 0)),
    ("leaky_relu", {"negative_slope": 0.25}, bent(lambda x: x / 4), (-INF, 0.25), (INF, 1)),
    ("prelu", {"weight": 0.25}, bent(lambda x: x / 4), (-INF, 0.25), (INF, 1)),
    ("rrelu", {"lower": 0.0, "upper": 0.5}, bent(lambda x: x / 4), (-INF, 0.25), (INF, 1)),
    (
        "rrelu",
        {"lower": 0.25, "upper": 0.25, "training": True},
        bent(lambda x: x / 4),
        (-INF, 0.25),
        (INF, 1),
    ),
    ("elu", {"alpha": 1.5}, bent(lambda x: 1.5 * mpmath.expm1(x)), (-1.5, 0), (INF, 1)),
    (
        "selu",
        {},
        bent(lambda x: SELU_SLOPE * mpmath.expm1(x), lambda x: SELU_SCALE * x),
        (-float(SELU_SLOPE), 0),
        (INF, float(SELU_SCALE)),
    ),
    ("celu", {"alpha": 0.5}, bent(lambda x: mpmath.expm1(2 * x) / 2), (-0.5, 0), (INF, 1)),
]
FAR = np.array([-1e30, 1e30, -INF, INF])  # squares and cubes of the first two overflow in float32
CASES = [*((row, POINTS) for row in SMOOTH), *((row, POINTS[POINTS != 0]) for row in KINK_AT_0)]
GROUP = 8
"""So many functions are compiled as one, which costs less than one by one."""


def derivatives(f, x):
    """The value and the first two derivatives, each with respect to its own element."""
    y = f(x)
    (first,) = mg.autograd.grad(y.sum(), x, create_graph=True)
    second = mg.autograd.grad(first.sum(), x)[0] if first.requires_grad else mg.zeros_like(first)
    return y, first, second


def evaluate(functions, xs):
    return [derivatives(f, x) for f, x in zip(functions, xs)]


def one_by_one(functions, xs):
    """The same element by element: where all are moderate, a function may take a shorter way."""
    for f, x in zip(functions, xs):
        alone = [mg.tensor([v], dtype=x.dtype, requires_grad=True) for v in x.numpy()]
        yield [mg.concat(results) for results in zip(*(derivatives(f, v) for v in alone))]


WAYS = {"eager": evaluate, "one by one": one_by_one, "compiled": mg.jit(evaluate, warmup=0)}


@functools.cache
def found(dtype, way):
    """For every case what `derivatives` gives, at its points and far out."""
    functions = [functools.partial(getattr(F, name), **arguments) for (name, arguments, *_), _ in CASES]
    xs = [mg.tensor([*points, *FAR], dtype=dtype, requires_grad=True) for _, points in CASES]
    groups = [slice(i, i + GROUP) for i in range(0, len(CASES), GROUP)]
    results = [result for group in groups for result in WAYS[way](tuple(functions[group]), xs[group])]
    return [[t.numpy() for t in result] for result in results]


NAMES = [f"{name}-{i}" for i, ((name, *_), _) in enumerate(CASES)]
each_case = pytest.mark.parametrize("case", range(len(CASES)), ids=NAMES)
COSTLY = {("compiled", "float64"): pytest.mark.exhaustive}  # float32 has more functions of its own
each_way = pytest.mark.parametrize(
    ("way", "dtype"), [pytest.param(*x, marks=COSTLY.get(x, ())) for x in itertools.product(WAYS, PRECISION)]
)


@each_case
@each_way
def test_all_digits(case, way, dtype):
    (_, _, function, *_), points = CASES[case]
    rtol, atol = PRECISION[dtype]
    for order, result in enumerate(found(dtype, way)[case]):
        with mp.workdps(DIGITS):
            true = [float(mpmath.diff(function, mpf(float(p)), order)) for p in points.astype(dtype)]
        np.testing.assert_allclose(result[: -len(FAR)], true, rtol=rtol, atol=atol, err_msg=f"derivative {order}")


@each_case
@each_way
def test_infinity(case, way, dtype):
    """The limits; where a value has none, at 1e30 it is as large as the slope makes it."""
    *_, left, right = CASES[case][0]
    value, slope, curvature = (result[-len(FAR) :] for result in found(dtype, way)[case])
    limits, slopes = np.array([left, right] * 2).T
    finite = np.where(np.isinf(limits), slopes * np.clip(FAR, -1e30, 1e30), limits)
    np.testing.assert_allclose(value, np.where(np.isinf(FAR), limits, finite), rtol=1e-6, atol=1e-25)
    np.testing.assert_allclose(slope, slopes, rtol=1e-6, atol=1e-25)
    np.testing.assert_allclose(curvature, np.zeros(4), atol=1e-25)


def test_the_noise_of_noisy_relu_at_infinity():
    x = mg.tensor([-INF, -1e30, 1e30, INF], requires_grad=True)
    value, slope, curvature = derivatives(lambda x: F.noisy_relu(x, training=True), x)
    np.testing.assert_allclose(value.numpy(), [0, 0, 1e30, INF], rtol=1e-6)
    assert slope.tolist() == [0, 0, 1, 1]
    assert curvature.tolist() == [0, 0, 0, 0]


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
