"""The graph of a traced function: values, and the operations that make them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

CUSTOM = "custom "
"""How the names of operations begin that are not in the table of primitives, whatever users call them."""


class Value:
    """An array known by shape and dtype. `weak` values are Python scalars: they promote as such and live in double."""

    __slots__ = ("shape", "dtype", "weak", "op", "index")

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype, weak: bool = False, op: Op | None = None, index: int = 0
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.weak = weak
        self.op = op
        self.index = index

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize


class Op:
    """One recorded call of a primitive: inputs are values or Python scalars.

    primitive, linked, several: what it calls, through which inputs gradients flow, and whether it returned a tuple;
    known while a trace lasts.
    """

    __slots__ = ("name", "inputs", "params", "outputs", "where", "primitive", "linked", "several")

    def __init__(self, name: str, inputs: tuple, params: dict[str, Any], where: str = "", primitive: Any = None):
        self.name = name
        self.inputs = inputs
        self.params = params
        self.where = where
        self.outputs: list[Value] = []
        self.primitive = primitive
        self.linked: list[bool] = []
        self.several = False

    @property
    def values(self) -> list[Value]:
        """The inputs that are values."""
        return [x for x in self.inputs if isinstance(x, Value)]


@dataclass
class Graph:
    """Operations in the order they were recorded; `inputs` maps a value to where it comes from.

    left_out counts the operations that were recorded and are not there any more, by the reason.
    """

    inputs: dict[Value, Any] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        names: dict[Value, str] = {}

        def name(x: Any) -> str:
            if not isinstance(x, Value):
                return repr(x)
            return names.setdefault(x, f"v{len(names)}")

        def typed(v: Value) -> str:
            return f"{name(v)}: {'weak ' * v.weak}{v.dtype}{list(v.shape)}"

        lines = [f"{typed(v)} = input {source}" for v, source in self.inputs.items()]
        for op in self.ops:
            params = "".join(f", {k}={v}" for k, v in op.params.items() if not loops(op))
            made = ", ".join(map(typed, op.outputs))
            lines.append(f"{made} = {op.name}({', '.join(map(name, op.inputs))}{params})")
            lines += [f"    {line}" for loop in loops(op) for line in str(loop).splitlines()]
        return "\n".join([*lines, f"return {', '.join(map(name, self.outputs))}"])


@dataclass(frozen=True, eq=False)
class Loop:
    """What a scan repeats `length` times, from the last slice to the first if `reverse`.

    body.inputs: so many `carries`, so many `slices` of stacks along their first axis, then what every iteration shares.
    body.outputs: the new carries, then slices of the stacks that are made.
    root: the loop that this one was made of by giving it further outputs; itself if it is the first.
    """

    body: Graph
    length: int
    reverse: bool
    carries: int
    slices: int
    origin: Loop | None = None

    @property
    def root(self) -> Loop:
        return self.origin or self

    @property
    def inputs(self) -> tuple[list[Value], list[Value], list[Value]]:
        """The inputs of the body: carries, slices, and what every iteration shares."""
        values = list(self.body.inputs)
        return values[: self.carries], values[self.carries : self.shared], values[self.shared :]

    @property
    def shared(self) -> int:
        """Where in body.inputs those begin that every iteration shares."""
        return self.carries + self.slices

    def __str__(self) -> str:
        direction = "backwards " * self.reverse
        return f"{self.length} times {direction}with {self.carries} carries, {self.slices} slices:\n{self.body}"


def loops(op: Op) -> list[Loop]:
    """The loop of a scan; none of any other operation."""
    return [op.params["loop"]] if op.name == "scan" else []


def is_live(op: Op, live: set[Value]) -> bool:
    """Whether an operation has to run: it makes something that is needed, or may raise."""
    return op.name == "checked_index" or not live.isdisjoint(op.outputs)


def copies(ops: Iterable[Op], same: dict[Value, Any]) -> list[Op]:
    """The operations anew, on what `same` has for their inputs; it learns what stands for their results."""
    made = []
    for op in ops:
        new = Op(op.name, tuple(same.get(x, x) if isinstance(x, Value) else x for x in op.inputs), op.params, op.where)
        for v in op.outputs:
            same[v] = Value(v.shape, v.dtype, v.weak, new, v.index)
            new.outputs.append(same[v])
        made.append(new)
    return made
