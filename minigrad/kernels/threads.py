"""How many threads kernels may use: one number, kept apart from numba so that setting it imports nothing."""

import os

_limit: int | None = None


def available_threads() -> int:
    """The number of CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def get_num_threads() -> int:
    """The number of threads a kernel may use, by default one for each CPU that the process may run on.

    >>> mg.get_num_threads() >= 1
    True
    """
    return _limit if _limit is not None else available_threads()


def set_num_threads(count: int) -> None:
    """Let kernels use at most `count` threads. Results do not depend on it, not by a single bit.

    Raises ValueError for less than one.

    >>> before = mg.get_num_threads()
    >>> mg.set_num_threads(1)
    >>> mg.get_num_threads()
    1
    >>> mg.set_num_threads(before)
    """
    global _limit
    if count < 1:
        raise ValueError(f"[set_num_threads] count must be at least 1, got {count}.")
    _limit = int(count)
