"""Activations in pieces: rectifiers, and what is cut off, clipped or shrunk. Each says its derivative at its kinks.

They compare so that NaN falls into the piece that returns x, and stays NaN. A piece that `select` does not take must
still have a finite derivative, or 0 * inf makes the gradient NaN: where it would overflow, it gets 0 for an argument.
"""

from __future__ import annotations

from typing import Any

from minigrad import ops, random
from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import float_tensor, number
from minigrad.ops import (
    abs,
    clip,
    exp,
    expm1,
    greater,
    greater_equal,
    less_equal,
    logaddexp,
    reshape_to,
    select,
    where,
)

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772

# ---- rectifiers


def relu(input: Any) -> Tensor:
    """max(x, 0) (Nair & Hinton 2010).  The gradient at 0 is 0.

    >>> F.relu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    return ops.relu(float_tensor("relu", "input", input))


def noisy_relu(input: Any, training: bool = False) -> Tensor:
    """max(x + e, 0) with e from N(0, sigmoid(x)), sigmoid(x) being the variance (Nair & Hinton 2010).

    training: False leaves the noise away: max(x, 0).
    The gradient is that of the sum drawn, e = sqrt(sigmoid(x)) z with z fixed, so on average over z it is the gradient
    of the mean output.  It is 0 where the output is 0.

    >>> F.noisy_relu(mg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    >>> F.noisy_relu(mg.tensor([-1e4, 1e4]), training=True).tolist()[0]
    0.0
    """
    x = float_tensor("noisy_relu", "input", input)
    if not training:
        return ops.relu(x)
    deviation = exp(-0.5 * logaddexp(-x, 0.0))  # the root of sigmoid(x), whose own derivative is infinite at 0
    return ops.relu(x + deviation * random.normal(x.shape, dtype=x.dtype))


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope * x (Maas et al. 2013).  The gradient at 0 is negative_slope.

    >>> F.leaky_relu(mg.tensor([-1.0, 2.0]))
    tensor([-0.01,  2.  ])
    """
    x = float_tensor("leaky_relu", "input", input)
    return select(greater(x, 0), x, x * negative_slope)


def prelu(input: Any, weight: Any) -> Tensor:
    """x where x > 0, else weight * x, with a weight that is learned (He et al. 2015).  The gradient at 0 is the weight.

    input: (N, C, ...), or any shape if there is one weight for all.  weight: (C,), (1,) or ().
    Returns the shape of the input.  Raises ShapeError for weights that are not one for all or one for each channel.

    >>> F.prelu(mg.tensor([[-1.0, -1.0]]), mg.tensor([0.25, 0.5]))
    tensor([[-0.25, -0.5 ]])
    """
    x, weight = float_tensor("prelu", "input", input), float_tensor("prelu", "weight", weight)
    slope = reshape_to(weight, shape=channel_shape(x.shape, weight.shape))
    positive = greater(x, 0)
    return where(positive, x, slope * select(positive, 0.0, x))


def channel_shape(input: tuple[int, ...], weight: tuple[int, ...]) -> tuple[int, ...]:
    """The shape in which the weights of `prelu` broadcast along the channels of the input."""
    if weight in ((), (1,)):
        return ()
    if len(weight) != 1 or len(input) < 2 or input[1] != weight[0]:
        raise ShapeError(
            "[prelu] expected one weight, or one for each channel (axis 1 of the input):"
            f" input {input}, weight {weight}."
        )
    return (*weight, *(1,) * (len(input) - 2))


def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """x where x > 0, else a x, with another a from U(lower, upper) for every element (Xu et al. 2015).

    training: False takes the mean (lower + upper) / 2 for a.  The gradient at 0 is a, which is a constant to it.
    Raises ConfigError unless lower <= upper.

    >>> F.rrelu(mg.tensor([-1.0, 2.0]), 0.25, 0.75)
    tensor([-0.5,  2. ])
    >>> F.rrelu(mg.tensor([-1.0, 2.0]), 0.5, 0.5, training=True)
    tensor([-0.5,  2. ])
    """
    in_order("rrelu", "lower", lower, "upper", upper)
    x = float_tensor("rrelu", "input", input)
    if not training:
        return leaky_relu(x, (lower + upper) / 2)
    return select(greater(x, 0), x, x * random.uniform(x.shape, lower, upper, x.dtype))


def in_order(who: str, low_name: str, low: float, high_name: str, high: float) -> None:
    """Raises ConfigError unless these are numbers, low <= high."""
    number(who, low_name, low)
    number(who, high_name, high)
    if not low <= high:
        raise ConfigError(f"[{who}] expected {low_name} <= {high_name}, got {low_name}={low}, {high_name}={high}.")


# ---- with an exponential on the left


def exponential_linear(x: Tensor, scale: float, amplitude: float, rate: float) -> Tensor:
    """scale * x where x > 0, else amplitude * (exp(rate * x) - 1)."""
    positive = greater(x, 0)
    exponent = select(positive, 0.0, x)
    left = amplitude * expm1(exponent if rate == 1.0 else exponent * rate)
    return select(positive, x if scale == 1.0 else x * scale, left)


def elu(input: Any, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha (exp(x) - 1) (Clevert et al. 2015).  The gradient at 0 is alpha.

    >>> F.elu(mg.tensor([-1.0, 2.0]))
    tensor([-0.63212,  2.     ])
    """
    return exponential_linear(float_tensor("elu", "input", input), 1.0, alpha, 1.0)


def selu(input: Any) -> Tensor:
    """s elu(x, a) with s = 1.0507 and a = 1.6733, which keep mean 0 and variance 1 (Klambauer et al. 2017).

    The gradient at 0 is s a.

    >>> F.selu(mg.tensor([-1.0, 1.0]))
    tensor([-1.11133,  1.0507 ])
    """
    x = float_tensor("selu", "input", input)
    return exponential_linear(x, SELU_SCALE, SELU_SCALE * SELU_ALPHA, 1.0)


def celu(input: Any, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha (exp(x / alpha) - 1) (Barron 2017).  The gradient at 0 is 1; there is no kink.

    Raises ConfigError for alpha = 0.

    >>> F.celu(mg.tensor([-1.0, 2.0]), alpha=0.5)
    tensor([-0.432332,  2.      ])
    """
    not_zero("celu", alpha)
    return exponential_linear(float_tensor("celu", "input", input), 1.0, alpha, 1 / alpha)


def not_zero(who: str, alpha: float) -> None:
    """Raises ConfigError for alpha = 0."""
    if alpha == 0:
        raise ConfigError(f"[{who}] alpha must not be 0, x / alpha is an exponent.")


# ---- clipped, cut off, shrunk


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """x limited to [min_val, max_val] (Collobert 2004).  The gradient at both ends is 0.

    Raises ConfigError unless min_val <= max_val.

    >>> F.hardtanh(mg.tensor([-2.0, 0.5, 2.0]))
    tensor([-1. ,  0.5,  1. ])
    """
    in_order("hardtanh", "min_val", min_val, "max_val", max_val)
    x = float_tensor("hardtanh", "input", input)
    low, high = float(min_val), float(max_val)
    return select(less_equal(x, low), low, select(greater_equal(x, high), high, x))


def relu6(input: Any) -> Tensor:
    """min(max(x, 0), 6) (Krizhevsky 2010).  The gradient at 0 and at 6 is 0.

    >>> F.relu6(mg.tensor([-1.0, 2.0, 8.0]))
    tensor([0., 2., 6.])
    """
    return hardtanh(float_tensor("relu6", "input", input), 0.0, 6.0)


def hardsigmoid(input: Any) -> Tensor:
    """(x + 3) / 6 limited to [0, 1] (Howard et al. 2019).  The gradient at -3 and at 3 is 0.

    >>> F.hardsigmoid(mg.tensor([-4.0, 0.0, 3.0]))
    tensor([0. , 0.5, 1. ])
    """
    x = float_tensor("hardsigmoid", "input", input)
    return hardtanh((x + 3.0) / 6.0, 0.0, 1.0)


def hardswish(input: Any) -> Tensor:
    """x hardsigmoid(x) (Howard et al. 2019).  The gradient at -3 is 0, at 3 it is 1.

    >>> F.hardswish(mg.tensor([-4.0, 1.0, 4.0]))
    tensor([0.      , 0.666667, 4.      ])
    """
    x = float_tensor("hardswish", "input", input)
    return select(less_equal(x, -3.0), 0.0, x * hardsigmoid(x))  # -inf times 0 would be NaN


def threshold(input: Any, threshold: float, value: float) -> Tensor:
    """x where x > threshold, else `value`.  The gradient at the threshold is 0.

    >>> F.threshold(mg.tensor([0.5, 2.0]), 1.0, -7.0)
    tensor([-7.,  2.])
    """
    x = float_tensor("threshold", "input", input)
    return select(less_equal(x, threshold), float(value), x)


def softshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, and 0 if it is no further away (Donoho 1995).  The gradient at +-lambd is 0.

    Raises ConfigError for a negative lambd.

    >>> F.softshrink(mg.tensor([-1.0, 0.2, 2.0]))
    tensor([-0.5,  0. ,  1.5])
    """
    number("softshrink", "lambd", lambd, at_least=0)
    x = float_tensor("softshrink", "input", input)
    return x - clip(x, -lambd, lambd)  # the gradient of clip is 1 at its bounds


def hardshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """x, and 0 where |x| <= lambd (Donoho & Johnstone 1994).  The gradient at +-lambd is 0.

    >>> F.hardshrink(mg.tensor([-1.0, 0.2, 2.0]))
    tensor([-1.,  0.,  2.])
    """
    x = float_tensor("hardshrink", "input", input)
    return select(less_equal(abs(x), lambd), 0.0, x)
