"""Activations: elementwise nonlinearities, softmax and log-softmax.

A branch that `select` does not take must still have a finite derivative, or 0 * inf makes the gradient NaN: where a
function would overflow there, it gets a harmless argument instead.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad import ops
from minigrad.core import Tensor
from minigrad.nn.arguments import choice, float_tensor
from minigrad.ops import (
    erfc,
    exp,
    expm1,
    greater,
    log,
    logaddexp,
    reduce_max,
    reduce_sum,
    select,
    sigmoid,
    subtract,
    tanh,
)
from minigrad.ops.movement import normalize_axis

__all__ = ["elu", "gelu", "leaky_relu", "log_softmax", "relu", "sigmoid", "silu", "softmax", "softplus", "tanh"]


def relu(input: Any) -> Tensor:
    """max(x, 0).  The gradient at 0 is 0; NaN stays NaN.

    >>> F.relu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    return ops.relu(float_tensor("relu", "input", input))


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope * x (Maas et al. 2013).  The gradient at 0 is negative_slope.

    >>> F.leaky_relu(mg.tensor([-1.0, 2.0]))
    tensor([-0.01,  2.  ])
    """
    x = float_tensor("leaky_relu", "input", input)
    return select(greater(x, 0), x, x * negative_slope)


def elu(input: Any, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha (exp(x) - 1) (Clevert et al. 2015).

    >>> F.elu(mg.tensor([-1.0, 2.0]))
    tensor([-0.63212,  2.     ])
    """
    x = float_tensor("elu", "input", input)
    positive = greater(x, 0)
    return select(positive, x, alpha * expm1(select(positive, 0.0, x)))


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """x Phi(x), Phi the normal distribution function (Hendrycks & Gimpel 2016).

    approximate: "none", or "tanh" for 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).

    >>> F.gelu(mg.tensor([-1.0, 2.0]))
    tensor([-0.158655,  1.9545  ])
    """
    choice("gelu", "approximate", approximate, ("none", "tanh"))
    x = float_tensor("gelu", "input", input)
    if approximate == "tanh":
        # 0.5 (1 + tanh u) = sigmoid(2 u), which is accurate in the left tail
        return x * sigmoid(math.sqrt(8 / math.pi) * (x + 0.044715 * (x * x * x)))
    return 0.5 * x * erfc(x * -math.sqrt(0.5))  # erfc, unlike 1 + erf, is accurate in the left tail


def silu(input: Any) -> Tensor:
    """x sigmoid(x), also known as swish (Elfwing et al. 2017).

    >>> F.silu(mg.tensor([-1.0, 2.0]))
    tensor([-0.268941,  1.76159 ])
    """
    x = float_tensor("silu", "input", input)
    return x * sigmoid(x)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold.

    >>> F.softplus(mg.tensor([-1.0, 0.0, 100.0]))
    tensor([  0.313262,   0.693147, 100.      ])
    """
    x = float_tensor("softplus", "input", input)
    scaled = x * beta
    return select(greater(scaled, threshold), x, logaddexp(scaled, 0.0) / beta)


def softmax(input: Any, dim: int) -> Tensor:
    """exp(x_i) / sum_j exp(x_j) along `dim`, without overflow.

    >>> F.softmax(mg.tensor([[0.0, 0.0], [1000.0, 0.0]]), dim=1)
    tensor([[0.5, 0.5],
            [1. , 0. ]])
    """
    shifted, axes = shift_by_max("softmax", input, dim)
    weight = exp(shifted)
    return weight / reduce_sum(weight, axes=axes, keepdims=True)


def log_softmax(input: Any, dim: int) -> Tensor:
    """x_i - log(sum_j exp(x_j)) along `dim`, without overflow.

    >>> F.log_softmax(mg.tensor([0.0, 0.0]), dim=0)
    tensor([-0.693147, -0.693147])
    """
    shifted, axes = shift_by_max("log_softmax", input, dim)
    return shifted - log(reduce_sum(exp(shifted), axes=axes, keepdims=True))


def shift_by_max(who: str, input: Any, dim: int) -> tuple[Tensor, tuple[int]]:
    """x minus its maximum along `dim`, so that exp cannot overflow; and (dim,), not negative.

    The maximum is a constant to the gradient: what is computed from the differences does not depend on it.
    """
    x = float_tensor(who, "input", input)
    axes = (normalize_axis(who, dim, x.ndim),)
    if x.size == 0:
        return x, axes
    return subtract(x, reduce_max(x.detach(), axes=axes, keepdims=True)), axes
