"""PixelShuffle, its inverse, and ChannelShuffle."""

from __future__ import annotations

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.arguments import size
from minigrad.nn.module import Module


class PixelShuffle(Module):
    """Channels become pixels, (..., C r^2, H, W) -> (..., C, H r, W r): see `F.pixel_shuffle`.

    >>> nn.PixelShuffle(3)(mg.zeros((1, 9, 4, 4))).shape
    (1, 1, 12, 12)
    """

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = size("PixelShuffle", "upscale_factor", upscale_factor, 1)

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels become channels, (..., C, H r, W r) -> (..., C r^2, H, W): see `F.pixel_unshuffle`.

    >>> nn.PixelUnshuffle(3)(mg.zeros((1, 1, 12, 12))).shape
    (1, 9, 4, 4)
    """

    def __init__(self, downscale_factor: int) -> None:
        self.downscale_factor = size("PixelUnshuffle", "downscale_factor", downscale_factor, 1)

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """The channels of all groups in turn, (N, C, ...) -> (N, C, ...): see `F.channel_shuffle`.

    >>> nn.ChannelShuffle(2)(mg.zeros((1, 4, 2, 2))).shape
    (1, 4, 2, 2)
    """

    def __init__(self, groups: int) -> None:
        self.groups = size("ChannelShuffle", "groups", groups, 1)

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
