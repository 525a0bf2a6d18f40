"""Transformations of samples: standardization, fitted to the training part, and random shifts of images."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from minigrad.data.record import Dataset
from minigrad.errors import ConfigError, ShapeError
from minigrad.random import Generator, randint

# Which axes of (N, C, ...) one mean and one deviation are taken over.
SCOPES = {
    "feature": lambda ndim: (0,),
    "channel": lambda ndim: (0, *range(2, ndim)),
    "all": lambda ndim: tuple(range(ndim)),
}


@dataclass(frozen=True, eq=False)
class Standardizer:
    """z = (x - mean) / std, and back.

    mean, std: float32 arrays that broadcast against a sample. A feature that is constant has std 1, so it becomes 0.

    >>> import numpy as np
    >>> from minigrad.data import Standardizer
    >>> scale = Standardizer.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> scale(np.array([[2.0, 5.0], [5.0, 6.0]]))
    array([[0., 0.],
           [3., 1.]], dtype=float32)
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray, scope: str = "feature") -> Self:
        """Mean and deviation (divisor N) of `x` (N, C, ...), each "feature" on its own, each "channel", or of "all".

        Raises ConfigError for another scope.
        """
        if scope not in SCOPES:
            raise ConfigError(f"[Standardizer] scope must be one of {', '.join(SCOPES)}, got {scope!r}.")
        axes = SCOPES[scope](x.ndim)
        mean = x.mean(axis=axes, keepdims=True, dtype=np.float64)
        std = x.std(axis=axes, keepdims=True, dtype=np.float64)
        # The mean of equal numbers is off by rounding, which must not be blown up to a deviation of 1; nor must a
        # deviation become 0 in float32.
        constant = std <= np.maximum(1e-7 * np.abs(mean), np.finfo(np.float32).tiny)
        return cls(mean[0].astype(np.float32), np.where(constant, 1.0, std)[0].astype(np.float32))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(x - mean) / std as float32; ShapeError if `x` has other samples than those it was fitted to."""
        return (self._check(x) - self.mean) / self.std

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """z * std + mean: undoes the standardization."""
        return self._check(z) * self.std + self.mean

    def _check(self, x):
        x = np.asarray(x, dtype=np.float32)
        sample = x.shape[1:]
        fits = len(sample) == self.mean.ndim and all(m in (1, n) for m, n in zip(self.mean.shape, sample, strict=True))
        if not fits:
            raise ShapeError(f"[Standardizer] was fitted to samples like {self.mean.shape}, got x {x.shape}.")
        return x

    def to_dict(self) -> dict[str, Any]:
        """Mean and deviation as nested lists, fit for JSON; float32 values come back bit for bit."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(np.array(saved["mean"], np.float32), np.array(saved["std"], np.float32))


def standardize(train: Dataset, *others: Dataset, scope: str = "feature") -> tuple[Any, ...]:
    """Standardize data sets with mean and deviation of the first alone, so that nothing leaks from the others.

    scope: "feature", "channel" or "all", see Standardizer.fit.
    Returns the data sets, standardized, in the order given, and last the Standardizer.

    >>> from minigrad.data import digits, random_split, standardize
    >>> train, test, scale = standardize(*random_split(digits(), [0.8, 0.2]), scope="all")
    >>> abs(float(train.x.mean())) < 1e-5, abs(float(test.x.mean())) < 1e-5
    (True, False)
    """
    scale = Standardizer.fit(train.x, scope)
    return *(replace(part, x=scale(part.x)) for part in (train, *others)), scale


@dataclass(frozen=True)
class RandomShift:
    """Moves each image of a batch by up to `pixels` pixels, in height and width on its own; for DataLoader(transform=).

    fill: the value of what comes in at the border, the background.

    >>> moved, labels = mg.data.RandomShift(pixels=1)(mg.random.Generator(0), np.ones((2, 1, 8, 8)), np.arange(2))
    >>> moved.shape
    (2, 1, 8, 8)
    """

    pixels: int = 1
    fill: float = 0.0

    def __call__(self, generator: Generator, x: np.ndarray, *rest: np.ndarray) -> tuple[np.ndarray, ...]:
        """x: (N, C, H, W). Returns the moved images and the other arrays of the batch as they are."""
        reach = self.pixels
        border = ((0, 0), (0, 0), (reach, reach), (reach, reach))
        padded = np.pad(x, border, constant_values=self.fill)
        windows = np.lib.stride_tricks.sliding_window_view(padded, x.shape[2:], axis=(2, 3))
        down, right = randint(0, 2 * reach + 1, (2, len(x)), generator).numpy()
        return windows[np.arange(len(x)), :, down, right], *rest
