"""Parameters that stay as they are for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from minigrad.core import Tensor
from minigrad.engine import configuration_changed, tracer
from minigrad.errors import DtypeError, TracingError
from minigrad.nn import Module


@contextmanager
def frozen(*what: Module | Tensor) -> Iterator[None]:
    """Context manager: parameters inside get no gradient, so that no optimizer changes them, nor decays them.

    what: modules or parameters.  Gradients they had are put aside and come back afterwards, as does what required a
    gradient before. For good: `module.requires_grad_(False)` and `module.zero_grad()`.
    Compiled steps notice, and are compiled once for each choice. Raises DtypeError for anything else, TracingError
    inside a compiled function.

    >>> features, head = nn.Linear(2, 3), nn.Linear(3, 1)
    >>> optimizer = optim.SGD([*features.parameters(), *head.parameters()], lr=0.1, weight_decay=0.1)
    >>> before = features.weight.detach()
    >>> with optim.frozen(features):
    ...     head(features(mg.ones((1, 2)))).sum().backward()
    ...     optimizer.step()
    >>> mg.allclose(features.weight, before), features.weight.requires_grad
    (True, True)
    """
    if tracer() is not None:
        raise TracingError("[frozen] parameters are frozen inside a compiled function: enter the block outside of it.")
    held = [(p, p.node, p.grad) for p in parameters_of(what)]
    try:
        for p, _, _ in held:
            p.requires_grad_(False)
            p.grad = None
        yield
    finally:
        for p, node, grad in held:
            p.node, p.grad = node, grad
        configuration_changed()


def parameters_of(what: tuple[Module | Tensor, ...]) -> list[Tensor]:
    """The parameters of modules, and those that are given themselves, each once."""
    found: dict[int, Tensor] = {}
    for x in what:
        if not isinstance(x, (Module, Tensor)):
            raise DtypeError(f"[frozen] expected modules or parameters, got a {type(x).__name__}.")
        for p in x.parameters() if isinstance(x, Module) else [x]:
            found[id(p)] = p
    return list(found.values())
