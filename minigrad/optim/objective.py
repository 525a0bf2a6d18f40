"""A loss as a function of one vector: its value, its gradient, and Hessian-vector products. No matrix is formed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from minigrad import autograd
from minigrad.core import Tensor
from minigrad.engine import enable_grad
from minigrad.errors import DataError, GraphError, ShapeError
from minigrad.ops import zeros_like
from minigrad.optim.flat import FlatParameters


class Objective:
    """The loss f that a closure computes, at the parameters as they stand.

    closure: computes the loss from the parameters and returns it, a tensor with one element, without calling backward;
    the same loss whenever the parameters are the same.  data: None, or batches to go through any number of times, as a
    DataLoader has; then closure(*batch) is the mean over the samples of a batch, f the mean over all samples.
    jit: compile gradients and products, which pays for many of them.  flat: the parameters as one vector.
    Without data the recorded gradient is kept until the parameters change: each product is then one backward pass.
    """

    def __init__(
        self,
        who: str,
        closure: Callable[..., Tensor],
        params: Iterable[Any],
        data: Iterable[Any] | None = None,
        jit: bool = False,
    ) -> None:
        self.who, self.closure, self.data = who, closure, data
        self.flat = FlatParameters(who, params)
        self.kept: tuple[list[Any], Any] | None = None  # the arrays of the parameters, and what is recorded there
        self.gradient_on = compiled(self.eager_gradient) if jit else self.eager_gradient
        self.product_on = compiled(self.fresh_product) if jit else self.eager_product

    def value_and_gradient(self) -> tuple[float, np.ndarray]:
        """f and its gradient (size,)."""

        def both(*batch: Any) -> np.ndarray:
            loss, gradients = self.gradient_on(*batch)
            return np.append(self.flat.join(gradients), loss.item())

        found = self.mean(both)
        return float(found[-1]), found[:-1]

    def value(self) -> float:
        """f."""
        return float(self.mean(lambda *batch: np.array(self.loss(*batch).item())))

    def product(self, v: np.ndarray) -> np.ndarray:
        """H v, the directional derivative of the gradient along v, for a vector (size,) (Pearlmutter 1994)."""
        parts = tuple(self.flat.split(v))
        return self.mean(lambda *batch: self.flat.join(self.product_on(parts, *batch)))

    # ---- over the batches

    def batches(self) -> Iterator[tuple]:
        """The batches as tuples; one empty tuple if there are no data."""
        if self.data is None:
            yield ()
            return
        for batch in self.data:
            yield tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)

    def mean(self, f: Callable[..., np.ndarray]) -> np.ndarray:
        """The mean of f(*batch), in which each sample counts the same."""
        total: Any = 0.0
        samples = 0
        for batch in self.batches():
            n = len(batch[0]) if batch else 1
            total, samples = total + n * f(*batch), samples + n
        if samples == 0:
            raise DataError(f"[{self.who}] the data hold no sample; a generator is used up by one pass: use a list.")
        return total / samples

    # ---- on one batch

    def loss(self, *batch: Any) -> Tensor:
        """The loss of a batch, recorded. Raises ShapeError or GraphError if it cannot be differentiated."""
        with enable_grad():
            loss = self.closure(*batch)
        if not isinstance(loss, Tensor) or loss.size != 1:
            what = f"shape {loss.shape}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise ShapeError(f"[{self.who}] the closure must return the loss, a tensor with one element; got {what}.")
        check_recorded(self.who, loss)
        return loss

    def eager_gradient(self, *batch: Any) -> tuple[Tensor, tuple]:
        """The loss and the gradients of a batch."""
        loss = self.loss(*batch)
        return loss.detach(), tuple(self.gradients(loss, create_graph=False))

    def gradients(self, loss: Tensor, create_graph: bool) -> list[Tensor]:
        """The gradients of a recorded loss; zeros for what it does not depend on, but not for all parameters."""
        params = self.flat.params
        found = autograd.grad(loss, params, create_graph=create_graph, allow_unused=True)
        check_reached(self.who, found)
        return [zeros_like(p) if g is None else g for p, g in zip(params, found)]

    def eager_product(self, parts: tuple, *batch: Any) -> tuple:
        """H v on a batch; without data from the gradient that was kept."""
        if batch:
            return self.fresh_product(parts, *batch)
        now = [p.data for p in self.flat.params]
        # Who changes a parameter gives it another array: what is recorded holds on to those it was computed from.
        if self.kept is None or any(a is not b for a, b in zip(self.kept[0], now)):
            self.kept = now, self.record()
        return self.along(self.kept[1], parts)

    def fresh_product(self, parts: tuple, *batch: Any) -> tuple:
        """H v on a batch."""
        return self.along(self.record(*batch), parts)

    def record(self, *batch: Any) -> Any:
        """What products are computed from: the gradient, recorded."""
        return self.gradients(self.loss(*batch), create_graph=True)

    def along(self, recorded: Any, parts: Iterable[Tensor]) -> tuple:
        """The gradient of v . gradient: H v, as H is symmetric."""
        return pulled_back([(g, v) for g, v in zip(recorded, parts) if g.requires_grad], self.flat.params)


def pulled_back(pairs: list[tuple[Tensor, Tensor]], params: list[Tensor]) -> tuple:
    """What recorded tensors, each with its cotangent, give the parameters; the graph stays for another pass."""
    if not pairs:
        return tuple(map(zeros_like, params))
    ys, cotangents = zip(*pairs)
    found = autograd.grad(ys, params, cotangents, retain_graph=True, allow_unused=True)
    return tuple(zeros_like(p) if g is None else g for p, g in zip(params, found))


def compiled(function: Callable) -> Callable:
    """The function as `mg.jit` compiles it."""
    import minigrad

    return minigrad.jit(lambda *args: function(*args))


def check_recorded(who: str, y: Tensor) -> None:
    """Raises GraphError unless gradients can flow back from y."""
    if not y.requires_grad:
        raise GraphError(
            f"[{who}] the closure's result depends on no tensor that requires grad: compute it from the parameters, "
            "outside of mg.no_grad() and without .detach() or .item()."
        )
    if getattr(y.node, "inputs", ()) is None:
        raise GraphError(f"[{who}] the graph was freed: the closure has to return its result without calling backward.")


def check_reached(who: str, gradients: Iterable[Any]) -> None:
    """Raises GraphError if no gradient is there."""
    if all(g is None for g in gradients):
        raise GraphError(f"[{who}] the closure's result depends on none of the parameters given.")
