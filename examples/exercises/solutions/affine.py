"""Affine map: the solution, and mistakes that are easy to make."""


def backward(dout, cache):
    """dout: (N, M).  Returns dx (N, D), dw (D, M), db (M,)."""
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


MISTAKES = (
    ("w", lambda dout, cache: dout.T @ cache[0], "dw is transposed: it has the shape of w, (D, M)."),
    ("b", lambda dout, cache: dout, "db is not summed over the batch: all N rows share the one b."),
    ("b", lambda dout, cache: dout.sum(axis=1), "db is summed over the wrong axis: sum over the batch, axis 0."),
    ("b", lambda dout, cache: dout.mean(axis=0), "db is a mean over the batch: forward takes none, so sum."),
    ("b", lambda dout, cache: dout[0], "db counts the first row only: sum over the batch."),
)
