"""Random words for emitted code: the words of `minigrad.random`, bit for bit."""

import numpy as np
from numba import njit

from minigrad.kernels.cpu.random import HALF, LANES, WORD, rounds


@njit
def random_words(seed, call, out):
    """The first words of a call, as many as `out` (uint32) has room for."""
    words = np.empty((4, LANES), np.uint64)
    n, seed, call = len(out), np.uint64(seed), np.uint64(call)
    for start in range(0, n, 4 * LANES):
        for lane in range(LANES):
            block = np.uint64(start // 4 + lane)
            words[0, lane], words[1, lane] = block & WORD, block >> HALF
            words[2, lane], words[3, lane] = call & WORD, call >> HALF
        rounds(words, seed & WORD, seed >> HALF)
        for lane in range(LANES):
            for i in range(4):
                if start + 4 * lane + i < n:
                    out[start + 4 * lane + i] = np.uint32(words[i, lane])
