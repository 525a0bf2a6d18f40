"""Philox 4x32-10 against the vectors published with Random123, and the counter layout on top of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.kernels.cpu import random as cpu
from minigrad.kernels.reference import random as reference

# Random123's kat_vectors, rows "philox4x32 10": counter, key, result; words low first.
PUBLISHED = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
KERNELS = [reference, cpu]

uint64 = st.integers(0, 2**64 - 1)
sizes = st.integers(0, 300)


def words(text):
    return np.array([int(word, 16) for word in text.split()], np.uint32)


@pytest.mark.parametrize(("counter", "key", "expected"), PUBLISHED)
def test_reference_matches_published_vectors(counter, key, expected):
    np.testing.assert_array_equal(reference.philox4x32(words(counter), words(key)), words(expected))


@pytest.mark.parametrize(("counter", "key", "expected"), PUBLISHED)
def test_cpu_matches_published_vectors_in_every_lane(counter, key, expected):
    lanes = np.repeat(words(counter).astype(np.uint64)[:, None], cpu.LANES, axis=1)
    cpu.rounds(lanes, *words(key).astype(np.uint64))
    np.testing.assert_array_equal(lanes, np.repeat(words(expected)[:, None], cpu.LANES, axis=1))


def test_reference_computes_each_counter_by_itself():
    counters = np.stack([words(counter) for counter, _, _ in PUBLISHED])
    key = words(PUBLISHED[0][1])
    one_by_one = [reference.philox4x32(counter, key) for counter in counters]
    np.testing.assert_array_equal(reference.philox4x32(counters, key), one_by_one)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("counter", "key", "expected"), PUBLISHED[:1])
def test_first_block_of_seed_0_call_0_is_the_published_one(kernel, counter, key, expected):
    np.testing.assert_array_equal(kernel.philox_bits(0, 0, 4), words(expected))


@pytest.mark.parametrize("kernel", KERNELS)
@given(seed=uint64, call=uint64, n=sizes, data=st.data())
def test_element_is_word_of_its_block(kernel, seed, call, n, data):
    """Element i is word i % 4 at counter (i // 4, 0, low half of call, high half of call) under key = seed."""
    bits = kernel.philox_bits(seed, call, n)
    assert bits.dtype == np.uint32
    assert bits.shape == (n,)
    if n:
        i = data.draw(st.integers(0, n - 1))
        counter = np.array([i // 4, 0, call % 2**32, call // 2**32], np.uint32)
        key = np.array([seed % 2**32, seed // 2**32], np.uint32)
        assert bits[i] == reference.philox4x32(counter, key)[i % 4]


@given(seed=uint64, call=uint64, n=sizes)
def test_cpu_equals_reference(seed, call, n):
    np.testing.assert_array_equal(cpu.philox_bits(seed, call, n), reference.philox_bits(seed, call, n), strict=True)


@pytest.mark.parametrize("kernel", KERNELS)
def test_bits_are_balanced(kernel):
    """Each of the 32 bit positions is set in half of 100,000 words, within five standard deviations."""
    bits = kernel.philox_bits(1, 2, 100_000)
    ones = [int(((bits >> position) & 1).sum()) for position in range(32)]
    np.testing.assert_allclose(ones, 50_000, atol=5 * np.sqrt(100_000) / 2)
