"""Philox 4x32-10 in numba: the twin of reference/random.py."""

import numpy as np
from numba import njit

# Words are uint32 held in uint64, and so is every literal: numba would promote uint64 with a signed int to float64.
WORD, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)

# Blocks computed side by side: LLVM turns the loop over them into SIMD, four times faster than block after block.
LANES = 16


@njit(cache=True)
def rounds(words, k0, k1):
    """The ten rounds, in place on the counters of LANES blocks: words (4, LANES) uint64."""
    for _ in range(10):
        for lane in range(LANES):
            product0, product1 = M0 * words[0, lane], M1 * words[2, lane]
            words[0, lane], words[1, lane] = (product1 >> HALF) ^ words[1, lane] ^ k0, product1 & WORD
            words[2, lane], words[3, lane] = (product0 >> HALF) ^ words[3, lane] ^ k1, product0 & WORD
        k0, k1 = (k0 + W0) & WORD, (k1 + W1) & WORD


@njit(cache=True)
def _fill_blocks(seed, call, out):
    """out: (blocks, 4) uint32.  Blocks are independent; about 100 integer operations for the 16 bytes of each."""
    blocks = out.shape[0]
    words = np.empty((4, LANES), np.uint64)
    for start in range(0, blocks, LANES):
        for lane in range(LANES):
            block = np.uint64(start + lane)
            words[0, lane], words[1, lane] = block & WORD, block >> HALF
            words[2, lane], words[3, lane] = call & WORD, call >> HALF
        rounds(words, seed & WORD, seed >> HALF)
        for lane in range(min(LANES, blocks - start)):
            for i in range(4):
                out[start + lane, i] = words[i, lane]


def philox_bits(seed: int, call: int, n: int) -> np.ndarray:
    """The n random words of one call: (n,) uint32.  0 <= seed, call < 2^64."""
    out = np.empty((-(-n // 4), 4), np.uint32)
    _fill_blocks(np.uint64(seed), np.uint64(call), out)
    return out.reshape(-1)[:n]
