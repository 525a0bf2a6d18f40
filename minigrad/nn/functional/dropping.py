"""Dropout: of elements, of whole channels, and in the form that keeps the mean and variance of SELU's outputs."""

from __future__ import annotations

from typing import Any

from minigrad import random
from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.nn.arguments import float_tensor, fraction
from minigrad.nn.functional.piecewise import SELU_ALPHA, SELU_SCALE
from minigrad.ops import broadcast_to, select

SELU_LIMIT = -SELU_SCALE * SELU_ALPHA
"""What SELU tends to for x -> -inf."""


def dropout(input: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Inverted dropout (Srivastava et al. 2014): each element is 0 with probability p, else multiplied by 1 / (1 - p).

    training: False returns the input as it is.  Raises ConfigError for p outside [0, 1].

    >>> F.dropout(mg.ones(3), p=1.0)
    tensor([0., 0., 0.])
    >>> F.dropout(mg.ones(3), training=False)
    tensor([1., 1., 1.])
    """
    fraction("dropout", "p", p)
    x = float_tensor("dropout", "input", input)
    return zeroed(x, p, x.data.ndim) if training else x


def dropout1d(input: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Dropout of whole channels (Tompson et al. 2015): all of x[n, c] is 0 with probability p, else x[n, c] / (1 - p).

    Neighbouring elements of a feature map are alike, so dropping single ones would hide little.

    input: (N, C, L) or (C, L).  training: False returns the input as it is.
    Raises ConfigError for p outside [0, 1], ShapeError for other ranks.

    >>> F.dropout1d(mg.ones((2, 3)), p=1.0)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    x = checked("dropout1d", input, p, {2: "(C, L)", 3: "(N, C, L)"})
    return zeroed(x, p, x.data.ndim - 1) if training else x


def dropout2d(input: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """`dropout1d` for images: input (N, C, H, W). Three axes are read as (N, C, L), as PyTorch does, not as (C, H, W).

    >>> F.dropout2d(mg.ones((1, 1, 2, 2)), p=1.0)
    tensor([[[[0., 0.],
              [0., 0.]]]])
    """
    x = checked("dropout2d", input, p, {3: "(N, C, L)", 4: "(N, C, H, W)"})
    return zeroed(x, p, 2) if training else x


def dropout3d(input: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """`dropout1d` for volumes: input (N, C, D, H, W) or (C, D, H, W).

    >>> F.dropout3d(mg.ones((1, 1, 1, 1, 2)), p=1.0)
    tensor([[[[[0., 0.]]]]])
    """
    x = checked("dropout3d", input, p, {4: "(C, D, H, W)", 5: "(N, C, D, H, W)"})
    return zeroed(x, p, x.data.ndim - 3) if training else x


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False) -> Tensor:
    """Alpha dropout (Klambauer et al. 2017): a x + b, where x is replaced by SELU's limit s with probability p.

    s = -1.7581, a = (q + s^2 q p)^(-1/2) with q = 1 - p, and b = -a p s: an input of mean 0 and variance 1 keeps both,
    which is what SELU nets rely on.

    training: False, the default as in PyTorch, returns the input as it is.  p = 1 gives zeros.
    Raises ConfigError for p outside [0, 1].

    >>> F.alpha_dropout(mg.ones(3), training=True).shape
    (3,)
    """
    fraction("alpha_dropout", "p", p)
    x = float_tensor("alpha_dropout", "input", input)
    return saturated(x, p, x.data.ndim) if training else x


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels: input (N, C, ...), where all of x[n, c] is replaced, or none of it.

    Raises ConfigError for p outside [0, 1], ShapeError for an input without channels.

    >>> F.feature_alpha_dropout(mg.ones((2, 3, 4)), training=True).shape
    (2, 3, 4)
    """
    fraction("feature_alpha_dropout", "p", p)
    x = float_tensor("feature_alpha_dropout", "input", input)
    if x.data.ndim < 2:
        raise ShapeError(f"[feature_alpha_dropout] expected input of shape (N, C, ...), got {x.shape}.")
    return saturated(x, p, 2) if training else x


def zeroed(x: Tensor, p: float, axes: int) -> Tensor:
    """0 with probability p, else x / (1 - p); one decision for each index of the first `axes` axes."""
    if p == 0:
        return x
    return select(kept(x, p, axes), x * (1 / (1 - p) if p < 1 else 0.0), 0.0)


def saturated(x: Tensor, p: float, axes: int) -> Tensor:
    """SELU's limit with probability p, else x; scaled and shifted to the mean and variance of x."""
    if p in (0, 1):
        return zeroed(x, p, axes)
    q, s = 1 - p, SELU_LIMIT
    a = (q + s * s * q * p) ** -0.5
    b = -a * p * s
    return select(kept(x, p, axes), a * x + b, a * s + b)


def kept(x: Tensor, p: float, axes: int) -> Tensor:
    """True with probability 1 - p, drawn for each index of the first `axes` axes of x; of the shape of x."""
    shape = x.data.shape
    drawn = random.bernoulli(1 - p, (*shape[:axes], *(1,) * (len(shape) - axes)))
    return broadcast_to(drawn, shape)


def checked(who: str, input: Any, p: float, shapes: dict[int, str]) -> Tensor:
    """The input as a tensor. Raises ConfigError for a bad p, ShapeError unless its rank is one of those of `shapes`."""
    fraction(who, "p", p)
    x = float_tensor(who, "input", input)
    if x.data.ndim not in shapes:
        raise ShapeError(f"[{who}] expected input of shape {' or '.join(shapes.values())}, got {x.shape}.")
    return x
