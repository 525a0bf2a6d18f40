"""Gradients as courses have them written: right ones pass, wrong ones are named, and what cannot be checked is said."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad.checking import check_cs231n, check_minitorch, check_needle, check_numpy

rng = np.random.default_rng(11)
X, W, B = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
LABELS = np.array([0, 2, 1, 2])


def causes(report):
    return [cause.name for cause in report.causes]


# ---- CS231n


def affine(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.sum(0)


def relu(x):
    return np.maximum(x, 0), x


def relu_backward(dout, x):
    return dout * (x > 0)


def scaled(x, settings):
    settings["calls"] += 1
    return x * settings["scale"] / settings["calls"], settings


def split_step(x):
    return np.sin(x), np.cos(x), x


def svm_loss(x, y, reg):
    rows = np.arange(len(y))
    margins = np.maximum(0, x - x[rows, y][:, None] + 1)
    margins[rows, y] = 0
    dx = (margins > 0) * 1.0
    dx[rows, y] -= dx.sum(1)
    return margins.sum() / len(y) + reg * np.sum(x * x), dx / len(y) + 2 * reg * x


CS231N_RIGHT = {
    "several inputs": (affine, affine_backward, (X, W, B)),
    "by name": (affine, affine_backward, {"x": X, "w": W, "b": B}),
    "one input": (relu, relu_backward, X),
    "gradients by name": (affine, lambda d, c: dict(zip("bwx", affine_backward(d, c)[::-1])), (X, W, B)),
    "a dict that is written into": (scaled, lambda dout, s: dout * s["scale"], (X, {"scale": 3.0, "calls": 0})),
    "two results": (split_step, lambda ds, dc, x: ds * np.cos(x) - dc * np.sin(x), X),
    "a loss with its gradient": (svm_loss, None, (X, LABELS, 0.1)),
    "a loss with gradients by name": (lambda w: (np.sum(w**2), {"w": 2 * w}), None, W),
    "tensors": (relu, relu_backward, mg.tensor(X)),
}


@pytest.mark.parametrize("name", CS231N_RIGHT)
def test_cs231n(name):
    forward, backward, inputs = CS231N_RIGHT[name]
    assert check_cs231n(forward, backward, inputs).passed


def writes_into_dout(dout, x):
    dout *= x > 0
    return dout


def writes_into_cache(dout, x):
    x[x < 0] = 0
    return dout * (x > 0)


def unseeded_dropout(x):
    mask = rng.random(x.shape) < 0.5
    return x * mask, mask


CS231N_WRONG = {
    "sign flipped": (relu, lambda dout, x: -dout * (x > 0), X, "sign flipped"),
    "not summed": (affine, lambda d, c: (*affine_backward(d, c)[:2], d), (X, W, B), "broadcast axis not summed"),
    "one row of b": (affine, lambda d, c: (*affine_backward(d, c)[:2], d[0]), (X, W, B), "broadcast axis not summed"),
    "transposed": (affine, lambda d, c: (d @ c[1].T, (d.T @ c[0]), d.sum(0)), (X, W, B), "wrong shape"),
    "forgotten": (affine, lambda d, c: (*affine_backward(d, c)[:2], None), (X, W, B), "dependence missed"),
    "wrong by 0.1 %": (relu, lambda dout, x: 1.001 * dout * (x > 0), X, "constant factor"),
    "regularisation": (lambda x: (np.sum(np.sin(x) + 0.1 * x * x), np.cos(x)), None, X, "additive term"),
    "writes into dout": (relu, writes_into_dout, X, "cotangent mutated"),
    "writes into x": (relu, writes_into_cache, X, "input mutated"),
    "dropout without a seed": (unseeded_dropout, lambda dout, mask: dout * mask, X, "not deterministic"),
    "float32 inside": (lambda x: (np.sin(x.astype(np.float32)), x), lambda d, x: d * np.cos(x), X, "precision too low"),
    "only kinks": (relu, relu_backward, np.zeros((2, 2)), "only kinks"),
}


@pytest.mark.parametrize("name", CS231N_WRONG)
def test_cs231n_names_the_mistake(name):
    forward, backward, inputs, cause = CS231N_WRONG[name]
    report = check_cs231n(forward, backward, inputs, raise_exception=False)
    assert causes(report) == [cause]
    with pytest.raises(mg.GradcheckError, match=cause):
        check_cs231n(forward, backward, inputs)


def test_report():
    def twice_db(dout, cache):
        dx, dw, db = affine_backward(dout, cache)
        return dx, dw, 2 * db

    report = check_cs231n(affine, twice_db, (X, W, B), raise_exception=False)
    assert (report.name, {f.argument for f in report.failures}, len(report.failures)) == ("affine", {"b"}, 2)
    assert "b[0]" in str(report)
    assert "2 times the right one" in str(report)


def test_float32_inputs_are_promoted():
    report = check_cs231n(affine, affine_backward, (X.astype(np.float32), W, B))
    assert report.promoted == ["x"]


REFUSED = {
    "no pair": (lambda x: x, relu_backward, X, mg.DtypeError, r"forward must return \(out, cache\), got a ndarray"),
    "no loss pair": (lambda x: 1.0, None, X, mg.DtypeError, r"forward must return \(loss, gradients\), got a float"),
    "too few": (affine, lambda d, c: (d, d), (X, W, B), mg.ShapeError, r"2 gradients for 3 arguments \(x, w, b\)"),
    "no numbers": (relu, lambda d, x: "dx", X, mg.DtypeError, r"gradient of x\] expected an array of numbers, got str"),
    "no result": (lambda x: (None, x), relu_backward, X, mg.DtypeError, r"result\] expected an array of numbers"),
    "no float input": (relu, relu_backward, LABELS, mg.DtypeError, "at least one float array"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_checked(name):
    forward, backward, inputs, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        check_cs231n(forward, backward, inputs)


# ---- CMU 10-414


class EWiseMul:
    def compute(self, a, b):
        return a * b

    def gradient(self, out_grad, node):
        lhs, rhs = node.inputs
        return out_grad * rhs, out_grad * lhs


class PowerScalar:
    def __init__(self, scalar):
        self.scalar = scalar

    def compute(self, a):
        return a**self.scalar

    def gradient(self, out_grad, node):
        (a,) = node.inputs
        return out_grad * self.scalar * a.realize_cached_data() ** (self.scalar - 1)


class Exp:
    def compute(self, a):
        return np.exp(a)

    def gradient(self, out_grad, node):
        return out_grad * node.cached_data


class WrongMul(EWiseMul):
    def gradient(self, out_grad, node):
        return super().gradient(out_grad, node)[::-1]


class MatMulOneSided:
    def compute(self, a, b):
        return a @ b

    def gradient(self, out_grad, node):
        _, b = node.inputs
        return out_grad @ b.T, np.zeros_like(b)


class Box:
    """The smallest framework with tensors of its own."""

    def __init__(self, data, op=None, inputs=()):
        self.data, self.op, self.inputs = np.asarray(data), op, inputs

    def numpy(self):
        return self.data


class BoxOp:
    def __call__(self, *inputs):
        return Box(self.compute(*(x.data for x in inputs)), self, inputs)


class BoxSin(BoxOp):
    def compute(self, a):
        return np.sin(a)

    def gradient(self, out_grad, node):
        return BoxMul()(out_grad, BoxCos()(node.inputs[0]))


class BoxCos(BoxOp):
    def compute(self, a):
        return np.cos(a)


class BoxMul(BoxOp):
    def compute(self, a, b):
        return a * b


NEEDLE = {
    "a class": (EWiseMul, (X, 2 * X), None, []),
    "an object": (PowerScalar(3), X, None, []),
    "its own result": (Exp, X, None, []),
    "tensors of its own": (BoxSin(), X, Box, []),
    "exchanged": (WrongMul, (X, X + 1), None, ["additive term", "additive term"]),
    "never filled in": (MatMulOneSided, (X, W), None, ["all zero"]),
}


@pytest.mark.parametrize("name", NEEDLE)
def test_needle(name):
    op, inputs, tensor, expected = NEEDLE[name]
    assert causes(check_needle(op, inputs, tensor, raise_exception=False)) == expected


# ---- minitorch


class Log:
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return math.log(a)

    @staticmethod
    def backward(ctx, d):
        (a,) = ctx.saved_values
        return d / a


class Sum:
    @staticmethod
    def forward(ctx, a, dim):
        ctx.shape, ctx.dim = a.shape, dim
        return a.sum(dim)

    @staticmethod
    def backward(ctx, d):
        return np.broadcast_to(np.expand_dims(d, ctx.dim), ctx.shape), None


class TorchMul:
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, d):
        a, b = ctx.saved_tensors
        return d * b, d * a


class WrongMulOfFloats(TorchMul):
    @staticmethod
    def backward(ctx, d):
        a, b = ctx.saved_values
        return d * b, -d * a


class BoxSquare:
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return Box(a.data**2)

    @staticmethod
    def backward(ctx, d):
        (a,) = ctx.saved_values
        return Box(2 * a.data * d.data)


MINITORCH = {
    "a float": (Log, 0.7, None, []),
    "arrays": (TorchMul, (X, 2 * X), None, []),
    "a number that has no gradient": (Sum, (X, 1), None, []),
    "tensors of its own": (BoxSquare, X, Box, []),
    "a sign": (WrongMulOfFloats, (2.0, 3.0), None, ["sign flipped"]),
}


@pytest.mark.parametrize("name", MINITORCH)
def test_minitorch(name):
    function, inputs, tensor, expected = MINITORCH[name]
    assert causes(check_minitorch(function, inputs, tensor, raise_exception=False)) == expected


def test_minitorch_names_leave_out_ctx():
    assert check_minitorch(TorchMul, (X, X)).stages[0].names == ["a", "b"]


def test_a_to_numpy_method_is_read():
    triple = SimpleNamespace(
        forward=lambda ctx, a: SimpleNamespace(to_numpy=lambda: 3 * a), backward=lambda ctx, d: 3 * d
    )
    assert check_minitorch(triple, X)


# ---- plain NumPy


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def softmax_jacobian(x):
    p = softmax(x)
    return np.diag(p) - np.outer(p, p)


def sine_of_product(x, w):
    return np.sum(np.sin(x @ w))


def sine_of_product_gradient(x, w):
    cosine = np.cos(x @ w)
    return cosine @ w.T, x.T @ cosine


NUMPY = {
    "a number": (lambda x: x**3 + math.pi, lambda x: 3 * x**2, 1.5, True),
    "element by element": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, X, True),
    "a scalar result": (lambda x: np.sum(np.exp(x)), np.exp, X, True),
    "a Jacobian": (softmax, softmax_jacobian, B, True),
    "two inputs": (sine_of_product, sine_of_product_gradient, (X, W), True),
    "refuses complex": (math.exp, math.exp, 0.3, False),
    "drops the imaginary part": (lambda x: np.array([float(np.real(v)) ** 2 for v in x]), lambda x: 2 * x, B, False),
    "not analytic": (lambda x: np.sum(np.abs(x) + x**2 * (1 + 0j)).real, lambda x: np.sign(x) + 2 * x, X, False),
    "not analytic, complex": (lambda x: np.abs(x) * (x / x), np.sign, X, False),
    "a kink": (lambda x: np.maximum(x, 0), lambda x: x > 0, np.array([-1.0, 0.0, 2.0]), False),
}


@pytest.mark.parametrize("name", NUMPY)
def test_numpy(name):
    """It passes, and is compared by complex step too where that means something."""
    f, df, inputs, exact = NUMPY[name]
    report = check_numpy(f, df, inputs)
    assert [stage.mode for stage in report.stages] == ["", "complex step"][: 1 + exact]


def test_complex_step_sees_what_differences_cannot():
    """A factor of 1 + 1e-8 is within the tolerance of differences."""
    report = check_numpy(lambda x: np.sum(x**4), lambda x: 4 * x**3 * (1 + 1e-8), X, raise_exception=False)
    assert [bool(stage.causes) for stage in report.stages] == [False, True]
    assert causes(report) == ["constant factor"]
    np.testing.assert_allclose([f.numeric / f.analytic for f in report.failures], 1 - 1e-8, atol=1e-13, rtol=0)


NUMPY_WRONG = {
    "sign flipped": (np.cos, np.sin, X),
    "constant factor": (lambda x: np.sum(x**2), lambda x: x, X),
    "transposed": (lambda x: np.sum(x**3), lambda x: 3 * x.T**2, X[:3]),
    "wrong shape": (lambda x: np.sum(x**3), lambda x: 3 * x.T**2, X),
}


@pytest.mark.parametrize("cause", NUMPY_WRONG)
def test_numpy_names_the_mistake(cause):
    assert causes(check_numpy(*NUMPY_WRONG[cause], raise_exception=False)) == [cause]


def test_a_derivative_of_no_use():
    with pytest.raises(
        mg.ShapeError, match=r"shape \(2,\) for x of shape \(4, 3\), while f returns \(4, 3\): expected"
    ):
        check_numpy(np.sin, lambda x: B, X)


def test_an_option_that_is_none():
    with pytest.raises(TypeError, match="order"):
        check_numpy(np.sin, np.cos, X, order=2)
