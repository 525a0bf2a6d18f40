"""The exercises: what each is worth, and the inputs it is tried on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Case = dict[str, Any]
"""The arguments of `forward`, by name."""


@dataclass(frozen=True)
class Exercise:
    """name: of its file.  points: for each gradient, by argument, in the order in which `backward` returns them.

    cases: draws the inputs to try, by a title for each.
    """

    name: str
    points: dict[str, int]
    cases: Callable[[np.random.Generator], dict[str, Case]]

    @property
    def worth(self) -> int:
        """All its points."""
        return sum(self.points.values())


def affine(rng: np.random.Generator) -> dict[str, Case]:
    case = {"x": rng.normal(size=(5, 4)), "w": rng.normal(size=(4, 3)), "b": rng.normal(size=3)}
    return {"a batch of 5": case, "a batch of 1": case | {"x": rng.normal(size=(1, 4))}}


def relu(rng: np.random.Generator) -> dict[str, Case]:
    x = rng.normal(size=(4, 5))
    some_zeros = np.where(rng.permutation(x.size).reshape(x.shape) < 3, 0.0, x)
    return {"a matrix": {"x": x}, "three elements exactly 0": {"x": some_zeros}}


def softmax_cross_entropy(rng: np.random.Generator) -> dict[str, Case]:
    case = {"scores": rng.normal(size=(6, 4)), "labels": rng.integers(4, size=6)}
    return {"6 rows, 4 classes": case, "scores near 1000": case | {"scores": 1000.0 + case["scores"]}}


def hinge(rng: np.random.Generator) -> dict[str, Case]:
    scores, labels = rng.normal(size=(6, 4)), rng.integers(4, size=6)
    at_corner = np.round(scores, 1)
    at_corner[0, labels[0]], at_corner[0, labels[0] - 1] = 1.0, 0.0
    return {
        "6 rows, 4 classes": {"scores": scores, "labels": labels},
        "a margin exactly at its corner": {"scores": at_corner, "labels": labels},
    }


def norm(rng: np.random.Generator) -> dict[str, Case]:
    case = {"x": rng.normal(size=(6, 4)), "gamma": rng.uniform(0.5, 2.0, 4), "beta": rng.normal(size=4)}
    return {"6 rows, 4 features": case, "far from 0": case | {"x": 10.0 + 3.0 * case["x"]}}


def conv2d(rng: np.random.Generator) -> dict[str, Case]:
    case = {
        "x": rng.normal(size=(2, 3, 5, 6)),
        "w": rng.normal(size=(4, 3, 3, 2)),
        "b": rng.normal(size=4),
        "stride": 1,
        "pad": 0,
    }
    return {
        "stride 1, no padding": case,
        "stride 1, padding 1": case | {"pad": 1},
        "stride 2, and a column that no window reaches": case | {"stride": 2, "x": rng.normal(size=(2, 3, 5, 7))},
    }


def dropout(rng: np.random.Generator) -> dict[str, Case]:
    case = {"x": rng.normal(size=(5, 6)), "p": 0.3, "seed": int(rng.integers(2**32)), "train": True}
    return {"training": case, "not training": case | {"train": False}}


EXERCISES = (
    Exercise("affine", {"x": 1, "w": 1, "b": 1}, affine),
    Exercise("relu", {"x": 1}, relu),
    Exercise("softmax_cross_entropy", {"scores": 3}, softmax_cross_entropy),
    Exercise("hinge", {"scores": 3}, hinge),
    Exercise("batch_norm", {"x": 4, "gamma": 1, "beta": 1}, norm),
    Exercise("layer_norm", {"x": 4, "gamma": 1, "beta": 1}, norm),
    Exercise("conv2d", {"x": 4, "w": 3, "b": 1}, conv2d),
    Exercise("dropout", {"x": 2}, dropout),
)
