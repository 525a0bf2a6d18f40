"""ActivationPenalty: a layer that charges for what goes through it."""

from __future__ import annotations

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.functional.penalty import check_strengths
from minigrad.nn.module import Module
from minigrad.nn.utils.penalties import open_penalties


class ActivationPenalty(Module):
    """y = x, and 1/N sum_n (l1 sum_i |x_ni| + l2/2 sum_i x_ni^2) for the list of `nn.utils.collect_penalties`.

    Put it behind the activations that should be sparse (l1) or small (l2), and add what is collected to the loss; where
    nothing collects, it does nothing. Training and evaluation make no difference. Equation: `F.activation_penalty`.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.ActivationPenalty(l1=1e-3), nn.Linear(8, 2))
    >>> @mg.jit
    ... def loss(x, y):
    ...     with nn.utils.collect_penalties() as penalties:
    ...         error = F.cross_entropy(model(x), y)
    ...     return error + sum(penalties)
    >>> loss(mg.ones((3, 4)), mg.tensor([0, 1, 0])).shape
    ()
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        check_strengths(type(self).__name__, l1, l2)
        self.l1 = l1
        self.l2 = l2

    def forward(self, input: Tensor) -> Tensor:
        penalties = open_penalties()
        if penalties is not None:
            penalties.append(F.activation_penalty(input, self.l1, self.l2))
        return input

    def extra_repr(self) -> str:
        return f"l1={self.l1}, l2={self.l2}"
