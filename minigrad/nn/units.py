"""Maxout and RBF: layers whose units are more than a nonlinearity of an affine map."""

from __future__ import annotations

import math

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.arguments import size
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import zeros


class Maxout(Module):
    """y_i = max_j (x W_ij^T + b_ij), j = 1 ... num_pieces (Goodfellow et al. 2013): an affine map and its activation.

    Each unit learns its own convex function; two pieces can make it a ReLU, an absolute value, or the identity.

    in_features, out_features: the sizes of the last axis of x and y.  num_pieces: affine maps for each unit.  bias:
    whether there is a b.  weight: (out_features num_pieces, in_features), bias: (out_features num_pieces,), where the
    pieces of a unit are neighbours; both from U(-1/sqrt(in), 1/sqrt(in)), as in `Linear`.
    Shapes: (..., in_features) -> (..., out_features).

    >>> nn.Maxout(20, 30, num_pieces=3)(mg.zeros((128, 20))).shape
    (128, 30)
    """

    def __init__(
        self, in_features: int, out_features: int, num_pieces: int = 2, bias: bool = True, dtype: DtypeLike = None
    ) -> None:
        self.in_features = size("Maxout", "in_features", in_features)
        self.out_features = size("Maxout", "out_features", out_features)
        self.num_pieces = size("Maxout", "num_pieces", num_pieces, 1)
        self.weight = Parameter(zeros((out_features * num_pieces, in_features), dtype))
        self.bias = Parameter(zeros(out_features * num_pieces, dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.uniform_by_fan_in(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.maxout(F.linear(input, self.weight, self.bias), self.num_pieces)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, num_pieces={self.num_pieces}, "
            f"bias={self.bias is not None}"
        )


class RBF(Module):
    """y_o = sum_j u_oj exp(-b_oj ||x - w_oj||^2), j = 1 ... num_centers: radial basis functions, see `F.rbf`.

    A unit answers to what is near its centers, not to one side of a plane, and is silent far from the data. Moving the
    centers to samples, layer.center.assign_(...), is a good start (Moody & Darken 1989). Nothing keeps b positive.

    in_features, out_features: the sizes of the last axis of x and y.  num_centers: the bumps of each unit.
    center: w, (out_features, num_centers, in_features), from N(0, 1), where normalized inputs are.
    precision: b, (out_features, num_centers), 1 / (2 in_features): for such inputs b ||x - w||^2 is 1 on the average.
    amplitude: u, (out_features, num_centers), from U(-1/sqrt(num_centers), 1/sqrt(num_centers)).
    Shapes: (..., in_features) -> (..., out_features).

    >>> nn.RBF(2, 10, num_centers=5)(mg.zeros((128, 2))).shape
    (128, 10)
    """

    def __init__(self, in_features: int, out_features: int, num_centers: int = 1, dtype: DtypeLike = None) -> None:
        self.in_features = size("RBF", "in_features", in_features, 1)
        self.out_features = size("RBF", "out_features", out_features)
        self.num_centers = size("RBF", "num_centers", num_centers, 1)
        self.center = Parameter(zeros((out_features, num_centers, in_features), dtype))
        self.precision = Parameter(zeros((out_features, num_centers), dtype))
        self.amplitude = Parameter(zeros((out_features, num_centers), dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.normal_(self.center)
        init.constant_(self.precision, 1 / (2 * self.in_features))
        bound = 1 / math.sqrt(self.num_centers)
        init.uniform_(self.amplitude, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return F.rbf(input, self.center, self.precision, self.amplitude)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, num_centers={self.num_centers}"
