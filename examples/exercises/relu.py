"""Rectified linear unit, element by element.

    out = max(x, 0)        x and out: any shape

Write `backward`: dout passes where x is positive and stops where it is negative. At exactly 0 there is no derivative;
the checker skips such elements.
"""

import numpy as np


def forward(x):
    """Returns out, and x for `backward`."""
    return np.maximum(x, 0.0), x


def backward(dout, cache):
    """dout: the shape of x.  cache: x.  Returns dx."""
    raise NotImplementedError("relu: write backward here and return dx.")
