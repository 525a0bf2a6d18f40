"""Flatten and Unflatten."""

from __future__ import annotations

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.nn.module import Module
from minigrad.ops import flatten, reshape
from minigrad.ops.movement import normalize_axis


class Flatten(Module):
    """The axes start_dim to end_dim, both included, as one; by default all but the batch axis.

    >>> nn.Flatten()(mg.zeros((8, 16, 7, 7))).shape
    (8, 784)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis as several: the inverse of Flatten.

    dim: the axis.  unflattened_size: the sizes it is split into, one of which may be -1.

    >>> nn.Unflatten(1, (16, 7, 7))(mg.zeros((8, 784))).shape
    (8, 16, 7, 7)
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, input: Tensor) -> Tensor:
        axis = normalize_axis("Unflatten", self.dim, input.ndim)
        shape = input.shape
        if not self.unflattened_size:
            raise ShapeError(f"[Unflatten] unflattened_size is empty; input {shape}, dim={self.dim}.")
        return reshape(input, shape[:axis] + self.unflattened_size + shape[axis + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
