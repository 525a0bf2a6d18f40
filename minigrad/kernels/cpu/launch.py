"""Run a kernel's tiles on several threads.

A tile kernel is a C function `kernel(plan, tile, tiles, worker)`. It computes tile number `tile` of `tiles` from the
record that `plan` points to, and may use the scratch memory of `worker`. The number of tiles depends on shapes alone
and tiles share no output, so results are bitwise equal for any number of threads.

Two loops run them, one after the other or in `prange`: no other function pays numba's price for compiling parallel
code, and a process that keeps to one thread does not pay it at all. Compiled code finds the loop to call, and for how
many threads, behind the symbol SYMBOL, where `ready` leaves them.
"""

import functools
import hashlib
import os
from pathlib import Path

# Waiting threads sleep: spinning ones take the core from whoever else wants it. OpenMP reads this once, when numba
# starts its threads; a setting of the user's stands.
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import numba
import numpy as np
from llvmlite import binding, ir
from numba import cfunc, njit, prange, types
from numba.extending import intrinsic

from minigrad.kernels.threads import get_num_threads

WORD = ir.IntType(64)
LOOP = types.void(types.int64, types.int64, types.int64, types.int64)  # kernel, plan, tiles, workers
SYMBOL = "minigrad_launch"
ADDRESS, WORKERS, BUSY = range(3)  # of the loop to call; how many threads it may use; whether they are taken
_words = np.zeros(3, np.int64)
binding.add_symbol(SYMBOL, _words.ctypes.data)
_allowed = 0  # what stands there: written anew only if it changes
_process = os.getpid()
NUMBA_THREADS: int = getattr(numba.config, "NUMBA_NUM_THREADS")  # noqa: B009  (set when numba is imported)

# numba's own functions of these names cannot be called from code that is kept on disk.
_get_mask = types.ExternalFunction("get_num_threads", types.intp())
_set_mask = types.ExternalFunction("set_num_threads", types.void(types.intp))


def word(builder, i):
    """A pointer to word i behind SYMBOL, in LLVM."""
    shared = builder.module.globals.get(SYMBOL)
    if shared is None:
        shared = ir.GlobalVariable(builder.module, ir.ArrayType(WORD, len(_words)), SYMBOL)
    return builder.gep(shared, [WORD(0), WORD(i)])


@intrinsic
def _call(typing_context, kernel, plan, tile, tiles, worker):
    """Call the tile kernel at address `kernel`."""

    def generate(context, builder, signature, arguments):
        function = ir.FunctionType(ir.VoidType(), [WORD] * 4)
        builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


@intrinsic
def _set_busy(typing_context, value):
    """Set whether the threads are taken; what it was before."""

    def generate(context, builder, signature, arguments):
        return builder.atomic_rmw("xchg", word(builder, BUSY), arguments[0], "seq_cst")

    return types.int64(types.int64), generate


@intrinsic
def _take(typing_context, counter):
    """The number at an address, which grows by one: no two threads get the same."""

    def generate(context, builder, signature, arguments):
        return builder.atomic_rmw("add", builder.inttoptr(arguments[0], WORD.as_pointer()), WORD(1), "monotonic")

    return types.int64(types.int64), generate


@functools.cache
def _serial():
    """The loop on the calling thread."""

    @cfunc(LOOP, cache=True)
    def run(kernel, plan, tiles, workers):
        for tile in range(tiles):
            _call(kernel, plan, tile, tiles, 0)

    return run


@functools.cache
def _parallel():
    """The loop on several threads, each taking the next tile when it is done with one. Whoever finds them taken runs
    the tiles alone: not every threading layer of numba may be entered twice."""

    @njit(LOOP, parallel=True, cache=True, nogil=True)
    def run_together(kernel, plan, tiles, workers):
        counter = np.zeros(1, np.int64)
        for worker in prange(workers):
            tile = _take(counter.ctypes.data)
            while tile < tiles:
                _call(kernel, plan, tile, tiles, worker)
                tile = _take(counter.ctypes.data)

    @cfunc(LOOP, cache=True)
    def run(kernel, plan, tiles, workers):
        if _set_busy(1):
            for tile in range(tiles):
                _call(kernel, plan, tile, tiles, 0)
        else:
            workers = min(workers, tiles)
            mask = _get_mask()
            _set_mask(workers)
            run_together(kernel, plan, tiles, workers)
            _set_mask(mask)
            _set_busy(0)

    return run


def workers_for(tiles):
    """How many threads to run `tiles` tiles on."""
    if os.getpid() != _process:  # OpenMP does not survive a fork
        return 1
    return max(1, min(tiles, get_num_threads(), NUMBA_THREADS))


def ready():
    """Let compiled code run its tiles on as many threads as there may be now."""
    global _allowed
    workers = workers_for(NUMBA_THREADS)
    if workers != _allowed:
        _words[ADDRESS], _words[WORKERS] = (_parallel() if workers > 1 else _serial()).address, workers
        _allowed = workers


def launch(kernel, plan, tiles, workers):
    """Run all tiles of `kernel`, a tile kernel, on `plan`, a 0-d record array, on at most `workers` threads."""
    run = _parallel() if workers > 1 else _serial()
    run.ctypes(kernel.address, plan.ctypes.data, tiles, workers)


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
