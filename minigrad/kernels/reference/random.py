"""Philox 4x32-10, the counter-based generator behind every random number (Salmon, Moraes, Dror & Shaw 2011).

A counter-based generator is a pure function (key, counter) -> bits: element i of call c is the same number wherever,
whenever and in whatever order it is computed. That makes eager, compiled and CUDA results bitwise equal.
"""

import numpy as np

WORD = 0xFFFFFFFF
ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # golden ratio and sqrt(3) - 1, as fractions of 2^32


def philox4x32(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    """The ten rounds: counter (..., 4) uint32, key (2,) uint32, words low first -> (..., 4) uint32.

    A round multiplies two counter words by constants and swaps the halves of both products into the other pair:
        (c0, c1, c2, c3) <- (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0)).
    """
    c0, c1, c2, c3 = np.moveaxis(np.asarray(counter, np.uint64), -1, 0)
    k0, k1 = (int(word) for word in key)
    for _ in range(ROUNDS):
        product0, product1 = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1 = (product1 >> 32) ^ c1 ^ k0, product1 & WORD
        c2, c3 = (product0 >> 32) ^ c3 ^ k1, product0 & WORD
        k0, k1 = (k0 + KEY_STEPS[0]) & WORD, (k1 + KEY_STEPS[1]) & WORD
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def philox_bits(seed: int, call: int, n: int) -> np.ndarray:
    """The n random words of one call: (n,) uint32.  0 <= seed, call < 2^64.

    Element i is word i % 4 of the block whose counter is (i // 4 in the low 64 bits, call in the high 64); key = seed.
    """
    blocks = np.arange(-(-n // 4), dtype=np.uint64)
    counter = np.empty((blocks.size, 4), np.uint32)
    counter[:, 0], counter[:, 1] = blocks & WORD, blocks >> 32
    counter[:, 2], counter[:, 3] = call & WORD, call >> 32
    return philox4x32(counter, np.array([seed & WORD, seed >> 32], np.uint32)).reshape(-1)[:n]
