"""CosineSimilarity and PairwiseDistance."""

from __future__ import annotations

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.arguments import number
from minigrad.nn.module import Module


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along the axis `dim`: see `F.cosine_similarity`.

    >>> nn.CosineSimilarity()(mg.zeros((10, 3)), mg.ones((10, 3))).shape
    (10,)
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        number("CosineSimilarity", "eps", eps)
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, eps={self.eps}"


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps along the last axis: see `F.pairwise_distance`.

    >>> nn.PairwiseDistance()(mg.zeros((10, 3)), mg.ones((10, 3))).shape
    (10,)
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        number("PairwiseDistance", "p", p)
        number("PairwiseDistance", "eps", eps)
        self.p = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.p, self.eps, self.keepdim)

    def extra_repr(self) -> str:
        return f"p={self.p}, eps={self.eps}, keepdim={self.keepdim}"
