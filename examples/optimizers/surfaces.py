"""Five surfaces over the plane, each with a difficulty of its own.

All are f(x, y) = |r(x, y)|^2 / 2 of residuals r, so that methods for least squares can take part, and are scaled to a
largest curvature of about 1 where the paths run: then one learning rate suits an optimizer on all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import minigrad as mg


@dataclass(frozen=True)
class Surface:
    """What an optimizer is put on.

    residuals: of x and y (arrays or tensors of any shape) and two numbers of noise, a tuple of arrays or tensors.
    start: where the paths begin.  minima: where they should end.  view: x_min, x_max, y_min, y_max of the picture.
    noise: the standard deviation of the numbers of noise, which are drawn anew in each step.
    """

    title: str
    residuals: Callable
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    view: tuple[float, float, float, float]
    noise: float = 0.0

    def residuals_at(self, p: mg.Tensor, noise: np.ndarray) -> mg.Tensor:
        """The residuals of a point p (1, 2), a tensor (2,)."""
        return mg.stack(self.residuals(p[0, 0], p[0, 1], *noise))

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """f without noise."""
        return sum(r**2 for r in self.residuals(x, y, 0.0, 0.0)) / 2


def ravine(x, y, *_):
    """Curvatures 1 across and 1/30 along."""
    return y, x / 30**0.5


def saddle(x, y, *_):
    """x^2 / 2 + (y^2 - 1)^2 / 4: at the origin curvature 1 along x and -1 along y; minima at y = 1 and -1."""
    return x, (y**2 - 1) / 2**0.5


def plateau(x, y, *_):
    """s / (1 + s) / 2 with s = x^2 + y^2: a hollow in a plain that becomes flat (Geman and McClure 1987)."""
    root = (1 + x**2 + y**2) ** 0.5
    return x / root, y / root


def rosenbrock(x, y, *_):
    """((1 - x)^2 + 100 (y - x^2)^2) / 1000: a bent valley (Rosenbrock 1960), scaled."""
    return (1 - x) / 500**0.5, (y - x**2) / 5**0.5


def noisy(x, y, e, d):
    """A quadratic of curvatures 1 and 1/4 whose minimum moves by noise in each step."""
    return x - e, (y - d) / 2


SURFACES = [
    Surface("ravine", ravine, (-2.5, 0.8), ((0, 0),), (-3, 1, -1.2, 1.2)),
    Surface("saddle", saddle, (-1.5, 0.02), ((0, 1), (0, -1)), (-1.9, 1.1, -1.5, 1.5)),
    Surface("plateau", plateau, (-2.2, 1.4), ((0, 0),), (-2.7, 1.3, -1.3, 2)),
    Surface("Rosenbrock", rosenbrock, (-1.2, 1.0), ((1, 1),), (-1.7, 1.5, -0.7, 1.9)),
    Surface("noisy quadratic", noisy, (-2.0, 1.5), ((0, 0),), (-2.6, 1.3, -1.3, 2), noise=0.4),
]
