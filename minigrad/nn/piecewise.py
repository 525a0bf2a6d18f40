"""Activations in pieces as modules: each applies the function of `minigrad.nn.functional` that it names."""

from __future__ import annotations

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.nn import functional as F
from minigrad.nn.arguments import number, size
from minigrad.nn.functional.piecewise import in_order, not_zero
from minigrad.nn.init import constant_
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import full


class ReLU(Module):
    """max(x, 0).

    >>> nn.ReLU()(mg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input)


class NoisyReLU(Module):
    """max(x + e, 0) with e from N(0, sigmoid(x)), its variance, in training; in evaluation, max(x, 0).

    >>> nn.NoisyReLU().eval()(mg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.noisy_relu(input, self.training)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope * x.

    >>> nn.LeakyReLU(0.5)(mg.tensor([-1.0, 2.0]))
    tensor([-0.5,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        number("LeakyReLU", "negative_slope", negative_slope)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class PReLU(Module):
    """x where x > 0, else weight * x, with a weight that is learned (He et al. 2015).

    num_parameters: 1, or the number of channels, axis 1 of the input, to have a weight for each.
    init: what the weights start with.  Do not let weight decay pull on them.
    weight: (num_parameters,).

    >>> nn.PReLU(2)(mg.tensor([[-1.0, 2.0]]))
    tensor([[-0.25,  2.  ]], requires_grad=True)
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: DtypeLike = None) -> None:
        self.num_parameters = size("PReLU", "num_parameters", num_parameters, minimum=1)
        number("PReLU", "init", init)
        self.init = init
        self.weight = Parameter(full(num_parameters, init, dtype))

    def reset_parameters(self) -> None:
        """Start anew."""
        constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """x where x > 0, else a x: in training another a from U(lower, upper) for every element, else (lower + upper) / 2.

    >>> nn.RReLU(0.25, 0.75).eval()(mg.tensor([-1.0, 2.0]))
    tensor([-0.5,  2. ])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3) -> None:
        in_order("RReLU", "lower", lower, "upper", upper)
        self.lower = lower
        self.upper = upper

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"


class ELU(Module):
    """x where x > 0, else alpha (exp(x) - 1).

    >>> nn.ELU()(mg.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        number("ELU", "alpha", alpha)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class SELU(Module):
    """1.0507 elu(x, 1.6733), which keeps mean 0 and variance 1.

    >>> nn.SELU()(mg.tensor([0.0, 1.0]))
    tensor([0.    , 1.0507])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input)


class CELU(Module):
    """x where x > 0, else alpha (exp(x / alpha) - 1).

    >>> nn.CELU()(mg.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        number("CELU", "alpha", alpha)
        not_zero("CELU", alpha)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class Hardtanh(Module):
    """x limited to [min_val, max_val].

    >>> nn.Hardtanh()(mg.tensor([-2.0, 0.5]))
    tensor([-1. ,  0.5])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        in_order("Hardtanh", "min_val", min_val, "max_val", max_val)
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class ReLU6(Module):
    """min(max(x, 0), 6).

    >>> nn.ReLU6()(mg.tensor([2.0, 8.0]))
    tensor([2., 6.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu6(input)


class Hardsigmoid(Module):
    """(x + 3) / 6 limited to [0, 1].

    >>> nn.Hardsigmoid()(mg.tensor([0.0, 3.0]))
    tensor([0.5, 1. ])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input)


class Hardswish(Module):
    """x hardsigmoid(x).

    >>> nn.Hardswish()(mg.tensor([-3.0, 3.0]))
    tensor([0., 3.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input)


class Threshold(Module):
    """x where x > threshold, else `value`.

    >>> nn.Threshold(1.0, -7.0)(mg.tensor([0.5, 2.0]))
    tensor([-7.,  2.])
    """

    def __init__(self, threshold: float, value: float) -> None:
        number("Threshold", "threshold", threshold)
        number("Threshold", "value", value)
        self.threshold = threshold
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"


class Softshrink(Module):
    """x moved towards 0 by lambd, and 0 if it is no further away.

    >>> nn.Softshrink()(mg.tensor([0.2, 2.0]))
    tensor([0. , 1.5])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        number("Softshrink", "lambd", lambd, at_least=0)
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Hardshrink(Module):
    """x, and 0 where |x| <= lambd.

    >>> nn.Hardshrink()(mg.tensor([0.2, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        number("Hardshrink", "lambd", lambd)
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"
