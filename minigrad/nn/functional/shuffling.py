"""Elements between channels and positions: sub-pixel convolution's shuffle, its inverse, and the shuffle of groups."""

from __future__ import annotations

from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.nn.arguments import size
from minigrad.ops import permute, reshape_to
from minigrad.ops.movement import as_tensor


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """Channels become pixels: y[c, h r + i, w r + j] = x[c r^2 + i r + j, h, w], for r = upscale_factor.

    input: (..., C r^2, H, W).  Returns (..., C, H r, W r).  Raises ShapeError unless r^2 divides the channels.
    Shi et al. 2016, "Real-time single image and video super-resolution".

    >>> F.pixel_shuffle(mg.reshape(mg.arange(8.0), (4, 1, 2)), 2)
    tensor([[[0., 2., 1., 3.],
             [4., 6., 5., 7.]]])
    """
    r = size("pixel_shuffle", "upscale_factor", upscale_factor, 1)
    x, lead, (channels, height, width) = split_image("pixel_shuffle", input)
    if channels % r**2:
        raise ShapeError(f"[pixel_shuffle] expected a multiple of {r**2} channels, got {channels}: input {x.shape}.")
    n = len(lead)
    blocks = reshape_to(x, shape=(*lead, channels // r**2, r, r, height, width))
    woven = permute(blocks, axes=(*range(n + 1), n + 3, n + 1, n + 4, n + 2))
    return reshape_to(woven, shape=(*lead, channels // r**2, height * r, width * r))


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """The inverse of `pixel_shuffle`: every block of r x r pixels, for r = downscale_factor, becomes r^2 channels.

    input: (..., C, H r, W r).  Returns (..., C r^2, H, W).  Raises ShapeError unless r divides height and width.

    >>> F.pixel_unshuffle(mg.ones((3, 8, 6)), 2).shape
    (12, 4, 3)
    """
    r = size("pixel_unshuffle", "downscale_factor", downscale_factor, 1)
    x, lead, (channels, height, width) = split_image("pixel_unshuffle", input)
    if height % r or width % r:
        raise ShapeError(f"[pixel_unshuffle] expected height and width to be multiples of {r}: input {x.shape}.")
    n = len(lead)
    blocks = reshape_to(x, shape=(*lead, channels, height // r, r, width // r, r))
    parted = permute(blocks, axes=(*range(n + 1), n + 2, n + 4, n + 1, n + 3))
    return reshape_to(parted, shape=(*lead, channels * r**2, height // r, width // r))


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """The channels of all groups in turn, so that the next grouped convolution sees each of them.

    input: (N, C, ...), with at least one more axis.  Channel i of group g becomes channel i groups + g.
    Raises ShapeError unless groups divides C.  Zhang et al. 2018, "ShuffleNet".

    >>> F.channel_shuffle(mg.reshape(mg.arange(4.0), (1, 4, 1)), 2).reshape(-1)
    tensor([0., 2., 1., 3.])
    """
    x = as_tensor(input)
    groups = size("channel_shuffle", "groups", groups, 1)
    if x.ndim < 3 or x.shape[1] % groups:
        raise ShapeError(
            f"[channel_shuffle] expected input (N, C, ...) of rank 3 or more, C a multiple of groups={groups}, "
            f"got {x.shape}."
        )
    n, channels, *rest = x.shape
    grouped = reshape_to(x, shape=(n, groups, channels // groups, *rest))
    return reshape_to(permute(grouped, axes=(0, 2, 1, *range(3, x.ndim + 1))), shape=x.shape)


def split_image(who: str, input: Any) -> tuple[Tensor, tuple[int, ...], tuple[int, ...]]:
    """The tensor, its leading axes, and channels, height and width. Raises ShapeError if it has not so many."""
    x = as_tensor(input)
    if x.ndim < 3:
        raise ShapeError(f"[{who}] expected input of shape (..., C, H, W), got {x.shape}.")
    return x, x.shape[:-3], x.shape[-3:]
