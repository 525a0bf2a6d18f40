"""The record that every data source returns."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from minigrad.data.checks import as_features, check_same_length
from minigrad.data.labels import encode_labels


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Samples with their classes, in memory.

    x: (N, ...) numbers, kept as contiguous float32; images are (N, channels, height, width).
    y: (N,) whole numbers in [0, C), kept as int64.
    class_names: C names; class i is called class_names[i].
    name: what messages and files call it.
    columns: the names of the features of a table, in the order of x's columns.
    test: the test part, where the source fixes one (MNIST); it does not count into N.
    Raises DataError if x or y cannot be used for training.

    >>> import numpy as np
    >>> from minigrad.data import Dataset
    >>> Dataset(np.eye(3), np.array([0, 1, 1]), ("no", "yes"), name="toy")
    Dataset('toy': 3 samples of shape (3,), 2 classes)
    """

    x: np.ndarray
    y: np.ndarray
    class_names: tuple[str, ...]
    name: str = "data"
    columns: tuple[str, ...] | None = None
    test: Self | None = None

    def __post_init__(self):
        x = as_features(self.name, self.x)
        y, class_names = encode_labels(self.name, self.y, tuple(self.class_names))
        check_same_length(self.name, x, y)
        for field, value in {"x": x, "y": y, "class_names": class_names}.items():
            object.__setattr__(self, field, value)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        samples = f"{len(self)} samples of shape {self.sample_shape}, {self.classes} classes"
        return f"Dataset({self.name!r}: {samples}{f', {len(self.test)} for test' if self.test is not None else ''})"

    @property
    def classes(self) -> int:
        """The number of classes, C."""
        return len(self.class_names)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample, x.shape[1:]."""
        return self.x.shape[1:]

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """(x, y), what a DataLoader draws its batches from."""
        return self.x, self.y

    def subset(self, indices: np.ndarray) -> Self:
        """The samples at `indices`, in that order, without a test part."""
        return replace(self, x=self.x[indices], y=self.y[indices], test=None)
