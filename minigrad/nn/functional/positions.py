"""Positions as vectors."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike, as_dtype, default_dtype
from minigrad.errors import DtypeError
from minigrad.nn.arguments import size


def sinusoidal_positions(length: int, dim: int, dtype: DtypeLike = None) -> Tensor:
    """A vector for each position, which shifting by k positions rotates (Vaswani et al. 2017).

        y[p, 2 i] = sin(p / 10000^(2 i / dim))        y[p, 2 i + 1] = cos(p / 10000^(2 i / dim))

    length, dim: how many positions, and how many numbers for each; an odd dim ends with a sine.  Computed in double
    precision, then converted to dtype.  Returns (length, dim).
    Raises ConfigError for a negative size, DtypeError for a dtype that is not floating-point.

    >>> F.sinusoidal_positions(2, 4)
    tensor([[0.        , 1.        , 0.        , 1.        ],
            [0.84147096, 0.5403023 , 0.00999983, 0.99995   ]])
    """
    who = "sinusoidal_positions"
    found = default_dtype() if dtype is None else as_dtype(dtype)
    if found.kind != "f":
        raise DtypeError(f"[{who}] expected a floating-point dtype, got {found}.")
    return Tensor(position_table(size(who, "length", length), size(who, "dim", dim), found))


@lru_cache(maxsize=16)
def position_table(length: int, dim: int, dtype: np.dtype) -> np.ndarray:
    """The table, made once for each shape."""
    even = np.arange(0, dim, 2)
    angles = np.arange(length)[:, None] / 10000.0 ** (even / max(dim, 1))
    table = np.empty((length, dim), dtype)
    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles[:, : dim // 2])
    return table
