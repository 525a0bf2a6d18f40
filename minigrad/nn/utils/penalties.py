"""Penalties that a loss gets added to it: of the weights, and, collected from inside a model, of its activations.

>>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.ActivationPenalty(l1=1e-3), nn.Linear(8, 2))
>>> with nn.utils.collect_penalties() as penalties:
...     loss = F.cross_entropy(model(mg.ones((3, 4))), mg.tensor([0, 1, 0]))
>>> total = loss + sum(penalties) + 1e-4 * nn.utils.l2_penalty(model.parameters())
>>> total.shape
()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import reduce
from typing import Any

from minigrad.core import Tensor
from minigrad.engine import tracer
from minigrad.errors import TracingError
from minigrad.nn.arguments import float_tensor
from minigrad.nn.utils.vector import listed
from minigrad.ops import abs, add
from minigrad.ops import sum as total  # so that `sum` adds up a list, here as for those who use this


def l1_penalty(parameters: Iterable[Tensor]) -> Tensor:
    """sum_i |w_i| over all elements of all parameters (Goodfellow et al. 2016, 7.1.2): pulls small weights to 0.

    parameters: tensors, such as model.parameters() gives, or one tensor; its gradient at 0 is 0.  Returns ().
    Biases are usually left out: [p for p in model.parameters() if p.ndim > 1].
    Raises ConfigError if there are none, DtypeError for anything that is no floating-point tensor.

    >>> nn.utils.l1_penalty([mg.tensor([1.0, -2.0]), mg.tensor([[3.0]])])
    tensor(6.)
    """
    return reduce(add, [total(abs(w)) for w in floats("l1_penalty", parameters)])


def l2_penalty(parameters: Iterable[Tensor]) -> Tensor:
    """1/2 sum_i w_i^2 over all elements of all parameters (Goodfellow et al. 2016, 7.1.1).

    The gradient of a l2_penalty is a w, that of SGD's weight_decay = a.  Arguments and errors as for `l1_penalty`.

    >>> nn.utils.l2_penalty([mg.tensor([1.0, -2.0]), mg.tensor([[3.0]])])
    tensor(7.)
    """
    return 0.5 * reduce(add, [total(w * w) for w in floats("l2_penalty", parameters)])


def floats(who: str, parameters: Iterable[Tensor]) -> list[Tensor]:
    """The parameters as a list of floating-point tensors."""
    return [float_tensor(who, "a parameter", w) for w in listed(who, parameters)]


# ---- out of the inside of a model

OPEN: ContextVar[tuple[list[Tensor], Any] | None] = ContextVar("penalties", default=None)
"""The innermost open list, and what recorded for the compiler when it was opened."""


@contextmanager
def collect_penalties() -> Iterator[list[Tensor]]:
    """Context manager: a list that each `nn.ActivationPenalty` called inside adds its penalty to.

    Add sum(penalties) to the loss. Blocks nest: a penalty goes to the innermost list; without any block, it is not
    computed. In a compiled function, the block belongs inside of it, and so does what uses the list; in a part of the
    model that `mg.checkpoint` runs likewise, and that part returns the sum.

    >>> layer = nn.ActivationPenalty(l2=1.0)
    >>> with nn.utils.collect_penalties() as penalties:
    ...     h = layer(mg.tensor([[3.0, 4.0]]))
    >>> penalties
    [tensor(12.5)]
    """
    found: list[Tensor] = []
    token = OPEN.set((found, tracer()))
    try:
        yield found
    finally:
        OPEN.reset(token)


def open_penalties() -> list[Tensor] | None:
    """The list that penalties go to; None if there is none. Raises TracingError if it would outlive what is in it."""
    opened = OPEN.get()
    if opened is None:
        return None
    found, recorder = opened
    if recorder is not tracer():
        raise TracingError(
            "[collect_penalties] the block was opened outside of the compiled function or scan that computes the "
            "penalty, which adds to the list only once: open it inside, and return the sum."
        )
    return found
