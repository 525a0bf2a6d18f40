"""The optimizers of SciPy on the parameters of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError
from minigrad.optim.objective import Objective

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult


class Uses(NamedTuple):
    """What a method is given besides the loss: SciPy's name of the argument for the Hessian, if it takes one."""

    gradient: bool = True
    hessian: str | None = None


METHODS = {
    "Nelder-Mead": Uses(gradient=False),
    "Powell": Uses(gradient=False),
    "COBYLA": Uses(gradient=False),
    "CG": Uses(),
    "BFGS": Uses(),
    "L-BFGS-B": Uses(),
    "TNC": Uses(),
    "SLSQP": Uses(),
    "Newton-CG": Uses(hessian="hessp"),
    "trust-ncg": Uses(hessian="hessp"),
    "trust-krylov": Uses(hessian="hessp"),
    "trust-constr": Uses(hessian="hessp"),
    "trust-exact": Uses(hessian="hess"),
    "dogleg": Uses(hessian="hess"),
}
"""Methods of scipy.optimize.minimize. Those with "hess" form the matrix, from as many products as it has rows."""


class Function:
    """A loss as SciPy calls it: functions of a vector x of doubles, which move the parameters there."""

    def __init__(self, objective: Objective) -> None:
        self.objective, self.flat = objective, objective.flat
        self.at: np.ndarray | None = None

    def move(self, x: np.ndarray) -> None:
        """Give the parameters the values x, unless they have them: what is recorded there is of use again."""
        if self.at is None or not np.array_equal(x, self.at):
            self.flat.write(x)
            self.at = np.array(x)

    def value(self, x: np.ndarray) -> float:
        self.move(x)
        return self.objective.value()

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.move(x)
        return self.objective.value_and_gradient()

    def hessp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        self.move(x)
        return self.objective.product(v)

    def hess(self, x: np.ndarray) -> np.ndarray:
        return np.stack([self.hessp(x, row) for row in np.eye(self.flat.size)])


def minimize(
    closure: Callable[[], Tensor],
    params: Iterable[Any],
    method: str = "L-BFGS-B",
    *,
    bounds: Any = None,
    tol: float | None = None,
    options: dict[str, Any] | None = None,
    callback: Callable[..., Any] | None = None,
    jit: bool = False,
) -> OptimizeResult:
    """Minimize a loss by a method of scipy.optimize.minimize: min over x of f(x), x all parameters as one vector.

    closure: computes the loss from the parameters and returns it, a tensor with one element. It need not call backward:
    gradients and Hessian-vector products are taken here, and no `.grad` is touched. Evaluated many times, it must give
    the same loss for the same parameters: no dropout, no new batch.
    params: parameters of any floating dtype; SciPy computes in double, and each is set in its own dtype. Those that do
    not require grad are left alone and out of the vector.
    method: Nelder-Mead, Powell, COBYLA (no gradient); CG, BFGS, L-BFGS-B, TNC, SLSQP (gradient); Newton-CG, trust-ncg,
    trust-krylov, trust-constr (Hessian-vector products); trust-exact, dogleg (the matrix, for few parameters).
    bounds, tol, options, callback: as SciPy's; bounds count for the vector, one pair (low, high) for each element.
    jit: compile gradient and products, which pays for many evaluations; what the closure reads besides tensors is then
    built in.

    Returns SciPy's OptimizeResult: x, fun, nit, success, message, ...; the parameters then hold x. If anything raises,
    the closure first of all, they hold what they held before.
    Raises ConfigError for an unknown method or unfit parameters, ShapeError for a loss that is no scalar, GraphError
    for one that does not depend on the parameters.

    >>> p = nn.Parameter(mg.tensor([-1.2, 1.0], dtype=mg.float64))
    >>> def closure():
    ...     return 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2
    >>> result = optim.minimize(closure, [p], method="trust-ncg", options={"gtol": 1e-8})
    >>> result.success, p.detach()
    (True, tensor([1., 1.], dtype=float64))
    """
    uses = method_of(method)
    objective = Objective("minimize", closure, params, jit=jit)
    function = Function(objective)
    from scipy import optimize

    with objective.flat.restored_on_error():
        if not uses.gradient:
            objective.value_and_gradient()  # otherwise nobody would notice a loss that the parameters do not change
        result = optimize.minimize(
            function.value_and_gradient if uses.gradient else function.value,
            objective.flat.read(),
            method=method,
            jac=uses.gradient or None,
            bounds=checked_bounds(bounds, objective.flat.size),
            tol=tol,
            options=options,
            callback=callback,
            **({uses.hessian: getattr(function, uses.hessian)} if uses.hessian else {}),
        )
        function.move(result.x)
    return result


def method_of(method: str) -> Uses:
    """The row of a method in METHODS, in any case. Raises ConfigError if there is none."""
    rows = {name.lower(): uses for name, uses in METHODS.items()}
    if not isinstance(method, str) or method.lower() not in rows:
        raise ConfigError(f"[minimize] unknown method {method!r}; there are {', '.join(METHODS)}.")
    return rows[method.lower()]


def checked_bounds(bounds: Any, size: int) -> Any:
    """The bounds. Raises ShapeError for a list of pairs of another length."""
    if isinstance(bounds, (list, tuple, np.ndarray)) and len(bounds) != size:
        raise ShapeError(f"[minimize] expected {size} bounds, one for each element of a parameter; got {len(bounds)}.")
    return bounds
