"""The whole spectrum of a Hessian, smoothed, from products with random vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.curvature.hessian import Hessian
from minigrad.curvature.lanczos import lanczos, quadrature
from minigrad.errors import ConfigError
from minigrad.optim.hutchinson import signs


@dataclass(frozen=True)
class SpectralDensity:
    """A density of eigenvalues t: the sum of weights[i] delta(t - nodes[i]); the weights sum to 1.

    nodes, weights: vectors of one length, nodes ascending.  Called with points, it gives the smoothed density there.

    >>> density = mg.curvature.SpectralDensity(nodes=np.array([-1.0, 3.0]), weights=np.array([0.5, 0.5]))
    >>> density.moment(1), density.moment(2)
    (1.0, 5.0)
    """

    nodes: np.ndarray
    weights: np.ndarray

    def moment(self, order: int) -> float:
        """The mean of t^order: an estimate of tr(H^order) / n."""
        return float(self.weights @ self.nodes**order)

    @property
    def width(self) -> float:
        """A standard deviation to smooth with: a hundredth of the range of the nodes."""
        spread = float(self.nodes[-1] - self.nodes[0])
        return spread / 100 or max(1.0, abs(float(self.nodes[0]))) / 100

    def grid(self, points: int = 1000, width: float | None = None) -> np.ndarray:
        """Evenly spaced points, from six widths below the lowest node to six above the highest."""
        margin = 6 * (self.width if width is None else width)
        return np.linspace(self.nodes[0] - margin, self.nodes[-1] + margin, points)

    def __call__(self, t: Any, width: float | None = None) -> np.ndarray:
        """The density at the points t, each node smoothed to a Gaussian of standard deviation `width`."""
        width = self.width if width is None else width
        if not width > 0:
            raise ConfigError(f"[spectral_density] the width must be above 0, got {width!r}.")
        z = (np.asarray(t, np.float64)[..., None] - self.nodes) / width
        return np.exp(-0.5 * z**2) @ self.weights / (width * np.sqrt(2 * np.pi))

    def plot(self, width: float | None = None) -> bytes:
        """The smoothed density over the eigenvalues, on a logarithmic axis, as a PNG."""
        from minigrad import plot

        t = self.grid(width=width)
        return plot.spectrum(t, self(t, width))


def spectral_density(hessian: Hessian, steps: int = 50, samples: int = 8, seed: int = 0) -> SpectralDensity:
    """The density of the eigenvalues of H, by stochastic Lanczos quadrature.

    For a random vector z with |z| = 1, z'g(H) z is close to tr g(H) / n. From z, `steps` steps of Lanczos's method
    (1950) make a tridiagonal matrix; its eigenvalues as nodes, and the squared first elements of its eigenvectors as
    weights, are Gauss's quadrature of z'g(H) z, exact for polynomials g of degree below 2 steps (Golub & Welsch 1969).
    The density is the mean of the quadratures from `samples` vectors of random signs.

    steps, samples: at least 1; steps * samples products in all. More steps than parameters are not made.
    Raises ConfigError for an unfit number of either.
    Source: Lin, Saad & Yang (2016); for nets Ghorbani, Krishnan & Xiao (2019).

    >>> p = nn.Parameter(mg.tensor([1.0, 1.0], dtype=mg.float64))
    >>> density = mg.curvature.spectral_density(mg.curvature.Hessian(lambda: p[0] ** 2 + 2 * p[1] ** 2, [p]), samples=1)
    >>> density.nodes, density.weights
    (array([2., 4.]), array([0.5, 0.5]))
    """
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1:
        raise ConfigError(f"[spectral_density] steps must be a whole number, at least 1; got {steps!r}.")
    n = hessian.size
    rules = [
        quadrature(*lanczos(hessian.objective.product, z / np.sqrt(n), min(int(steps), n)))
        for z in signs("spectral_density", n, samples, seed)
    ]
    nodes = np.concatenate([nodes for nodes, _ in rules])
    weights = np.concatenate([weights for _, weights in rules]) / len(rules)
    order = np.argsort(nodes)
    return SpectralDensity(nodes[order], weights[order])
