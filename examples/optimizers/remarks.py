"""What theory says of the paths in the gallery, and what they show: a number for each surface."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from surfaces import SURFACES

import minigrad as mg
from minigrad import nn

Paths = Mapping[tuple[str, str], np.ndarray]
BY_TITLE = {surface.title: surface for surface in SURFACES}


class Remark(NamedTuple):
    """A prediction about a surface.

    theory: what is predicted, with {} in place of the number.  predicted: the number, from the rates by the names of
    optimizers.  measured: the same from the paths.  tolerance: how far off, relative to the prediction, it may be.
    """

    theory: str
    predicted: Callable[[Mapping[str, float]], float]
    measured: Callable[[Paths], float]
    tolerance: float


def left_along(paths: Paths) -> float:
    """Which share of its distance along the ravine SGD has left at the end."""
    x = paths["SGD", "ravine"][:, 0]
    return x[-1] / x[0]


def growth(paths: Paths) -> float:
    """By which factor SGD's first step takes it away from the ridge."""
    y = paths["SGD", "saddle"][:, 1]
    return y[1] / y[0]


def first_steps(paths: Paths) -> float:
    """How much longer Adam's first step is than SGD's."""
    lengths = [np.linalg.norm(np.diff(paths[name, "plateau"][:2], axis=0)) for name in ("Adam", "SGD")]
    return float(lengths[0] / lengths[1])


def slope() -> float:
    """The length of the gradient of the plateau at its start: r / (1 + r^2)^2 at the distance r."""
    r = float(np.hypot(*BY_TITLE["plateau"].start))
    return r / (1 + r**2) ** 2


def condition(_: Paths) -> float:
    """The condition number of the Hessian at Rosenbrock's minimum."""
    surface = BY_TITLE["Rosenbrock"]
    p = nn.Parameter(np.array(surface.minima[:1], np.float64))
    return mg.curvature.condition_number(
        mg.curvature.Hessian(lambda: 0.5 * mg.sum(surface.residuals_at(p, np.zeros(2)) ** 2), [p])
    )


def spread(paths: Paths) -> float:
    """The variance of SGD's x around the minimum, once it is there."""
    return float((paths["SGD", "noisy quadratic"][20:, 0] ** 2).mean())


REMARKS = {
    "ravine": Remark(
        "of its distance along, SGD keeps (1 - lr / 30)^100 = {}",
        lambda lr: (1 - lr["SGD"] / 30) ** 100, left_along, 1e-9,
    ),
    "saddle": Remark(
        "SGD's first step takes it from the ridge by a factor 1 + lr = {}",
        lambda lr: 1 + lr["SGD"], growth, 1e-3,
    ),
    "plateau": Remark(
        "Adam's first step has lr in each coordinate, SGD's is lr |g|: it is {} times as long",
        lambda lr: 2**0.5 * lr["Adam"] / (lr["SGD"] * slope()), first_steps, 1e-4,
    ),
    "Rosenbrock": Remark(
        "at the minimum, trace 1.002 and determinant 0.0004 make the condition number {}",
        lambda lr: (501 + (501**2 - 400) ** 0.5) ** 2 / 400, condition, 1e-4,
    ),
    "noisy quadratic": Remark(
        "across, SGD settles at the variance lr / (2 - lr) · 0.4^2 = {}",
        lambda lr: lr["SGD"] / (2 - lr["SGD"]) * BY_TITLE["noisy quadratic"].noise ** 2, spread, 0.5,
    ),
}  # fmt: skip


def remark(title: str, rates: Mapping[str, float], paths: Paths) -> str:
    """The caption of a surface."""
    row = REMARKS[title]
    return f"Theory: {row.theory.format(f'{row.predicted(rates):.4g}')}.\nMeasured: {row.measured(paths):.4g}."
