"""A nested state as what a safetensors file can hold: named tensors, and a text.

The text goes into the header of the same file. Replacing one file is atomic; with two, a run that is killed in between
would leave parts that do not belong together.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad import Tensor
from minigrad.errors import DataError

# In the text, a tensor is {"tensor": its name}, a dict is {"items": [[key, value], ...]}: keys need not be strings.
TENSOR, ITEMS = "tensor", "items"


def pack(state: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The tensors and the header of a state of dicts, lists, tuples, tensors, arrays, numbers, strings and None."""
    tensors: dict[str, Any] = {}
    skeleton = _take_out(state, "", tensors)
    return tensors, {"state": json.dumps(skeleton)}


def unpack(tensors: Mapping[str, Any], header: Mapping[str, str], file: str) -> Any:
    """The inverse of `pack`, tuples as lists. Raises DataError, naming the `file`, if these are no parts of a state."""
    try:
        return _put_back(json.loads(header["state"]), tensors)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"[train] {file} holds no state of a run: {error!r}.") from error


def readable(state: Any) -> Any:
    """The state for people to read, as JSON: tensors by their shapes."""
    if isinstance(state, dict):
        return {str(key): readable(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return [readable(value) for value in state]
    return f"tensor of shape {state.shape}" if isinstance(state, Tensor | np.ndarray) else _plain(state)


def _take_out(node, path, tensors):
    if isinstance(node, Tensor | np.ndarray):
        tensors[path] = node
        return {TENSOR: path}
    if isinstance(node, dict):
        return {ITEMS: [[key, _take_out(value, f"{path}/{key}", tensors)] for key, value in node.items()]}
    if isinstance(node, list | tuple):
        return [_take_out(value, f"{path}/{i}", tensors) for i, value in enumerate(node)]
    return _plain(node)


def _put_back(node, tensors):
    if isinstance(node, list):
        return [_put_back(value, tensors) for value in node]
    if isinstance(node, dict):
        return tensors[node[TENSOR]] if TENSOR in node else {k: _put_back(value, tensors) for k, value in node[ITEMS]}
    return node


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value
