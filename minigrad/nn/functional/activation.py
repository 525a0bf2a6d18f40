"""Smooth activations: sigmoids and their relatives, gated ones, and the softmax family; those with kinks: `piecewise`.

They are right in value, first and second derivative near 0, at +-1e4 and at the infinities, to the precision of their
dtype. A branch that `select` does not take must still have a finite derivative, or 0 * inf makes the gradient NaN:
where a function would overflow there, it gets a harmless argument instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import ops, random
from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.engine import tracer
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import choice, float_tensor, number
from minigrad.ops import (
    abs,
    argmax,
    astype,
    cast,
    equal,
    erfc,
    exp,
    greater,
    less,
    log,
    logaddexp,
    logical_or,
    maximum,
    reduce_max,
    reduce_sum,
    select,
    sign,
    split,
    subtract,
)
from minigrad.ops.movement import normalize_axis

__all__ = [
    "gelu", "glu", "gumbel_softmax", "log_softmax", "logsigmoid", "mish", "scaled_tanh", "sigmoid", "silu", "softmax",
    "softmin", "softplus", "softsign", "tanh", "tanh_linear", "tanhshrink",
]  # fmt: skip

# ---- sigmoids


def sigmoid(input: Any) -> Tensor:
    """1 / (1 + exp(-x)), the logistic function, without overflow and accurate in both tails.

    >>> F.sigmoid(mg.tensor([-1000.0, 0.0, 1000.0]))
    tensor([0. , 0.5, 1. ])
    """
    return ops.sigmoid(input)


def tanh(input: Any) -> Tensor:
    """The hyperbolic tangent.

    >>> F.tanh(mg.tensor([1.0]))
    tensor([0.761594])
    """
    return ops.tanh(input)


def logsigmoid(input: Any) -> Tensor:
    """log(sigmoid(x)) = -log(1 + exp(-x)), accurate in both tails.

    >>> F.logsigmoid(mg.tensor([0.0]))
    tensor([-0.693147])
    """
    return -logaddexp(-float_tensor("logsigmoid", "input", input), 0.0)


def scaled_tanh(input: Any) -> Tensor:
    """1.7159 tanh(2 x / 3), which maps 1 to 1 and -1 to -1 and is most curved there (LeCun et al. 1998).

    From "Efficient BackProp", for inputs and targets of variance 1.

    >>> F.scaled_tanh(mg.tensor([0.0, 1.0]))
    tensor([0.    , 1.0000])
    """
    return 1.7159 * tanh(float_tensor("scaled_tanh", "input", input) * (2 / 3))


def tanh_linear(input: Any, a: float = 0.01) -> Tensor:
    """tanh(x) + a x, which has no flat tails (LeCun et al. 1998, "Efficient BackProp").

    a: the slope that is left far from 0.

    >>> F.tanh_linear(mg.tensor([0.0, 100.0]), a=0.5)
    tensor([ 0., 51.])
    """
    x = float_tensor("tanh_linear", "input", input)
    return tanh(x) + x * a


def softsign(input: Any) -> Tensor:
    """x / (1 + |x|) (Bergstra et al. 2009).

    >>> F.softsign(mg.tensor([-1.0, 3.0]))
    tensor([-0.5 ,  0.75])
    """
    x = float_tensor("softsign", "input", input)
    size = abs(x)
    near = less(size, 1.0)
    inner = select(near, x, 0.0)
    # Far out, the derivative of the quotient is a difference of almost equal numbers; that of 1 / (1 + |x|) is not.
    return select(near, inner / (1.0 + abs(inner)), sign(x) * (1.0 - 1.0 / (1.0 + size)))


def tanhshrink(input: Any) -> Tensor:
    """x - tanh(x).

    >>> F.tanhshrink(mg.tensor([0.0, 1.0]))
    tensor([0.      , 0.238406])
    """
    x = float_tensor("tanhshrink", "input", input)
    near = less(abs(x), 0.5)
    return select(near, tanhshrink_near_zero(select(near, x, 0.0)), x - tanh(x))


def tanhshrink_near_zero(x: Tensor) -> Tensor:
    """x - tanh(x) for |x| < 0.5, where the difference would lose its digits: all of them below 1e-5.

    The eighth convergent of Lambert's continued fraction tanh(x) = x / (1 + x^2 / (3 + x^2 / (5 + ...))), taken from x.
    """
    s = x * x
    above = polynomial(s, (1.0, 594.0, 45045.0, 675675.0))
    below = polynomial(s, (1.0, 630.0, 51975.0, 945945.0, 2027025.0))
    return x * (s * (above / below))


def polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """The polynomial with these coefficients, the highest power first, by Horner's rule."""
    total: Any = coefficients[0]
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


# ---- gated: x times a number between 0 and 1


def gated(x: Tensor, gate: Callable[[Tensor], Tensor]) -> Tensor:
    """x * gate(x), for a gate that is 0 below -1000 and 1 above 1000 in every dtype; right even at the infinities.

    Far out the product would meet 0 * inf, in its value on the left and in its derivative on both sides.
    """
    if tracer() is None and not far(x.data):
        return x * gate(x)  # by far the most frequent case: a look is cheaper than three selections
    right = greater(x, 1000.0)
    inner = select(logical_or(right, less(x, -1000.0)), 0.0, x)
    return select(right, x, inner * gate(inner))


def far(x: np.ndarray) -> bool:
    """Whether some |x| > 1000."""
    return np.fmin.reduce(x, None, initial=0.0) < -1000 or np.fmax.reduce(x, None, initial=0.0) > 1000


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """x Phi(x), Phi the normal distribution function (Hendrycks & Gimpel 2016).

    approximate: "none", or "tanh" for 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).

    >>> F.gelu(mg.tensor([-1.0, 2.0]))
    tensor([-0.158655,  1.9545  ])
    """
    choice("gelu", "approximate", approximate, ("none", "tanh"))
    return gated(float_tensor("gelu", "input", input), normal_cdf if approximate == "none" else nearly_normal_cdf)


def normal_cdf(x: Tensor) -> Tensor:
    """The normal distribution function; by erfc, which, unlike 1 + erf, is accurate in the left tail."""
    return 0.5 * erfc(x * -math.sqrt(0.5))


def nearly_normal_cdf(x: Tensor) -> Tensor:
    """0.5 (1 + tanh(u)) = sigmoid(2 u), which is accurate in the left tail, for the u of `gelu`."""
    return sigmoid(math.sqrt(8 / math.pi) * (x + 0.044715 * (x * x * x)))


def silu(input: Any) -> Tensor:
    """x sigmoid(x), also known as swish (Elfwing et al. 2017).

    >>> F.silu(mg.tensor([-1.0, 2.0]))
    tensor([-0.268941,  1.76159 ])
    """
    return gated(float_tensor("silu", "input", input), sigmoid)


def mish(input: Any) -> Tensor:
    """x tanh(softplus(x)) (Misra 2019).

    >>> F.mish(mg.tensor([-1.0]))
    tensor([-0.303401])
    """
    return gated(float_tensor("mish", "input", input), lambda x: tanh(logaddexp(x, 0.0)))


def glu(input: Any, dim: int = -1) -> Tensor:
    """a sigmoid(b), a and b being the first and the second half of the input along `dim` (Dauphin et al. 2016).

    Returns the input's shape with half the size along `dim`.  Raises ShapeError if that size is odd.

    >>> F.glu(mg.tensor([3.0, 4.0, 0.0, 100.0]))
    tensor([1.5, 4. ])
    """
    x = float_tensor("glu", "input", input)
    axis = normalize_axis("glu", dim, x.ndim)
    if x.shape[axis] % 2:
        raise ShapeError(f"[glu] expected an even size along axis {axis}, to halve it; got an input {x.shape}.")
    a, b = split(x, 2, axis)
    return a * sigmoid(b)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta (Dugas et al. 2001); x itself where beta x > threshold.

    >>> F.softplus(mg.tensor([0.0]))
    tensor([0.693147])
    """
    x = float_tensor("softplus", "input", input)
    scaled = x * beta
    return select(greater(scaled, threshold), x, logaddexp(scaled, 0.0) / beta)


# ---- softmax


def softmax(input: Any, dim: int | None = None, *, dtype: DtypeLike = None) -> Tensor:
    """exp(x_i) / sum_j exp(x_j) along `dim`, without overflow.

    dim: must be given.  dtype: what the input is converted to first.  An input of -inf has probability 0.

    >>> F.softmax(mg.tensor([[0.0, 0.0], [1000.0, 0.0]]), dim=1)
    tensor([[0.5, 0.5],
            [1. , 0. ]])
    """
    return normalized_exp("softmax", converted(input, dtype), dim)


def normalized_exp(who: str, input: Any, dim: int | None) -> Tensor:
    """`softmax` as another function may call it, by its own name."""
    shifted, axes = shift_by_max(who, input, dim)
    weight = exp(shifted)
    return weight / reduce_sum(weight, axes=axes, keepdims=True)


def log_softmax(input: Any, dim: int | None = None, *, dtype: DtypeLike = None) -> Tensor:
    """x_i - log(sum_j exp(x_j)) along `dim`, without overflow; arguments as for `softmax`.

    >>> F.log_softmax(mg.tensor([0.0, 0.0]), dim=0)
    tensor([-0.693147, -0.693147])
    """
    shifted, axes = shift_by_max("log_softmax", converted(input, dtype), dim)
    return shifted - log(reduce_sum(exp(shifted), axes=axes, keepdims=True))


def softmin(input: Any, dim: int | None = None, *, dtype: DtypeLike = None) -> Tensor:
    """exp(-x_i) / sum_j exp(-x_j) along `dim`, the softmax of -x; arguments as for `softmax`.

    >>> F.softmin(mg.tensor([0.0, 1000.0]), dim=0)
    tensor([1., 0.])
    """
    return normalized_exp("softmin", -float_tensor("softmin", "input", converted(input, dtype)), dim)


def gumbel_softmax(logits: Any, tau: float = 1.0, hard: bool = False, *, dim: int = -1) -> Tensor:
    """softmax((x + g) / tau) with noise g from Gumbel(0, 1): a smooth draw from softmax(x) (Jang et al. 2016).

    tau: the temperature; the lower, the nearer to one-hot.  hard: a one-hot draw, distributed as softmax(x), whose
    gradient is that of the smooth one ("straight through").  dim: the classes' axis, by name, since by position PyTorch
    has a deprecated eps before it.  Raises ConfigError unless tau > 0.

    >>> F.gumbel_softmax(mg.tensor([1000.0, 0.0]), hard=True)
    tensor([1., 0.])
    """
    number("gumbel_softmax", "tau", tau, above=0)
    x = float_tensor("gumbel_softmax", "logits", logits)
    axis = normalize_axis("gumbel_softmax", dim, x.ndim)
    u = random.uniform(x.shape, dtype=x.dtype)
    u = maximum(u, float(np.finfo(x.dtype).eps) / 4)  # of 0, whose noise would be -inf: half the step between draws
    soft = softmax((x - log(-log(u))) / tau, axis)
    if not hard or x.size == 0:
        return soft
    return one_hot_maximum(soft.detach(), axis) + (soft - soft.detach())  # in this order 1 and 0 are exact


def one_hot_maximum(x: Tensor, axis: int) -> Tensor:
    """1 at the (first) maximum along the axis, 0 elsewhere."""
    position = np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    return cast(equal(argmax(x, axis=axis, keepdims=True), Tensor(position)), dtype=x.dtype)


def converted(input: Any, dtype: DtypeLike) -> Any:
    """The input in another dtype; as it is if that is None."""
    return input if dtype is None else astype(input, dtype)


def needs_dim(who: str, dim: int | None) -> int:
    """`dim`. Raises ConfigError if it was not given: which axis holds the classes only the caller knows."""
    if dim is None:
        raise ConfigError(f"[{who}] needs dim, the axis along which the results sum to one; there is no default.")
    return dim


def shift_by_max(who: str, input: Any, dim: int | None) -> tuple[Tensor, tuple[int]]:
    """x minus its maximum along `dim`, so that exp cannot overflow; and (dim,), not negative.

    The maximum is a constant to the gradient: what is computed from the differences does not depend on it.
    """
    x = float_tensor(who, "input", input)
    axes = (normalize_axis(who, needs_dim(who, dim), x.ndim),)
    if x.size == 0:
        return x, axes
    return subtract(x, reduce_max(x.detach(), axes=axes, keepdims=True)), axes
