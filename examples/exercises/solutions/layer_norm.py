"""Layer normalization: the solution, and mistakes that are easy to make."""

import numpy as np


def backward(dout, cache):
    """dout: (N, D).  Returns dx (N, D), dgamma (D,), dbeta (D,)."""
    x_hat, std, gamma = cache
    dx = normalized_backward(dout * gamma, x_hat, std, axis=1)
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def normalized_backward(dx_hat, x_hat, std, axis):
    """From dx_hat to dx, the mean and the variance being taken along this axis."""
    along_mean = dx_hat.mean(axis=axis, keepdims=True)
    along_std = x_hat * (dx_hat * x_hat).mean(axis=axis, keepdims=True)
    return (dx_hat - along_mean - along_std) / std


def gamma_outside(dout, cache):
    """dx with gamma moved out of the means."""
    x_hat, std, gamma = cache
    return gamma * normalized_backward(dout, x_hat, std, axis=1)


def constant_mean(dout, cache):
    """dx with the mean taken for a constant."""
    x_hat, std, gamma = cache
    dx_hat = dout * gamma
    return (dx_hat - x_hat * np.mean(dx_hat * x_hat, axis=1, keepdims=True)) / std


def constant_std(dout, cache):
    """dx with the standard deviation taken for a constant."""
    _, std, gamma = cache
    dx_hat = dout * gamma
    return (dx_hat - dx_hat.mean(axis=1, keepdims=True)) / std


MISTAKES = (
    ("x", gamma_outside, "gamma is moved out of the mean: it differs along the features, so start from dout * gamma."),
    (
        "x",
        lambda dout, cache: normalized_backward(dout * cache[2], cache[0], cache[1], axis=0),
        "the means run over the batch: here they run over the features, axis 1.",
    ),
    (
        "x",
        lambda dout, cache: dout * cache[2] / cache[1],
        "mean and std are taken for constants: both depend on every element of the row.",
    ),
    ("x", constant_mean, "the mean is taken for a constant: subtract its path, the mean of dx_hat over the features."),
    ("x", constant_std, "std is taken for a constant: subtract its path, x_hat times a mean over the features."),
    ("x", lambda dout, cache: normalized_backward(dout, cache[0], cache[1], 1), "gamma is missing in dx."),
    ("gamma", lambda dout, cache: dout * cache[0], "dgamma is not summed over the batch: all rows share gamma."),
    (
        "gamma",
        lambda dout, cache: (dout * cache[0]).sum(axis=1),
        "dgamma is summed over the features: gamma has one value a feature, so sum over the batch, axis 0.",
    ),
    ("beta", lambda dout, cache: dout, "dbeta is not summed over the batch: all rows share beta."),
    (
        "beta",
        lambda dout, cache: dout.sum(axis=1),
        "dbeta is summed over the features: beta has one value a feature, so sum over the batch, axis 0.",
    ),
)
