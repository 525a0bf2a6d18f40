"""Batches that grow in place of a learning rate that falls."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import DataLoader, TensorDataset
from minigrad.errors import ConfigError, DtypeError, TracingError
from minigrad.optim.lr_scheduler import (
    BatchSizeScheduler,
    ExponentialLR,
    LRScheduler,
    MultiStepLR,
    ReduceLROnPlateau,
)


def parts(batch_size=8, samples=100, rates=(0.4, 4.0)):
    groups = [{"params": [nn.Parameter([1.0])], "lr": rate} for rate in rates]
    return optim.SGD(groups), DataLoader(TensorDataset(np.arange(samples)), batch_size, shuffle=True, seed=1)


def test_batches_grow_by_what_the_rate_would_fall_by():
    """Smith et al. 2018, figure 1: the middle way, growing to a largest batch and decaying from there."""
    optimizer, loader = parts()
    schedule = BatchSizeScheduler(loader, MultiStepLR(optimizer, [2, 4, 6], 0.2), max_batch_size=50)
    seen = []
    for _ in range(8):
        sizes = [len(x) for (x,) in loader]
        assert sum(sizes) == 100
        seen.append((sizes[0], *(group["lr"] for group in optimizer.param_groups)))
        schedule.step()
    expected = [(8, 0.4, 4)] * 2 + [(40, 0.4, 4)] * 2 + [(50, 0.1, 1)] * 2 + [(50, 0.02, 0.2)] * 2
    np.testing.assert_allclose(seen, expected, rtol=1e-12)


@given(gamma=st.floats(0.05, 1.0), first=st.integers(1, 30), most=st.integers(30, 200))
def test_the_noise_is_that_of_the_schedule(gamma, first, most):
    """lr / batch_size falls exactly as the schedule says, whatever batch sizes are rounded to."""
    optimizer, loader = parts(first, samples=150)
    schedule = BatchSizeScheduler(loader, ExponentialLR(optimizer, gamma), most)
    for t in range(6):
        noise = [group["lr"] / loader.batch_size for group in optimizer.param_groups]
        np.testing.assert_allclose(noise, np.multiply([0.4, 4.0], gamma**t) / first, rtol=1e-12)
        assert first <= loader.batch_size <= min(most, 150)
        schedule.step()


def test_a_rate_of_zero_takes_the_largest_batch():
    class Off(LRScheduler):
        def factor(self, t):
            return 0.0

    optimizer, loader = parts()
    BatchSizeScheduler(loader, Off(optimizer))
    assert (loader.batch_size, optimizer.param_groups[0]["lr"]) == (100, 0.0)


def test_resumed_in_the_middle_it_hands_out_the_batches_to_come():
    def run(schedule, loader, epochs):
        seen = []
        for _ in range(epochs):
            seen += [x.tolist() for (x,) in loader] + [[g["lr"] for g in schedule.scheduler.optimizer.param_groups]]
            schedule.step()
        return seen

    optimizer, loader = parts()
    schedule = BatchSizeScheduler(loader, ExponentialLR(optimizer, 0.7))
    run(schedule, loader, 3)
    saved = json.loads(json.dumps([schedule.state_dict(), loader.state_dict()]))
    other, same = parts(rates=(7.0, 7.0))
    again = BatchSizeScheduler(same, ExponentialLR(other, 0.7))
    again.load_state_dict(saved[0])
    same.load_state_dict(saved[1])
    assert run(again, same, 3) == run(schedule, loader, 3)


def within_an_epoch():
    optimizer, loader = parts()
    schedule = BatchSizeScheduler(loader, ExponentialLR(optimizer, 0.5))
    next(iter(loader))
    schedule.step()


def in_a_compiled_step():
    optimizer, loader = parts()
    mg.jit(BatchSizeScheduler(loader, ExponentialLR(optimizer, 0.5)).step, warmup=0)()


def of_other_batches():
    (a, first), (b, second) = parts(8), parts(9)
    state = BatchSizeScheduler(first, ExponentialLR(a, 0.5)).state_dict()
    BatchSizeScheduler(second, ExponentialLR(b, 0.5)).load_state_dict(state)


BAD = {
    "no loader": (lambda: BatchSizeScheduler([1], ExponentialLR(parts()[0], 0.5)), DtypeError, "Loader, got a list"),
    "no schedule": (lambda: BatchSizeScheduler(parts()[1], parts()[0]), DtypeError, "a schedule, got a SGD"),
    "plateau": (
        lambda: BatchSizeScheduler(parts()[1], ReduceLROnPlateau(parts()[0])),
        ConfigError, "ReduceLROnPlateau goes on from the learning rate it finds",
    ),
    "too small": (
        lambda: BatchSizeScheduler(parts()[1], ExponentialLR(parts()[0], 0.5), 4),
        ConfigError, "start with 8 samples, but max_batch_size is 4 and there are 100 samples",
    ),
    "within an epoch": (within_an_epoch, ConfigError, "1 batches of this epoch were handed out: .* finish this one"),
    "compiled": (in_a_compiled_step, TracingError, r"compiled for one batch size: call step\(\) outside of it"),
    "other batches": (of_other_batches, ConfigError, "start with 9 samples, the state's with 8"),
}  # fmt: skip


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()
