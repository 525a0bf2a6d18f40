"""Normalization where floats are at their limits: large offsets, constant and empty inputs; values and derivatives."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F
from tests.compiler.running import uncompiled

EPS = 1e-5
NORMS = {
    "batch_norm": (lambda x: F.batch_norm(x, None, None, training=True), (0, 2)),
    "instance_norm": (F.instance_norm, (2,)),
    "layer_norm": (lambda x: F.layer_norm(x, (6, 8)), (1, 2)),
    "group_norm": (lambda x: F.group_norm(x, 2), "groups"),
}
INPUTS = {
    "large offset": (1e4, 1.0),
    "large offset, little noise": (1e4, 0.01),
    "negative": (-1e4, 1.0),
    "large": (0.0, 1e4),
    "small": (0.0, 1e-6),
    "constant": (1e4, 0.0),
    "a constant that is no float": (0.1, 0.0),
}


def exact(x, cotangent, axes):
    """The formula, and its textbook gradient, in extended precision."""
    shape = x.shape
    x, g = (a.astype(np.longdouble) for a in (x, cotangent))
    if axes == "groups":
        x, g, axes = x.reshape(shape[0], 2, -1), g.reshape(shape[0], 2, -1), (2,)

    def mean(a):
        return a.mean(axes, keepdims=True)

    deviation = x - mean(x)
    scale = 1 / np.sqrt(mean(deviation**2) + EPS)
    y = deviation * scale
    return y.reshape(shape), (scale * (g - mean(g) - y * mean(g * y))).reshape(shape)


def value_and_gradient(f):
    def both(x, cotangent):
        leaf = x.detach().requires_grad_()
        y = f(leaf)
        return y, *mg.autograd.grad(y, [leaf], [cotangent])

    return both


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", NORMS)
def test_float32_keeps_its_digits(name, kind):
    (f, axes), (offset, noise) = NORMS[name], INPUTS[kind]
    rng = np.random.default_rng(0)
    x = (offset + noise * rng.standard_normal((4, 6, 8))).astype(np.float32)
    cotangent = rng.standard_normal(x.shape).astype(np.float32)
    expected = exact(x, cotangent, axes)
    both = value_and_gradient(f)
    with uncompiled():
        for run in (both, mg.jit(both, warmup=0)):
            for found, wanted in zip(run(mg.tensor(x), mg.tensor(cotangent)), expected):
                atol = 2e-6 * max(1.0, float(np.abs(wanted).max()))
                np.testing.assert_allclose(found.numpy(), wanted.astype(np.float64), rtol=0, atol=atol)


@pytest.mark.parametrize("name", NORMS)
def test_an_offset_changes_no_derivative(name):
    f, _ = NORMS[name]
    rng = np.random.default_rng(1)
    x = np.round(rng.standard_normal((4, 6, 8)) * 2**9) / 2**9  # so that the offset of 2^13 rounds nothing off
    u, v = (mg.tensor(rng.standard_normal(x.shape).astype(np.float32)) for _ in range(2))

    def derivatives(at):
        leaf = mg.tensor(at.astype(np.float32), requires_grad=True)
        y = f(leaf)
        (first,) = mg.autograd.grad(y, [leaf], [u], create_graph=True)
        return y.detach().numpy(), first.detach().numpy(), mg.autograd.grad(first, [leaf], [v])[0].numpy()

    for found, expected in zip(derivatives(x + 2**13), derivatives(x)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def test_no_variance_is_negative():
    x = np.full((1_000_000, 2), 31415.927, np.float32)  # so many that a sum in float32 has no digit right
    mean, var = mg.zeros(2), mg.ones(2)
    assert np.isfinite(F.batch_norm(mg.tensor(x), mean, var, training=True, momentum=1.0).numpy()).all()
    assert (var.numpy() >= 0).all()


@pytest.mark.parametrize("value", [0.1, 1e4])
def test_second_derivatives_of_constant_rows(value):
    """At a constant row the layer is the centering of x, over sqrt(eps), and its second derivative 0."""
    x = mg.full((2, 5), value, dtype="float64").requires_grad_()
    u, v = (mg.tensor(np.random.default_rng(i).standard_normal((2, 5))) for i in range(2))
    (first,) = mg.autograd.grad(F.layer_norm(x, (5,)), [x], [u], create_graph=True)
    centered = u.numpy() - u.numpy().mean(1, keepdims=True)
    np.testing.assert_allclose(first.detach(), centered / np.sqrt(EPS), rtol=1e-6)
    (squared,) = mg.autograd.grad((F.layer_norm(x, (5,)) ** 2).sum(), [x], create_graph=True)
    (second,) = mg.autograd.grad(squared, [x], [v])
    expected = 2 * (v.numpy() - v.numpy().mean(1, keepdims=True)) / EPS
    np.testing.assert_allclose(second, expected, rtol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1e-4, 1e4])
def test_rms_norm_of_small_and_large_numbers(scale):
    x = mg.tensor(scale * np.array([[1.0, -2.0, 2.0]]), requires_grad=True)
    y = F.rms_norm(x, (3,))
    y.backward(mg.tensor([[1.0, 0.0, 0.0]], dtype=x.dtype))
    eps, square = np.finfo(np.float64).eps, 3 * scale**2
    np.testing.assert_allclose(y.numpy(), x.numpy() / np.sqrt(square + eps), rtol=1e-14)
    r = 1 / np.sqrt(square + eps)
    expected = r * np.array([1.0, 0.0, 0.0]) - x.numpy() * x.numpy()[0, 0] * r**3 / 3
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 3, 0), (2, 0, 4)])
def test_nothing_to_normalize(shape):
    running = mg.zeros(shape[1]), mg.ones(shape[1])
    weight, bias = (mg.ones(shape[1], requires_grad=True) for _ in range(2))
    calls = {
        "batch_norm": lambda x: F.batch_norm(x, *running, weight, bias, training=True),
        "instance_norm": lambda x: F.instance_norm(x, *running, weight, bias),
        "layer_norm": lambda x: F.layer_norm(x, shape[1:]),
        "group_norm": lambda x: F.group_norm(x, 1, weight, bias),
        "rms_norm": lambda x: F.rms_norm(x, shape[1:]),
        "local_response_norm": lambda x: F.local_response_norm(x, 2),
    }
    for call in calls.values():
        y = call(mg.zeros(shape, requires_grad=True))
        assert y.shape == shape
        y.sum().backward()
    assert not np.any(running[0].numpy() != 0)
    assert not np.any(running[1].numpy() != 1)
    assert not np.any(weight.grad.numpy() != 0)


def test_channels_beyond_the_ends_count_as_zero():
    x = mg.tensor(np.arange(1.0, 5.0).reshape(1, 4, 1))
    squares = np.array([1 + 4, 1 + 4 + 9, 4 + 9 + 16, 9 + 16])
    found = F.local_response_norm(x, 3, alpha=6.0, beta=0.5, k=2.0).numpy().ravel()
    np.testing.assert_allclose(found, np.arange(1, 5) / np.sqrt(2 + 2 * squares), rtol=1e-14)
