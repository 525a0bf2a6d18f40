"""Class indices as vectors."""

from __future__ import annotations

from typing import Any

from minigrad import ops
from minigrad.core import Tensor
from minigrad.errors import ConfigError
from minigrad.nn.arguments import size
from minigrad.ops.movement import as_tensor


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """Vectors of zeros with a one at each index, as integers; `mg.one_hot` makes floats.

    tensor: integers in [0, num_classes), any shape (...).  num_classes: -1 stands for the largest index plus one.
    Returns (..., num_classes), int64.  Raises IndexError for an index out of range, DtypeError for floats.

    >>> F.one_hot(mg.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    indices = as_tensor(tensor)
    count = None if num_classes == -1 else size("one_hot", "num_classes", num_classes, 1)
    if count is None and indices.size == 0:
        raise ConfigError(f"[one_hot] give num_classes: shape {indices.shape} has no index to tell it by.")
    return ops.one_hot(indices, count, "int64")
