"""Trace and diagonal of a matrix that is known by its products only, from random signs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError
from minigrad.optim.conjugate_gradients import Product
from minigrad.optim.objective import Objective


class Estimate(NamedTuple):
    """A mean over samples, and the standard error of it."""

    value: Any
    standard_error: Any


def hessian_diagonal(
    closure: Callable[[], Tensor], params: Iterable[Any], samples: int = 32, seed: int = 0, *, jit: bool = False
) -> list[Tensor]:
    """The diagonal of the Hessian of a loss, estimated from products: mean of z * (H z) over random signs z.

    The standard error of element i is sqrt(sum over j != i of H_ij^2 / samples); exact for a diagonal Hessian.

    closure: computes the loss from the parameters and returns it, without calling backward.  samples: Hessian-vector
    products, at least 1.  seed: of the signs.  jit: compile the products.
    Returns a tensor like each parameter that requires grad, in their order. `mg.curvature.diagonal` gives the standard
    error too, and goes through data. Raises ConfigError, ShapeError or GraphError for arguments that do not fit.
    Source: Hutchinson (1990), for the trace; Bekas, Kokiopoulou & Saad (2007), for the diagonal.

    >>> p = nn.Parameter([1.0, 2.0, 3.0])
    >>> optim.hessian_diagonal(lambda: mg.sum(p**3), [p])
    [tensor([ 6., 12., 18.])]
    """
    objective = Objective("hessian_diagonal", closure, params, jit=jit)
    return objective.flat.split(diagonal_of(objective.product, objective.flat.size, samples, seed).value)


def diagonal_of(product: Product, n: int, samples: int, seed: int) -> Estimate:
    """The diagonal of an n x n matrix from its products, with standard errors (Bekas, Kokiopoulou & Saad 2007)."""
    return mean_of(z * product(z) for z in signs("hessian_diagonal", n, samples, seed))


def trace_of(product: Product, n: int, samples: int, seed: int) -> Estimate:
    """The trace of an n x n matrix from its products, with its standard error (Hutchinson 1990)."""
    return mean_of(float(z @ product(z)) for z in signs("trace", n, samples, seed))


def signs(who: str, n: int, samples: int, seed: int) -> Iterator[np.ndarray]:
    """Vectors (n,) of independent random signs. Raises ConfigError unless `samples` is a whole number, at least 1."""
    if isinstance(samples, bool) or not isinstance(samples, (int, np.integer)) or samples < 1:
        raise ConfigError(f"[{who}] samples must be a whole number, at least 1; got {samples!r}.")
    rng = np.random.default_rng(seed)
    return (rng.choice([-1.0, 1.0], n) for _ in range(samples))


def mean_of(values: Iterable[Any]) -> Estimate:
    """Mean and standard error of values as they come (Welford 1962); the error of a single one is unknown, NaN."""
    mean: Any = 0.0
    squares: Any = 0.0
    count = 0
    for count, value in enumerate(values, start=1):
        change = value - mean
        mean = mean + change / count
        squares = squares + change * (value - mean)
    variance = squares / (count - 1) if count > 1 else squares + np.nan
    return Estimate(mean, np.sqrt(variance / count))
