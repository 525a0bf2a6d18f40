"""Hand-written kernels on plain arrays: `reference` (NumPy, the specification) and `cpu` (numba), twins by name.

`kernels.conv(x, w, ...)` is the fast twin. It is imported on first use, so numba is not loaded before it is needed.
A new kernel is a function of the same name in both packages and one row in `MODULES`.
"""

from importlib import import_module
from typing import Any

#: name of a kernel -> the module that holds it, in `reference` and in `cpu` alike
MODULES = {
    "conv": "conv",
    "conv_input_grad": "conv",
    "conv_weight_grad": "conv",
    "windows": "windows",
    "fold_windows": "windows",
    "max_pool_indices": "pool",
    "philox_bits": "random",
    "index_add": "scatter",
    "take_along_axis": "scatter",
    "scatter_add_along_axis": "scatter",
    "linear_recurrence": "recurrence",
}


def find(name: str, package: str) -> Any:
    """The kernel `name` of `package`, which is "reference" or "cpu"."""
    return getattr(import_module(f"{__name__}.{package}.{MODULES[name]}"), name)


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    kernel = globals()[name] = find(name, "cpu")
    return kernel


def __dir__() -> list[str]:
    return sorted({*globals(), *MODULES})
