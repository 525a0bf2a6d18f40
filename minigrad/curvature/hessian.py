"""The Hessian of a loss, as something to multiply with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.optim.objective import Objective


class Hessian:
    """H = d^2 f / dx^2 of the loss f at the parameters as they stand, x all of them as one vector; known by products.

    H v is the derivative of the gradient along v (Pearlmutter 1994): a small multiple of the cost of a gradient.

    closure: computes the loss from the parameters and returns it, a tensor with one element, without calling backward;
    the same loss whenever the parameters are the same: put dropout and batch normalization into evaluation.
    params: parameters; those that do not require grad are constants.
    data: None, or batches to go through any number of times, as a DataLoader has; then closure(*batch) is the mean loss
    of a batch, and f the mean over all samples.
    jit: compile the products, which pays for many of them; what the closure reads besides tensors is then built in.
    shape, dtype: as a matrix has them. Products are computed in the dtype of the parameters: use float64 for more than
    five digits.
    Raises ConfigError or DtypeError for unfit parameters; products raise ShapeError for a loss that is no scalar,
    GraphError for one that does not depend on the parameters, DataError for data without samples.

    >>> model = nn.Linear(3, 1)
    >>> batches = [(mg.ones((4, 3)), mg.zeros((4, 1))), (mg.zeros((2, 3)), mg.zeros((2, 1)))]
    >>> H = mg.curvature.Hessian(lambda x, y: F.mse_loss(model(x), y), model.parameters(), batches)
    >>> H.shape
    (4, 4)
    >>> H @ [0, 0, 0, 3]  # along the bias
    array([4., 4., 4., 6.])
    """

    dtype = np.dtype(np.float64)

    def __init__(
        self,
        closure: Callable[..., Tensor],
        params: Iterable[Any],
        data: Iterable[Any] | None = None,
        *,
        jit: bool = False,
    ) -> None:
        self.objective = Objective("curvature", closure, params, data, jit)
        self.size = self.objective.flat.size
        self.shape = (self.size, self.size)

    def __matmul__(self, v: Any) -> np.ndarray:
        """H v as a vector (n,). v: a vector (n,), or a list of tensors or arrays like the parameters."""
        return self.objective.product(self.vector(v))

    def vector(self, v: Any) -> np.ndarray:
        """A direction as one vector (n,). Raises ShapeError if it does not fit the parameters."""
        return self.objective.flat.vector("curvature", v)

    def tensors(self, v: np.ndarray) -> list[Tensor]:
        """A vector (n,) as tensors like the parameters."""
        return self.objective.flat.split(self.vector(v))

    def gradient(self) -> np.ndarray:
        """The gradient of the loss, a vector (n,)."""
        return self.objective.value_and_gradient()[1]

    def dense(self) -> np.ndarray:
        """The matrix (n, n), from n products, made symmetric: for few parameters."""
        rows = np.stack([self @ row for row in np.eye(self.size)])
        return (rows + rows.T) / 2

    def linear_operator(self) -> Any:
        """The products as a scipy.sparse.linalg.LinearOperator."""
        from scipy.sparse.linalg import LinearOperator

        return LinearOperator(self.shape, matvec=lambda v: self @ v.reshape(-1), dtype=self.dtype)

    def __repr__(self) -> str:
        return f"Hessian(shape={self.shape})"
