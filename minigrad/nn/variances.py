"""check: how the variance of signals and gradients changes from layer to layer, before training begins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad import random
from minigrad.autograd import grad
from minigrad.core import Tensor, is_float
from minigrad.engine import enable_grad
from minigrad.errors import ConfigError
from minigrad.nn.arguments import float_tensor
from minigrad.nn.module import Module
from minigrad.nn.observe import hooked, undisturbed
from minigrad.tables import aligned
from minigrad.tree import leaves


@dataclass(frozen=True)
class LayerVariance:
    """One call of a layer, as `check` saw it.

    path, kind        the layer's name in the model and its class
    shape             that of its output
    weighted          whether it has weights: a parameter with two axes or more
    forward           the variance of the elements of its output
    backward          the variance of the elements of the gradient of its output; None if it has none
    forward_ratio     of a layer with weights: forward, divided by that of the one before (of the first: of the input)
    backward_ratio    of a layer with weights: backward, divided by that of the next one
    """

    path: str
    kind: str
    shape: tuple[int, ...]
    weighted: bool
    forward: float
    backward: float | None
    forward_ratio: float | None = None
    backward_ratio: float | None = None

    def __str__(self) -> str:
        return f"{self.path or 'model'} ({self.kind})"


@dataclass(frozen=True)
class Variances:
    """What `nn.init.check` returns; printed it is a table, with the warnings below.

    input: the variance of the input, None if it is of integers.  layers: a `LayerVariance` for each call of a module
    without modules inside, in the order of the calls.  warnings: what vanishes or explodes, in words.
    """

    input: float | None
    layers: tuple[LayerVariance, ...]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("layer", "class", "output", "forward", "ratio", "backward", "ratio")]
        rows.append(("input", "", "", number(self.input), "", "", ""))
        for x in self.layers:
            figures = (x.forward, x.forward_ratio, x.backward, x.backward_ratio)
            rows.append((x.path or "model", x.kind, str(x.shape), *map(number, figures)))
        return "\n".join([*aligned(rows, left=(0, 1, 2)), *(f"warning: {text}" for text in self.warnings)])

    __repr__ = __str__


def check(model: Module, batch: Any, loss: Callable | None = None, limit: float = 100.0) -> Variances:
    """How the variances of activations and gradients change from layer to layer; a table that prints itself.

    With good initial weights both stay about the same through the net (Glorot & Bengio 2010; He et al. 2015; forward
    alone Mishkin & Matas 2015): a factor r at each of L layers becomes r^L. Compare the ratios of the layers with
    weights with 1.

    model: called once in the mode it is in; modes, buffers, gradients and the default random numbers stay as they are.
    batch: the input, a floating-point tensor, or a tuple of inputs; the variance of integers is not looked at.
    loss: a function of the output that returns a number; by default the sum of the outputs times independent normal
    numbers, always the same ones, so that the gradient of the output has variance 1.
    limit: warn where a variance is so many times larger or smaller than at the first layer with weights, or is not
    finite; backward, than at the last one before the output layer, whose width says little about those inside.
    Returns `Variances`, whose `layers` and `warnings` are the figures.  Raises ConfigError for a limit of 1 or less,
    and whatever model and loss raise.

    >>> layers = [nn.Linear(100, 100, bias=False) for _ in range(5)]
    >>> for layer in layers:
    ...     _ = nn.init.normal_(layer.weight, std=0.03)  # 0.1 would be right
    >>> nn.init.check(nn.Sequential(*layers), mg.random.normal((200, 100))).warnings[0]
    'the forward variance vanishes: ... at 0 (Linear), ... at 4 (Linear), by ... from layer to layer'
    """
    if not limit > 1:
        raise ConfigError(f"[check] limit must be above 1, got {limit!r}.")
    inputs = tuple(differentiable(x) for x in (batch if isinstance(batch, (tuple, list)) else (batch,)))
    with undisturbed(model), enable_grad():
        calls, out = run(model, inputs)
        total = loss(out) if loss is not None else random_sum(out)
        outputs = [x for _, x in calls]
        grads = iter(grad([total], [x for x in outputs if x.requires_grad], allow_unused=True))
    paths = {module: path for path, module in model.named_modules()}
    layers = [
        measured(paths[module], module, x, next(grads) if x.requires_grad else None) for module, x in calls
    ]
    floats = [x for x in inputs if is_float(x)]
    start = variance(*floats) if floats else None
    layers = with_ratios(start, layers)
    weighted = [layer for layer in layers if layer.weighted]
    warnings = [
        *warned("forward", [(layer, layer.forward) for layer in weighted], limit),
        *warned("backward", [(layer, layer.backward) for layer in reversed(weighted[:-1])], limit),
    ]
    return Variances(start, tuple(layers), tuple(warnings))


def differentiable(x: Any) -> Tensor:
    """An input whose gradient can be asked for, so that every layer above has one; integers as they are."""
    if isinstance(x, Tensor) and not is_float(x):
        return x
    return float_tensor("check", "batch", x).detach().requires_grad_()


def run(model: Module, inputs: tuple) -> tuple[list[tuple[Module, Tensor]], Any]:
    """The innermost modules in the order of their calls, each with the first tensor of its output; and the output."""
    calls: list[tuple[Module, Tensor]] = []

    def note(module: Module, out: Any) -> None:
        found = next((x for x in leaves(out) if is_float(x)), None)
        if found is not None and next(module.children(), None) is None:
            calls.append((module, found))

    with hooked(model, None, note):
        return calls, model(*inputs)


def random_sum(out: Any) -> Tensor:
    """The outputs times independent normal numbers, summed."""
    generator = random.Generator(0)
    terms = [(x * random.normal(x.shape, dtype=x.dtype, generator=generator)).sum() for x in leaves(out) if is_float(x)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def measured(path: str, module: Module, out: Tensor, gradient: Tensor | None) -> LayerVariance:
    """The variances of one call."""
    return LayerVariance(
        path=path,
        kind=type(module).__name__,
        shape=out.shape,
        weighted=any(p.ndim > 1 for p in module.parameters()),
        forward=variance(out),
        backward=None if gradient is None else variance(gradient),
    )


def variance(*tensors: Tensor) -> float:
    """The variance of all elements."""
    values = np.concatenate([np.ravel(x.numpy()).astype(np.float64) for x in tensors])
    with np.errstate(invalid="ignore"):  # of infinite values it is NaN
        return float(values.var()) if values.size else math.nan


def with_ratios(start: float | None, layers: Sequence[LayerVariance]) -> list[LayerVariance]:
    """The layers with their ratios to the neighbours that have weights."""
    found = list(layers)
    places = [i for i, layer in enumerate(layers) if layer.weighted]
    for k, i in enumerate(places):
        x = layers[i]
        before = layers[places[k - 1]].forward if k else start
        after = layers[places[k + 1]].backward if k + 1 < len(places) else None
        found[i] = replace(x, forward_ratio=ratio(x.forward, before), backward_ratio=ratio(x.backward, after))
    return found


def ratio(x: float | None, other: float | None) -> float | None:
    """x / other, None if one of them is not there or there is nothing to compare with."""
    return None if x is None or other is None or not other > 0 else x / other


def warned(direction: str, found: Sequence[tuple[LayerVariance, float | None]], limit: float) -> list[str]:
    """What is wrong on the way in one direction, in at most one sentence."""
    present = [(layer, v) for layer, v in found if v is not None]
    for layer, v in present:
        if not math.isfinite(v):
            return [f"the {direction} variance is not finite at {layer}"]
    if not present:
        return []
    first, start = present[0]
    if start == 0:
        return [f"the {direction} variance is 0 at {first}"]
    ratios = [v / start for _, v in present]
    k = max(range(len(ratios)), key=lambda i: abs(math.log(ratios[i])) if ratios[i] else math.inf)
    if 1 / limit <= ratios[k] <= limit:
        return []
    verb = "explodes" if ratios[k] > 1 else "vanishes"
    layer, v = present[k]
    rate = f"by {ratios[k] ** (1 / k):.2g} from layer to layer"
    return [f"the {direction} variance {verb}: {start:.2g} at {first}, {v:.2g} at {layer}, {rate}"]


def number(x: float | None) -> str:
    """A figure in three digits; nothing for None."""
    return "" if x is None else f"{x:.3g}"
