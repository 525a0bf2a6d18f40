"""Truncated conjugate gradients: solves B d = b by products with B only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Product = Callable[[np.ndarray], np.ndarray]


def conjugate_gradients(product: Product, b: np.ndarray, tolerance: float, limit: int) -> np.ndarray:
    """d with |B d - b| <= tolerance |b| for a symmetric B, from d = 0 (Hestenes & Stiefel 1952).

    Ends earlier after `limit` products, or at a direction v with v'Bv <= 0, along which the quadratic model has no
    minimum: with what was found until then, or with b itself if that is nothing, as algorithm 7.1 of Nocedal & Wright
    (2006) does. So d'b > 0 always: for b = -gradient it is a direction of descent.
    """
    d, r, v = np.zeros_like(b), b, b
    rr = float(r @ r)
    goal = tolerance**2 * rr
    for i in range(limit):
        bv = product(v)
        curvature = float(v @ bv)
        if not curvature > 0:
            return d if i else b
        alpha = rr / curvature
        d, r = d + alpha * v, r - alpha * bv
        before, rr = rr, float(r @ r)
        if rr <= goal:
            break
        v = r + (rr / before) * v
    return d
