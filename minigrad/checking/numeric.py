"""Numerical derivatives with an error estimate: central differences, extrapolated, over a sweep of steps.

A derivative is taken along a path t -> f(t), a vector of values; t is a relative change, so steps need no unit. At
each scale four central differences, their step halved from one to the next, are extrapolated to step 0 (Richardson
1911), and the spread of the table is the error estimate (Ridders 1982). The sweep goes to smaller scales until the
error is small enough: past kinks nearby, past the edge of a domain, past a short wavelength.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from minigrad.checking.kinks import Roughness, nothing_seen, roughness

Path = Callable[[float], np.ndarray]

EPS = float(np.finfo(np.float64).eps)
HALVINGS = 0.5 ** np.arange(4)
QUICK = (2.0**-6, 2.0**-13, 2.0**-20)
SMALLER = (2.0**-27, 2.0**-34, 2.0**-41)
LARGER = (2.0**-1, 2.0**4, 2.0**10, 2.0**17, 2.0**24)
"""For inputs so close to 0 that a relative change of them changes nothing."""
NOISE_STEPS = 4e-8 * np.sort(np.arange(1, 13) * (5**0.5 - 1) / 2 % 1)
"""Irregular: over equal steps a function that rounds to float32 can look exact."""


@dataclass(frozen=True)
class Slope:
    """The derivative of each value along a path at t = 0, the estimated error, and whether there are kinks.

    confirmed: values on which two neighbouring scales agree.  steady: values on which no scale contradicted another.
    """

    value: np.ndarray
    error: np.ndarray
    confirmed: np.ndarray
    steady: np.ndarray
    look: Roughness

    @property
    def kink(self) -> np.ndarray:
        """Which values have no derivative at 0."""
        return self.look.kink | self.look.jump

    @property
    def moving(self) -> np.ndarray:
        """Which values were seen to change along the path."""
        return self.value != 0

    def along(self, weights: np.ndarray) -> tuple[float, float]:
        """The derivative of the weighted sum of the values, and its error."""
        used = (weights != 0) & self.moving
        total = float(weights[used] @ self.value[used])
        return total, float(np.abs(weights[used]) @ self.error[used])

    def settled(self, weights: np.ndarray, tolerance: Tolerance) -> bool:
        """Whether the error, and what kinks could do to the sum, are far below the tolerance.

        Rounding errors around 0 look like kinks, tiny ones.
        """
        gaps = np.where(self.look.jump, np.inf, np.where(self.look.kink, self.look.gap, 0.0))
        used = weights != 0
        allowed = 0.1 * tolerance(self)
        return float(np.abs(weights[used]) @ gaps[used]) <= allowed and self.along(weights)[1] <= allowed


Tolerance = Callable[[Slope], float]
"""The error allowed in the weighted sum of the derivatives."""


def unknown(n: int) -> Slope:
    """What is known about n values before the first look."""
    return Slope(np.full(n, np.nan), np.full(n, np.inf), np.zeros(n, bool), np.ones(n, bool), nothing_seen(n))


def derivative(path: Path, weights: np.ndarray, tolerance: Tolerance, thorough: bool = False) -> Slope:
    """The derivative of `path` at 0, as exact as the weighted sum of its values needs it.

    weights: one for each value; 0 where a value does not matter.  tolerance: for the weighted sum of the derivatives.
    thorough: measure the rounding noise and try every scale, so that a kink is
    told from a slope and from noise whatever the cost.
    """
    centre = path(0.0)
    noise = EPS * np.abs(centre)
    if thorough:
        noise = np.maximum(noise, measured_noise(path))
    found = unknown(centre.size)
    for scale in QUICK + (SMALLER if thorough else ()):
        found = closer(found, *at_scale(path, centre, scale, noise, found.look))
        if not thorough and found.settled(weights, tolerance):
            return found
    for scale in LARGER if thorough else ():
        if found.settled(weights, tolerance):
            break
        found = farther(found, *at_scale(path, centre, scale, noise, found.look)[:2])
    return found


def at_scale(
    path: Path, centre: np.ndarray, scale: float, noise: np.ndarray, before: Roughness
) -> tuple[np.ndarray, np.ndarray, Roughness]:
    """Slopes, their errors, and whether there are kinks, from four steps: scale, scale / 2, ..."""
    steps = scale * HALVINGS
    right = np.stack([path(t) for t in steps])
    left = np.stack([path(-t) for t in steps])
    central = (right - left) / (2 * steps[:, None])
    # A value that is a sum with much cancellation is as noisy as the largest term, which moves by the slope.
    noise = np.maximum(noise, EPS * np.abs(central[-1]))
    value, error = extrapolated(central, noise / steps[:, None])
    return value, error, roughness(right, left, centre, steps, noise, before)


def extrapolated(central: np.ndarray, rounding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The limit of central differences whose step is halved from row to row, and its error, column by column.

    rounding: the error of each row that no extrapolation removes.
    """
    values, errors = [], []
    column = central
    for order in range(1, len(central)):
        finer = (4**order * column[1:] - column[:-1]) / (4**order - 1)
        spread = np.maximum(np.abs(finer - column[1:]), np.abs(finer - column[:-1]))
        values.append(finer)
        errors.append(np.maximum(spread, rounding[order:]))
        column = finer
    value, error = np.concatenate(values), np.concatenate(errors)
    error = np.where(np.isfinite(value), error, np.inf)
    best = error.argmin(axis=0)[None]
    return np.take_along_axis(value, best, 0)[0], np.take_along_axis(error, best, 0)[0]


def closer(found: Slope, value: np.ndarray, error: np.ndarray, look: Roughness) -> Slope:
    """What is known after a look at a smaller scale.

    A large step can seem exact and be wrong (over a saturated sigmoid, over kinks nearby), so its estimate is dropped
    if the next scale contradicts it. Once two scales agree, smaller ones only add noise.
    """
    agree = np.abs(value - found.value) <= 10 * (found.error + error)
    refuted = ~found.confirmed & ~agree & np.isfinite(error)
    better = (error < found.error) | refuted
    return Slope(
        np.where(better, value, found.value),
        np.where(better, error, found.error),
        found.confirmed | (agree & np.isfinite(error)),
        found.steady & (agree | ~np.isfinite(found.error + error)),
        look,
    )


def farther(found: Slope, value: np.ndarray, error: np.ndarray) -> Slope:
    """What is known after a look at a larger scale, whose estimate counts where it is better and no contradiction."""
    better = (error < found.error) & ~(np.abs(value - found.value) > found.error)
    return replace(found, value=np.where(better, value, found.value), error=np.where(better, error, found.error))


def measured_noise(path: Path) -> np.ndarray:
    """The rounding noise of each value: how far nearby values are from a parabola, which smooth change follows.

    Measured to the right and to the left, and the smaller counts, so that neither a kink nor a jump at 0 is taken for
    noise. A function that rounds coarsely may look constant nearby; its noise is at least its granularity.
    """
    parabolas = np.vander(NOISE_STEPS / NOISE_STEPS[-1], 3)
    beside = np.eye(len(NOISE_STEPS)) - parabolas @ np.linalg.pinv(parabolas)
    right, left = (np.stack([path(sign * t) for t in NOISE_STEPS]) for sign in (1, -1))
    rms = [np.sqrt(np.sum((beside @ side) ** 2, axis=0) / (len(side) - 3)) for side in (right, left)]
    apart = 4e5 * NOISE_STEPS[-1]
    farther_away = [path(sign * t) for sign in (1, -1) for t in 4e5 * NOISE_STEPS[-4:]]
    values = np.stack([*right, *left, *farther_away])
    largest = np.maximum(np.abs(values[0]), np.abs(farther_away[3] - farther_away[-1]) / (2 * apart))
    return np.maximum(2 * np.nan_to_num(np.fmin(*rms)), np.nan_to_num(granularity(values) * largest))


def granularity(values: np.ndarray) -> np.ndarray:
    """The relative precision that the values (samples, functions) seem to have been computed in; 0 for a step function.

    About 1e-16 for float64, 1e-7 if somewhere they passed through float32: how far down their last nonzero bit is.
    """
    mantissa, _ = np.frexp(np.nan_to_num(values))
    integer = (np.abs(mantissa) * 2.0**53).astype(np.int64)
    last_bit = np.median((integer & -integer) / 2.0**53, axis=0)
    levels = 1 + np.count_nonzero(np.diff(np.sort(values, axis=0), axis=0), axis=0)
    step_function = (levels < 5) & (last_bit > 1e-6)  # its few values are round numbers
    return np.where(step_function, 0.0, last_bit)
