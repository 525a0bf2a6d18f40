"""Linear, Bilinear and Identity."""

from __future__ import annotations

import math
from typing import Any

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.arguments import size
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import zeros


class Linear(Module):
    """y = x W^T + b.

    in_features, out_features: the sizes of the last axis of x and y.  bias: whether there is a b.
    weight: (out_features, in_features), bias: (out_features,), both from U(-1/sqrt(in), 1/sqrt(in)).
    Shapes: (..., in_features) -> (..., out_features).

    >>> nn.Linear(20, 30)(mg.zeros((128, 20))).shape
    (128, 30)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, dtype: DtypeLike = None) -> None:
        self.in_features = size("Linear", "in_features", in_features)
        self.out_features = size("Linear", "out_features", out_features)
        self.weight = Parameter(zeros((out_features, in_features), dtype))
        self.bias = Parameter(zeros(out_features, dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.uniform_by_fan_in(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y_k = x1^T W_k x2 + b_k: see `F.bilinear`.

    in1_features, in2_features, out_features: the sizes of the last axes of x1, x2 and y.  bias: whether there is a b.
    weight: (out_features, in1_features, in2_features), bias: (out_features,), both from U(-1/sqrt(in1), 1/sqrt(in1)).
    Shapes: (..., in1_features), (..., in2_features) -> (..., out_features).

    >>> nn.Bilinear(20, 30, 40)(mg.zeros((128, 20)), mg.zeros((128, 30))).shape
    (128, 40)
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, dtype: DtypeLike = None
    ) -> None:
        self.in1_features = size("Bilinear", "in1_features", in1_features, 1)
        self.in2_features = size("Bilinear", "in2_features", in2_features)
        self.out_features = size("Bilinear", "out_features", out_features)
        self.weight = Parameter(zeros((out_features, in1_features, in2_features), dtype))
        self.bias = Parameter(zeros(out_features, dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in1_features)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Identity(Module):
    """y = x; takes any arguments and ignores them, so that it can stand in for any layer.

    >>> nn.Identity()(mg.tensor([1.0]))
    tensor([1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        return input
