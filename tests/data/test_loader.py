"""Batches: what is in them, in which order, and that a saved position continues exactly."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import Tensor
from minigrad.data import DataLoader, TensorDataset, digits
from minigrad.errors import ConfigError, DataError
from minigrad.random import uniform


def numbered(n):
    return TensorDataset(np.arange(n), np.arange(n, dtype=np.float32)[:, None] / 2)


def rows(batches):
    return [x.tolist() for x, *_ in batches]


def test_batches_are_tensors_of_the_rows():
    batches = list(DataLoader(numbered(5), batch_size=2))
    assert rows(batches) == [[0, 1], [2, 3], [4]]
    for x, y in batches:
        assert isinstance(x, Tensor)
        assert isinstance(y, Tensor)
        np.testing.assert_array_equal(y.numpy(), x.numpy()[:, None] / 2)
        assert y.dtype == np.float32


def test_datasets_give_images_and_labels():
    data = digits()
    x, y = next(iter(DataLoader(data, batch_size=7)))
    np.testing.assert_array_equal(x.numpy(), data.x[:7])
    np.testing.assert_array_equal(y.numpy(), data.y[:7])


@given(n=st.integers(1, 40), size=st.integers(1, 45), shuffle=st.booleans(), drop=st.booleans(), seed=st.integers(0, 9))
def test_an_epoch_visits_every_sample_once(n, size, shuffle, drop, seed):
    drop = drop and size <= n
    loader = DataLoader(numbered(n), size, shuffle, drop_last=drop, seed=seed)
    for _ in range(2):
        epoch = rows(loader)
        assert len(epoch) == len(loader) == (n // size if drop else -(-n // size))
        assert all(len(batch) == size for batch in epoch[: None if drop else -1])
        seen = [i for batch in epoch for i in batch]
        assert len(seen) == (len(loader) * size if drop else n)
        assert len(set(seen)) == len(seen)


def test_order_depends_on_seed_and_epoch_only():
    first, second = (DataLoader(numbered(30), 4, shuffle=True, seed=1) for _ in range(2))
    one, two = rows(first), rows(first)
    assert one != two
    assert [rows(second), rows(second)] == [one, two]
    assert rows(DataLoader(numbered(30), 4, shuffle=True, seed=2)) != one


def jitter(generator, x, y):
    return x, y + uniform(y.shape, generator=generator).numpy()


@given(st.integers(0, 23), st.booleans(), st.booleans())
def test_a_saved_position_yields_exactly_the_remaining_batches(taken, shuffle, drop):
    def loader():
        return DataLoader(numbered(22), 3, shuffle, drop_last=drop, seed=5, transform=jitter)

    def forever(source):
        while True:
            yield from source

    whole = loader()
    stream = forever(whole)
    for _ in range(taken):
        next(stream)
    state = json.loads(json.dumps(whole.state_dict()))
    resumed = loader()
    resumed.load_state_dict(state)
    for (x, y), (again_x, again_y) in zip((next(stream) for _ in range(20)), forever(resumed), strict=False):
        np.testing.assert_array_equal(again_x.numpy(), x.numpy())
        np.testing.assert_array_equal(again_y.numpy(), y.numpy())


def test_a_position_at_the_end_of_an_epoch_has_nothing_left_of_it():
    loader = DataLoader(numbered(4), 2, shuffle=True)
    for _ in loader:
        state = loader.state_dict()
    resumed = DataLoader(numbered(4), 2, shuffle=True)
    resumed.load_state_dict(state)
    assert rows(resumed) == []
    assert rows(resumed) == rows(loader)


def test_break_ends_the_epoch():
    loader, reference = (DataLoader(numbered(9), 2, shuffle=True, seed=3) for _ in range(2))
    first, second = rows(reference), rows(reference)
    for x, _ in loader:
        assert x.tolist() == first[0]
        break
    assert rows(loader) == second


def test_the_user_s_array_is_not_shared():
    array = np.zeros(4)
    (batch,) = next(iter(DataLoader(TensorDataset(array), 2)))
    array[:] = 1
    assert batch.tolist() == [0, 0]


BAD = {
    "zero": ({"batch_size": 0}, ConfigError, "at least 1, got 0"),
    "negative": ({"batch_size": -3}, ConfigError, "at least 1, got -3"),
    "fraction": ({"batch_size": 2.0}, ConfigError, "whole number .* got 2.0"),
    "bool": ({"batch_size": True}, ConfigError, "got True"),
    "nothing left": ({"batch_size": 5, "drop_last": True}, ConfigError, "leaves none of 4 samples"),
    "seed": ({"seed": -1}, ConfigError, "seed"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case):
    options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        DataLoader(numbered(4), **options)


def test_refuses_data_it_cannot_read():
    with pytest.raises(DataError, match="empty"):
        DataLoader(numbered(0))
    with pytest.raises(DataError, match="cannot read a list"):
        DataLoader([1, 2])


@pytest.mark.parametrize("other", [{"batch_size": 3}, {"shuffle": True}, {"drop_last": True}])
def test_refuses_a_position_in_other_batches(other):
    state = DataLoader(numbered(6), 2).state_dict()
    with pytest.raises(ConfigError, match=f"state was saved with {next(iter(other))}="):
        DataLoader(numbered(6), **{"batch_size": 2, **other}).load_state_dict(state)
    with pytest.raises(ConfigError, match="saved with samples=6, this one has 5"):
        DataLoader(numbered(5), 2).load_state_dict(state)
