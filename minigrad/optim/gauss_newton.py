"""Nonlinear least squares without a matrix: Gauss-Newton and Levenberg-Marquardt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minigrad import autograd
from minigrad.core import Tensor
from minigrad.engine import enable_grad
from minigrad.errors import DtypeError
from minigrad.ops import zeros_like
from minigrad.optim.limits import COUNT, POSITIVE, table
from minigrad.optim.objective import Objective, check_recorded, pulled_back
from minigrad.optim.second_order import Model, SecondOrder


class LeastSquares(Objective):
    """f = |r|^2 / 2 of the residuals r that a closure returns, with J'J in place of the Hessian; J = dr/dp.

    Residuals may have any shape. J v comes from differentiating u -> J'u, which is linear in u, so no forward-mode
    rules are needed; J'J v is two passes through the graph that was recorded once.
    """

    def residuals(self) -> Tensor:
        """The residuals, recorded."""
        with enable_grad():
            r = self.closure()
        if not isinstance(r, Tensor) or r.dtype.kind != "f":
            what = f"dtype {r.dtype}" if isinstance(r, Tensor) else f"a {type(r).__name__}"
            raise DtypeError(f"[{self.who}] the closure must return the residuals, a float tensor; got {what}.")
        check_recorded(self.who, r)
        return r

    def loss(self, *batch: Any) -> Tensor:
        r = self.residuals()
        with enable_grad():
            return 0.5 * (r * r).sum()

    def record(self, *batch: Any) -> Any:
        """The residuals r, a dummy u, and J'u, recorded as a function of u."""
        r = self.residuals()
        u = zeros_like(r).requires_grad_()
        return r, u, autograd.grad(r, self.flat.params, u, create_graph=True, allow_unused=True)

    def along(self, recorded: Any, parts: Iterable[Tensor]) -> tuple:
        """J'(J v)."""
        r, u, transposed = recorded
        (jv,) = pulled_back([(y, v) for y, v in zip(transposed, parts) if y is not None], [u])
        return pulled_back([(r, jv)], self.flat.params)


class GaussNewton(SecondOrder):
    """Gauss-Newton for least squares, with damping and a line search: f(p) = |r(p)|^2 / 2, J = dr/dp.

    (J'J + damping I) d = -J'r by conjugate gradients, to |residual| <= min(cg_tolerance, sqrt|g|) |g| with g = J'r;
    p = p + t d, with t the first of lr, lr/2, lr/4, ... for which f(p + t d) <= f(p) + 1e-4 t g.d.

    J'J is the Hessian without the second derivatives of r, and never has negative curvature (Nocedal & Wright 2006,
    section 10.3; matrix-free in nets: Schraudolph 2002). A damping that is not 0 adapts as in `NewtonCG`.

    params: parameters; no groups.  The closure of `step` returns the residuals, of any shape.
    Raises ConfigError for a value out of range.

    >>> x = mg.linspace(0.0, 1.0, 20, dtype=mg.float64)
    >>> p = nn.Parameter(mg.tensor([1.0, 0.0], dtype=mg.float64))
    >>> optimizer = optim.GaussNewton([p])
    >>> for _ in range(8):
    ...     loss = optimizer.step(lambda: p[0] * mg.exp(p[1] * x) - 2 * mg.exp(-x))
    >>> p.detach()
    tensor([ 2., -1.], dtype=float64)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        damping: float = 0.0,
        cg_tolerance: float = 1e-3,
        cg_max_iter: int = 100,
    ) -> None:
        defaults = {"lr": lr, "damping": damping, "cg_tolerance": cg_tolerance, "cg_max_iter": cg_max_iter}
        super().__init__(params, defaults)

    def objective(self, closure: Callable[[], Tensor]) -> Objective:
        return LeastSquares(type(self).__name__, closure, self.group["params"])


class LevenbergMarquardt(SecondOrder):
    """Levenberg-Marquardt for least squares (Levenberg 1944; Marquardt 1963): f(p) = |r(p)|^2 / 2, J = dr/dp.

    (J'J + damping I) d = -J'r by conjugate gradients;  p = p + lr d if the loss falls. With rho = actual over predicted
    reduction, the damping is then multiplied with max(1/3, 1 - (2 rho - 1)^3); if the loss does not fall, with 2, 4, 8,
    ... until it does (Nielsen 1999).

    params: parameters; no groups.  The closure of `step` returns the residuals, of any shape.
    Raises ConfigError for a value out of range.

    >>> p = nn.Parameter(mg.tensor([-1.2, 1.0], dtype=mg.float64))
    >>> optimizer = optim.LevenbergMarquardt([p])
    >>> for _ in range(20):
    ...     loss = optimizer.step(lambda: mg.stack([10 * (p[1] - p[0] ** 2), 1 - p[0]]))
    >>> p.detach()
    tensor([1., 1.], dtype=float64)
    """

    limits = table(**{**SecondOrder.limits, "damping": POSITIVE, "max_tries": COUNT})

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        damping: float = 1e-2,
        cg_tolerance: float = 1e-3,
        cg_max_iter: int = 100,
        max_tries: int = 20,
    ) -> None:
        defaults = {
            "lr": lr,
            "damping": damping,
            "cg_tolerance": cg_tolerance,
            "cg_max_iter": cg_max_iter,
            "max_tries": max_tries,
        }
        super().__init__(params, defaults)

    def objective(self, closure: Callable[[], Tensor]) -> Objective:
        return LeastSquares(type(self).__name__, closure, self.group["params"])

    def advance(self, model: Model) -> None:
        damping, growth = self.group["damping"], 2.0
        for _ in range(int(self.group["max_tries"])):
            d = self.group["lr"] * self.direction(model, damping)
            predicted = -float(model.g @ d) - 0.5 * model.bend(d)
            ratio = model.ratio(model.move(d), predicted)
            if ratio > 0:
                self.group["damping"] = damping * max(1 / 3, 1 - (2 * ratio - 1) ** 3)
                return
            model.objective.flat.write(model.x)
            damping, growth = damping * growth, 2 * growth
        self.group["damping"] = damping
