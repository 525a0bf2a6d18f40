"""Lanczos's method (1950): a small tridiagonal matrix with the outer eigenvalues of a large symmetric one."""

from __future__ import annotations

import numpy as np

from minigrad.optim.conjugate_gradients import Product


def lanczos(product: Product, start: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Diagonal and off-diagonal of T = Q'H Q, Q an orthonormal basis of the Krylov space of a unit vector.

    Every new vector is made orthogonal to all before, twice: rounding loses that (Paige 1972), which would show as
    copies of the outer eigenvalues. Ends early if the space is invariant.
    """
    basis: list[np.ndarray] = [start]
    diagonal: list[float] = []
    off: list[float] = []
    while True:
        w = product(basis[-1])
        diagonal.append(float(basis[-1] @ w))
        q = np.stack(basis)
        for _ in range(2):
            w = w - q.T @ (q @ w)
        rest = float(np.linalg.norm(w))
        if len(diagonal) == steps or rest <= 1e-10 * max(map(abs, [*diagonal, *off])):
            return np.array(diagonal), np.array(off)
        off.append(rest)
        basis.append(w / rest)


def quadrature(diagonal: np.ndarray, off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss's rule from the tridiagonal matrix of a Lanczos iteration (Golub & Welsch 1969)."""
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
    return nodes, vectors[0] ** 2
