"""Elementwise update rules on large arrays, a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

BLOCK = 16_384
"""So many elements go through a rule at once: its temporaries stay in the cache, which makes it three times faster."""


def in_blocks(
    rule: Callable, g: np.ndarray, p: np.ndarray, state: Mapping[str, Any], hyper: Mapping[str, Any]
) -> tuple[np.ndarray, dict[str, Any]]:
    """rule(g, p, state, hyper), evaluated on slices of the flattened arrays.

    Everything is laid out as the gradient is: a linear layer's is transposed in memory, and elementwise work on arrays
    of different layouts is slow. After the first step nothing is left to rearrange.
    """
    if p.ndim and p.size <= BLOCK:  # 0-d arrays would turn into NumPy scalars
        return rule(g, p, state, hyper)
    transposed = g.flags.f_contiguous
    arrays = {name: x for name, x in state.items() if isinstance(x, np.ndarray)}
    flat_g, flat_p, *flats = (flatten(x, transposed) for x in (g, p, *arrays.values()))
    new_p, *new_arrays = (np.empty_like(flat_p) for _ in range(1 + len(flats)))
    new_state: dict[str, Any] = {}
    for start in range(0, p.size, BLOCK):
        part = slice(start, start + BLOCK)
        pieces = {**state, **{name: x[part] for name, x in zip(arrays, flats)}}
        new_p[part], new_state = rule(flat_g[part], flat_p[part], pieces, hyper)
        for name, new in zip(arrays, new_arrays):
            new[part] = new_state[name]
    shaped = {name: unflatten(new, p.shape, transposed) for name, new in zip(arrays, new_arrays)}
    return unflatten(new_p, p.shape, transposed), {**new_state, **shaped}


def flatten(x: np.ndarray, transposed: bool) -> np.ndarray:
    """The elements in one axis, in C order or, transposed, in Fortran order: a view if x is laid out so."""
    return (x.T if transposed else x).reshape(-1)


def unflatten(x: np.ndarray, shape: tuple[int, ...], transposed: bool) -> np.ndarray:
    """The inverse of `flatten`."""
    return x.reshape(shape[::-1]).T if transposed else x.reshape(shape)
