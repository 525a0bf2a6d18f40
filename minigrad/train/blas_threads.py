"""One thread for NumPy's matrix products while a run goes on.

OpenBLAS keeps its threads spinning for a while after each product, on the cores that the kernels' threads need next:
with both, a training step of a small network takes five times as long as with either. And with one thread a product
does not depend on the number of cores, so a run gives the same digits on every machine of a kind.
"""

import ctypes
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CHOSEN_BY_USER = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Set NumPy's OpenBLAS to one thread and restore it; does nothing for another BLAS, or if the user has chosen."""
    get, set_ = _openblas("get"), _openblas("set")
    if get is None or set_ is None or any(name in os.environ for name in CHOSEN_BY_USER):
        yield
        return
    before = get()
    set_(1)
    try:
        yield
    finally:
        set_(before)


def _openblas(verb: str) -> Callable[..., int] | None:
    """OpenBLAS's function `verb`_num_threads under any of the names that builds of NumPy give it."""
    extension = importlib.import_module("numpy._core._multiarray_umath").__file__
    library = ctypes.CDLL(extension)  # a look-up also searches what it is linked to
    names = (
        f"{prefix}_{verb}_num_threads{suffix}" for prefix in ("scipy_openblas", "openblas") for suffix in ("64_", "")
    )
    return next((getattr(library, name) for name in names if hasattr(library, name)), None)
