"""Maxout and radial basis functions, which PyTorch does not have."""

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong

# ---- maxout


def maxout(draw):
    before, after, (out, pieces) = draw.shape(0, 2), draw.shape(0, 2), draw.integers(2, 1, 3)
    axis = draw.one_of(len(before), -1 - len(after))
    return Call((draw.normal(*before, out * pieces, *after),), (pieces, axis))


def largest_of_each(x, pieces, dim=-1):
    axis = dim % x.ndim
    return x.unflatten(axis, (-1, pieces)).amax(axis + 1)


def maxout_module(draw):
    n, m, pieces = draw.integers(3, 1, 4)
    return Call((draw.normal(*draw.shape(0, 2), n),), (n, m, pieces), {"bias": draw.flag()})


def torch_maxout(n, m, pieces, bias):
    import torch

    layer = torch.nn.Linear(n, m * pieces, bias)
    layer.register_forward_hook(lambda module, inputs, out: largest_of_each(out, pieces))
    return layer


# ---- radial basis functions


def rbf(draw):
    n, m, centers = draw.integers(3, 1, 3)
    x = draw.normal(*draw.shape(0, 2), n)
    return Call((x, draw.normal(m, centers, n), draw.uniform(0.1, 2, m, centers), draw.normal(m, centers)))


def bumps(x, w, b, u):
    distance = ((x[..., None, None, :] - w) ** 2).sum(-1)
    return (u * (-b * distance).exp()).sum(-1)


def rbf_module(draw):
    n, m, centers = draw.integers(3, 1, 3)
    return Call((draw.normal(*draw.shape(0, 2), n),), (n, m, centers))


def torch_rbf(n, m, centers):
    import torch

    layer = torch.nn.Module()
    layer.center = torch.nn.Parameter(torch.zeros(m, centers, n))
    layer.precision = torch.nn.Parameter(torch.ones(m, centers))
    layer.amplitude = torch.nn.Parameter(torch.ones(m, centers))
    layer.forward = lambda x: bumps(x, layer.center, layer.precision, layer.amplitude)
    return layer


ROWS = [
    Row("maxout", maxout, twin=largest_of_each),
    Row("Maxout", maxout_module, twin=torch_maxout),
    Row("rbf", rbf, twin=bumps),
    Row("RBF", rbf_module, twin=torch_rbf),
]


def pieces(draw):
    n = draw.integer(1, 4)
    x = mg.ones((3, 4 * n + 1))
    return lambda: F.maxout(x, 4), ["expected a multiple of 4 elements along axis 1", x.shape]


def no_pieces(draw):
    return lambda: nn.Maxout(3, 4, 0), ["num_pieces must be an integer, at least 1", 0]


def features(draw):
    n, m, rows = draw.integers(3, 2, 9)
    return lambda: nn.RBF(n, m, 2)(mg.ones((rows, n + 1))), [f"expected {n} features", (rows, n + 1), (m, 2, n)]


def precisions(draw):
    n, m = draw.integers(2, 1, 4)
    w, u, b = mg.ones((m, 2, n)), mg.ones((m, 2)), mg.ones((m, 3))
    return lambda: F.rbf(mg.ones(n), w, b, u), [f"a precision of shape {(m, 2)}", b.shape, w.shape]


WRONG = [
    Wrong("maxout", pieces),
    Wrong("Maxout", no_pieces, ConfigError),
    Wrong("rbf", features),
    Wrong("rbf", precisions),
]
