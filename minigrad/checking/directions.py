"""Claimed against numerical derivative along random directions: cheap, and one wrong element shows."""

from __future__ import annotations

import numpy as np

from minigrad.checking.numeric import derivative
from minigrad.checking.point import Point, random_signs


def agrees_along_directions(point: Point, argument: int, gradient: np.ndarray) -> bool:
    """Whether the claimed gradient of one argument fits along random directions, with no kink and no doubt."""
    scale = point.scales[argument]
    directions = (scale * random_signs(point.rng, scale.shape) for _ in range(point.settings.directions))
    return all(fits(point, argument, gradient, direction) for direction in directions)


def fits(point: Point, argument: int, gradient: np.ndarray, direction: np.ndarray) -> bool:
    """Whether the claimed derivative along one direction is the numerical one, beyond doubt.

    Stricter than the comparison of elements: a doubt costs no more than a look at each of them.
    """
    claimed = float(np.sum(gradient * direction))
    size = float(np.linalg.norm(gradient * direction))
    tolerance = point.tolerance(claimed, size, float(np.abs(direction).max(initial=0.0)))
    slope = derivative(point.path(argument, direction), point.weights, tolerance)
    numeric, _ = slope.along(point.weights)
    agrees = abs(claimed - numeric) <= 0.1 * tolerance(slope)
    return agrees and slope.settled(point.weights, tolerance)


def suspects(point: Point, argument: int, gradient: np.ndarray, limit: int) -> list[int]:
    """Elements that do not fit, found by halving the set of all that may hold one; at most `limit`."""
    direction = point.scales[argument] * random_signs(point.rng, gradient.shape)
    found: list[int] = []
    sets = [np.arange(gradient.size)]
    while sets and len(found) < limit:
        chosen = sets.pop()
        part = np.zeros(gradient.shape)
        part.flat[chosen] = direction.flat[chosen]
        if fits(point, argument, gradient, part):
            continue
        if chosen.size == 1:
            found += chosen.tolist()
        else:
            sets += np.array_split(chosen, 2)
    return found
