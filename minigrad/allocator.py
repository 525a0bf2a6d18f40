"""Keep freed memory for the next array.

glibc returns large blocks to the system as soon as they are freed, and getting them again costs a page fault for every
4 KiB: half the time of a training step whose arrays have a few megabytes. Every operation makes a new array here, so
minigrad asks glibc to keep up to 256 MiB of freed memory. Set MINIGRAD_KEEP_MEMORY=0 to leave glibc as it is.
"""

import ctypes
import os
import sys

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # mallopt's parameters M_MMAP_THRESHOLD and M_TRIM_THRESHOLD
LARGEST_POOLED, KEPT = 32 * 2**20, 256 * 2**20  # bytes; glibc accepts no larger first one


def keep_freed_memory() -> bool:
    """Set glibc's thresholds for this process. Returns whether it did: not on other systems, nor if opted out."""
    if not sys.platform.startswith("linux") or os.environ.get("MINIGRAD_KEEP_MEMORY") == "0":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and bool(mallopt(MMAP_THRESHOLD, LARGEST_POOLED) and mallopt(TRIM_THRESHOLD, KEPT))


def return_freed_memory() -> bool:
    """Give the freed memory that glibc keeps back to the system: after tracing and compiling, which need much, once.

    Returns whether it did: not on other systems.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None
    return trim is not None and bool(trim(0))
