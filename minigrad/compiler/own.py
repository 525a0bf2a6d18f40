"""Operations of users' own: emitted code calls their numba functions."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minigrad.compiler.graph import Op, Value

if TYPE_CHECKING:
    from minigrad.compiler.emit import Emitter

PLAIN = (bool, int, float, str, type(None))


def refusal(op: Op) -> str | None:
    """Why such an operation cannot be compiled; None if it can."""
    kernel = getattr(op.params["own"], "kernel", None)
    if kernel is None or op.params["own"].shape is None:
        return "an operation of your own is compiled if custom_op is given its kernel and its shape"
    if not hasattr(kernel, "py_func"):
        return "its kernel must be a numba function"
    if not is_importable(kernel):
        return f"its kernel {kernel.__qualname__} must be a function of a module, which generated code can import"
    if any(v.shape == () and not v.weak for v in (*op.values, *op.outputs)):
        return "kernels take and return arrays of at least one dimension"
    if not all(isinstance(value, PLAIN) for value in op.params["settings"].values()):
        return "its settings must be numbers or strings"
    return None


def is_importable(kernel: Any) -> bool:
    """Whether it is what its module has under its name."""
    return getattr(sys.modules.get(kernel.__module__), kernel.__qualname__, None) is kernel


def imports(kernels: dict[str, Any]) -> Iterator[str]:
    """The lines that import kernels; with their sources' hashes, since machine code is kept by the text around it."""
    for name, kernel in kernels.items():
        digest = hashlib.sha256(inspect.getsource(kernel.py_func).encode()).hexdigest()[:16]
        yield f"from {kernel.__module__} import {kernel.__qualname__} as {name}  # {digest}"


def emit(emitter: Emitter, op: Op) -> None:
    """The call, the check of the results' shapes, and copies of them."""
    add, own = emitter.source.add, op.params["own"]
    arguments = [argument(emitter, x) for x in op.inputs]
    settings = [f"{name}={value!r}" for name, value in op.params["settings"].items()]
    results = [f"own{emitter.number.replace('.', '_')}_{i}" for i in range(len(op.outputs))]
    add(f"{', '.join(results)} = {emitter.imported(own.kernel)}({', '.join(arguments + settings)})")
    for result, out in zip(results, op.outputs):
        buffer = emitter.buffer(out)  # which may add a line
        emitter.failures.append(f"the kernel of {op.name} returned another shape than {out.shape}")
        add(f"if {result}.shape != {out.shape}:")
        add(f"    return {len(emitter.failures)}")
        add(f"for i, x in enumerate({result}.flat):")
        add(f"    {buffer}[i] = x")


def argument(emitter: Emitter, x: Any) -> str:
    """An array in its shape, or a number."""
    if not isinstance(x, Value):
        return repr(x)
    buffer = emitter.buffer(emitter.layouts[x].base)
    return f"{buffer}[0]" if x.weak else f"{buffer}.reshape({x.shape})"

