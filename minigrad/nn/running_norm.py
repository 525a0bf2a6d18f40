"""Normalization of channels, with running statistics: batch norm and instance norm in 1, 2 and 3 dimensions."""

from __future__ import annotations

from typing import Any, ClassVar

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.engine import tracer
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.arguments import expect_positive, size
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import expand_dims, ones, squeeze, tensor, zeros


class ChannelNorm(Module):
    """What batch norm and instance norm share: arguments, a weight and a bias, running statistics.

    shapes: of the inputs that are taken, by rank; C is the axis of the channels.
    """

    shapes: ClassVar[dict[int, str]]
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        dtype: DtypeLike,
        bias: bool,
    ) -> None:
        who = type(self).__name__
        self.num_features = size(who, "num_features", num_features)
        self.eps = expect_positive(who, "eps", eps, zero=True)
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(ones(num_features, dtype)) if affine else None
        self.bias = Parameter(zeros(num_features, dtype)) if affine and bias else None
        self.register_buffer("running_mean", zeros(num_features, dtype) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features, dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", tensor(0) if track_running_stats else None)
