"""Unpooling layers: they hold the arguments, `minigrad.nn.functional` has the mathematics."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.arguments import Size
from minigrad.nn.functional.pooling import window_arguments
from minigrad.nn.module import Module


class MaxUnpoolNd(Module):
    """Unpooling; the subclasses fix the number of spatial dimensions."""

    dims: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        self.kernel_size, self.stride, self.padding, _ = window_arguments(
            type(self).__name__, self.dims, kernel_size, stride, padding
        )

    def forward(self, input: Tensor, indices: Tensor, output_size: Size | None = None) -> Tensor:
        return self.function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(MaxUnpoolNd):
    """`MaxUnpool2d` for signals: (N, C, L) -> (N, C, L'), L' = (L - 1) stride - 2 padding + kernel_size.

    >>> y, indices = nn.MaxPool1d(2, return_indices=True)(mg.tensor([[1.0, 3.0, 2.0, 0.0]]))
    >>> nn.MaxUnpool1d(2)(y, indices)
    tensor([[0., 3., 2., 0.]])
    """

    dims = 1
    function = staticmethod(F.max_unpool1d)


class MaxUnpool2d(MaxUnpoolNd):
    """Zeros with the values of the input where a max pooling with these arguments found them: see `F.max_unpool2d`.

    kernel_size, stride (default: kernel_size), padding: those of the pooling.  Called with the input, the indices of
    the pooling, and output_size where that differs from the size below.
    Shapes: (N, C, H, W) -> (N, C, H', W'), H' = (H - 1) stride - 2 padding + kernel_size, or output_size.

    >>> x = mg.zeros((8, 16, 27, 27))
    >>> y, indices = nn.MaxPool2d(2, return_indices=True)(x)
    >>> nn.MaxUnpool2d(2)(y, indices, output_size=x.shape).shape
    (8, 16, 27, 27)
    """

    dims = 2
    function = staticmethod(F.max_unpool2d)


class MaxUnpool3d(MaxUnpoolNd):
    """`MaxUnpool2d` for volumes: (N, C, D, H, W) -> (N, C, D', H', W'), D' = (D - 1) stride - 2 padding + kernel_size.

    >>> y, indices = nn.MaxPool3d(2, return_indices=True)(mg.zeros((1, 1, 4, 4, 4)))
    >>> nn.MaxUnpool3d(2)(y, indices).shape
    (1, 1, 4, 4, 4)
    """

    dims = 3
    function = staticmethod(F.max_unpool3d)
