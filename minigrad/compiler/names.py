"""How dtypes and constants are written in emitted source."""

from typing import Any

import numpy as np

TYPES = {
    "float32": "F32", "float64": "F64", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8",
    "bool": "B1",
}  # fmt: skip


def literal(x: Any, dtype: np.dtype) -> str:
    """A typed constant."""
    value = bool(x) if dtype.kind == "b" else int(x) if dtype.kind in "iu" else float(x)
    return f"{TYPES[dtype.name]}({value!r})"
