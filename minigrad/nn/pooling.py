"""Pooling over windows of one size: the layers hold the arguments, `minigrad.nn.functional` has the mathematics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.arguments import Size, per_dim, size
from minigrad.nn.functional.pooling import norm_order, window_arguments
from minigrad.nn.module import Module


class MaxPoolNd(Module):
    """Max pooling; the subclasses fix the number of spatial dimensions."""

    dims: ClassVar[int]
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
        window_arguments(type(self).__name__, self.dims, kernel_size, stride, padding, dilation)
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

    L' = (L + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1; with ceil_mode as for `MaxPool2d`.

    >>> nn.MaxPool1d(2)(mg.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[3., 2.]])
    """

    dims = 1
    function = staticmethod(F.max_pool1d)


class MaxPool2d(MaxPoolNd):
    """The maximum of each window: see `F.max_pool2d`.

    kernel_size, stride (default: kernel_size), padding, dilation: an int, or one for each of height and width.
    return_indices: also give the positions of the maxima.  ceil_mode: also a last window that runs over the end.
    Shapes: (N, C, H, W) -> (N, C, H', W'), H' = (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1; with
    ceil_mode the division rounds up, and a last window that would begin in the padding behind the input is left out.

    >>> nn.MaxPool2d(2)(mg.zeros((8, 16, 28, 28))).shape
    (8, 16, 14, 14)
    """

    dims = 2
    function = staticmethod(F.max_pool2d)


class MaxPool3d(MaxPoolNd):
    """`MaxPool2d` for volumes: (N, C, D, H, W) -> (N, C, D', H', W').

    D' = (D + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1; with ceil_mode as for `MaxPool2d`.

    >>> nn.MaxPool3d(2)(mg.zeros((1, 1, 4, 4, 4))).shape
    (1, 1, 2, 2, 2)
    """

    dims = 3
    function = staticmethod(F.max_pool3d)


class AvgPoolNd(Module):
    """Average pooling; the subclasses fix the number of spatial dimensions."""

    dims: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        who = type(self).__name__
        window_arguments(who, self.dims, kernel_size, stride, padding)
        if divisor_override is not None:
            size(who, "divisor_override", divisor_override, 1)
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def _arguments(self) -> tuple:
        """What the function gets after the input."""
        return (
            self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        return self.function(input, *self._arguments())

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(AvgPoolNd):
    """`AvgPool2d` for signals, without divisor_override: (N, C, L) -> (N, C, L').

    L' = (L + 2 padding - kernel_size) // stride + 1; with ceil_mode as for `AvgPool2d`.

    >>> nn.AvgPool1d(2)(mg.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[2., 1.]])
    """

    dims = 1
    function = staticmethod(F.avg_pool1d)

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        for name in ("kernel_size", "stride", "padding"):  # as PyTorch keeps and shows them
            setattr(self, name, per_dim("AvgPool1d", name, getattr(self, name), 1))

    def _arguments(self) -> tuple:
        return super()._arguments()[:-1]


class AvgPool2d(AvgPoolNd):
    """The mean of each window: see `F.avg_pool2d`.

    kernel_size, stride (default: kernel_size), padding: an int, or one for each of height and width.
    ceil_mode: also a last window that runs over the end.  count_include_pad: whether padding counts in the mean.
    divisor_override: divide the sum by this instead.
    Shapes: (N, C, H, W) -> (N, C, H', W'), H' = (H + 2 padding - kernel_size) // stride + 1; with ceil_mode the
    division rounds up, and a last window that would begin in the padding behind the input is left out.

    >>> nn.AvgPool2d(2)(mg.zeros((8, 16, 28, 28))).shape
    (8, 16, 14, 14)
    """

    dims = 2
    function = staticmethod(F.avg_pool2d)


class AvgPool3d(AvgPoolNd):
    """`AvgPool2d` for volumes: (N, C, D, H, W) -> (N, C, D', H', W').

    D' = (D + 2 padding - kernel_size) // stride + 1; with ceil_mode as for `AvgPool2d`.

    >>> nn.AvgPool3d(2)(mg.zeros((1, 1, 4, 4, 4))).shape
    (1, 1, 2, 2, 2)
    """

    dims = 3
    function = staticmethod(F.avg_pool3d)


class LPPoolNd(Module):
    """Pooling by a p-norm; the subclasses fix the number of spatial dimensions."""

    dims: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
    ) -> None:
        who = type(self).__name__
        window_arguments(who, self.dims, kernel_size, stride)
        self.norm_type = norm_order(who, norm_type)
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return self.function(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(LPPoolNd):
    """`LPPool2d` for signals: (N, C, L) -> (N, C, L'), L' = (L - kernel_size) // stride + 1, rounded up with ceil_mode.

    >>> nn.LPPool1d(2, 2)(mg.tensor([[3.0, 4.0, 0.0, 0.0]]))
    tensor([[5., 0.]])
    """

    dims = 1
    function = staticmethod(F.lp_pool1d)


class LPPool2d(LPPoolNd):
    """The p-norm of each window, (sum of x^p)^(1 / p): see `F.lp_pool2d`.

    norm_type: p, any number but 0, inf and -inf included.  kernel_size, stride (default: kernel_size): an int, or one
    for each of height and width.  ceil_mode: also a last window that runs over the end.
    Shapes: (N, C, H, W) -> (N, C, H', W'), H' = (H - kernel_size) // stride + 1, rounded up with ceil_mode.

    >>> nn.LPPool2d(2, 3, stride=2)(mg.zeros((8, 16, 28, 28))).shape
    (8, 16, 13, 13)
    """

    dims = 2
    function = staticmethod(F.lp_pool2d)


class LPPool3d(LPPoolNd):
    """`LPPool2d` for volumes: (N, C, D, H, W) -> (N, C, D', H', W').

    D' = (D - kernel_size) // stride + 1, rounded up with ceil_mode.

    >>> nn.LPPool3d(2, 2)(mg.zeros((1, 1, 4, 4, 4))).shape
    (1, 1, 2, 2, 2)
    """

    dims = 3
    function = staticmethod(F.lp_pool3d)
