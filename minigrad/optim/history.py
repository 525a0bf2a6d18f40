"""Steps that can be differentiated: parameters and state become functions of what the step read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import enable_grad
from minigrad.optim.kernel import Calls

Ready = Iterable[tuple[Tensor, np.ndarray, dict[str, Tensor]]]


def prepare_with_history(rule: Callable, numbers: tuple[str, ...], hyper: dict[str, Any], ready: Ready) -> Calls:
    """The calls that let parameters and state take what the rule makes of them as tensors.

    numbers: the state that the rule gets as numbers, unless they have a history.  ready: parameters, gradients, states.
    """
    calls: Calls = []
    for p, _, tensors in ready:
        state = {n: t.item() if n in numbers and not t.requires_grad else t for n, t in tensors.items()}
        with enable_grad():
            new_p, new_state = rule(p.grad, p, state, hyper)
        calls.append((take, (p, new_p)))
        calls.extend((take, (tensors[name], value)) for name, value in new_state.items())
    return calls


def take(tensor: Tensor, value: Any) -> None:
    """Let the tensor hold another value with its history; graphs that were recorded keep what they read."""
    value = value.astype(tensor.dtype) if isinstance(value, Tensor) else Tensor(np.array(value, tensor.dtype))
    tensor.rebind(value.data)
    tensor.node = value.node
