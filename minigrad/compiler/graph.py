"""The graph of a traced function: values, and the operations that make them."""

from __future__ import annotations

import math
from collections import Counter
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
    """One recorded call of a primitive: inputs are values or Python scalars."""

    __slots__ = ("name", "inputs", "params", "outputs", "where")

    def __init__(self, name: str, inputs: tuple, params: dict[str, Any], where: str = ""):
        self.name = name
        self.inputs = inputs
        self.params = params
        self.where = where
        self.outputs: list[Value] = []

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
            params = "".join(f", {k}={v}" for k, v in op.params.items())
            made = ", ".join(map(typed, op.outputs))
            lines.append(f"{made} = {op.name}({', '.join(map(name, op.inputs))}{params})")
        return "\n".join([*lines, f"return {', '.join(map(name, self.outputs))}"])
