"""Dropout: in training each element is dropped with probability p, the others grow to keep the mean (Srivastava 2014).

    train:      keep = random numbers >= p     out = x * keep / (1 - p)
    otherwise:  out = x                        x, keep and out: any shape

Write `backward`, for both modes. The seed makes `forward` draw the same mask every time, or no difference quotient
would mean anything.
"""

import numpy as np


def forward(x, p, seed, train):
    """Returns out, and (keep, p, train) for `backward`; keep is all True unless train."""
    if not train:
        return x.copy(), (np.ones(x.shape, bool), p, train)
    keep = np.random.default_rng(seed).random(x.shape) >= p
    return x * keep / (1.0 - p), (keep, p, train)


def backward(dout, cache):
    """dout: the shape of x.  cache: (keep, p, train).  Returns dx."""
    raise NotImplementedError("dropout: write backward here and return dx.")
