"""Threads that help: they sleep until there is a job, and whoever has one works on it, too.

A job is a tile kernel, its plan and a number of tiles, which the caller and its helpers take one by one. The caller
waits for those who are at work when no tile is left, not for those who have not woken up by then: where other programs
keep the processors busy, a job takes no longer than on one thread. (A barrier of OpenMP waits for all. With its
threads asleep a launch takes 20 us; with its threads spinning 7, or 16 ms if others want the processor.)

The helpers are Python's threads, inside one call of compiled code without the GIL, asleep in Python's own locks: there
is no threading layer to choose, and nothing to compile but the loops below.
"""

import ctypes
import functools
import os
import threading

import numpy as np
from llvmlite import binding, ir
from numba import cfunc, njit, types
from numba.extending import intrinsic

WORD = ir.IntType(64)
LOOP = types.void(types.int64, types.int64, types.int64, types.int64)  # kernel, plan, tiles, workers
SYMBOL = "minigrad_team"
(
    ADDRESS, WORKERS, BUSY, KERNEL, PLAN, TILES, PRESENT, TAKEN, SIDES, _, OPEN, INSIDE, ASLEEP, LOCK
) = range(0, 112, 8)  # fmt: skip
"""Words behind SYMBOL, a cache line each: for compiled code, the loop to call and how many may work; whether the team
is taken; the job, how many may work at it, how many tiles are taken, in all and from either end; whether it is open,
how many helpers are inside. From ASLEEP and LOCK on there is one of each for every helper, HELPER words apart."""
HELPER, MOST = 16, 64
words = np.zeros(ASLEEP + HELPER * MOST, np.int64)


def _address(function):
    return ctypes.cast(function, ctypes.c_void_p).value


_system = ctypes.CDLL("kernel32" if os.name == "nt" else None)
binding.add_symbol(SYMBOL, words.ctypes.data)
binding.add_symbol("minigrad_acquire", _address(ctypes.pythonapi.PyThread_acquire_lock))
binding.add_symbol("minigrad_release", _address(ctypes.pythonapi.PyThread_release_lock))
binding.add_symbol("minigrad_yield", _address(_system.SwitchToThread if os.name == "nt" else _system.sched_yield))
_acquire = types.ExternalFunction("minigrad_acquire", types.int32(types.int64, types.int32))
_release = types.ExternalFunction("minigrad_release", types.void(types.int64))
_yield = types.ExternalFunction("minigrad_yield", types.int32())


# ---- words, atomically


def word(builder, i):
    """A pointer to word i behind SYMBOL, in LLVM."""
    shared = builder.module.globals.get(SYMBOL)
    if shared is None:
        shared = ir.GlobalVariable(builder.module, ir.ArrayType(WORD, len(words)), SYMBOL)
    return builder.gep(shared, [WORD(0), i])


def _atomic(operation):
    @intrinsic
    def function(typing_context, i, value):
        def generate(context, builder, signature, arguments):
            return builder.atomic_rmw(operation, word(builder, arguments[0]), arguments[1], "seq_cst")

        return types.int64(types.int64, types.int64), generate

    return function


_exchange, _add = _atomic("xchg"), _atomic("add")  # (i, value): what word i was before


@intrinsic
def call_tile(typing_context, kernel, plan, tile, tiles, worker):
    """Call the tile kernel at address `kernel`."""

    def generate(context, builder, signature, arguments):
        function = ir.FunctionType(ir.VoidType(), [WORD] * 4)
        builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


# ---- the two sides of a job


@njit
def _work(kernel, plan, tiles, worker):
    """Take tiles until none is left: from the front or from the back, so that what a worker takes does not change
    much from call to call, and its core still has it in its cache."""
    back = worker % 2
    while _add(TAKEN, 1) < tiles:
        i = _add(SIDES + 8 * back, 1)
        call_tile(kernel, plan, tiles - 1 - i if back else i, tiles, worker)


@functools.cache
def together():
    """The loop on several threads; on the calling one alone if the team has another job."""

    @cfunc(LOOP, cache=True)
    def run(kernel, plan, tiles, workers):
        if _exchange(BUSY, 1):
            for tile in range(tiles):
                call_tile(kernel, plan, tile, tiles, 0)
            return
        workers = min(workers, tiles)
        _exchange(KERNEL, kernel)
        _exchange(PLAN, plan)
        _exchange(TILES, tiles)
        _exchange(PRESENT, workers)
        _exchange(TAKEN, 0)
        _exchange(SIDES, 0)
        _exchange(SIDES + 8, 0)
        _exchange(OPEN, 1)
        for helper in range(workers - 1):
            if _exchange(ASLEEP + HELPER * helper, 0):
                _release(_add(LOCK + HELPER * helper, 0))
        _work(kernel, plan, tiles, 0)
        _exchange(OPEN, 0)
        while _add(INSIDE, 0) > 0:
            _yield()
        _exchange(BUSY, 0)

    return run


@functools.cache
def _help():
    @cfunc(types.void(types.int64), cache=True)
    def run(helper):
        while True:
            _exchange(ASLEEP + HELPER * helper, 1)
            _acquire(_add(LOCK + HELPER * helper, 0), 1)
            _add(INSIDE, 1)  # before looking: whoever closes a job looks here after that
            if _add(OPEN, 0) and helper + 1 < _add(PRESENT, 0):
                _work(_add(KERNEL, 0), _add(PLAN, 0), _add(TILES, 0), helper + 1)
            _add(INSIDE, -1)

    return run


_hired = 0
_hiring = threading.Lock()


def hire(workers):
    """Have enough helpers for so many workers."""
    global _hired
    with _hiring:
        while _hired < workers - 1:
            allocate = ctypes.pythonapi.PyThread_allocate_lock
            allocate.restype = ctypes.c_void_p
            lock = allocate()
            ctypes.pythonapi.PyThread_acquire_lock(ctypes.c_void_p(lock), 1)
            words[LOCK + HELPER * _hired] = lock
            name = f"minigrad helper {_hired}"
            threading.Thread(target=_help().ctypes, args=(_hired,), name=name, daemon=True).start()
            _hired += 1
