"""Rectified linear unit: the solution, and mistakes that are easy to make."""

import numpy as np


def backward(dout, cache):
    """dout: the shape of x.  Returns dx."""
    return dout * (cache > 0)


MISTAKES = (
    ("x", lambda dout, x: dout * (x <= 0), "the mask is inverted: dout passes where x is positive."),
    ("x", lambda dout, x: dout, "there is no mask: dout must stop where x is negative."),
    ("x", lambda dout, x: np.maximum(dout, 0.0), "the mask looks at dout: it depends on the sign of x, not of dout."),
    ("x", lambda dout, x: dout * np.maximum(x, 0.0), "dout is multiplied with out: the slope is 1 there, not x."),
    ("x", lambda dout, x: 1.0 * (x > 0), "this is the slope alone: multiply it with dout."),
)
