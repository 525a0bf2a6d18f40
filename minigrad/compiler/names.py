"""How dtypes, constants and functions are written in emitted source."""

from typing import Any

import numpy as np

TYPES = {
    "float32": "F32", "float64": "F64", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8",
    "uint32": "U32", "uint64": "U64", "bool": "B1",
}  # fmt: skip


class Bound(dict[str, Any]):
    """The global names of generated Python, bound to the objects they stand for."""

    def name(self, letter: str, thing: Any) -> str:
        """A new name for an object."""
        name = f"{letter}{len(self)}"
        self[name] = thing
        return name


def type_name(dtype: np.dtype) -> str:
    """The name of a dtype: float32 is F32."""
    return TYPES[dtype.name]


def literal(x: Any, dtype: np.dtype) -> str:
    """A typed constant."""
    value = bool(x) if dtype.kind == "b" else int(x) if dtype.kind in "iu" else float(x)
    return f"{TYPES[dtype.name]}({value!r})"


def sized(name: str, bits: int) -> str:
    """The function `name` for floats of so many bits: tanh32, log2_64."""
    return f"{name}_{bits}" if name[-1].isdigit() else f"{name}{bits}"


def total(*terms: Any) -> str:
    """A sum as source, without its zeros."""
    return " + ".join(str(t) for t in terms if t not in (0, "0", "")) or "0"


def scaled(index: str, stride: int) -> str:
    """An index times a stride, as source; empty for stride 0."""
    return "" if stride == 0 else index if stride == 1 else f"{index} * {stride}"
