"""Unfold and Fold."""

from __future__ import annotations

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.arguments import Size, per_dim
from minigrad.nn.functional.folding import window_geometry
from minigrad.nn.module import Module


class Windows(Module):
    """Where windows lie: what Unfold and Fold share."""

    def __init__(self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> None:
        window_geometry(type(self).__name__, kernel_size, dilation, padding, stride)  # raises now, not in forward
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        )


class Unfold(Windows):
    """The windows of an image as columns, (N, C, H, W) -> (N, C KH KW, L): see `F.unfold`.

    >>> nn.Unfold((2, 3))(mg.zeros((2, 5, 3, 4))).shape
    (2, 30, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(Windows):
    """Columns added up to an image where their windows lie, (N, C KH KW, L) -> (N, C, *output_size): see `F.fold`.

    >>> nn.Fold((4, 5), (2, 2))(mg.zeros((1, 12, 12))).shape
    (1, 3, 4, 5)
    """

    def __init__(
        self, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
    ) -> None:
        per_dim("Fold", "output_size", output_size, 2, 1)
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"
