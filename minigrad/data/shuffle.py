"""The only source of randomness of this package: streams that depend on a seed and a position, and on nothing else.

Nothing is carried along from batch to batch, so a loader that resumes in mid-epoch needs to know where it was, and
not what it had drawn before.
"""

import numpy as np

from minigrad.errors import ConfigError


def shuffled(n: int, seed: int, epoch: int = 0) -> np.ndarray:
    """A random order of 0 .. n-1, (n,) int64: the stable argsort of n random 64-bit keys."""
    return np.argsort(_philox(seed, epoch, 0).random_raw(n), kind="stable")


def batch_stream(seed: int, epoch: int, batch: int) -> np.random.Generator:
    """The random numbers for the transformation of one batch."""
    return np.random.Generator(_philox(seed, epoch, batch + 1))


def _philox(seed, epoch, stream):
    """Philox (Salmon et al. 2011) at a place of its own: the lower half of the counter is left to count the numbers."""
    return np.random.Philox(key=seed, counter=[0, 0, stream, epoch])


def check_seed(who: str, seed: int) -> int:
    """`seed` if it fits 64 bits, otherwise ConfigError."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise ConfigError(f"[{who}] seed must be a whole number in [0, 2**64), got {seed!r}.")
    return int(seed)
