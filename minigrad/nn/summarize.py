"""summary: what each module of a model makes, holds and computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import Primitive, switched
from minigrad.nn.module import Module
from minigrad.nn.observe import as_inputs, hooked, undisturbed
from minigrad.ops.work import multiply_adds
from minigrad.tables import aligned, short
from minigrad.tree import children, leaves


@dataclass(frozen=True)
class Layer:
    """One module's part of a `Summary`, without the modules inside it.

    path, kind    its name in the model, and its class
    calls         how often it was called
    output        the shape of its last output; a tuple of shapes for several; None if it was not called
    parameters    the elements of its own parameters; one that modules share counts for the first of them
    multiply_adds multiplications with an addition, in matrix products and convolutions, padding included
    activations   the bytes of the arrays that its operations make, views of others not counted: what eager mode keeps
                  for the backward pass when all of them need a gradient
    """

    path: str
    kind: str
    calls: int
    output: tuple | None
    parameters: int
    multiply_adds: int
    activations: int


@dataclass(frozen=True)
class Summary:
    """What `nn.summary` returns; printed it is a table.

    layers: a `Layer` for each module, in the order of `named_modules`.  trainable: the elements of the parameters that
    require a gradient.  parameter_bytes, buffer_bytes: what the state occupies, each tensor once.
    """

    layers: tuple[Layer, ...]
    trainable: int
    parameter_bytes: int
    buffer_bytes: int

    @property
    def parameters(self) -> int:
        """The elements of all parameters."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Of all modules."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def activations(self) -> int:
        """The bytes of all modules."""
        return sum(layer.activations for layer in self.layers)

    def __str__(self) -> str:
        rows = [("module", "class", "output", "parameters", "multiply-adds", "activations")]
        rows += [
            (layer.path or "model", called(layer), shown(layer.output), f"{layer.parameters:,}",
             short(layer.multiply_adds), short(layer.activations, "B"))
            for layer in self.layers
        ]  # fmt: skip
        total = (f"{self.parameters:,}", short(self.multiply_adds), short(self.activations, "B"))
        lines = aligned([*rows, ("total", "", "", *total)], left=(0, 1, 2))
        state = f"parameters {short(self.parameter_bytes, 'B')}, buffers {short(self.buffer_bytes, 'B')}"
        return "\n".join([*lines, f"{self.trainable:,} parameters are trained; {state}"])

    __repr__ = __str__


def summary(model: Module, input_shape: Any) -> Summary:
    """The modules of a model with output shape, parameters, multiply-adds and memory, as a table that prints itself.

    The model is called once, eagerly, in evaluation mode and without gradients; its modes, buffers and gradients and
    the default random numbers stay as they are. Multiply-adds are counted from the operations that run, so they are
    those of any forward, for the whole batch; shared modules and parameters count once.

    input_shape: the shape of the input with its batch axis, for which zeros are taken; a list of shapes for several
    inputs; or a batch, a tensor or a tuple of tensors, e.g. for a model that takes integers.
    Returns a `Summary`, whose `layers`, `parameters`, `multiply_adds` and `activations` are the figures.
    Raises ConfigError for another input_shape, and whatever the model raises.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    >>> nn.summary(model, (10, 4))
    module  class       output   parameters  multiply-adds  activations
    model   Sequential  (10, 2)           0              0          0 B
    0       Linear      (10, 8)          40            320        640 B
    1       Tanh        (10, 8)           0              0        320 B
    2       Linear      (10, 2)          18            160        160 B
    total                                58            480      1.12 kB
    58 parameters are trained; parameters 232 B, buffers 0 B
    """
    inputs = as_inputs("summary", model, input_shape)
    work = Work()
    watched = switched(recording=False, watch=work.watch)
    with undisturbed(model, training=False), hooked(model, work.enter, work.leave), watched:
        model(*inputs)
    seen: set[int] = set()
    return Summary(
        layers=tuple(work.layer(path, module, seen) for path, module in model.named_modules()),
        trainable=sum(p.size for p in model.parameters() if p.requires_grad),
        parameter_bytes=sum(p.data.nbytes for p in model.parameters()),
        buffer_bytes=sum(b.data.nbytes for b in model.buffers()),
    )


class Work:
    """What the modules of a model do while it runs: operations count for the innermost module that is being called."""

    def __init__(self) -> None:
        self.running: list[Module] = []
        self.calls: Counter[Module] = Counter()
        self.outputs: dict[Module, Any] = {}
        self.multiply_adds: Counter[Module] = Counter()
        self.activations: Counter[Module] = Counter()

    def enter(self, module: Module) -> None:
        """A module is called."""
        self.running.append(module)

    def leave(self, module: Module, out: Any) -> None:
        """A module has made its output."""
        self.running.pop()
        self.calls[module] += 1
        self.outputs[module] = shapes(out)

    def watch(self, primitive: Primitive, arrays: Sequence, params: dict, out: Any) -> None:
        """An operation has run."""
        module = self.running[-1]
        self.multiply_adds[module] += multiply_adds(primitive.name, out, arrays, params)
        read = {id(owner(x)) for x in arrays if isinstance(x, np.ndarray)}
        made = {id(owner(x)): x for x in leaves(out)}
        self.activations[module] += sum(x.nbytes for key, x in made.items() if key not in read)

    def layer(self, path: str, module: Module, seen: set[int]) -> Layer:
        """The figures of one module; `seen`: the parameters that have been counted."""
        own = [p for p in module.parameters(recurse=False) if id(p) not in seen]
        seen.update(map(id, own))
        return Layer(
            path=path,
            kind=type(module).__name__,
            calls=self.calls[module],
            output=self.outputs.get(module),
            parameters=sum(p.size for p in own),
            multiply_adds=self.multiply_adds[module],
            activations=self.activations[module],
        )


def owner(array: Any) -> Any:
    """The array that the memory belongs to."""
    while isinstance(getattr(array, "base", None), np.ndarray):
        array = array.base
    return array


def shapes(out: Any) -> tuple | None:
    """The shape of a tensor; of a nest of them the shapes, in tuples; None for anything else."""
    if isinstance(out, Tensor):
        return out.shape
    parts = children(out) if out is not None else None
    return None if parts is None else tuple(map(shapes, parts))


def called(layer: Layer) -> str:
    """The class, and how often it was called if not once."""
    return layer.kind if layer.calls == 1 else f"{layer.kind} ({layer.calls} calls)"


def shown(output: tuple | None) -> str:
    """The shapes of the output."""
    return "" if output is None else str(output)
