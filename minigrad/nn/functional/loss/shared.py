"""What losses share: checks of shapes, and the reduction of many losses to one.

None of them broadcasts: (N, 1) against (N,) would silently become (N, N), so shapes that differ are an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import as_operand
from minigrad.errors import ShapeError
from minigrad.nn.arguments import broadcasts_to, choice, float_tensor
from minigrad.ops import cast, equal, isinf, logical_and, reduce_sum, select

REDUCTIONS = ("mean", "sum", "none")


def reduce_loss(who: str, losses: Tensor, reduction: str, count: Any = None) -> Tensor:
    """The mean, sum or ("none") tensor of the losses; `count`: what the mean divides by, if not their number."""
    choice(who, "reduction", reduction, REDUCTIONS)
    if reduction == "none":
        return losses
    total = reduce_sum(losses, axes=tuple(range(losses.data.ndim)))
    if reduction == "sum":
        return total
    return total / (float(losses.data.size) if count is None else count)


def same_shape(who: str, **named: Any) -> list[Tensor]:
    """All of them as tensors of floats, integers and booleans in the dtype of the first, which must be of floats.

    Raises ShapeError if their shapes differ, DtypeError if the first is not of floats.
    """
    (name, first), *others = named.items()
    tensors = [float_tensor(who, name, first), *(as_operand(x) for _, x in others)]
    shapes = [getattr(x, "shape", ()) for x in tensors]
    if shapes.count(shapes[0]) != len(shapes):
        *names, last = named
        found = ", ".join(f"{name} {shape}" for name, shape in zip(named, shapes))
        raise ShapeError(f"[{who}] {', '.join(names)} and {last} must have the same shape: {found}.")
    return [as_floats(x, tensors[0].data.dtype) for x in tensors]


def as_floats(x: Any, dtype: np.dtype) -> Tensor:
    """A tensor of floats as it is, anything else in a dtype."""
    if not isinstance(x, Tensor):
        return Tensor(np.asarray(x, dtype))
    return x if x.data.dtype.kind == "f" else cast(x, dtype=dtype)


def fitting(who: str, name: str, weight: Any, x: Tensor) -> Any:
    """A factor for the elements of x. Raises ShapeError unless it broadcasts to exactly the shape of x."""
    weight = as_operand(weight)
    shape = getattr(weight, "shape", ())
    if not broadcasts_to(shape, x.shape):
        raise ShapeError(f"[{who}] {name} of shape {shape} does not broadcast to the input's shape {x.shape}.")
    return weight


def expected_cost(p: Tensor, cost: Tensor) -> Tensor:
    """p * cost, where what never happens costs nothing: 0 * inf is 0."""
    never = logical_and(equal(p, 0), isinf(cost))
    return p * select(never, 0.0, cost)
