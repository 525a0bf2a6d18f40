"""The seeded order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.data.shuffle import batch_generator, shuffled
from minigrad.random import uniform

seeds = st.integers(0, 2**64 - 1)


@given(st.integers(0, 50), seeds, st.integers(0, 1000))
def test_is_a_permutation_and_repeatable(n, seed, epoch):
    order = shuffled(n, seed, epoch)
    np.testing.assert_array_equal(np.sort(order), np.arange(n))
    np.testing.assert_array_equal(order, shuffled(n, seed, epoch))


def test_seeds_and_epochs_give_different_orders():
    orders = {tuple(shuffled(20, seed, epoch)) for seed in range(10) for epoch in range(10)}
    assert len(orders) == 100


def test_every_place_is_equally_likely():
    # 4,000 orders of 8: each number lands in each place 500 times, deviation 21; 6 deviations allow a stray seed.
    counts = np.zeros((8, 8))
    for epoch in range(4000):
        counts[np.arange(8), shuffled(8, 0, epoch)] += 1
    assert np.abs(counts - 500).max() < 6 * 21


def test_known_order():
    # Pinned, so that a saved run resumes to the same batches in later versions.
    assert shuffled(8, seed=1, epoch=2).tolist() == [3, 0, 4, 1, 5, 7, 6, 2]


def test_batch_streams_differ_by_batch_epoch_and_seed():
    places = [(seed, epoch, batch) for seed in (0, 1) for epoch in (0, 1, 2) for batch in (0, 1, 2)]
    assert len({uniform(dtype=mg.float64, generator=batch_generator(*place)).item() for place in places}) == len(places)
