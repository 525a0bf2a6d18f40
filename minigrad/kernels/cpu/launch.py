"""Run a kernel's tiles on several threads.

A tile kernel is a C function `kernel(plan, tile, tiles, worker)`, made by `numba.cfunc`. It computes tile number `tile`
of `tiles` from the record that `plan` points to, and may use the scratch memory of `worker`. The number of tiles
depends on shapes alone and tiles share no output, so results are bitwise equal for any number of threads.

One precompiled `prange` loop runs them all: no other function pays numba's price for compiling parallel code.
"""

import functools
import hashlib
import os
import threading
from pathlib import Path

# Waiting threads sleep: spinning ones take the core from whoever else wants it. OpenMP reads this once, when numba
# starts its threads; a setting of the user's stands.
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import numba
import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.extending import intrinsic

from minigrad.kernels.threads import get_num_threads

_LOOP = types.void(types.int64, types.int64, types.int64, types.int64)
_busy = threading.Lock()
_process = os.getpid()


@intrinsic
def _call(typing_context, kernel, plan, tile, tiles, worker):
    """Call the tile kernel at address `kernel`."""

    def generate(context, builder, signature, arguments):
        word = ir.IntType(64)
        function = ir.FunctionType(ir.VoidType(), [word] * 4)
        builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


@njit(_LOOP, parallel=True, cache=True, nogil=True)
def _run_parallel(kernel, plan, tiles, workers):
    for worker in prange(workers):
        for tile in range(tiles * worker // workers, tiles * (worker + 1) // workers):
            _call(kernel, plan, tile, tiles, worker)


@njit(_LOOP, cache=True, nogil=True)
def _run_serial(kernel, plan, tiles, workers):
    for tile in range(tiles):
        _call(kernel, plan, tile, tiles, 0)


def workers_for(tiles):
    """How many threads to run `tiles` tiles on."""
    if os.getpid() != _process:  # OpenMP does not survive a fork
        return 1
    return max(1, min(tiles, get_num_threads(), numba.config.NUMBA_NUM_THREADS))


def launch(kernel, plan, tiles, workers):
    """Run all tiles of `kernel`, a tile kernel, on `plan`, a 0-d record array, on at most `workers` threads."""
    if workers > 1 and _busy.acquire(blocking=False):  # not every threading layer of numba may be entered twice
        try:
            _run_parallel(kernel.address, plan.ctypes.data, tiles, workers)
        finally:
            _busy.release()
    else:
        _run_serial(kernel.address, plan.ctypes.data, tiles, workers)


@functools.cache
def sources():
    """A number that changes with any source file of this folder.

    numba's cache notices edits of the file that holds a compiled function, not of the helpers it inlines; but the
    variables a function closes over are part of the cache key. Tile kernels close over this number.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:7], "little")


def record(dtype, **fields):
    """A 0-d record array of `dtype` with every field given."""
    return np.array(tuple(fields[name] for name in dtype.names), dtype)
