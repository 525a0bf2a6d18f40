"""Layer normalization: each row gets mean 0 and variance 1 over its features (Ba, Kiros and Hinton 2016).

    mean[n], var[n] = mean and variance of x[n, :] over the D features  x: (N, D)   gamma, beta: (D,)
    x_hat = (x - mean) / std,   std = sqrt(var + eps)                   x_hat: (N, D)   std: (N, 1)
    out   = gamma * x_hat + beta                                        out: (N, D)

Write `backward`. It is batch normalization turned by a quarter, with one trap: here gamma differs along the axis that
the mean is taken over, so it cannot be moved out of the mean.
"""

import numpy as np


def forward(x, gamma, beta, eps=1e-5):
    """Returns out (N, D), and (x_hat, std, gamma) for `backward`."""
    std = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    x_hat = (x - x.mean(axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


def backward(dout, cache):
    """dout: (N, D).  cache: (x_hat, std, gamma).  Returns dx (N, D), dgamma (D,), dbeta (D,)."""
    raise NotImplementedError("layer_norm: write backward here and return dx, dgamma, dbeta.")
