"""Upsample, and two abbreviations of it."""

from __future__ import annotations

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.arguments import Size
from minigrad.nn.functional.resampling import Factor, check_arguments
from minigrad.nn.module import Module


def as_floats(factor: Factor | None) -> Factor | None:
    """One factor, or several, as PyTorch keeps and shows them."""
    if isinstance(factor, (tuple, list)):
        return tuple(map(float, factor))
    return None if factor is None else float(factor)


class Upsample(Module):
    """Images at another size, (N, C, *S) -> (N, C, *S'): see `F.interpolate`.

    >>> nn.Upsample(scale_factor=2, mode="bilinear")(mg.zeros((1, 3, 4, 5))).shape
    (1, 3, 8, 10)
    """

    def __init__(
        self,
        size: Size | None = None,
        scale_factor: Factor | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        check_arguments(type(self).__name__, size, scale_factor, mode, align_corners, recompute_scale_factor)
        self.size = size
        self.scale_factor = as_floats(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        target = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        options = {"align_corners": self.align_corners, "recompute_scale_factor": self.recompute_scale_factor}
        given = "".join(f", {name}={value}" for name, value in options.items() if value is not None)
        return f"{target}, mode={self.mode!r}{given}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` with mode "nearest".

    >>> nn.UpsamplingNearest2d(scale_factor=2)(mg.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    """

    def __init__(self, size: Size | None = None, scale_factor: Factor | None = None) -> None:
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """`Upsample` with mode "bilinear" and aligned corners.

    >>> nn.UpsamplingBilinear2d(size=(1, 3))(mg.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1. , 1.5, 2. ]]]])
    """

    def __init__(self, size: Size | None = None, scale_factor: Factor | None = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
