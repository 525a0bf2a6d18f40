"""Gradients of recorded outputs, by PyTorch's conventions; `minigrad.transforms` has the functional side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad import engine
from minigrad.core import Tensor
from minigrad.errors import GraphError


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of recorded `outputs` with respect to `inputs`; touches no `.grad`.

    grad_outputs: a cotangent for each output (1 for scalars).  create_graph: record the pass, for higher derivatives.
    retain_graph: keep the graph for another pass (default: create_graph).  allow_unused: None, instead of an error, for
    an input that the outputs do not depend on.  Returns a tuple, one gradient for each input.
    Raises GraphError if nothing was recorded or an input is unused.

    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> (dx,) = mg.autograd.grad(x**3, x, create_graph=True)
    >>> mg.autograd.grad(dx, x)
    (tensor(18.),)
    """
    ys = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    xs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    gs = list(grad_outputs) if isinstance(grad_outputs, (tuple, list)) else [grad_outputs] * len(ys)
    if len(gs) != len(ys):
        raise GraphError(f"[grad] {len(ys)} outputs need as many grad_outputs, got {len(gs)}.")
    for i, x in enumerate(xs):
        if x.node is None:
            raise GraphError(f"[grad] input {i} of shape {x.shape} has requires_grad=False: call requires_grad_().")
    seeds = [engine.seed_cotangent("grad", y, g) for y, g in zip(ys, gs)]
    found = engine.backward(ys, seeds, {x.node for x in xs}, bool(retain_graph), create_graph)
    for i, x in enumerate(xs):
        if x.node not in found and not allow_unused:
            raise GraphError(
                f"[grad] the outputs do not depend on input {i} of shape {x.shape}: "
                "pass allow_unused=True to get None for it."
            )
    return tuple(found.get(x.node) for x in xs)
