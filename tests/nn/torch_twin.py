"""Our functions and modules beside PyTorch's, in float64."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

torch = pytest.importorskip("torch")


def run_ours(f, leaves):
    """The outputs of f(); the gradients of the leaves for a random cotangent; the gradients of those, likewise."""
    out = f()
    outs = out if isinstance(out, tuple) else (out,)
    first = mg.autograd.grad(outs[0], leaves, random_like(outs[0], 0), create_graph=True, allow_unused=True)
    total = sum(((g * random_like(g, 1)).sum() for g in first if g is not None), mg.tensor(0.0))
    second = mg.autograd.grad(total, leaves, allow_unused=True) if total.requires_grad else [None] * len(leaves)
    return [to_numpy(x) for x in (*outs, *first, *second)]


def run_theirs(f, leaves):
    """The same of PyTorch's."""
    out = f()
    outs = out if isinstance(out, tuple) else (out,)
    cotangent = torch.tensor(random_like(outs[0], 0))
    first = torch.autograd.grad(outs[0], leaves, cotangent, create_graph=True, allow_unused=True)
    total = sum((g * torch.tensor(random_like(g, 1))).sum() for g in first if g is not None)
    second = torch.autograd.grad(total, leaves, allow_unused=True) if total.requires_grad else [None] * len(leaves)
    return [to_numpy(x) for x in (*outs, *first, *second)]


def random_like(x, seed):
    return np.random.default_rng(seed).standard_normal(tuple(x.shape))


def to_numpy(x):
    """The values; None, where there is no dependence, stays None."""
    if x is None:
        return None
    return x.detach().numpy(force=True) if isinstance(x, torch.Tensor) else x.numpy()


def assert_twins(ours, theirs, *arrays):
    """ours(*arrays) and theirs(*arrays), modules or functions, agree: values, shapes, dtypes, first and second
    derivatives with respect to the floating-point arrays and the parameters.
    """
    mine = [mg.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    reference = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    leaves = [[x for x in inputs if x.requires_grad] for inputs in (mine, reference)]
    if isinstance(ours, nn.Module):
        leaves = [[*found, *module.parameters()] for found, module in zip(leaves, (ours, theirs))]
    results = run_ours(lambda: ours(*mine), leaves[0]), run_theirs(lambda: theirs(*reference), leaves[1])
    for a, b in zip(*results, strict=True):
        if a is None or b is None:
            assert not np.any(a if b is None else b)
            continue
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
