"""Trace and diagonal of a Hessian from random signs, with standard errors."""

from __future__ import annotations

from minigrad.curvature.hessian import Hessian
from minigrad.optim.hutchinson import Estimate, diagonal_of, trace_of


def trace(hessian: Hessian, samples: int = 32, seed: int = 0) -> Estimate:
    """The trace of H, the mean of z'H z over random signs z, and its standard error (Hutchinson 1990).

    The variance of one sample is 2 sum over i != j of H_ij^2.  samples: products, at least 1; with 1 the standard error
    is unknown, NaN.  Returns (value, standard_error), floats. Raises ConfigError for an unfit number of samples.

    >>> p = nn.Parameter([1.0, 2.0])
    >>> mg.curvature.trace(mg.curvature.Hessian(lambda: mg.sum(p**3), [p])).value
    18.0
    """
    return trace_of(hessian.objective.product, hessian.size, samples, seed)


def diagonal(hessian: Hessian, samples: int = 32, seed: int = 0) -> Estimate:
    """The diagonal of H, the mean of z * (H z) over random signs z, and its standard error.

    The variance of one sample of element i is the sum over j != i of H_ij^2.  samples: products, at least 1; with 1 the
    standard error is unknown, NaN.  Returns (value, standard_error), vectors (n,); `hessian.tensors` gives them the
    shapes of the parameters. Raises ConfigError for an unfit number of samples.
    Source: Bekas, Kokiopoulou & Saad (2007).

    >>> p = nn.Parameter([1.0, 2.0])
    >>> mg.curvature.diagonal(mg.curvature.Hessian(lambda: mg.sum(p**3), [p])).value
    array([ 6., 12.])
    """
    return diagonal_of(hessian.objective.product, hessian.size, samples, seed)
