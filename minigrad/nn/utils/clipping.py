"""Gradients that are not too long: clipping after `backward()`, before the optimizer's step, also inside `mg.jit`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from minigrad import ops
from minigrad.core import Tensor
from minigrad.engine import no_grad, tracer
from minigrad.errors import AnomalyError, ConfigError, DtypeError

Parameters = Tensor | Iterable[Tensor]

TINY = 1e-6
"""Keeps a gradient of zero from being divided by its norm; PyTorch's number."""


def clip_grad_norm_(
    parameters: Parameters, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients together so that their norm is at most max_norm (Pascanu et al. 2013).

    g = g * min(1, max_norm / (|g| + 1e-6)), |g| the norm of all gradients as one vector.

    parameters: a tensor or several; those without a gradient are left out.  norm_type: the p of the p-norm, also inf.
    error_if_nonfinite: raise AnomalyError, naming the parameter, for a gradient with a NaN or infinity in it.
    Returns the norm before, 0-d.  Raises ConfigError for a negative max_norm, AnomalyError as said: nothing is changed.

    >>> p = nn.Parameter([3.0, 4.0])
    >>> (p * p).sum().backward()
    >>> nn.utils.clip_grad_norm_(p, max_norm=1.0)
    tensor(10.)
    >>> p.grad
    tensor([0.6, 0.8])
    """
    found = as_list("clip_grad_norm_", parameters)
    expect_not_negative("clip_grad_norm_", "max_norm", max_norm)
    total = get_total_norm([p.grad for p in found if p.grad is not None], norm_type)
    if error_if_nonfinite:
        expect_finite("clip_grad_norm_", found, total)
    clip_grads_with_norm_(found, max_norm, total)
    return total


def clip_each_grad_norm_(
    parameters: Parameters, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> list[Tensor]:
    """Scale the gradient of each parameter by itself so that its norm is at most max_norm.

    Arguments as for `clip_grad_norm_`. A single large gradient does not shrink the others, but the direction of all
    gradients together changes.  Returns the norms before, one for each parameter that has a gradient.

    >>> p, q = nn.Parameter([1.0]), nn.Parameter([1.0])
    >>> p.grad, q.grad = mg.tensor([50.0]), mg.tensor([0.5])
    >>> nn.utils.clip_each_grad_norm_([p, q], max_norm=1.0)
    [tensor(50.), tensor(0.5)]
    >>> p.grad, q.grad
    (tensor([1.]), tensor([0.5]))
    """
    found = as_list("clip_each_grad_norm_", parameters)
    expect_not_negative("clip_each_grad_norm_", "max_norm", max_norm)
    norms = [(p, get_total_norm(p.grad, norm_type)) for p in found if p.grad is not None]
    if error_if_nonfinite and norms:
        expect_finite("clip_each_grad_norm_", found, ops.stack([norm for _, norm in norms]))
    for p, norm in norms:
        clip_grads_with_norm_(p, max_norm, norm)
    return [norm for _, norm in norms]


def clip_grad_value_(parameters: Parameters, clip_value: float) -> None:
    """Limit each element of every gradient to [-clip_value, clip_value].

    Raises ConfigError for a negative clip_value.

    >>> p = nn.Parameter([3.0, 0.1])
    >>> (p * p).sum().backward()
    >>> nn.utils.clip_grad_value_(p, clip_value=0.5)
    >>> p.grad
    tensor([0.5, 0.2])
    """
    expect_not_negative("clip_grad_value_", "clip_value", clip_value)
    with no_grad():
        for p in as_list("clip_grad_value_", parameters):
            if p.grad is not None:
                p.grad = ops.clip(p.grad, -float(clip_value), float(clip_value))


def get_total_norm(tensors: Parameters, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Tensor:
    """The norm of several tensors as one vector, 0-d; 0 if there are none.

    error_if_nonfinite: raise AnomalyError if it is NaN or infinite.

    >>> nn.utils.get_total_norm([mg.tensor([3.0]), mg.tensor([[4.0]])])
    tensor(5.)
    """
    found = as_list("get_total_norm", tensors)
    if not found:
        return ops.tensor(0.0)
    with no_grad():
        norms = [ops.norm(x, norm_type) for x in found]
        total = ops.norm(ops.stack(norms), norm_type) if len(norms) > 1 else norms[0]
    if error_if_nonfinite:
        expect_finite("get_total_norm", found, total)
    return total


def clip_grads_with_norm_(parameters: Parameters, max_norm: float, total_norm: Tensor) -> None:
    """Scale gradients with min(1, max_norm / (total_norm + 1e-6)), given their norm from `get_total_norm`.

    >>> p = nn.Parameter([0.0])
    >>> p.grad = mg.tensor([8.0])
    >>> nn.utils.clip_grads_with_norm_(p, max_norm=1.0, total_norm=mg.tensor(16.0))
    >>> p.grad
    tensor([0.5])
    """
    with no_grad():
        scale = ops.minimum(float(max_norm) / (total_norm + TINY), 1.0)
        for p in as_list("clip_grads_with_norm_", parameters):
            if p.grad is not None:
                p.grad = p.grad * scale.astype(p.grad.dtype)


def as_list(who: str, parameters: Parameters) -> list[Tensor]:
    """One tensor, or several, as a list."""
    found = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for p in found:
        if not isinstance(p, Tensor):
            raise DtypeError(f"[{who}] expected tensors such as model.parameters() gives, got a {type(p).__name__}.")
    return found


def expect_not_negative(who: str, name: str, value: float) -> None:
    """Raises ConfigError for a negative number or NaN."""
    if not value >= 0:
        raise ConfigError(f"[{who}] {name} must be at least 0, got {value!r}.")


def expect_finite(who: str, found: Sequence[Tensor], norms: Tensor) -> None:
    """Raises AnomalyError if a norm is not finite, naming the first tensor that is to blame."""
    if tracer() is not None:  # compiled code refuses the call, which then runs eagerly and raises
        ops.checked_index(ops.logical_not(ops.isfinite(norms)).astype(np.int64), size=1)
        return
    if np.isfinite(norms.numpy()).all():
        return
    for i, p in enumerate(found):
        values = p if p.grad is None else p.grad
        if not np.isfinite(values.numpy()).all():
            raise AnomalyError(f"[{who}] the gradient of tensor {i}, of shape {p.shape}, has a NaN or infinity in it.")
    raise AnomalyError(f"[{who}] the norm of the gradients is {norms.numpy()}, though all of them are finite.")
