"""Newton's method without a matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minigrad.core import Tensor
from minigrad.optim.objective import Objective
from minigrad.optim.second_order import SecondOrder


class NewtonCG(SecondOrder):
    """Newton-CG (Dembo & Steihaug 1983; Martens 2010): Newton's direction by conjugate gradients, and a line search.

    (H + damping I) d = -g, solved to |residual| <= min(cg_tolerance, sqrt|g|) |g|;  p = p + t d,
    with t the first of lr, lr/2, lr/4, ... for which f(p + t d) <= f(p) + 1e-4 t g.d.

    H is the Hessian, known by its products only; at a direction of negative curvature the solution of the equations
    ends with what was found before. With rho = actual over predicted reduction, a damping that is not 0 is multiplied
    with 3/2 if rho < 1/4 and with 2/3 if rho > 3/4.

    params: parameters; no groups.  cg_max_iter: of products in one step.  For losses of all data, not of batches.
    Raises ConfigError for a value out of range.

    >>> p = nn.Parameter(mg.tensor([2.0, -1.0], dtype=mg.float64))
    >>> optimizer = optim.NewtonCG([p])
    >>> for _ in range(8):
    ...     loss = optimizer.step(lambda: mg.sum(mg.exp(p) - 3 * p))  # no backward
    >>> mg.exp(p.detach())
    tensor([3., 3.], dtype=float64)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        damping: float = 0.0,
        cg_tolerance: float = 1e-2,
        cg_max_iter: int = 100,
    ) -> None:
        defaults = {"lr": lr, "damping": damping, "cg_tolerance": cg_tolerance, "cg_max_iter": cg_max_iter}
        super().__init__(params, defaults)

    def objective(self, closure: Callable[[], Tensor]) -> Objective:
        return Objective(type(self).__name__, closure, self.group["params"])
