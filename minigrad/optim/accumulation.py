"""The gradient of a batch that is too large for one pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError


def accumulate_grad(loss_fn: Callable[..., Tensor], *batch: Any, parts: int) -> Tensor:
    """Add the gradient of a batch to `.grad`, in several passes that need as much less memory.

    loss = sum_i (n_i / N) loss_fn(part i), each part of n_i of the N samples going backward before the next one goes
    forward. If loss_fn is a mean over samples, loss and gradient are those of the whole batch.

    loss_fn: called with the slices of each part, returns the mean loss of its samples.
    batch: tensors or arrays whose first axis counts samples.  parts: how many, as equal as can be.
    Returns the loss, without history.  Raises ConfigError unless parts is between 1 and N, ShapeError for batches of
    several lengths.

    The same by hand, for batches that come one after the other: `(loss_fn(x, y) / k).backward()` for k batches, then
    one `optimizer.step()` and `zero_grad()`. A layer that looks at its batch, such as batch normalization, sees parts.

    >>> model, x, y = nn.Linear(2, 1), mg.ones((6, 2)), mg.zeros((6, 1))
    >>> loss = optim.accumulate_grad(lambda x, y: F.mse_loss(model(x), y), x, y, parts=3)
    >>> mg.allclose(loss, F.mse_loss(model(x), y)), model.weight.grad.shape
    (True, (1, 2))
    """
    lengths = [len(x) for x in batch]
    if len(set(lengths)) != 1:
        raise ShapeError(f"[accumulate_grad] expected tensors with as many samples, got {lengths}.")
    samples = lengths[0]
    if not isinstance(parts, int) or not 1 <= parts <= samples:
        raise ConfigError(f"[accumulate_grad] parts must be a whole number in [1, {samples}], got {parts!r}.")
    total: Any = 0.0
    for i in range(parts):
        part = slice(i * samples // parts, (i + 1) * samples // parts)
        loss = loss_fn(*(x[part] for x in batch)) * ((part.stop - part.start) / samples)
        loss.backward()
        total = total + loss.detach()
    return total
