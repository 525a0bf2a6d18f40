"""Normalization of channels, with running statistics: batch norm and instance norm in 1, 2 and 3 dimensions."""

from __future__ import annotations

from typing import Any, ClassVar

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.engine import tracer
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.arguments import batched, float_tensor, number, size, unbatched
from minigrad.nn.module import Module
from minigrad.nn.normalization import reset_affine
from minigrad.nn.parameter import Parameter
from minigrad.ops import tensor, zeros


class ChannelNorm(Module):
    """What batch norm and instance norm share: arguments, a weight and a bias, running statistics."""

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
        number(who, "eps", eps, at_least=0)
        if momentum is not None:
            number(who, "momentum", momentum)
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(zeros(num_features, dtype)) if affine else None
        self.bias = Parameter(zeros(num_features, dtype)) if affine and bias else None
        self.register_buffer("running_mean", zeros(num_features, dtype) if track_running_stats else None)
        self.register_buffer("running_var", zeros(num_features, dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", tensor(0) if track_running_stats else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the running statistics: mean 0, variance 1, no batches."""
        for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                init.constant_(buffer, value)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, no running statistics."""
        self.reset_running_stats()
        reset_affine(self.weight, self.bias)

    def _expect_channels(self, x: Tensor) -> None:
        """Raises ShapeError for a batch with other than num_features channels."""
        found = x.shape[1]
        if found != self.num_features:
            who = type(self).__name__
            raise ShapeError(f"[{who}] expected {self.num_features} channels, input has {found}: input {x.shape}.")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm(ChannelNorm):
    """Batch norm; the subclasses fix the shapes that are taken, and their ranks."""

    shapes: ClassVar[str]
    ranks: ClassVar[tuple[int, ...]]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: DtypeLike = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        who = type(self).__name__
        x = float_tensor(who, "input", input)
        if x.ndim not in self.ranks:
            raise ShapeError(f"[{who}] expected input of shape {self.shapes}, got {x.shape}.")
        self._expect_channels(x)
        updates = self.training and self.track_running_stats
        running = (self.running_mean, self.running_var) if updates or not self.training else (None, None)
        momentum: Any = self._share() if updates else self.momentum
        of_batch = self.training or self.running_mean is None
        return F.batch_norm(x, *running, self.weight, self.bias, of_batch, momentum, self.eps)

    def _share(self) -> Any:
        """Count a batch; the share that it has in the running statistics: with momentum None they are plain means."""
        if self.num_batches_tracked is None:
            return self.momentum
        batches = value_of(self.num_batches_tracked) + 1
        self.num_batches_tracked.assign_(batches)
        return 1.0 / batches if self.momentum is None else self.momentum


def value_of(x: Tensor) -> Any:
    """The value of a 0-d state; while a step is traced, a symbol that promotes like a number."""
    tracing = tracer()
    return x.item() if tracing is None else tracing.count(x)


class BatchNorm1d(BatchNorm):
    """`BatchNorm2d` for features (N, C) and signals (N, C, L).

    >>> nn.BatchNorm1d(3)(mg.zeros((8, 3))).shape
    (8, 3)
    """

    shapes, ranks = "(N, C) or (N, C, L)", (2, 3)


class BatchNorm2d(BatchNorm):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, for each channel (Ioffe & Szegedy 2015).

    In training mean and variance are those of the batch, and the running ones become
    (1 - momentum) running + momentum batch, with the unbiased variance; in evaluation they are the running ones.

    num_features: C.  momentum: None makes the running statistics plain means over the batches so far.
    affine, bias: whether there is a weight (C,), at first 1, and a bias (C,), at first 0.
    track_running_stats: False takes those of the batch in evaluation too.
    Buffers: running_mean, running_var (C,), num_batches_tracked.  Shapes: (N, C, H, W) -> the same.
    Raises ShapeError for other shapes, or in training for one value per channel; ConfigError for an eps below 0.

    >>> norm = nn.BatchNorm2d(16)
    >>> norm(mg.zeros((8, 16, 7, 7))).shape
    (8, 16, 7, 7)
    >>> norm.num_batches_tracked
    tensor(1)
    """

    shapes, ranks = "(N, C, H, W)", (4,)


class BatchNorm3d(BatchNorm):
    """`BatchNorm2d` for volumes (N, C, D, H, W).

    >>> nn.BatchNorm3d(3)(mg.zeros((8, 3, 2, 2, 2))).shape
    (8, 3, 2, 2, 2)
    """

    shapes, ranks = "(N, C, D, H, W)", (5,)


class InstanceNorm(ChannelNorm):
    """Instance norm; the subclasses fix the number of spatial dimensions."""

    dims: ClassVar[int]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: DtypeLike = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        who = type(self).__name__
        given = float_tensor(who, "input", input)
        x = batched(who, given, self.dims)
        self._expect_channels(x)
        out = F.instance_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return unbatched(out, given)


class InstanceNorm1d(InstanceNorm):
    """`InstanceNorm2d` for signals (N, C, L) or (C, L).

    >>> nn.InstanceNorm1d(3)(mg.zeros((8, 3, 5))).shape
    (8, 3, 5)
    """

    dims = 1


class InstanceNorm2d(InstanceNorm):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, for each channel of each sample (Ulyanov et al. 2016).

    num_features, affine, bias: as for `BatchNorm2d`, but without a weight and a bias by default.
    track_running_stats: keep running means, over samples and batches, of mean and unbiased variance, and take them in
    evaluation; by default mean and variance are always those of the sample.  momentum: as there, but None, as in
    PyTorch, leaves the running statistics as they are.
    Shapes: (N, C, H, W) or (C, H, W) -> the same.  Raises ShapeError for other shapes, or for one value per channel.

    >>> nn.InstanceNorm2d(16)(mg.zeros((8, 16, 7, 7))).shape
    (8, 16, 7, 7)
    """

    dims = 2


class InstanceNorm3d(InstanceNorm):
    """`InstanceNorm2d` for volumes (N, C, D, H, W) or (C, D, H, W).

    >>> nn.InstanceNorm3d(3)(mg.zeros((8, 3, 2, 2, 2))).shape
    (8, 3, 2, 2, 2)
    """

    dims = 3
