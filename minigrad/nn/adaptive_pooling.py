"""Adaptive and global pooling layers: they hold the arguments, `minigrad.nn.functional` has the mathematics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.functional.adaptive_pooling import OutputSize, output_sizes
from minigrad.nn.module import Module


class AdaptiveAvgPoolNd(Module):
    """Adaptive average pooling; the subclasses fix the number of spatial dimensions."""

    dims: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]

    def __init__(self, output_size: OutputSize) -> None:
        output_sizes(type(self).__name__, self.dims, output_size)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return self.function(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(AdaptiveAvgPoolNd):
    """`AdaptiveAvgPool2d` for signals: (N, C, L) -> (N, C, output_size).

    >>> nn.AdaptiveAvgPool1d(2)(mg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1.5, 2.5]])
    """

    dims = 1
    function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(AdaptiveAvgPoolNd):
    """The mean of each of output_size windows, which divide the input as evenly as possible.

    output_size: an int, or one for each of height and width; None keeps the size.
    Shapes: (N, C, H, W) -> (N, C, *output_size).

    >>> nn.AdaptiveAvgPool2d(1)(mg.zeros((8, 16, 7, 5))).shape
    (8, 16, 1, 1)
    """

    dims = 2
    function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(AdaptiveAvgPoolNd):
    """`AdaptiveAvgPool2d` for volumes: (N, C, D, H, W) -> (N, C, *output_size).

    >>> nn.AdaptiveAvgPool3d(1)(mg.zeros((1, 1, 4, 4, 4))).shape
    (1, 1, 1, 1, 1)
    """

    dims = 3
    function = staticmethod(F.adaptive_avg_pool3d)


class AdaptiveMaxPoolNd(Module):
    """Adaptive max pooling; the subclasses fix the number of spatial dimensions."""

    dims: ClassVar[int]
    function: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: OutputSize, return_indices: bool = False) -> None:
        output_sizes(type(self).__name__, self.dims, output_size)
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return self.function(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(AdaptiveMaxPoolNd):
    """`AdaptiveMaxPool2d` for signals: (N, C, L) -> (N, C, output_size).

    >>> nn.AdaptiveMaxPool1d(2)(mg.tensor([[1.0, 3.0, 2.0]]))
    tensor([[3., 3.]])
    """

    dims = 1
    function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(AdaptiveMaxPoolNd):
    """The maximum of each of output_size windows, which divide the input as evenly as possible.

    output_size: an int, or one for each of height and width; None keeps the size.  return_indices: also give the
    positions of the maxima.  Shapes: (N, C, H, W) -> (N, C, *output_size).

    >>> nn.AdaptiveMaxPool2d(1)(mg.zeros((8, 16, 7, 5))).shape
    (8, 16, 1, 1)
    """

    dims = 2
    function = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(AdaptiveMaxPoolNd):
    """`AdaptiveMaxPool2d` for volumes: (N, C, D, H, W) -> (N, C, *output_size).

    >>> nn.AdaptiveMaxPool3d(1)(mg.zeros((1, 1, 4, 4, 4))).shape
    (1, 1, 1, 1, 1)
    """

    dims = 3
    function = staticmethod(F.adaptive_max_pool3d)


class GlobalAvgPool(Module):
    """The mean of each channel over all positions: (N, C, d1, ...) -> (N, C), what a linear classifier takes.

    >>> nn.Sequential(nn.Conv2d(3, 8, 3), nn.GlobalAvgPool(), nn.Linear(8, 10))(mg.zeros((2, 3, 9, 7))).shape
    (2, 10)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.global_avg_pool(input)


class GlobalMaxPool(Module):
    """The maximum of each channel over all positions: (N, C, d1, ...) -> (N, C), what a linear classifier takes.

    >>> nn.GlobalMaxPool()(mg.tensor([[[1.0, 3.0], [6.0, 2.0]]]))
    tensor([[3., 6.]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.global_max_pool(input)
