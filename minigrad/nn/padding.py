"""The padding layers: four ways to go on beyond the border, in 1, 2 and 3 dimensions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError
from minigrad.nn import functional as F
from minigrad.nn.module import Module

Widths = int | tuple[int, ...]


class PadNd(Module):
    """Padding; the subclasses fix the number of dimensions and the mode."""

    dims: ClassVar[int]
    mode: ClassVar[str] = "constant"
    value: float | None = None

    def __init__(self, padding: Widths) -> None:
        widths = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * 2 * self.dims
        if len(widths) != 2 * self.dims or not all(isinstance(n, (int, np.integer)) for n in widths):
            raise ConfigError(
                f"[{type(self).__name__}] padding must be an integer or {2 * self.dims} of them, got {padding!r}."
            )
        self.padding = widths

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return str(self.padding)


class ConstantPadNd(PadNd):
    """Padding with a value of one's choice."""

    def __init__(self, padding: Widths, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(ConstantPadNd):
    """`ConstantPad2d` for signals: padding is an int or (left, right).

    >>> nn.ConstantPad1d(1, 5.0)(mg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[5., 1., 2., 3., 5.]])
    """

    dims = 1


class ConstantPad2d(ConstantPadNd):
    """A value around images: (N, C, H, W) -> (N, C, H', W'), as all axes before the last two are left alone.

    padding: an int, or (left, right, top, bottom); negative ones crop.  value: the value.

    >>> nn.ConstantPad2d((1, 0, 0, 1), 5.0)(mg.tensor([[1.0, 2.0]]))
    tensor([[5., 1., 2.],
            [5., 5., 5.]])
    """

    dims = 2


class ConstantPad3d(ConstantPadNd):
    """`ConstantPad2d` for volumes: padding is an int or (left, right, top, bottom, front, back).

    >>> nn.ConstantPad3d(1, 5.0)(mg.zeros((1, 2, 3, 4))).shape
    (1, 4, 5, 6)
    """

    dims = 3


class ZeroPad1d(PadNd):
    """`ZeroPad2d` for signals: padding is an int or (left, right).

    >>> nn.ZeroPad1d(1)(mg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[0., 1., 2., 3., 0.]])
    """

    dims = 1


class ZeroPad2d(PadNd):
    """Zeros around images: `ConstantPad2d` with the value 0.

    >>> nn.ZeroPad2d((1, 0, 0, 1))(mg.tensor([[1.0, 2.0]]))
    tensor([[0., 1., 2.],
            [0., 0., 0.]])
    """

    dims = 2


class ZeroPad3d(PadNd):
    """`ZeroPad2d` for volumes: padding is an int or (left, right, top, bottom, front, back).

    >>> nn.ZeroPad3d(1)(mg.zeros((1, 2, 3, 4))).shape
    (1, 4, 5, 6)
    """

    dims = 3


class ReflectionPad1d(PadNd):
    """`ReflectionPad2d` for signals: padding is an int or (left, right).

    >>> nn.ReflectionPad1d(1)(mg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 1., 2., 3., 2.]])
    """

    dims = 1
    mode = "reflect"


class ReflectionPad2d(PadNd):
    """Images mirrored at their borders, which are not repeated: (N, C, H, W) or (C, H, W), H' = H + top + bottom.

    padding: an int, or (left, right, top, bottom), each smaller than the image; negative ones crop.

    >>> nn.ReflectionPad2d((2, 0, 0, 0))(mg.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[3., 2., 1., 2., 3.]]])
    """

    dims = 2
    mode = "reflect"


class ReflectionPad3d(PadNd):
    """`ReflectionPad2d` for volumes: padding is an int or (left, right, top, bottom, front, back).

    >>> nn.ReflectionPad3d(1)(mg.zeros((1, 2, 3, 4))).shape
    (1, 4, 5, 6)
    """

    dims = 3
    mode = "reflect"


class ReplicationPad1d(PadNd):
    """`ReplicationPad2d` for signals: padding is an int or (left, right).

    >>> nn.ReplicationPad1d(1)(mg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1., 1., 2., 3., 3.]])
    """

    dims = 1
    mode = "replicate"


class ReplicationPad2d(PadNd):
    """Images with their borders repeated: (N, C, H, W) or (C, H, W), H' = H + top + bottom.

    padding: an int, or (left, right, top, bottom); negative ones crop.

    >>> nn.ReplicationPad2d((2, 0, 0, 0))(mg.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[1., 1., 1., 2., 3.]]])
    """

    dims = 2
    mode = "replicate"


class ReplicationPad3d(PadNd):
    """`ReplicationPad2d` for volumes: padding is an int or (left, right, top, bottom, front, back).

    >>> nn.ReplicationPad3d(1)(mg.zeros((1, 2, 3, 4))).shape
    (1, 4, 5, 6)
    """

    dims = 3
    mode = "replicate"


class CircularPad1d(PadNd):
    """`CircularPad2d` for signals: padding is an int or (left, right).

    >>> nn.CircularPad1d(1)(mg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 1., 2., 3., 1.]])
    """

    dims = 1
    mode = "circular"


class CircularPad2d(PadNd):
    """Images that go on at their other ends: (N, C, H, W) or (C, H, W), H' = H + top + bottom.

    padding: an int, or (left, right, top, bottom), none larger than the image; negative ones crop.

    >>> nn.CircularPad2d((2, 0, 0, 0))(mg.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[2., 3., 1., 2., 3.]]])
    """

    dims = 2
    mode = "circular"


class CircularPad3d(PadNd):
    """`CircularPad2d` for volumes: padding is an int or (left, right, top, bottom, front, back).

    >>> nn.CircularPad3d(1)(mg.zeros((1, 2, 3, 4))).shape
    (1, 4, 5, 6)
    """

    dims = 3
    mode = "circular"
