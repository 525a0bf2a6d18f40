"""Dropout: the solution, and mistakes that are easy to make."""


def backward(dout, cache):
    """dout: the shape of x.  Returns dx."""
    keep, p, train = cache
    return dout * keep / (1.0 - p) if train else dout.copy()


MISTAKES = (
    (
        "x",
        lambda dout, cache: dout * ~cache[0] / (1.0 - cache[1]),
        "the mask is inverted: dout passes where x was kept.",
    ),
    (
        "x",
        lambda dout, cache: dout * cache[0],
        "1 / (1 - p) is missing: forward scales what it keeps, so backward does too.",
    ),
    (
        "x",
        lambda dout, cache: dout * cache[0] / cache[1],
        "divided by p: p is the probability to drop, what is kept is divided by 1 - p.",
    ),
    ("x", lambda dout, cache: dout, "there is no mask: in training dout passes only where x was kept."),
    (
        "x",
        lambda dout, cache: dout / (1.0 - cache[1]),
        "there is no mask, or it is scaled outside training: in training use keep, otherwise dout passes as it is.",
    ),
)
