"""Normalization without running statistics: layer norm, group norm, RMS norm, local response norm."""

from __future__ import annotations

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.errors import ConfigError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.arguments import number, size
from minigrad.nn.functional.normalization import Shape, trailing_shape, window
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import zeros


class LayerNorm(Module):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, mean and variance over the last axes (Ba et al. 2016).

    normalized_shape: the sizes of the last axes, or of the last one.  elementwise_affine, bias: whether there is a
    weight, at first 1, and a bias, at first 0, of this shape.
    Shapes: (..., *normalized_shape) -> the same.  Raises ShapeError for others, ConfigError for an eps below 0.

    >>> nn.LayerNorm(2)(mg.tensor([[1.0, 3.0], [5.0, 5.0]])).detach()
    tensor([[-0.999995,  0.999995],
            [ 0.      ,  0.      ]])
    """

    def __init__(
        self,
        normalized_shape: Shape,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: DtypeLike = None,
    ) -> None:
        self.normalized_shape = trailing_shape("LayerNorm", normalized_shape)
        number("LayerNorm", "eps", eps, at_least=0)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = Parameter(zeros(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        reset_affine(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(Module):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, for each sample and group of channels (Wu & He 2018).

    num_groups: 1 makes it a layer norm over channels and positions, num_channels an instance norm.
    num_channels: C, a multiple of num_groups.  affine, bias: whether there is a weight (C,), at first 1, and a bias
    (C,), at first 0.
    Shapes: (N, C, ...) -> the same.  Raises ShapeError for others, ConfigError for other arguments.

    >>> nn.GroupNorm(4, 16)(mg.zeros((8, 16, 7, 7))).shape
    (8, 16, 7, 7)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: DtypeLike = None,
        *,
        bias: bool = True,
    ) -> None:
        self.num_groups = size("GroupNorm", "num_groups", num_groups, 1)
        self.num_channels = size("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ConfigError(f"[GroupNorm] {num_channels} channels do not make {num_groups} groups.")
        number("GroupNorm", "eps", eps, at_least=0)
        self.eps = eps
        self.affine = affine
        self.weight = Parameter(zeros(num_channels, dtype)) if affine else None
        self.bias = Parameter(zeros(num_channels, dtype)) if affine and bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        reset_affine(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """y = x / sqrt(mean(x^2) + eps) * weight, the mean over the last axes (Zhang & Sennrich 2019).

    normalized_shape: the sizes of the last axes, or of the last one.  eps: None for `finfo(x.dtype).eps`.
    elementwise_affine: whether there is a weight, at first 1, of this shape.
    Shapes: (..., *normalized_shape) -> the same.  Raises ShapeError for others, ConfigError for an eps below 0.

    >>> nn.RMSNorm(2)(mg.tensor([[1.0, 7.0]])).detach()
    tensor([[0.2, 1.4]])
    """

    def __init__(
        self,
        normalized_shape: Shape,
        eps: float | None = None,
        elementwise_affine: bool = True,
        dtype: DtypeLike = None,
    ) -> None:
        self.normalized_shape = trailing_shape("RMSNorm", normalized_shape)
        number("RMSNorm", "eps", 0.0 if eps is None else eps, at_least=0)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = Parameter(zeros(self.normalized_shape, dtype)) if elementwise_affine else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1."""
        reset_affine(self.weight, None)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LocalResponseNorm(Module):
    """y = x / (k + alpha m)^beta, m the mean of x^2 over `size` neighbouring channels (Krizhevsky et al. 2012).

    Shapes: (N, C, ...), of rank 3 or more -> the same.  Raises ShapeError for others, ConfigError for a size below 1.

    >>> nn.LocalResponseNorm(5)(mg.zeros((8, 16, 7, 7))).shape
    (8, 16, 7, 7)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size = window("LocalResponseNorm", size)
        for name, value in (("alpha", alpha), ("beta", beta), ("k", k)):
            number("LocalResponseNorm", name, value)
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def reset_affine(weight: Parameter | None, bias: Parameter | None) -> None:
    """Weight 1, bias 0: at first what is normalized stays as it is."""
    if weight is not None:
        init.ones_(weight)
    if bias is not None:
        init.zeros_(bias)
