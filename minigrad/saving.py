"""Tensors in files: the safetensors format, written atomically. Loading never runs code, unlike pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.dtypes import as_dtype
from minigrad.errors import DataError, DtypeError
from minigrad.ops import asarray

SHARED = "minigrad.shared"
"""The key of a file's metadata that maps further names of tensors to those under which they are written, as JSON."""


def save(tensors: Any, path: str | os.PathLike, metadata: Mapping[str, str] | None = None) -> None:
    """Write named tensors to a safetensors file; whoever reads `path` sees the old file or the new one, never a part.

    A tensor with several names, such as a weight that layers share, is written once; `load` gives it under all of them.

    tensors: a mapping from names to tensors or NumPy arrays, or anything whose `state_dict()` is one, such as a module.
    metadata: strings to keep with them (`load_metadata` reads them).
    Raises DtypeError for anything else, OSError if the file cannot be written.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> mg.save({"w": mg.tensor([1.0, 2.0])}, path)
    >>> mg.load(path)
    {'w': tensor([1., 2.])}
    """
    from safetensors.numpy import save as encode

    named = tensors.state_dict() if hasattr(tensors, "state_dict") else tensors
    if not isinstance(named, Mapping):
        raise DtypeError(f"[save] expected a module or a mapping from names to tensors, got {type(tensors).__name__}.")
    arrays = {name: as_array(name, value) for name, value in named.items()}
    for name, value in (metadata or {}).items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise DtypeError(f"[save] metadata maps strings to strings, got {name!r}: {value!r}.")
    others = other_names(arrays)
    kept = {name: array for name, array in arrays.items() if name not in others}
    notes = {**(metadata or {}), **({SHARED: json.dumps(others)} if others else {})}
    write_atomically(Path(path), ordered(encode(kept, notes or None)))


def load(path: str | os.PathLike) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name; `Module.load_state_dict` takes them.

    Raises FileNotFoundError if there is no file, DataError if it is damaged or of another format, DtypeError for a
    dtype that minigrad does not have.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> mg.save(nn.Linear(3, 2), path)
    >>> sorted(mg.load(path))
    ['bias', 'weight']
    """
    with opened(path) as file:
        tensors = {name: as_tensor(path, name, file) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        others = (file.metadata() or {}).get(SHARED, "{}")
    try:
        return tensors | {name: Tensor(tensors[first].data) for name, first in json.loads(others).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"[load] {path} is damaged: its names of shared tensors are {others!r}.") from None


def load_metadata(path: str | os.PathLike) -> dict[str, str]:
    """The strings that `save` kept with the tensors; errors as for `load`."""
    with opened(path) as file:
        return {name: value for name, value in (file.metadata() or {}).items() if name != SHARED}


def other_names(arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """The names of arrays that have the memory of an earlier one, and the name of that."""
    first: dict[tuple, str] = {}
    for name, array in arrays.items():
        first.setdefault(memory(array), name)
    shared = {name: first[memory(array)] for name, array in arrays.items() if array.size}
    return {name: original for name, original in shared.items() if original != name}


def ordered(content: bytes) -> bytes:
    """A file with its metadata in order: safetensors writes them in another one each time."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    notes = header.get("__metadata__", {})
    if len(notes) < 2:
        return content
    text = json.dumps({**header, "__metadata__": dict(sorted(notes.items()))}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the tensors begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text + content[end:]


def memory(array: np.ndarray) -> tuple:
    """Where an array lies and how; the same for two that are one."""
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype


def as_array(name: Any, value: Any) -> np.ndarray:
    """One tensor as the array to write. Raises DtypeError for what is none, or a name that is no string."""
    if not isinstance(name, str) or name == "__metadata__":
        raise DtypeError(f"[save] names must be strings other than '__metadata__', got {name!r}.")
    if not isinstance(value, (Tensor, np.ndarray)):
        raise DtypeError(f"[save] {name!r} must be a tensor, got {type(value).__name__}: mappings cannot be nested.")
    array = value.data if isinstance(value, Tensor) else value
    as_dtype(array.dtype)
    return np.asarray(array, order="C")


def as_tensor(path: Any, name: str, file: Any) -> Tensor:
    """One tensor of an open file."""
    try:
        return asarray(file.get_tensor(name))
    except (TypeError, KeyError, DtypeError):
        dtype = file.get_slice(name).get_dtype()
        raise DtypeError(f"[load] {path}: tensor {name!r} has dtype {dtype}, which is not supported.") from None


def opened(path: str | os.PathLike) -> Any:
    """The file, its header read and checked against its size."""
    from safetensors import SafetensorError, safe_open

    if not os.path.isfile(path):
        raise FileNotFoundError(f"[load] there is no file {os.fspath(path)!r}.")
    try:
        return safe_open(path, framework="np")
    except SafetensorError as error:
        with open(path, "rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
        hint = " A file of torch.save: give load_state_dict what torch.load returns." if zipped else ""
        raise DataError(f"[load] {path} is no safetensors file, or it is damaged: {error}.{hint}") from None


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside `path` and put it in its place once it is complete."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"[save] there is no folder {str(path.parent)!r}.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
