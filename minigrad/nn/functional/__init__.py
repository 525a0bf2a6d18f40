"""The mathematics of the layers as pure functions, named and called as in `torch.nn.functional`.

>>> F.relu(F.linear(mg.ones((1, 2)), mg.ones((3, 2)), mg.zeros(3)))
tensor([[2., 2., 2.]])
"""

from minigrad.nn.functional.activation import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from minigrad.nn.functional.affine import linear
from minigrad.nn.functional.loss import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    l1_loss,
    mse_loss,
    nll_loss,
)

__all__ = [
    "elu", "gelu", "leaky_relu", "log_softmax", "relu", "sigmoid", "silu", "softmax", "softplus", "tanh",
    "linear",
    "binary_cross_entropy_with_logits", "cross_entropy", "l1_loss", "mse_loss", "nll_loss",
]
