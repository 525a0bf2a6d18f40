"""Positions, added to a sequence."""

from __future__ import annotations

from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn.arguments import float_tensor, size
from minigrad.nn.module import Module
from minigrad.ops import add, expand_dims


class SinusoidalPositions(Module):
    """y = x + positions, so that attention, which sees a set, can tell them apart: see `F.sinusoidal_positions`.

    d_model: the number of features, E.  batch_first: whether sequences are (N, L, E), not (L, N, E).
    It has no parameters and no longest sequence.  Shapes: (L, N, E), (N, L, E) or (L, E), unchanged.
    Raises ShapeError for another shape.

    >>> nn.SinusoidalPositions(4)(mg.zeros((2, 4)))
    tensor([[0.        , 1.        , 0.        , 1.        ],
            [0.84147096, 0.5403023 , 0.00999983, 0.99995   ]])
    """

    def __init__(self, d_model: int, batch_first: bool = False) -> None:
        self.d_model = size("SinusoidalPositions", "d_model", d_model)
        self.batch_first = batch_first

    def forward(self, input: Any) -> Tensor:
        x = float_tensor("SinusoidalPositions", "input", input)
        if x.ndim not in (2, 3) or x.shape[-1] != self.d_model:
            axes = "(N, L, {0}) or (L, {0})" if self.batch_first else "(L, N, {0}) or (L, {0})"
            raise ShapeError(f"[SinusoidalPositions] expected {axes.format(self.d_model)}, got {x.shape}.")
        in_front = x.ndim == 3 and not self.batch_first
        table = F.sinusoidal_positions(x.shape[0 if in_front else -2], self.d_model, x.dtype)
        return add(x, expand_dims(table, 1) if in_front else table)

    def extra_repr(self) -> str:
        return f"{self.d_model}, batch_first={self.batch_first}"
