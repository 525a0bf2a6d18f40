"""Units that are more than a nonlinearity: maxout, and radial basis functions."""

from __future__ import annotations

from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.nn.arguments import float_tensor, size
from minigrad.ops import exp, multiply, negative, reduce_max, reduce_sum, reshape_to, subtract
from minigrad.ops.movement import normalize_axis


def maxout(input: Any, num_pieces: int, dim: int = -1) -> Tensor:
    """y_i = max of x_(ik), ..., x_(ik + k - 1): each k = num_pieces neighbours along an axis give their maximum.

    On affine maps that is a convex, piecewise linear function which is learned (Goodfellow et al. 2013): see
    `nn.Maxout`. With dim=1, maxout of feature maps. Ties share the gradient evenly.

    input: (..., out num_pieces, ...).  dim: the axis.  Returns (..., out, ...).
    Raises ShapeError unless num_pieces divides the size of the axis, ConfigError for another num_pieces.

    >>> F.maxout(mg.tensor([[1.0, 3.0, -2.0, -5.0]]), 2)
    tensor([[ 3., -2.]])
    """
    pieces = size("maxout", "num_pieces", num_pieces, 1)
    x = float_tensor("maxout", "input", input)
    axis = normalize_axis("maxout", dim, x.ndim)
    shape = x.shape
    if shape[axis] % pieces:
        raise ShapeError(f"[maxout] expected a multiple of {pieces} elements along axis {axis}, got input {shape}.")
    split = reshape_to(x, shape=(*shape[:axis], shape[axis] // pieces, pieces, *shape[axis + 1 :]))
    return reduce_max(split, axes=(axis + 1,))


def rbf(input: Any, center: Any, precision: Any, amplitude: Any) -> Tensor:
    """y_o = sum_j u_oj exp(-b_oj ||x - w_oj||^2): bumps of height u around the centers w (Broomhead & Lowe 1988).

    The differences are taken before they are squared, so that nothing cancels near a center; a point far from all of
    them gives 0, with gradient 0.

    input: x, (..., in).  center: w, (out, J, in).  precision: b, (out, J), the inverse of a squared width: 1 / (2 s^2)
    for a normal density of standard deviation s.  amplitude: u, (out, J).  Returns (..., out).
    Raises ShapeError if the shapes do not fit.

    >>> F.rbf(mg.tensor([[0.0], [1.0]]), mg.zeros((1, 1, 1)), mg.ones((1, 1)), 2 * mg.ones((1, 1)))
    tensor([[2.      ],
            [0.735759]])
    """
    who = "rbf"
    x, w = float_tensor(who, "input", input), float_tensor(who, "center", center)
    b, u = float_tensor(who, "precision", precision), float_tensor(who, "amplitude", amplitude)
    if w.data.ndim != 3 or x.shape[-1:] != w.shape[-1:]:
        wanted = f"{w.shape[-1]} features" if w.data.ndim == 3 else "centers of rank 3, (out, J, in)"
        raise ShapeError(f"[{who}] expected {wanted}, got input {x.shape}, center {w.shape}.")
    for name, each in (("precision", b), ("amplitude", u)):
        if each.shape != w.shape[:2]:
            raise ShapeError(f"[{who}] expected a {name} of shape {w.shape[:2]}, got {each.shape}, center {w.shape}.")
    difference = subtract(reshape_to(x, shape=(*x.shape[:-1], 1, 1, x.shape[-1])), w)  # (..., out, J, in)
    distance = reduce_sum(multiply(difference, difference), axes=(difference.ndim - 1,))
    bumps = multiply(u, exp(negative(multiply(b, distance))))
    return reduce_sum(bumps, axes=(bumps.ndim - 1,))
