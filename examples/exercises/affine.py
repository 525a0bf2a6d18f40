"""Affine map: every row of x times a matrix, plus a bias.

    out = x @ w + b        x: (N, D)   w: (D, M)   b: (M,)   out: (N, M)

Write `backward`. Given dout, the gradient of some loss by out, it returns the gradients of that loss by x, w and b,
each in the shape of what it belongs to. Every row of x meets the same w and the same b: their gradients add up.
"""


def forward(x, w, b):
    """Returns out (N, M) and what `backward` needs."""
    return x @ w + b, (x, w)


def backward(dout, cache):
    """dout: (N, M).  cache: (x, w).  Returns dx (N, D), dw (D, M), db (M,)."""
    raise NotImplementedError("affine: write backward here and return dx, dw, db.")
