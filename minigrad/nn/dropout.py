"""Dropout."""

from __future__ import annotations

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.functional.dropping import check_probability
from minigrad.nn.module import Module


class Dropout(Module):
    """In training, each element is 0 with probability p, else multiplied by 1 / (1 - p); in evaluation, the identity.

    >>> nn.Dropout(0.5).eval()(mg.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5) -> None:
        check_probability("Dropout", p)
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"
