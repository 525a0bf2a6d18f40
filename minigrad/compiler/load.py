"""Generated modules on disk: one file for each source, named by a hash of everything its machine code depends on."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import pickle
import platform
import re
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType


@functools.cache
def versions() -> str:
    """The compiler, the processor, its BLAS kernels, and every source that generated code inlines."""
    import llvmlite.binding
    import numba
    import numpy

    from minigrad.kernels import cpu
    from minigrad.kernels.cpu.gemm import blas_core

    digest = hashlib.sha256()
    for folder in (Path(__file__).parent / "runtime", Path(cpu.__file__).parent):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.read_bytes())
    processor = (platform.machine(), llvmlite.binding.get_host_cpu_name(), blas_core())
    parts = (numba.__version__, llvmlite.__version__, numpy.__version__, *processor)
    return " ".join([*parts, digest.hexdigest()])


@functools.cache
def folder() -> Path:
    """The private folder of compiled steps; a temporary one where the usual one cannot be trusted or written."""
    import platformdirs

    wanted = Path(os.environ.get("MINIGRAD_CACHE", platformdirs.user_cache_dir("minigrad"))) / "steps"
    try:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = wanted.stat()
        if hasattr(os, "getuid") and (status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o022):
            raise PermissionError(f"{wanted} belongs to somebody else, or others may write there")
        with tempfile.TemporaryFile(dir=wanted):
            pass
    except OSError as error:
        temporary = Path(tempfile.mkdtemp(prefix="minigrad-steps-"))
        warnings.warn(f"[jit] compiled steps are not kept: {error}.", RuntimeWarning, stacklevel=2)
        return temporary
    return wanted


COMPILING: ContextVar[Callable[[bool], None] | None] = ContextVar("compiling", default=None)


@contextmanager
def watching(told: Callable[[bool], None]) -> Iterator[None]:
    """Call `told(cached)` before each compilation inside, cached: it is a matter of loading it from the disk."""
    token = COMPILING.set(told)
    try:
        yield
    finally:
        COMPILING.reset(token)


def module_name(source: str) -> str:
    """The name of the module of a generated source."""
    return f"minigrad_step_{hashlib.sha256((versions() + source).encode()).hexdigest()[:24]}"


def is_on_disk(source: str) -> bool:
    """Whether there is machine code of a generated source."""
    return any((folder() / "__pycache__").glob(f"{module_name(source)}*.nbi"))


def load(source: str) -> ModuleType:
    """The module of a generated source. A damaged cache entry is removed and compiled anew."""
    name = module_name(source)
    if name in sys.modules:
        return sys.modules[name]
    provide_products(source)
    path = folder() / f"{name}.py"
    if not path.exists() or path.read_text() != source:
        write_atomically(path, source)
    return execute(name, path)


def execute(name: str, path: Path) -> ModuleType:
    """Import a file as a module of this name."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"[jit] {path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(temporary, path)


def compiled(source: str, args: tuple, name: str = "step") -> Callable:
    """A function of a source, compiled for these arguments or loaded from the disk.

    It is the machine code itself, which takes it on trust that arguments are of these types. Cached machine code that
    cannot be read is removed, with one warning, and compiled anew.
    """
    import numba

    told = COMPILING.get()
    if told is not None:
        told(is_on_disk(source))
    signature = tuple(map(numba.typeof, args))
    try:
        getattr(load(source), name).compile(signature)
    except (EOFError, OSError, ValueError, ImportError, AttributeError, KeyError, pickle.UnpicklingError) as error:
        warnings.warn(f"[jit] a damaged cache entry was removed: {error!r}.", RuntimeWarning, stacklevel=2)
        sys.modules.pop(module_name(source), None)
        for stale in (folder() / "__pycache__").glob(f"{module_name(source)}*"):
            stale.unlink(missing_ok=True)
        getattr(load(source), name).compile(signature)
    return getattr(load(source), name).overloads[signature].entry_point


def provide_products(source: str) -> None:
    """Have the matrix products ready that a source calls."""
    from minigrad.compiler.runtime.blas import provide

    for bits in (32, 64):
        if re.search(rf"\bgemm\w*{bits}\b", source):
            provide(bits)


def parts(source: str) -> list[int]:
    """The addresses of the parts of a step."""
    return [part.address for part in load(source).PARTS]
