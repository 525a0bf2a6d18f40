"""Dropout layers: they hold the probability, `minigrad.nn.functional` has the mathematics."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.arguments import fraction
from minigrad.nn.module import Module


class Dropout(Module):
    """In training, each element is 0 with probability p, else multiplied by 1 / (1 - p); in evaluation, the identity.

    >>> nn.Dropout(0.5).eval()(mg.ones(3))
    tensor([1., 1., 1.])
    """

    function: ClassVar[Callable[..., Tensor]] = staticmethod(F.dropout)

    def __init__(self, p: float = 0.5) -> None:
        fraction(type(self).__name__, "p", p)
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        return self.function(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout1d(Dropout):
    """Dropout of whole channels of (N, C, L) or (C, L): see `F.dropout1d`.

    >>> nn.Dropout1d(0.5).eval()(mg.ones((1, 3)))
    tensor([[1., 1., 1.]])
    """

    function = staticmethod(F.dropout1d)


class Dropout2d(Dropout):
    """Dropout of whole channels of (N, C, H, W), or of (N, C, L): see `F.dropout2d`.

    >>> nn.Dropout2d(0.5).eval()(mg.ones((8, 3, 5, 5))).shape
    (8, 3, 5, 5)
    """

    function = staticmethod(F.dropout2d)


class Dropout3d(Dropout):
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W): see `F.dropout3d`.

    >>> nn.Dropout3d(0.5).eval()(mg.ones((3, 5, 5, 5))).shape
    (3, 5, 5, 5)
    """

    function = staticmethod(F.dropout3d)


class AlphaDropout(Dropout):
    """Dropout for SELU nets, which keeps mean 0 and variance 1: see `F.alpha_dropout`. In evaluation, the identity.

    >>> nn.AlphaDropout(0.5).eval()(mg.ones(3))
    tensor([1., 1., 1.])
    """

    function = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(Dropout):
    """`AlphaDropout` of whole channels of (N, C, ...): see `F.feature_alpha_dropout`.

    >>> nn.FeatureAlphaDropout(0.5).eval()(mg.ones((1, 2, 1)))
    tensor([[[1.],
             [1.]]])
    """

    function = staticmethod(F.feature_alpha_dropout)
