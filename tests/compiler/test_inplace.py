"""State that is partly written over: as eager, whatever else reads it, and whoever holds the array."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.compiler.inplace import Reason
from tests.compiler.running import uncompiled


def checked_before(w, i, x):
    w[i] = mg.max(w[i], axis=0) + x


def checked_in_the_update(w, i, x):
    w[i] = x


def table_read_in_the_update(w, i, x):
    w[i] = w[i] + x * w[0]


def table_read_elsewhere(w, i, x):
    _ = w[i] + 1
    w[i] = x + w[i - 1 + 1] + w[:4]


def read_afterwards(w, i, x):
    old = w.detach() * 1
    w[i] = old[i] + x
    return w * 2 + old


def updated_twice(w, i, x):
    w[i] = w[i] + x
    w[i] = w[i] * 2


def of_another_table(w, i, x):
    other = w * 3
    other[i] = x
    w.assign_(other)


def slice_of_itself(w, i, x):
    w[1:5] = w[:4]


def slice_of_what_is_given(w, i, x):
    w[2:6] = x


UPDATES = [
    (checked_before, Reason.IN_PLACE), (checked_in_the_update, Reason.CHECK), (table_read_in_the_update, None),
    (table_read_elsewhere, None), (read_afterwards, None), (updated_twice, None), (of_another_table, None),
    (slice_of_itself, Reason.OTHER_ELEMENT), (slice_of_what_is_given, Reason.IN_PLACE),
]  # fmt: skip
INDICES = ([5, 1, 1, -2], [0, 0, 3, 2])


def run(f, jit):
    """The results and states of some calls, while an array of the first state is held."""
    w = mg.tensor(np.arange(18.0).reshape(6, 3))
    held, step, seen = w.numpy(), jit(lambda i, x: f(w, i, x)), []
    for k, i in enumerate(INDICES):
        out = step(mg.tensor(i), mg.tensor(np.arange(12.0).reshape(4, 3) + 100 * k))
        seen += [np.zeros(0) if out is None else out.numpy().copy(), w.numpy().copy()]
    np.testing.assert_array_equal(held, np.arange(18.0).reshape(6, 3))
    return seen, step


@pytest.mark.parametrize(("f", "reason"), UPDATES, ids=lambda x: getattr(x, "__name__", ""))
def test_updates(f, reason):
    expected, _ = run(f, lambda step: step)
    with uncompiled():
        found, step = run(f, mg.jit(warmup=0))
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)
    assert reason is None or [v.reason for v in step.last.verdicts] == [reason]


@pytest.mark.parametrize("f", [checked_before, checked_in_the_update])
def test_an_index_out_of_range_leaves_the_state(f):
    w = mg.tensor(np.arange(18.0).reshape(6, 3))
    with uncompiled():
        step = mg.jit(lambda i, x: f(w, i, x), warmup=0)
        step(mg.tensor([1, 2]), mg.ones((2, 3)))
        before = w.numpy().copy()
        with pytest.raises(IndexError):
            step(mg.tensor([1, 6]), mg.ones((2, 3)))
    np.testing.assert_array_equal(w.numpy(), before)
