"""Losses whose Hessians are known, and a small net."""

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.curvature import Hessian
from minigrad.nn import functional as F

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((30, 4)), RNG.integers(0, 3, 30)


def small_net():
    """4-8-3 with tanh, in float64: 67 parameters in four tensors."""
    rng = np.random.default_rng(1)
    first, last = nn.Linear(4, 8), nn.Linear(8, 3)
    for layer in (first, last):
        layer.weight = nn.Parameter(rng.standard_normal(layer.weight.shape) / 2)
        layer.bias = nn.Parameter(rng.standard_normal(layer.bias.shape) / 2)
    return nn.Sequential(first, nn.Tanh(), last)


def dense_hessian(model):
    """The Hessian of the net's loss by `mg.hessian`, block by block: another way than products."""
    params = list(model.parameters())
    shapes = [p.shape for p in params]
    ends = np.cumsum([p.size for p in params])

    def loss(x):
        w1, b1, w2, b2 = (part.reshape(s) for part, s in zip(mg.split(x, ends[:-1].tolist()), shapes))
        return F.cross_entropy(mg.tanh(mg.tensor(X) @ w1.T + b1) @ w2.T + b2, mg.tensor(Y))

    return mg.hessian(loss)(mg.tensor(np.concatenate([p.numpy().reshape(-1) for p in params]))).numpy()


def net_hessian(model, **arguments):
    """The same from products."""
    x, y = mg.tensor(X), mg.tensor(Y)
    return Hessian(lambda: F.cross_entropy(model(x), y), model.parameters(), **arguments)


def quadratic(eigenvalues, seed=0):
    """x'A x / 2 with the given eigenvalues and random eigenvectors: the parameter, the loss, A."""
    eigenvalues = np.asarray(eigenvalues, np.float64)
    n = len(eigenvalues)
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))
    a = (q * eigenvalues) @ q.T
    a = (a + a.T) / 2
    p, matrix = nn.Parameter(np.ones(n)), mg.tensor(a)
    return p, lambda: 0.5 * p @ (matrix @ p), a
