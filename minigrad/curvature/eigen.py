"""The ends of a Hessian's spectrum, and what follows from them for gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.curvature.hessian import Hessian
from minigrad.curvature.lanczos import lanczos, quadrature
from minigrad.errors import ConfigError, MinigradError

SMALL = 40
"""Up to this size all eigenvalues are computed from the matrix: it takes as many products as a few of them."""
DENSE = 2000
"""Up to this size also where n products do not suffice for Lanczos's method, which tight clusters make slow."""
BASIS = 60
"""Vectors that Lanczos's method keeps: three times SciPy's default, for a third of the products in flat spectra."""


def largest_eigenvalues(hessian: Hessian, k: int = 1, tolerance: float = 0.0, seed: int = 0) -> np.ndarray:
    """The k algebraically largest eigenvalues of H, a vector (k,), largest first.

    By the implicitly restarted Lanczos method (Lehoucq, Sorensen & Yang 1998; scipy.sparse.linalg.eigsh).
    tolerance: of |H v - lambda v|, relative to the largest |eigenvalue|; the error of an eigenvalue is never larger,
    and far smaller if no other is near. 0 for the square root of the spacing of the parameters' dtype at 1.
    seed: of the start vector.
    Raises ConfigError unless 1 <= k <= n, MinigradError if the iteration does not converge.

    >>> p = nn.Parameter(mg.tensor([1.0, 1.0], dtype=mg.float64))
    >>> H = mg.curvature.Hessian(lambda: p[0] * p[1], [p])
    >>> mg.curvature.largest_eigenvalues(H), mg.curvature.smallest_eigenvalues(H)
    (array([1.]), array([-1.]))
    """
    return eigenpairs(hessian, k, "LA", tolerance, seed)[0][::-1].copy()


def smallest_eigenvalues(hessian: Hessian, k: int = 1, tolerance: float = 0.0, seed: int = 0) -> np.ndarray:
    """The k algebraically smallest eigenvalues of H, a vector (k,), smallest first; see `largest_eigenvalues`.

    >>> p = nn.Parameter(mg.tensor([1.0, 1.0], dtype=mg.float64))
    >>> H = mg.curvature.Hessian(lambda: 2 * p[0] ** 2 + 0.5 * p[1] ** 2, [p])
    >>> mg.curvature.smallest_eigenvalues(H)
    array([1.])
    """
    return eigenpairs(hessian, k, "SA", tolerance, seed)[0]


def eigenvectors(
    hessian: Hessian, k: int = 1, largest: bool = True, tolerance: float = 0.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The k largest (or smallest) eigenvalues (k,), and orthonormal eigenvectors as the columns of a matrix (n, k).

    The outermost comes first; `hessian.tensors(vectors[:, 0])` has the shapes of the parameters. The other arguments
    and errors are those of `largest_eigenvalues`.

    >>> p = nn.Parameter(mg.tensor([1.0, 1.0], dtype=mg.float64))
    >>> H = mg.curvature.Hessian(lambda: 2 * p[0] ** 2 + 0.5 * p[1] ** 2, [p])
    >>> values, vectors = mg.curvature.eigenvectors(H)
    >>> values, abs(vectors[:, 0])
    (array([4.]), array([1., 0.]))
    """
    values, vectors = eigenpairs(hessian, k, "LA" if largest else "SA", tolerance, seed)
    return (values[::-1].copy(), vectors[:, ::-1].copy()) if largest else (values, vectors)


def eigenpairs(hessian: Hessian, k: int, which: str, tolerance: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """k eigenvalues at one end, ascending, and their eigenvectors as columns."""
    n = hessian.size
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= n:
        raise ConfigError(f"[curvature] a Hessian of {n} parameters has from 1 to {n} eigenvalues; asked for {k!r}.")
    if n <= SMALL or k > n // 2:
        return from_matrix(hessian, k, which)
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    start = np.random.default_rng(seed).standard_normal(n)
    tolerance = tolerance or np.sqrt(hessian.objective.flat.eps)
    basis = min(n, max(BASIS, 2 * k + 1))
    restarts = n // (basis - k) + 1 if n <= DENSE else 10 * n
    # ARPACK's tolerance is relative to the eigenvalue, which may be 0: shifted by the size of H it never is.
    shift = size_of(hessian, start) * (1 if which == "LA" else -1)
    operator = LinearOperator(hessian.shape, matvec=lambda v: hessian @ v.reshape(-1) + shift * v.reshape(-1))
    try:
        values, vectors = eigsh(operator, k, which=which, v0=start, tol=tolerance, ncv=basis, maxiter=restarts)
    except ArpackNoConvergence as error:
        if n <= DENSE:
            return from_matrix(hessian, k, which)
        raise MinigradError(
            f"[curvature] the Lanczos iteration found {len(error.eigenvalues)} of {k} eigenvalues: ask for a tolerance "
            f"above {tolerance:.0e}, or for fewer."
        ) from error
    return values - shift, vectors


def from_matrix(hessian: Hessian, k: int, which: str) -> tuple[np.ndarray, np.ndarray]:
    """As `eigenpairs`, from n products."""
    values, vectors = np.linalg.eigh(hessian.dense())
    end = slice(-k, None) if which == "LA" else slice(k)
    return values[end], vectors[:, end]


def size_of(hessian: Hessian, start: np.ndarray) -> float:
    """About the largest absolute eigenvalue, from ten products; 1 if all are 0."""
    diagonal, off = lanczos(hessian.objective.product, start / np.linalg.norm(start), 10)
    return float(np.abs(quadrature(diagonal, off)[0]).max()) or 1.0


def condition_number(hessian: Hessian, tolerance: float = 0.0, seed: int = 0) -> float:
    """kappa = lambda_max / lambda_min of H; infinity if H is not positive definite, up to rounding.

    Gradient descent at its best fixed rate, 2 / (lambda_max + lambda_min), shrinks the error by the factor
    (kappa - 1) / (kappa + 1) in a step (Polyak 1964). The arguments are those of `largest_eigenvalues`.

    >>> p = nn.Parameter(mg.tensor([1.0, 1.0], dtype=mg.float64))
    >>> H = mg.curvature.Hessian(lambda: 2 * p[0] ** 2 + 0.5 * p[1] ** 2, [p])
    >>> mg.curvature.condition_number(H)
    4.0
    """
    high = float(largest_eigenvalues(hessian, 1, tolerance, seed)[0])
    low = float(smallest_eigenvalues(hessian, 1, tolerance, seed)[0])
    rounding = hessian.size * hessian.objective.flat.eps * abs(high)
    return high / low if low > rounding else float("inf")


def sharpness(hessian: Hessian, tolerance: float = 0.0, seed: int = 0) -> float:
    """The sharpness of the loss: lambda_max, the largest eigenvalue of H, as Cohen et al. (2021) define it.

    At a stationary point it bounds what moving by a vector d of length r costs: f(x + d) <= f(x) + lambda_max r^2 / 2
    to second order, reached along the top eigenvector. Full-batch gradient descent drives it to 2 / rate, the 'edge of
    stability'. The arguments are those of `largest_eigenvalues`.

    >>> p = nn.Parameter(mg.tensor([1.0, 1.0], dtype=mg.float64))
    >>> H = mg.curvature.Hessian(lambda: 2 * p[0] ** 2 + 0.5 * p[1] ** 2, [p])
    >>> mg.curvature.sharpness(H)
    4.0
    """
    return float(largest_eigenvalues(hessian, 1, tolerance, seed)[0])


def critical_rate(hessian: Hessian, tolerance: float = 0.0, seed: int = 0) -> float:
    """2 / lambda_max: gradient descent on the quadratic model of the loss diverges for every larger learning rate.

    Along an eigenvector the error is multiplied by 1 - rate lambda in a step (LeCun, Kanter & Solla 1991; LeCun et al.
    1998, section 5). Infinity if no curvature is positive. The arguments are those of `largest_eigenvalues`.

    >>> p = nn.Parameter(mg.tensor([1.0, 1.0], dtype=mg.float64))
    >>> H = mg.curvature.Hessian(lambda: 2 * p[0] ** 2 + 0.5 * p[1] ** 2, [p])
    >>> mg.curvature.critical_rate(H)
    0.5
    """
    high = sharpness(hessian, tolerance, seed)
    return 2 / high if high > 0 else float("inf")


def along(hessian: Hessian, direction: Any) -> float:
    """The curvature along a direction v: v'H v / v'v, the second derivative of t -> f(x + t v / |v|) at 0.

    direction: a vector (n,), or a list of tensors or arrays like the parameters, such as a gradient or an update.
    Raises ShapeError if it does not fit, ConfigError if it is zero.

    >>> p = nn.Parameter(mg.tensor([1.0, 1.0], dtype=mg.float64))
    >>> mg.curvature.along(mg.curvature.Hessian(lambda: p[0] * p[1], [p]), [2.0, 2.0])
    1.0
    """
    v = hessian.vector(direction)
    length = float(np.linalg.norm(v))
    if not 0 < length < np.inf:
        raise ConfigError(f"[curvature] a direction needs a length above 0 and finite, this one has {length}.")
    v = v / length
    return float(v @ (hessian @ v))
