"""Pooling layers: they hold the arguments, `minigrad.nn.functional` has the mathematics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.module import Module

Size = int | tuple[int, ...]
OutputSize = int | None | tuple[int | None, ...]


class MaxPoolNd(Module):
    """Max pooling; the subclasses fix the number of spatial dimensions."""

    function: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return self.function(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(MaxPoolNd):
    """`MaxPool2d` for signals: (N, C, L) -> (N, C, L').

    >>> nn.MaxPool1d(2)(mg.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[3., 2.]])
    """

    function = staticmethod(F.max_pool1d)


class MaxPool2d(MaxPoolNd):
    """The maximum of each window: see `F.max_pool2d`.

    kernel_size, stride (default: kernel_size), padding, dilation: an int, or one for each of height and width.
    return_indices: also give the positions of the maxima.  ceil_mode: also windows that run over the end.
    Shapes: (N, C, H, W) -> (N, C, H', W').

    >>> nn.MaxPool2d(2)(mg.zeros((8, 16, 28, 28))).shape
    (8, 16, 14, 14)
    """

    function = staticmethod(F.max_pool2d)


class MaxPool3d(MaxPoolNd):
    """`MaxPool2d` for volumes: (N, C, D, H, W) -> (N, C, D', H', W').

    >>> nn.MaxPool3d(2)(mg.zeros((1, 1, 4, 4, 4))).shape
    (1, 1, 2, 2, 2)
    """

    function = staticmethod(F.max_pool3d)


class AvgPool1d(Module):
    """`AvgPool2d` for signals: (N, C, L) -> (N, C, L').

    >>> nn.AvgPool1d(2)(mg.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[2., 1.]])
    """

    function: ClassVar[Callable[..., Tensor]] = staticmethod(F.avg_pool1d)

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def arguments(self) -> tuple:
        """What the function gets after the input."""
        return self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return self.function(input, *self.arguments())

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(AvgPool1d):
    """The mean of each window: see `F.avg_pool2d`.

    kernel_size, stride (default: kernel_size), padding: an int, or one for each of height and width.
    ceil_mode: also windows that run over the end.  count_include_pad: whether padding counts in the mean.
    divisor_override: divide the sum by this instead.  Shapes: (N, C, H, W) -> (N, C, H', W').

    >>> nn.AvgPool2d(2)(mg.zeros((8, 16, 28, 28))).shape
    (8, 16, 14, 14)
    """

    function = staticmethod(F.avg_pool2d)

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def arguments(self) -> tuple:
        return (*super().arguments(), self.divisor_override)


class AvgPool3d(AvgPool2d):
    """`AvgPool2d` for volumes: (N, C, D, H, W) -> (N, C, D', H', W').

    >>> nn.AvgPool3d(2)(mg.zeros((1, 1, 4, 4, 4))).shape
    (1, 1, 2, 2, 2)
    """

    function = staticmethod(F.avg_pool3d)


class AdaptiveAvgPoolNd(Module):
    """Adaptive average pooling; the subclasses fix the number of spatial dimensions."""

    function: ClassVar[Callable[..., Tensor]]

    def __init__(self, output_size: OutputSize) -> None:
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

    function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(AdaptiveAvgPoolNd):
    """The mean of each of output_size windows, which divide the input as evenly as possible.

    output_size: an int, or one for each of height and width; None keeps the size.
    Shapes: (N, C, H, W) -> (N, C, *output_size).

    >>> nn.AdaptiveAvgPool2d(1)(mg.zeros((8, 16, 7, 5))).shape
    (8, 16, 1, 1)
    """

    function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(AdaptiveAvgPoolNd):
    """`AdaptiveAvgPool2d` for volumes: (N, C, D, H, W) -> (N, C, *output_size).

    >>> nn.AdaptiveAvgPool3d(1)(mg.zeros((1, 1, 4, 4, 4))).shape
    (1, 1, 1, 1, 1)
    """

    function = staticmethod(F.adaptive_avg_pool3d)


class AdaptiveMaxPoolNd(Module):
    """Adaptive max pooling; the subclasses fix the number of spatial dimensions."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: OutputSize, return_indices: bool = False) -> None:
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

    function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(AdaptiveMaxPoolNd):
    """The maximum of each of output_size windows, which divide the input as evenly as possible.

    output_size: an int, or one for each of height and width; None keeps the size.  return_indices: also give the
    positions of the maxima.  Shapes: (N, C, H, W) -> (N, C, *output_size).

    >>> nn.AdaptiveMaxPool2d(1)(mg.zeros((8, 16, 7, 5))).shape
    (8, 16, 1, 1)
    """

    function = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(AdaptiveMaxPoolNd):
    """`AdaptiveMaxPool2d` for volumes: (N, C, D, H, W) -> (N, C, *output_size).

    >>> nn.AdaptiveMaxPool3d(1)(mg.zeros((1, 1, 4, 4, 4))).shape
    (1, 1, 1, 1, 1)
    """

    function = staticmethod(F.adaptive_max_pool3d)
