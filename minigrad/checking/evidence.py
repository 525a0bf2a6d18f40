"""What is known about one wrong gradient: the numbers that a cause is decided from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from minigrad.checking.elements import Comparison, Verdict
from minigrad.checking.point import Point, split_like


@dataclass(frozen=True)
class Evidence:
    """The claimed and the numerical gradient of one argument, and where they came from.

    connected: whether the claimed gradient knows the argument at all.  The arrays `claimed`, `numeric` and `x` hold the
    elements that could be compared; `whole` says that these are all of them.
    """

    point: Point
    comparison: Comparison
    connected: bool

    @property
    def name(self) -> str:
        """The argument's name."""
        return self.point.problem.names[self.comparison.argument]

    @property
    def full_x(self) -> np.ndarray:
        """The argument in its shape."""
        return self.point.problem.point[self.comparison.argument]

    @cached_property
    def compared(self) -> np.ndarray:
        """Mask of the elements with a clear verdict."""
        return np.isin(self.comparison.verdict, (Verdict.AGREES, Verdict.DIFFERS))

    @property
    def whole(self) -> bool:
        """Whether every element was compared."""
        return bool(self.compared.all())

    @cached_property
    def claimed(self) -> np.ndarray:
        """The claimed gradient, compared elements only."""
        return self.comparison.analytic[self.compared]

    @cached_property
    def numeric(self) -> np.ndarray:
        """The numerical gradient, compared elements only."""
        return self.comparison.numeric[self.compared]

    @cached_property
    def x(self) -> np.ndarray:
        """The argument, compared elements only."""
        return self.full_x[self.compared]

    @cached_property
    def noise(self) -> float:
        """The norm of the numerical gradient's uncertainty."""
        return float(np.linalg.norm(self.comparison.uncertainty[self.compared]))

    def explained_by(self, hypothesis: np.ndarray) -> bool:
        """Whether the claimed gradient is this, to a thousandth of its distance from the numerical one."""
        distance = np.linalg.norm(self.claimed - self.numeric)
        return bool(np.linalg.norm(self.claimed - hypothesis) <= 1e-3 * distance + 5 * self.noise)

    @cached_property
    def sizes(self) -> dict[int, str]:
        """Lengths that a mean might have divided by, and what they are the length of."""
        found: dict[int, str] = {}
        named = [*zip(self.point.problem.names, self.point.problem.point)]
        named += [("the result", y) for y in self.point.outputs]
        for name, array in named:
            for axis, n in enumerate(array.shape):
                found.setdefault(n, f"the length of axis {axis} of {name}")
            found.setdefault(array.size, f"the number of elements of {name}")
        return {n: text for n, text in found.items() if n > 1}

    @cached_property
    def numeric_jacobian(self) -> list[np.ndarray] | None:
        """For each result, its derivative by the argument: result.shape + argument.shape; None if it was not kept."""
        slopes = self.comparison.slopes
        if not self.whole or len(slopes) != self.full_x.size or not slopes:
            return None
        columns = np.stack([slopes[i] for i in range(self.full_x.size)], axis=1)
        parts = np.split(columns, np.cumsum([y.size for y in self.point.outputs])[:-1])
        return [p.reshape(y.shape + self.full_x.shape) for p, y in zip(parts, self.point.outputs)]

    @cached_property
    def claimed_jacobian(self) -> list[np.ndarray] | None:
        """The same from the claimed gradient, one pullback for each element of the results; None if these are many."""
        rows = []
        if self.point.centre.size > 256:
            return None
        for unit in np.eye(self.point.centre.size):
            gradient = self.point.pullback(unit)[self.comparison.argument]
            rows.append(np.zeros(self.full_x.shape) if gradient is None else gradient)
        stacked = np.stack(rows)
        parts = np.split(stacked, np.cumsum([y.size for y in self.point.outputs])[:-1])
        return [p.reshape(y.shape + self.full_x.shape) for p, y in zip(parts, self.point.outputs)]

    @cached_property
    def contributions(self) -> list[np.ndarray]:
        """What each use of the argument adds to the gradient, in the order of use."""
        cotangents = split_like(self.point.weights, self.point.outputs)
        parts = self.point.problem.contributions(self.point.problem.point, cotangents, self.comparison.argument)
        return [p[self.compared] for p in parts]
