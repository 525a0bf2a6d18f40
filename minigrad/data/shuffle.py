"""The only source of randomness of this package: streams that depend on a seed and a position, and on nothing else.

Nothing is carried along from batch to batch, so a loader that resumes in mid-epoch needs to know where it was, not
what had been drawn before. A position is a call number of Philox (see `minigrad.random`), far above those that a
program counts up to:

    01, then 62 bits: the epoch                                            its order
    1, then 23 bits: the epoch, 24 bits: the batch, 16 bits: 0, 1, ...     the draws for one batch
"""

import numpy as np

from minigrad.errors import ConfigError
from minigrad.random import Generator, permutation

ORDERS, BATCHES = 1 << 62, 1 << 63


def shuffled(n: int, seed: int, epoch: int = 0) -> np.ndarray:
    """A random order of 0 .. n-1, (n,) int64."""
    return permutation(n, _at(seed, ORDERS | epoch)).numpy()


def batch_generator(seed: int, epoch: int, batch: int) -> Generator:
    """The generator for the transformation of one batch."""
    return _at(seed, BATCHES | epoch << 40 | batch << 16)


def _at(seed, call):
    generator = Generator(seed)
    generator.load_state_dict({"seed": seed, "call": call})
    return generator


def check_seed(who: str, seed: int) -> int:
    """`seed` if it fits 64 bits, otherwise ConfigError."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise ConfigError(f"[{who}] seed must be a whole number in [0, 2**64), got {seed!r}.")
    return int(seed)
