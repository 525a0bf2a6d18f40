"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import enable_grad, tracer
from minigrad.errors import ConfigError, TracingError
from minigrad.ops import tensor
from minigrad.optim.group import Group
from minigrad.optim.limits import COUNT, NOT_NEGATIVE, table
from minigrad.optim.line_search import Point, strong_wolfe
from minigrad.optim.optimizer import Optimizer

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Memory(NamedTuple):
    """What an iteration knows of those before, under PyTorch's names: nothing in it is ever changed in place.

    d, t: the last direction and how far it was followed.  old_dirs, old_stps, ro: the differences y of gradients, s of
    positions, and 1 / y.s.  H_diag: the scale of the inverse Hessian.
    """

    func_evals: int = 0
    n_iter: int = 0
    d: Any = None
    t: float = 0.0
    old_dirs: tuple[np.ndarray, ...] = ()
    old_stps: tuple[np.ndarray, ...] = ()
    ro: tuple[float, ...] = ()
    H_diag: float = 1.0
    prev_flat_grad: Any = None
    prev_loss: float = 0.0


class LBFGS(Optimizer):
    """L-BFGS (Nocedal 1980; Liu & Nocedal 1989): Newton's direction, with the inverse Hessian from past gradients.

    d = -H g, where H has H y = s for the last `history_size` changes s of the parameters and y of the gradient;
    p = p + t d, with t = lr, or from a line search for the strong Wolfe conditions.

    params: parameters; no groups.  max_iter, max_eval: iterations, and evaluations of the closure, in one call of
    `step`; max_eval None for 1.25 max_iter.  tolerance_grad: a call ends when no element of the gradient is larger.
    tolerance_change: or when neither a parameter nor the loss changes by more.  line_search_fn: None or "strong_wolfe".
    For smooth losses of all data, not of batches. How often it evaluates depends on the values: inside `mg.jit` it
    cannot run, but the closure may call a compiled function.
    Raises ConfigError for a value out of range.

    >>> p = nn.Parameter(mg.tensor([-1.0, 1.0], dtype=mg.float64))
    >>> optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(3):
    ...     loss = optimizer.step(closure)
    >>> p.detach()
    tensor([1., 1.], dtype=float64)
    """

    limits = table(
        lr=NOT_NEGATIVE,
        max_iter=COUNT,
        max_eval=COUNT,
        tolerance_grad=NOT_NEGATIVE,
        tolerance_change=NOT_NEGATIVE,
        history_size=COUNT,
    )
    needs_closure = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        self.memory = Memory()

    def check(self, group: Group) -> None:
        super().check(group)
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ConfigError(f"[LBFGS] line_search_fn is None or 'strong_wolfe', got {group['line_search_fn']!r}.")

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        if self.param_groups:
            raise ConfigError("[LBFGS] all parameters are moved along one line: it takes no groups.")
        super().add_param_group(param_group)

    def state_names(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return ()

    # ---- stepping

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make up to max_iter iterations; if the closure fails, parameters and memory stay as they were.

        closure: computes the loss and its gradients anew. Returns its first result. Raises ConfigError if there is
        none, AnomalyError for a gradient that is not finite, TracingError inside a compiled function.
        """
        if closure is None:
            raise ConfigError("[LBFGS] step needs a closure that computes the loss and its gradients anew.")
        if tracer() is not None:
            raise TracingError("[LBFGS] how often step evaluates depends on values: compile what the closure calls.")
        params = self.param_groups[0]["params"]
        before = [p.data for p in params]
        losses: list[Any] = []

        def objective(x: np.ndarray | None = None) -> tuple[float, np.ndarray]:
            if x is not None:
                self.move_to(x)
            with enable_grad():
                losses.append(closure())
            return float(losses[-1]), self.gradient()

        try:
            f, g = objective()
            for p in params:
                if p.grad is not None:
                    self.expect_finite(p, p.grad.data)
            self.memory = self.descend(objective, np.concatenate([x.reshape(-1) for x in before]), f, g)
        except BaseException:
            for p, data in zip(params, before):
                p.rebind(data)
            raise
        return losses[0]

    def gradient(self) -> np.ndarray:
        """The gradients of all parameters as one vector; zeros where there is none."""
        parts = []
        for p in self.param_groups[0]["params"]:
            g = np.zeros_like(p.data) if p.grad is None else p.grad.data
            self.check_gradient(p, g)
            parts.append(g.reshape(-1))
        return np.concatenate(parts)

    def move_to(self, x: np.ndarray) -> None:
        """Give the parameters the values in a vector."""
        start = 0
        for p in self.param_groups[0]["params"]:
            p.assign_(Tensor(x[start : start + p.size].reshape(p.shape).copy()))
            start += p.size

    def descend(self, objective: Objective, x: np.ndarray, f: float, g: np.ndarray) -> Memory:
        """The iterations of one call from x, where the loss is f and the gradient g; the memory after them."""
        group, memory, evaluations = self.param_groups[0], self.memory, 1
        lr, limit, tolerance = group["lr"], group["max_eval"], group["tolerance_change"]
        for left in reversed(range(group["max_iter"])):
            if np.abs(g).max(initial=0.0) <= group["tolerance_grad"]:
                break
            memory = remembering(memory, f, g, group["history_size"])
            first = memory.n_iter == 1
            memory = memory._replace(t=min(1.0, 1 / float(np.abs(g).sum())) * lr if first else lr)
            start = Point(0.0, f, g, float(g @ memory.d))
            if start.slope > -tolerance:
                break
            found, evaluated = self.along(objective, x, start, memory, left == 0, limit - evaluations)
            x, (t, f, g, _) = x + found.t * memory.d, found
            memory, evaluations = memory._replace(t=t), evaluations + evaluated
            changed = abs(t) * float(np.abs(memory.d).max())
            if evaluations >= limit or changed <= tolerance or abs(f - memory.prev_loss) < tolerance:
                break
        self.move_to(x)
        return memory._replace(func_evals=memory.func_evals + evaluations)

    def along(
        self, objective: Objective, x: np.ndarray, start: Point, memory: Memory, last: bool, limit: int
    ) -> tuple[Point, int]:
        """Where to go along the direction, and how often the objective was evaluated for that."""

        def phi(t: float) -> Point:
            f, g = objective(x + t * memory.d)
            return Point(t, f, g, float(g @ memory.d))

        if self.param_groups[0]["line_search_fn"] is not None:
            return strong_wolfe(phi, start, memory.t, float(np.abs(memory.d).max()), limit=limit)
        if last:  # nobody will ask for the loss there
            return start._replace(t=memory.t), 0
        return phi(memory.t), 1

    # ---- saving

    def state_dict(self) -> dict[str, Any]:
        """As every optimizer's; the memory is the state of the first parameter."""
        saved = super().state_dict()
        if self.memory.func_evals:
            saved["state"][0] = {name: as_tensors(value) for name, value in self.memory._asdict().items()}
        return saved

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a state dict, also PyTorch's. Raises ConfigError that says what does not fit."""
        memory = Memory()
        saved = dict(state_dict.get("state", {})).get(0)
        if saved:
            memory = Memory(**{name: as_arrays(saved.get(name, getattr(memory, name))) for name in Memory._fields})
            size = sum(p.size for p in self.param_groups[0]["params"])
            for vector in (memory.d, memory.prev_flat_grad, *memory.old_dirs, *memory.old_stps):
                if vector is not None and np.shape(vector) != (size,):
                    raise ConfigError(
                        f"[LBFGS] the state is of {np.size(vector)} numbers, the parameters here have {size}."
                    )
        super().load_state_dict({**state_dict, "state": {}})
        self.memory = memory


def remembering(memory: Memory, f: float, g: np.ndarray, history_size: int) -> Memory:
    """The memory with the last step in it, and the next direction."""
    new = memory._replace(n_iter=memory.n_iter + 1, prev_flat_grad=g, prev_loss=f)
    if memory.d is None:
        return new._replace(d=-g)
    y, s = g - memory.prev_flat_grad, memory.t * memory.d
    curvature = float(y @ s)
    if curvature > 1e-10:
        new = new._replace(
            old_dirs=(*memory.old_dirs, y)[-history_size:],
            old_stps=(*memory.old_stps, s)[-history_size:],
            ro=(*memory.ro, 1 / curvature)[-history_size:],
            H_diag=curvature / float(y @ y),
        )
    return new._replace(d=-inverse_hessian_times(new, g))


def inverse_hessian_times(memory: Memory, g: np.ndarray) -> np.ndarray:
    """H g by the two loops of Nocedal (1980)."""
    pairs = list(zip(memory.old_dirs, memory.old_stps, memory.ro))
    q, weights = g, []
    for y, s, ro in reversed(pairs):
        weights.append(ro * float(s @ q))
        q = q - weights[-1] * y
    q = memory.H_diag * q
    for (y, s, ro), weight in zip(pairs, reversed(weights)):
        q = q + (weight - ro * float(y @ q)) * s
    return q


def as_tensors(value: Any) -> Any:
    """A part of the memory as a state dict has it."""
    if isinstance(value, tuple):
        return [as_tensors(x) for x in value]
    return Tensor(value) if isinstance(value, np.ndarray) else value


def as_arrays(value: Any) -> Any:
    """A part of the memory from a state dict."""
    if isinstance(value, (list, tuple)):
        return tuple(map(as_arrays, value))
    if value is None or isinstance(value, (int, float)):
        return value
    array = tensor(value).data
    return array if array.ndim else array.item()
