"""What optimizers of second order share: a quadratic model of the loss, its minimum, and a search along a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import tracer
from minigrad.errors import AnomalyError, ConfigError, TracingError
from minigrad.optim.conjugate_gradients import conjugate_gradients
from minigrad.optim.group import Group
from minigrad.optim.limits import COUNT, FRACTION, NOT_NEGATIVE, table
from minigrad.optim.objective import Objective
from minigrad.optim.optimizer import Optimizer

ARMIJO = 1e-4  # the share of the slope that a step has to keep
HALVINGS = 40
SHRUNK_TRUST, GROWN_TRUST = 1.5, 2 / 3  # factors of the damping where the model is poor, and where it is good


class Model(NamedTuple):
    """f near x: f + g.d + d'B d / 2, with B known by its products, and `noise`, what rounding may change f by."""

    objective: Objective
    x: np.ndarray
    f: float
    g: np.ndarray
    noise: float

    def move(self, d: np.ndarray) -> float:
        """Move the parameters to x + d; returns the loss there, infinity for NaN."""
        self.objective.flat.write(self.x + d)
        f = self.objective.value()
        return f if f == f else np.inf

    def damped(self, damping: float) -> Callable[[np.ndarray], np.ndarray]:
        """v -> (B + damping I) v, at x."""
        return lambda v: self.objective.product(v) + damping * v

    def bend(self, d: np.ndarray) -> float:
        """d'B d; the parameters have to be at x."""
        return float(d @ self.objective.product(d))

    def ratio(self, f: float, predicted: float) -> float:
        """Actual over predicted reduction, 1 where both are lost in rounding (Conn, Gould & Toint 2000, 17.4.2)."""
        expected = predicted + self.noise
        return (self.f - f + self.noise) / expected if expected > 0 else 1.0


class SecondOrder(Optimizer):
    """The base of optimizers that solve (B + damping I) d = -g by conjugate gradients and move along d.

    All parameters that require grad are one vector; there are no groups, and the only state is the damping.
    """

    limits = table(lr=NOT_NEGATIVE, damping=NOT_NEGATIVE, cg_tolerance=FRACTION, cg_max_iter=COUNT)
    needs_closure = True

    def objective(self, closure: Callable[[], Tensor]) -> Objective:
        """What is minimized, with the B of this method as its `product`."""
        raise NotImplementedError

    def advance(self, model: Model) -> None:
        """Move the parameters to a better point, here by a line search, and adapt the damping if it is not 0."""
        damping = self.group["damping"]
        d = self.direction(model, damping)
        bend = model.bend(d) if damping else 0.0
        t, f = self.backtrack(model, d)
        if damping:
            predicted = -t * float(model.g @ d) - 0.5 * t * t * bend
            self.group["damping"] = damping * (rescaled(model.ratio(f, predicted)) if t else SHRUNK_TRUST)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One outer step; returns the loss before it. If the closure fails, the parameters stay as they were.

        closure: computes and returns the loss (or the residuals) without calling backward; it is called several times.
        Raises ConfigError without a closure, AnomalyError if loss or gradient are not finite, GraphError or ShapeError
        if what the closure returns cannot be differentiated, TracingError inside a compiled function.
        """
        who = type(self).__name__
        if closure is None:
            raise ConfigError(f"[{who}] step needs a closure that computes the loss anew.")
        if tracer() is not None:
            raise TracingError(f"[{who}] how often step evaluates depends on values: it cannot be compiled.")
        objective = self.objective(closure)
        with objective.flat.restored_on_error():
            f, g = objective.value_and_gradient()
            if not np.isfinite(f) or not np.all(np.isfinite(g)):
                bad = int(np.sum(~np.isfinite(g)))
                raise AnomalyError(f"[{who}] the loss is {f}, {bad} elements of its gradient are not finite.")
            if np.any(g):
                noise = 10 * objective.flat.eps * abs(f)
                self.advance(Model(objective, objective.flat.read(), f, g, noise))
        return Tensor(np.array(f))

    def direction(self, model: Model, damping: float) -> np.ndarray:
        """The solution of (B + damping I) d = -g to |residual| <= min(cg_tolerance, sqrt|g|) |g|."""
        tolerance = min(self.group["cg_tolerance"], float(np.sqrt(np.linalg.norm(model.g))))
        return conjugate_gradients(model.damped(damping), -model.g, tolerance, int(self.group["cg_max_iter"]))

    def backtrack(self, model: Model, d: np.ndarray) -> tuple[float, float]:
        """The first t = lr, lr/2, ... with f(x + t d) <= f + 1e-4 t g.d (Armijo 1966), and the loss at x + t d.

        The parameters are then there; if there is no such t it is 0.
        """
        t, slope = self.group["lr"], float(model.g @ d)
        for _ in range(HALVINGS):
            f = model.move(t * d)
            if f <= model.f + ARMIJO * t * slope + model.noise:
                return t, f
            t /= 2
        model.objective.flat.write(model.x)
        return 0.0, model.f

    # ---- parameters

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        if self.param_groups:
            raise ConfigError(f"[{type(self).__name__}] all parameters are moved together: it takes no groups.")
        super().add_param_group(param_group)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ()

    @property
    def group(self) -> Group:
        """The hyper-parameters."""
        return self.param_groups[0]


def rescaled(ratio: float) -> float:
    """What the damping is multiplied with after a step with this ratio, by Martens (2010)."""
    if ratio < 0.25:
        return SHRUNK_TRUST
    return GROWN_TRUST if ratio > 0.75 else 1.0
