"""Arrays of one length as a data set."""

from typing import Any, Self

import numpy as np

from minigrad.errors import DataError
from minigrad.ops import asarray


class TensorDataset:
    """Samples given as arrays or tensors of one length N: sample i is (arrays[0][i], arrays[1][i], ...).

    Raises DataError if there is no array or the lengths differ.

    >>> import numpy as np
    >>> from minigrad.data import TensorDataset
    >>> data = TensorDataset(np.zeros((4, 2)), np.array([0, 1, 1, 0]))
    >>> len(data), data[2][1].item()
    (4, 1)
    """

    def __init__(self, *arrays: Any):
        self.arrays = tuple(np.asarray(array) for array in arrays)
        shapes = [array.shape for array in self.arrays]
        if not shapes or () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise DataError(f"[TensorDataset] expected arrays of one length, got the shapes {shapes}.")

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: Any) -> tuple:
        """The sample at an integer, or the samples at a slice or index array, as a tuple of tensors."""
        return tuple(asarray(array[index]) for array in self.arrays)

    def subset(self, indices: np.ndarray) -> Self:
        """The samples at `indices`, in that order."""
        return type(self)(*(array[indices] for array in self.arrays))
