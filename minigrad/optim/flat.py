"""Parameters as one vector of doubles, which is how solvers of linear algebra and SciPy see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError, DtypeError, ShapeError


class FlatParameters:
    """The parameters that require grad, one after the other, as one vector of doubles; frozen ones are left out.

    params: parameters, also of different dtypes.  size: the elements of all.  eps: the spacing at 1 of the coarsest of
    their dtypes.
    Raises ConfigError if none is left or one is given twice, DtypeError for what is no floating-point leaf.
    """

    def __init__(self, who: str, params: Iterable[Any]) -> None:
        self.params = trainable(who, params)
        self.size = sum(p.size for p in self.params)
        self.eps = max(float(np.finfo(p.dtype).eps) for p in self.params)

    def read(self) -> np.ndarray:
        """Where the parameters are, a vector (size,)."""
        return joined(self.params, self.params)

    def write(self, x: np.ndarray) -> None:
        """Give the parameters the values in a vector (size,), each in its dtype."""
        for p, part in zip(self.params, self.split(x)):
            p.assign_(part)

    def split(self, x: np.ndarray) -> list[Tensor]:
        """A vector (size,) as tensors like the parameters, each with memory of its own."""
        ends = np.cumsum([p.size for p in self.params])[:-1]
        return [Tensor(part.reshape(p.shape).astype(p.dtype)) for p, part in zip(self.params, np.split(x, ends))]

    def join(self, parts: Sequence[Tensor | None]) -> np.ndarray:
        """Tensors like the parameters as one vector (size,), None as zeros."""
        return joined(self.params, parts)

    def vector(self, who: str, v: Any) -> np.ndarray:
        """A direction that a user gives as one vector, or as tensors or arrays like the parameters, as a vector."""
        if isinstance(v, (list, tuple)) and len(v) == len(self.params) and np.shape(v[0]) == self.params[0].shape:
            for p, part in zip(self.params, v):
                if np.shape(part) != p.shape:
                    raise ShapeError(f"[{who}] a parameter has shape {p.shape}, the direction there {np.shape(part)}.")
            return np.concatenate([np.asarray(part, np.float64).reshape(-1) for part in v])
        flat = np.asarray(v, np.float64)
        if flat.shape != (self.size,):
            raise ShapeError(
                f"[{who}] expected a direction of shape ({self.size},), or a list of {len(self.params)} tensors like "
                f"the parameters; got shape {flat.shape}."
            )
        return flat

    @contextmanager
    def restored_on_error(self) -> Iterator[None]:
        """Whatever interrupts the block, the parameters are then as before it."""
        before = [p.data for p in self.params]
        try:
            yield
        except BaseException:
            for p, data in zip(self.params, before):
                p.rebind(data)
            raise


def joined(params: Sequence[Tensor], parts: Sequence[Tensor | None]) -> np.ndarray:
    """The parts as one vector of doubles, zeros where one is None."""
    arrays = [np.zeros(p.size) if part is None else part.data.reshape(-1) for p, part in zip(params, parts)]
    return np.concatenate(arrays).astype(np.float64, copy=False)


def trainable(who: str, params: Iterable[Any]) -> list[Tensor]:
    """The parameters that require grad, checked."""
    if isinstance(params, (Tensor, dict, str)) or not isinstance(params, Iterable):
        raise DtypeError(f"[{who}] expected parameters such as model.parameters(), got a {type(params).__name__}.")
    given = list(params)
    for i, p in enumerate(given):
        if not isinstance(p, Tensor):
            raise DtypeError(f"[{who}] expected parameters such as model.parameters() gives, got a {type(p).__name__}.")
        if not p.is_leaf:
            raise DtypeError(f"[{who}] a tensor of shape {p.shape} was computed: only leaves can be parameters.")
        if any(p is other for other in given[:i]):
            raise ConfigError(f"[{who}] a parameter of shape {p.shape} is given twice.")
    found = [p for p in given if p.requires_grad]
    if not given:
        raise ConfigError(f"[{who}] got an empty list of parameters.")
    if not found:
        raise ConfigError(f"[{who}] none of the {len(given)} parameters requires grad: call requires_grad_() on some.")
    if not any(p.size for p in found):
        raise ConfigError(f"[{who}] the parameters have no elements.")
    return found
