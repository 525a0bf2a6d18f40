"""Run a kernel's tiles on several threads.

A tile kernel is a C function `kernel(plan, tile, tiles, worker)`, made by `numba.cfunc`. It computes tile number `tile`
of `tiles` from the record that `plan` points to, and may use the scratch memory of `worker`. The number of tiles
depends on shapes alone and tiles share no output, so results are bitwise equal for any number of threads.

Compiled code runs tiles through the loop whose address `ready` leaves behind `team.SYMBOL`.
"""

import functools
import hashlib
import os
from pathlib import Path

import numba
import numpy as np
from numba import cfunc

from minigrad.kernels.cpu.team import ADDRESS, LOOP, MOST, WORKERS, call_tile, hire, together, words
from minigrad.kernels.threads import get_num_threads

_process = os.getpid()
_allowed = 0  # what `ready` has left: written anew only if it changes
NUMBA_THREADS: int = getattr(numba.config, "NUMBA_NUM_THREADS")  # noqa: B009  (set when numba is imported)


@functools.cache
def _alone():
    """The loop on the calling thread."""

    @cfunc(LOOP, cache=True)
    def run(kernel, plan, tiles, workers):
        for tile in range(tiles):
            call_tile(kernel, plan, tile, tiles, 0)

    return run


def _loop(workers):
    """The loop for so many threads."""
    if workers == 1:
        return _alone()
    hire(workers)
    return together()


def workers_for(tiles):
    """How many threads to run `tiles` tiles on."""
    if os.getpid() != _process:  # threads do not survive a fork
        return 1
    return max(1, min(tiles, get_num_threads(), NUMBA_THREADS, MOST))


def ready():
    """Let compiled code run its tiles on as many threads as there may be now."""
    global _allowed
    workers = workers_for(MOST)
    if workers != _allowed:
        words[ADDRESS], words[WORKERS] = _loop(workers).address, workers
        _allowed = workers


def launch(kernel, plan, tiles, workers):
    """Run all tiles of `kernel`, a tile kernel, on `plan`, a 0-d record array, on at most `workers` threads."""
    _loop(workers).ctypes(kernel.address, plan.ctypes.data, tiles, workers)


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
