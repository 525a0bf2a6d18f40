"""Flatten and Unflatten."""

from __future__ import annotations

import math

from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import size
from minigrad.nn.module import Module
from minigrad.ops import flatten, reshape_to
from minigrad.ops.movement import as_tensor, normalize_axis


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
        sizes = tuple(size("Unflatten", "unflattened_size", n, -1) for n in unflattened_size)
        if sizes.count(-1) > 1:
            raise ConfigError(f"[Unflatten] only one size may be -1, got {sizes}.")
        self.dim = dim
        self.unflattened_size = sizes

    def forward(self, input: Tensor) -> Tensor:
        input = as_tensor(input)
        axis = normalize_axis("Unflatten", self.dim, input.ndim)
        before, n, after = input.shape[:axis], input.shape[axis], input.shape[axis + 1 :]
        sizes = self.unflattened_size
        known = math.prod(m for m in sizes if m != -1)
        sizes = tuple(n // max(known, 1) if m == -1 else m for m in sizes)
        if math.prod(sizes) != n or not sizes:
            raise ShapeError(
                f"[Unflatten] expected axis {axis} to split into {self.unflattened_size}, it has {n} elements: "
                f"input {input.shape}."
            )
        return reshape_to(input, shape=(*before, *sizes, *after))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
