"""Batch normalization: the solution, and mistakes that are easy to make."""

import numpy as np


def backward(dout, cache):
    """dout: (N, D).  Returns dx (N, D), dgamma (D,), dbeta (D,)."""
    x_hat, std, gamma = cache
    dx_hat = dout * gamma
    dx = (dx_hat - through_mean(dx_hat) - through_std(dx_hat, x_hat)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def through_mean(dx_hat):
    """What the mean's dependence on x takes away, times std: (D,)."""
    return dx_hat.mean(axis=0)


def through_std(dx_hat, x_hat):
    """What the standard deviation's dependence on x takes away, times std: (N, D)."""
    return x_hat * (dx_hat * x_hat).mean(axis=0)


def constant_mean(dout, cache):
    """dx with the mean taken for a constant."""
    x_hat, std, gamma = cache
    return (dout * gamma - through_std(dout * gamma, x_hat)) / std


def constant_std(dout, cache):
    """dx with the standard deviation taken for a constant."""
    _, std, gamma = cache
    return (dout * gamma - through_mean(dout * gamma)) / std


def without_gamma(dout, cache):
    """dx without the factor gamma."""
    x_hat, std, _ = cache
    return backward(dout, (x_hat, std, np.ones_like(std)))[0]


MISTAKES = (
    (
        "x",
        lambda dout, cache: dout * cache[2] / cache[1],
        "mean and std are taken for constants: both depend on every element of the column.",
    ),
    ("x", constant_mean, "the mean is taken for a constant: subtract its path, the mean of dx_hat over the batch."),
    ("x", constant_std, "std is taken for a constant: subtract its path, x_hat times a mean over the batch."),
    ("x", without_gamma, "gamma is missing in dx: start from dx_hat = dout * gamma."),
    ("x", lambda dout, cache: backward(dout, cache)[0] * cache[1], "dx is not divided by std."),
    ("gamma", lambda dout, cache: dout * cache[0], "dgamma is not summed over the batch: all rows share gamma."),
    ("gamma", lambda dout, cache: dout.sum(axis=0), "dgamma lacks x_hat: gamma multiplies it."),
    ("beta", lambda dout, cache: dout, "dbeta is not summed over the batch: all rows share beta."),
)
