"""Initialization: fill a tensor with constants or random numbers, in place; every function returns its tensor.

The random ones draw from `generator`, by default the one that `mg.manual_seed` seeds.
"""

from __future__ import annotations

import math

import numpy as np

from minigrad import random
from minigrad.core import Tensor
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.nn.arguments import choice, fraction, number, size
from minigrad.nn.variances import check
from minigrad.random import Generator

__all__ = [
    "check",
    "calculate_gain", "constant_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_", "lecun_normal_",
    "lecun_uniform_", "normal_", "ones_", "orthogonal_", "sigmoid_uniform_", "sparse_", "tanh_uniform_",
    "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]

GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights before this nonlinearity should be larger, to keep the variance of the signal.

    param: the negative slope of "leaky_relu", 0.01 by default; the others have none.
    Raises ConfigError for an unknown name, or a slope that is not a number.

    >>> nn.init.calculate_gain("leaky_relu", 0.2)
    1.386750
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        number("calculate_gain", "param", slope)
        return math.sqrt(2 / (1 + slope**2))
    choice("calculate_gain", "nonlinearity", nonlinearity, (*GAINS, "leaky_relu"))
    return GAINS[nonlinearity]


def fans(who: str, tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in, *kernel): the inputs of one output, the outputs of one input.

    Read off the shape, as PyTorch does. So for a convolution in g groups, (out, in / g, *kernel), fan_out is g times
    what an input meets, and for a transposed one, (in, out / g, *kernel), the two have changed places.
    """
    expect_tensor(who, tensor)
    if tensor.ndim < 2:
        raise ShapeError(f"[{who}] fan in and fan out need a weight of rank 2 or more, got shape {tensor.shape}.")
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def expect_tensor(who: str, tensor: Tensor) -> None:
    """Raises DtypeError for anything else, such as the layer itself."""
    if not isinstance(tensor, Tensor):
        raise DtypeError(f"[{who}] expected a tensor such as layer.weight, got a {type(tensor).__name__}.")


def root(numerator: float, fan: int) -> float:
    """sqrt(numerator / fan), and 0 for a weight without elements."""
    return math.sqrt(numerator / fan) if fan else 0.0


# ---- constants


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value.

    >>> nn.init.constant_(mg.zeros(2), 3.0)
    tensor([3., 3.])
    """
    expect_tensor("constant_", tensor)
    return tensor.assign_(np.full(tensor.shape, val, tensor.dtype))


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros.

    >>> nn.init.zeros_(mg.ones(2))
    tensor([0., 0.])
    """
    return constant_(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones.

    >>> nn.init.ones_(mg.zeros(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with ones on the diagonal and zeros elsewhere.

    >>> nn.init.eye_(mg.zeros((2, 2)))
    tensor([[1., 0.],
            [0., 1.]])
    """
    expect_tensor("eye_", tensor)
    if tensor.ndim != 2:
        raise ShapeError(f"[eye_] expected a matrix, got shape {tensor.shape}.")
    return tensor.assign_(np.eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution's weight with one 1 a channel, in the middle: it passes its input on, as far as there is room.

    tensor: (out, in / groups, *kernel) with one to three spatial axes.  groups: each passes on its own channels.
    Raises ShapeError for other ranks or if `out` does not divide by groups.

    >>> nn.init.dirac_(mg.ones((2, 2, 3)))
    tensor([[[0., 1., 0.],
             [0., 0., 0.]],
    <BLANKLINE>
            [[0., 0., 0.],
             [0., 1., 0.]]])
    """
    expect_tensor("dirac_", tensor)
    size("dirac_", "groups", groups, minimum=1)
    if tensor.ndim not in (3, 4, 5) or tensor.shape[0] % groups:
        raise ShapeError(
            "[dirac_] expected a weight (out, in, *kernel) with one to three spatial axes and `out` a multiple of "
            f"groups={groups}, got shape {tensor.shape}."
        )
    filled = np.zeros(tensor.shape, tensor.dtype)
    outputs = tensor.shape[0] // groups
    middle = tuple(n // 2 for n in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(outputs, tensor.shape[1])):
            filled[(group * outputs + channel, channel, *middle)] = 1
    return tensor.assign_(filled)


# ---- random numbers


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill from the uniform distribution on [a, b).

    >>> nn.init.uniform_(mg.zeros(2), 5.0, 5.0)
    tensor([5., 5.])
    """
    expect_tensor("uniform_", tensor)
    return tensor.assign_(random.uniform(tensor.shape, a, b, tensor.dtype, generator))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill from the normal distribution with this mean and standard deviation.

    >>> nn.init.normal_(mg.zeros(2), mean=5.0, std=0.0)
    tensor([5., 5.])
    """
    expect_tensor("normal_", tensor)
    return tensor.assign_(random.normal(tensor.shape, mean, std, tensor.dtype, generator))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill from the normal distribution with this mean and standard deviation, restricted to [a, b].

    >>> bool((nn.init.trunc_normal_(mg.zeros(1000)).abs() <= 2).all())
    True
    """
    from scipy.special import ndtr, ndtri

    expect_tensor("trunc_normal_", tensor)
    if not a < b or std <= 0:
        raise ConfigError(f"[trunc_normal_] expected a < b and std > 0, got a={a}, b={b}, std={std}.")
    low, high = ndtr((a - mean) / std), ndtr((b - mean) / std)
    u = random.uniform(tensor.shape, dtype="float64", generator=generator).data
    z = ndtri(low + u * (high - low))  # the inverse of the distribution function, on the part of it that is allowed
    return tensor.assign_(np.clip(mean + std * z, a, b))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """U(-b, b) with b = gain sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010).

    >>> bool((nn.init.xavier_uniform_(mg.zeros((3, 3))).abs() <= 1).all())
    True
    """
    return xavier_uniform("xavier_uniform_", tensor, gain, generator)


def xavier_uniform(who: str, tensor: Tensor, gain: float, generator: Generator | None) -> Tensor:
    """`xavier_uniform_`, by the name of whoever was called."""
    bound = gain * root(6, sum(fans(who, tensor)))
    return uniform_(tensor, -bound, bound, generator)


def tanh_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """U(-b, b) with b = sqrt(6 / (fan_in + fan_out)), the textbook rule for tanh (Glorot & Bengio 2010, Bengio 2012).

    The same as `xavier_uniform_` with gain 1; PyTorch's gain for tanh is 5 / 3.

    >>> bool((nn.init.tanh_uniform_(mg.zeros((3, 3))).abs() <= 1).all())
    True
    """
    return xavier_uniform("tanh_uniform_", tensor, 1.0, generator)


def sigmoid_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """U(-b, b) with b = 4 sqrt(6 / (fan_in + fan_out)), the textbook rule for the logistic sigmoid (Bengio 2012).

    Four times the rule for tanh, since sigmoid(x) = (1 + tanh(x / 2)) / 2 is a quarter as steep at 0.

    >>> bool((nn.init.sigmoid_uniform_(mg.zeros((3, 3))).abs() <= 4).all())
    True
    """
    return xavier_uniform("sigmoid_uniform_", tensor, 4.0, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """N(0, std^2) with std = gain sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010).

    >>> nn.init.xavier_normal_(mg.zeros((3, 3))).shape
    (3, 3)
    """
    std = gain * root(2, sum(fans("xavier_normal_", tensor)))
    return normal_(tensor, 0.0, std, generator)


def lecun_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """U(-b, b) with b = sqrt(3 / fan_in), so that the variance is 1 / fan_in (LeCun et al. 1998, "Efficient BackProp").

    For activations that keep a variance of 1, such as `scaled_tanh` and `selu`.

    >>> bool((nn.init.lecun_uniform_(mg.zeros((2, 3))).abs() <= 1).all())
    True
    """
    bound = root(3, fans("lecun_uniform_", tensor)[0])
    return uniform_(tensor, -bound, bound, generator)


def lecun_normal_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """N(0, 1 / fan_in) (LeCun et al. 1998, "Efficient BackProp"); when to use it, as for `lecun_uniform_`.

    >>> nn.init.lecun_normal_(mg.zeros((2, 3))).shape
    (2, 3)
    """
    return normal_(tensor, 0.0, root(1, fans("lecun_normal_", tensor)[0]), generator)


def kaiming_std(who: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """gain / sqrt(fan), the standard deviation that keeps the variance of the signal or of its gradient."""
    choice(who, "mode", mode, ("fan_in", "fan_out"))
    return calculate_gain(nonlinearity, a) * root(1, fans(who, tensor)[mode == "fan_out"])


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """U(-b, b) with b = gain sqrt(3 / fan) (He et al. 2015).

    a: the negative slope of the leaky ReLU that follows.  mode: "fan_in" keeps the variance of the signal, "fan_out"
    that of the gradient.  nonlinearity: a name that `calculate_gain` knows.

    >>> nn.init.kaiming_uniform_(mg.zeros((3, 3)), nonlinearity="relu").shape
    (3, 3)
    """
    bound = math.sqrt(3) * kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """N(0, std^2) with std = gain / sqrt(fan) (He et al. 2015); arguments as for `kaiming_uniform_`.

    >>> nn.init.kaiming_normal_(mg.zeros((3, 3)), mode="fan_out").shape
    (3, 3)
    """
    return normal_(tensor, 0.0, kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """A random (semi-)orthogonal matrix, times gain (Saxe et al. 2013); axes after the first count as one.

    >>> w = nn.init.orthogonal_(mg.zeros((2, 3)))
    >>> mg.allclose(w @ w.T, mg.eye(2), atol=1e-6)
    True
    """
    expect_tensor("orthogonal_", tensor)
    if tensor.ndim < 2:
        raise ShapeError(f"[orthogonal_] expected rank 2 or more, got shape {tensor.shape}.")
    rows, cols = tensor.shape[0], math.prod(tensor.shape[1:])
    drawn = random.normal((max(rows, cols), min(rows, cols)), dtype="float64", generator=generator).data
    q, r = np.linalg.qr(drawn)
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)  # without the signs, Q would not be uniformly distributed
    return tensor.assign_((gain * (q if rows >= cols else q.T)).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """N(0, std^2), but in every column of a matrix a fraction of the elements, drawn anew, is 0 (Martens 2010).

    sparsity: the fraction; of n rows ceil(sparsity n) are 0.
    Raises ShapeError unless the tensor is a matrix, ConfigError for a sparsity outside [0, 1].

    >>> nn.init.sparse_(mg.zeros((4, 3)), sparsity=0.5).astype(bool).astype(int).sum(axis=0)
    tensor([2, 2, 2])
    """
    expect_tensor("sparse_", tensor)
    if tensor.ndim != 2:
        raise ShapeError(f"[sparse_] expected a matrix, got shape {tensor.shape}.")
    fraction("sparse_", "sparsity", sparsity)
    zeros = math.ceil(sparsity * tensor.shape[0])
    values = random.normal(tensor.shape, 0.0, std, tensor.dtype, generator).data.copy()
    order = np.argsort(random.uniform(tensor.shape, dtype="float64", generator=generator).data, axis=0)
    np.put_along_axis(values, order[:zeros], 0, axis=0)
    return tensor.assign_(values)


def uniform_by_fan_in(weight: Tensor, bias: Tensor | None) -> None:
    """The default of the linear and convolution layers: both from U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

    For the weight that is `kaiming_uniform_` with a = sqrt(5) (LeCun et al. 1998, up to a factor).
    """
    bound = root(1, fans("uniform_by_fan_in", weight)[0])
    uniform_(weight, -bound, bound)
    if bias is not None:
        uniform_(bias, -bound, bound)
