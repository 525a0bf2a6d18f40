"""Look at a model at work and leave it as it was: what `summary` and `init.check` have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.dtypes import default_dtype
from minigrad.engine import disable_jit, rolled_back
from minigrad.errors import ConfigError
from minigrad.nn.module import Module
from minigrad.ops import zeros
from minigrad.random import default_generator, replayed


@contextmanager
def undisturbed(model: Module, training: bool | None = None) -> Iterator[None]:
    """Run a block eagerly; afterwards the modes, the buffers and the default generator are as before.

    training: the mode of all modules inside the block; by default the one that each is in.
    """
    modes = [(module, vars(module).get("training")) for module in model.modules()]
    with rolled_back(), replayed(default_generator.state_dict()), disable_jit():
        try:
            if training is not None:
                model.train(training)
            yield
        finally:
            for module, mode in modes:
                if mode is None:
                    vars(module).pop("training", None)
                else:
                    module.training = mode


@contextmanager
def hooked(model: Module, before: Callable | None, after: Callable) -> Iterator[None]:
    """Run a block in which every module inside a model calls `before(module)` and `after(module, output)`."""
    with ExitStack() as stack:
        for module in model.modules():
            if before is not None:
                stack.enter_context(module.register_forward_pre_hook(lambda m, args: before(m), prepend=True))
            stack.enter_context(module.register_forward_hook(lambda m, args, out: after(m, out)))
        yield


def as_inputs(who: str, model: Module, given: Any) -> tuple[Tensor, ...]:
    """The inputs to call a model with: zeros of a shape, or of several, or the tensors that are given.

    Zeros have the dtype of the model's first floating-point parameter. Raises ConfigError for anything else.
    """
    if isinstance(given, (Tensor, np.ndarray)) or is_shape(given):
        given = (given,)
    if not isinstance(given, (tuple, list)):
        raise ConfigError(f"[{who}] expected a shape with the batch axis, a tensor, or several of them, got {given!r}.")
    dtype = next((p.dtype for p in model.parameters() if p.dtype.kind == "f"), default_dtype())
    return tuple(as_input(who, x, dtype) for x in given)


def as_input(who: str, given: Any, dtype: np.dtype) -> Tensor:
    """One input: see `as_inputs`."""
    if isinstance(given, Tensor):
        return given
    if isinstance(given, np.ndarray):
        return Tensor(given)
    if is_shape(given):
        return zeros(tuple(given), dtype)
    raise ConfigError(f"[{who}] expected a shape such as (32, 784), or a tensor, got {given!r}.")


def is_shape(x: Any) -> bool:
    """Whether x is a tuple or list of sizes."""
    return isinstance(x, (tuple, list)) and all(isinstance(n, (int, np.integer)) and n >= 0 for n in x)
