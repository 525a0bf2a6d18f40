"""Smooth activations as modules: each applies the function of `minigrad.nn.functional` that it names."""

from __future__ import annotations

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn.arguments import choice, float_tensor, number
from minigrad.nn.functional.activation import needs_dim
from minigrad.nn.module import Module


class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    >>> nn.Sigmoid()(mg.tensor([0.0]))
    tensor([0.5])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class LogSigmoid(Module):
    """log(sigmoid(x)).

    >>> nn.LogSigmoid()(mg.tensor([0.0]))
    tensor([-0.693147])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent.

    >>> nn.Tanh()(mg.tensor([0.0]))
    tensor([0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class ScaledTanh(Module):
    """1.7159 tanh(2 x / 3) (LeCun et al. 1998).

    >>> nn.ScaledTanh()(mg.tensor([0.0, 1.0]))
    tensor([0.    , 1.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.scaled_tanh(input)


class TanhLinear(Module):
    """tanh(x) + a x (LeCun et al. 1998).

    >>> nn.TanhLinear(a=0.5)(mg.tensor([0.0, 100.0]))
    tensor([ 0., 51.])
    """

    def __init__(self, a: float = 0.01) -> None:
        number("TanhLinear", "a", a)
        self.a = a

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh_linear(input, self.a)

    def extra_repr(self) -> str:
        return f"a={self.a}"


class Softsign(Module):
    """x / (1 + |x|).

    >>> nn.Softsign()(mg.tensor([-1.0, 3.0]))
    tensor([-0.5 ,  0.75])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class Tanhshrink(Module):
    """x - tanh(x).

    >>> nn.Tanhshrink()(mg.tensor([0.0, 1.0]))
    tensor([0.      , 0.238406])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


class GELU(Module):
    """x Phi(x), Phi the normal distribution function; approximate: "none" or "tanh".

    >>> nn.GELU()(mg.tensor([0.0]))
    tensor([0.])
    """

    def __init__(self, approximate: str = "none") -> None:
        choice("GELU", "approximate", approximate, ("none", "tanh"))
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x sigmoid(x).

    >>> nn.SiLU()(mg.tensor([0.0]))
    tensor([0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input)


class Mish(Module):
    """x tanh(softplus(x)).

    >>> nn.Mish()(mg.tensor([0.0]))
    tensor([0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input)


class GLU(Module):
    """a sigmoid(b), a and b being the first and the second half of the input along `dim`.

    >>> nn.GLU()(mg.tensor([3.0, 0.0]))
    tensor([1.5])
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softplus(Module):
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold.

    >>> nn.Softplus()(mg.tensor([0.0]))
    tensor([0.693147])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        number("Softplus", "beta", beta)
        number("Softplus", "threshold", threshold)
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """exp(x_i) / sum_j exp(x_j) along `dim`, which must be given.

    >>> nn.Softmax(dim=0)(mg.tensor([0.0, 0.0]))
    tensor([0.5, 0.5])
    """

    def __init__(self, dim: int | None = None) -> None:
        needs_dim("Softmax", dim)
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """x_i - log(sum_j exp(x_j)) along `dim`, which must be given.

    >>> nn.LogSoftmax(dim=0)(mg.tensor([0.0, 0.0]))
    tensor([-0.693147, -0.693147])
    """

    def __init__(self, dim: int | None = None) -> None:
        needs_dim("LogSoftmax", dim)
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmin(Module):
    """exp(-x_i) / sum_j exp(-x_j) along `dim`, which must be given.

    >>> nn.Softmin(dim=0)(mg.tensor([0.0, 1000.0]))
    tensor([1., 0.])
    """

    def __init__(self, dim: int | None = None) -> None:
        needs_dim("Softmin", dim)
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax2d(Module):
    """The softmax over the channels, for every position of an image.

    Shapes: (N, C, H, W) or (C, H, W), as the input.

    >>> nn.Softmax2d()(mg.zeros((2, 1, 1))).tolist()
    [[[0.5]], [[0.5]]]
    """

    def forward(self, input: Tensor) -> Tensor:
        input = float_tensor("Softmax2d", "input", input)
        if input.ndim not in (3, 4):
            raise ShapeError(f"[Softmax2d] expected input of shape (N, C, H, W) or (C, H, W), got {input.shape}.")
        return F.softmax(input, -3)
