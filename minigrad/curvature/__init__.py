"""The curvature of a loss: products with its Hessian, eigenvalues, spectral density. No Hessian is formed.

>>> p = nn.Parameter(mg.tensor([1.0, 1.0], dtype=mg.float64))
>>> H = mg.curvature.Hessian(lambda: 2 * p[0] ** 2 + 0.5 * p[1] ** 2, [p])
>>> H @ [1.0, 1.0]
array([4., 1.])
>>> mg.curvature.critical_rate(H), mg.curvature.condition_number(H)
(0.5, 4.0)
"""

from minigrad.curvature.density import SpectralDensity, spectral_density
from minigrad.curvature.eigen import (
    along,
    condition_number,
    critical_rate,
    eigenvectors,
    largest_eigenvalues,
    sharpness,
    smallest_eigenvalues,
)
from minigrad.curvature.hessian import Hessian
from minigrad.curvature.stochastic import diagonal, trace

__all__ = [
    "Hessian",
    "SpectralDensity",
    "along",
    "condition_number",
    "critical_rate",
    "diagonal",
    "eigenvectors",
    "largest_eigenvalues",
    "sharpness",
    "smallest_eigenvalues",
    "spectral_density",
    "trace",
]
