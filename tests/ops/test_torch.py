"""Convolution, pooling's windows and matrix products against PyTorch, values and gradients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import ops
from minigrad.checking import strategies as mgst
from tests.ops.table import matmuls

torch = pytest.importorskip("torch")
F = torch.nn.functional


def compare(ours, theirs, arrays, rtol=1e-10):
    """Values, and gradients for a random cotangent."""
    xs = [mg.tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, t = ours(*xs), theirs(*ts)
    np.testing.assert_allclose(y.numpy(), t.detach().numpy(), rtol=rtol, atol=1e-12)
    g = np.random.default_rng(0).normal(size=y.shape)
    y.backward(mg.tensor(g))
    t.backward(torch.tensor(g))
    for x, s in zip(xs, ts):
        np.testing.assert_allclose(x.grad.numpy(), s.grad.numpy(), rtol=rtol, atol=1e-12)


@st.composite
def convolutions(draw):
    g = draw(mgst.windows())
    pads = tuple((low, low) for low, _ in g.padding)  # PyTorch pads both sides alike
    sizes = tuple(max(n, d * (k - 1) + 1 - 2 * low) for n, k, d, (low, _) in zip(g.spatial, g.window, g.dilation, pads))
    groups, outputs, inputs = (draw(st.integers(1, 2)) for _ in range(3))
    x = draw(mgst.arrays((draw(st.integers(1, 2)), groups * inputs, *sizes), layout=False))
    w = draw(mgst.arrays((groups * outputs, inputs, *g.window), layout=False))
    return x, w, {"stride": g.stride, "padding": pads, "dilation": g.dilation, "groups": groups}


@settings(max_examples=40)
@given(convolutions())
def test_convolution(case):
    x, w, options = case
    theirs = getattr(F, f"conv{x.ndim - 2}d")
    symmetric = {**options, "padding": [low for low, _ in options["padding"]]}
    compare(lambda x, w: ops.conv.convolve(x, w, **options), lambda x, w: theirs(x, w, **symmetric), (x, w))


@settings(max_examples=40)
@given(convolutions())
def test_transposed_convolution(case):
    x, w, options = case
    pads = [low for low, _ in options["padding"]]
    t = F.__dict__[f"conv{x.ndim - 2}d"](torch.tensor(x), torch.tensor(w), **{**options, "padding": pads})
    g = np.random.default_rng(1).normal(size=t.shape)
    spatial = x.shape[2:]
    geometry = zip(spatial, t.shape[2:], options["stride"], options["dilation"], w.shape[2:], pads)
    lost = [n - ((m - 1) * s - 2 * p + d * (k - 1) + 1) for n, m, s, d, k, p in geometry]
    theirs = getattr(F, f"conv_transpose{x.ndim - 2}d")
    rest = {"stride": options["stride"], "groups": options["groups"], "dilation": options["dilation"]}
    if any(extra >= max(s, d) for extra, s, d in zip(lost, options["stride"], options["dilation"])):
        return  # PyTorch does not allow so large an output_padding
    compare(
        lambda g, w: ops.conv.convolve_input(g, w, spatial=spatial, **options),
        lambda g, w: theirs(g, w, padding=pads, output_padding=lost, **rest),
        (g, w),
    )


@settings(max_examples=30)
@given(mgst.windows(min_dims=2, max_dims=2), st.integers(1, 2))
def test_windows_are_unfold(g, channels):
    pads = tuple((low, low) for low, _ in g.padding)
    sizes = tuple(max(n, d * (k - 1) + 1 - 2 * low) for n, k, d, (low, _) in zip(g.spatial, g.window, g.dilation, pads))
    x = np.random.default_rng(2).normal(size=(2, channels, *sizes))
    options = {"stride": g.stride, "dilation": g.dilation}

    def ours(x):
        cols = ops.pool.windows(x, window=g.window, padding=pads, **options)
        return mg.permute_dims(cols, (0, 1, 4, 5, 2, 3)).reshape(2, channels * int(np.prod(g.window)), -1)

    compare(ours, lambda x: F.unfold(x, g.window, padding=[low for low, _ in pads], **options), (x,))


@settings(max_examples=60)
@given(matmuls)
def test_matmul(case):
    compare(mg.matmul, torch.matmul, [a.copy() for a in case.args])


ELEMENTWISE = "exp log1p tanh sigmoid erf erfc lgamma sinh asinh atan expm1 sqrt log2 log10 sinc logit".split()


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name):
    x = np.linspace(0.05, 0.95, 12).reshape(3, 4)
    compare(getattr(mg, name), getattr(torch, name), (x,))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda x: mg.max(x, 1), lambda x: torch.amax(x, 1)),
        (lambda x: mg.var(x, 1, correction=1), lambda x: torch.var(x, 1)),
        (lambda x: mg.logsumexp(x, 0), lambda x: torch.logsumexp(x, 0)),
        (lambda x: mg.cumprod(x, 1), lambda x: torch.cumprod(x, 1)),
        (lambda x: mg.prod(x, 0), lambda x: torch.prod(x, 0)),
        (lambda x: mg.norm(x, 3, 1), lambda x: torch.linalg.vector_norm(x, 3, 1)),
        (lambda x: mg.sort(x, 1), lambda x: torch.sort(x, 1)[0]),
        (lambda x: mg.topk(x, 2)[0], lambda x: torch.topk(x, 2)[0]),
    ],
    ids="max var logsumexp cumprod prod norm sort topk".split(),
)
def test_reductions_with_ties_and_zeros(ours, theirs):
    x = np.array([[1.0, 2.0, 2.0, 0.0], [0.0, -1.0, 5.0, 3.0], [4.0, 0.5, 0.0, 3.0]])
    compare(ours, theirs, (x,))
