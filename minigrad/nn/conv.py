"""Convolution layers in 1, 2 and 3 dimensions, and their transposes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.arguments import Size, choice, float_tensor, per_dim, size
from minigrad.nn.functional.conv import full_sizes, padding_pairs
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import zeros

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
DEFAULTS = {"padding": 0, "dilation": 1, "output_padding": 0, "groups": 1, "bias": True, "padding_mode": "zeros"}


class ConvBase(Module):
    """What all convolution layers share: arguments, a weight and a bias."""

    dims: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        padding: Size | str,
        dilation: Size,
        groups: int,
    ) -> None:
        who = type(self).__name__
        self.in_channels = size(who, "in_channels", in_channels, 1)
        self.out_channels = size(who, "out_channels", out_channels, 1)
        self.kernel_size = per_dim(who, "kernel_size", kernel_size, self.dims, 1)
        self.stride = per_dim(who, "stride", stride, self.dims, 1)
        self.padding: Any = padding if isinstance(padding, str) else per_dim(who, "padding", padding, self.dims)
        self.dilation = per_dim(who, "dilation", dilation, self.dims, 1)
        self.groups = size(who, "groups", groups, 1)
        if in_channels % groups or out_channels % groups:
            raise ConfigError(f"[{who}] {in_channels} and {out_channels} channels are no multiples of groups={groups}.")

    def _make_parameters(self, first: int, second: int, bias: bool, dtype: DtypeLike) -> None:
        """A weight (first, second, *kernel_size) and a bias (out_channels,), drawn by fan-in."""
        self.weight = Parameter(zeros((first, second, *self.kernel_size), dtype))
        self.bias = Parameter(zeros(self.out_channels, dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.uniform_by_fan_in(self.weight, self.bias)

    def extra_repr(self) -> str:
        shown = {"kernel_size": self.kernel_size, "stride": self.stride, **self._unusual()}
        listed = ", ".join(f"{name}={value}" for name, value in shown.items())
        return f"{self.in_channels}, {self.out_channels}, {listed}"

    def _unusual(self) -> dict[str, Any]:
        """The arguments that do not have their default."""
        shown = {name: getattr(self, name, default) for name, default in DEFAULTS.items()}
        shown["bias"] = self.bias is not None
        return {n: v for n, v in shown.items() if v not in (DEFAULTS[n], (DEFAULTS[n],) * self.dims)}


class ConvNd(ConvBase):
    """Convolution; the subclasses fix the number of spatial dimensions."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        dtype: DtypeLike = None,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups)
        who = type(self).__name__
        choice(who, "padding_mode", padding_mode, PADDING_MODES)
        padding_pairs(who, self.padding, self.kernel_size, self.stride, self.dilation)  # raises now, not in forward
        self.padding_mode = padding_mode
        self._make_parameters(out_channels, in_channels // groups, bias, dtype)

    def forward(self, input: Tensor) -> Tensor:
        zeros = self.padding_mode == "zeros"
        x, padding = (input, self.padding) if zeros else (self._pad(input), 0)
        return self.function(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _pad(self, input: Tensor) -> Tensor:
        """The input with its spatial dimensions continued in a mode other than zeros."""
        pairs = padding_pairs(type(self).__name__, self.padding, self.kernel_size, self.stride, self.dilation)
        return F.pad(input, [n for pair in reversed(pairs) for n in pair], self.padding_mode)


class Conv1d(ConvNd):
    """`Conv2d` for signals: (N, C, L) -> (N, O, L'), weight (O, C / groups, K).

    >>> nn.Conv1d(16, 33, 3, stride=2)(mg.zeros((20, 16, 50))).shape
    (20, 33, 24)
    """

    dims = 1
    function = staticmethod(F.conv1d)


class Conv2d(ConvNd):
    """Cross-correlation with learned filters: see `F.conv2d`.

    kernel_size, stride, padding, dilation: an int, or one for each of height and width.  padding: zeros on both sides,
    or "same" or "valid".  padding_mode: "zeros", or continue the image by "reflect", "replicate" (its border) or
    "circular".  groups: channels and filters are split in so many groups that do not see each other.
    weight: (out_channels, in_channels / groups, KH, KW), bias: (out_channels,), both from U(-1/sqrt(n), 1/sqrt(n)) with
    n = in_channels / groups KH KW.  Shapes: (N, in_channels, H, W) -> (N, out_channels, H', W').

    >>> nn.Conv2d(3, 16, 5, padding=2)(mg.zeros((8, 3, 28, 28))).shape
    (8, 16, 28, 28)
    """

    dims = 2
    function = staticmethod(F.conv2d)


class Conv3d(ConvNd):
    """`Conv2d` for volumes: (N, C, D, H, W) -> (N, O, D', H', W'), weight (O, C / groups, KD, KH, KW).

    >>> nn.Conv3d(1, 2, 3)(mg.zeros((1, 1, 5, 5, 5))).shape
    (1, 2, 3, 3, 3)
    """

    dims = 3
    function = staticmethod(F.conv3d)


class ConvTransposeNd(ConvBase):
    """Transposed convolution; the subclasses fix the number of spatial dimensions."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        dtype: DtypeLike = None,
    ) -> None:
        who = type(self).__name__
        padding = per_dim(who, "padding", padding, self.dims)  # no strings here
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups)
        choice(who, "padding_mode", padding_mode, ("zeros",))  # PyTorch's argument, and its only value
        self.output_padding = per_dim(who, "output_padding", output_padding, self.dims)
        self._make_parameters(in_channels, out_channels // groups, bias, dtype)

    def forward(self, input: Tensor, output_size: int | Sequence[int] | None = None) -> Tensor:
        input = float_tensor(type(self).__name__, "input", input)
        extra = self.output_padding if output_size is None else self._padding_for(input, output_size)
        return self.function(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )

    def _padding_for(self, input: Tensor, output_size: int | Sequence[int]) -> tuple[int, ...]:
        """The output padding that gives this size, of all axes or of the spatial ones."""
        wanted = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * self.dims
        if len(wanted) == input.ndim:
            wanted = wanted[-self.dims :]
        full = full_sizes(input.shape[-self.dims :], self.kernel_size, self.stride, self.dilation)
        least = tuple(n - 2 * p for n, p in zip(full, self.padding))
        extra = tuple(n - low for n, low in zip(wanted, least))
        if len(wanted) != self.dims or not all(0 <= e < s for e, s in zip(extra, self.stride)):
            most = tuple(low + s - 1 for low, s in zip(least, self.stride))
            raise ShapeError(
                f"[{type(self).__name__}] output_size must lie between {least} and {most}, got {wanted}: "
                f"input {input.shape}."
            )
        return extra


class ConvTranspose1d(ConvTransposeNd):
    """`ConvTranspose2d` for signals: (N, C, L) -> (N, O, L'), weight (C, O / groups, K).

    >>> nn.ConvTranspose1d(4, 2, 3, stride=2)(mg.zeros((1, 4, 5))).shape
    (1, 2, 11)
    """

    dims = 1
    function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(ConvTransposeNd):
    """The gradient of a convolution in its input, with learned filters: see `F.conv_transpose2d`.

    Arguments as for `Conv2d`; output_padding chooses between the sizes that the convolution maps to the same one, as
    does, for one call, `forward(x, output_size=(H', W'))`.  padding_mode: "zeros".
    weight: (in_channels, out_channels / groups, KH, KW), bias: (out_channels,).
    Shapes: (N, in_channels, H, W) -> (N, out_channels, H', W').

    >>> nn.ConvTranspose2d(16, 3, 2, stride=2)(mg.zeros((8, 16, 14, 14))).shape
    (8, 3, 28, 28)
    """

    dims = 2
    function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(ConvTransposeNd):
    """`ConvTranspose2d` for volumes: (N, C, D, H, W) -> (N, O, D', H', W'), weight (C, O / groups, KD, KH, KW).

    >>> nn.ConvTranspose3d(2, 1, 3)(mg.zeros((1, 2, 3, 3, 3))).shape
    (1, 1, 5, 5, 5)
    """

    dims = 3
    function = staticmethod(F.conv_transpose3d)
