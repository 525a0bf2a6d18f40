"""detect_anomaly in compiled functions: eager's error, and the state as it was."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim

POINT = mg.tensor([0.5, 2.0, 3.0], dtype="float64")
ZERO = mg.tensor([0.5, 0.0, 3.0], dtype="float64")


def state(parameter, optimizer, buffer):
    """All but the gradient, which is cleared before the backward pass finds an anomaly."""
    return [t.numpy().copy() for t in (parameter, buffer, *optimizer.state[parameter].values())]


# What makes a NaN or an infinity at x = 0, in the forward or in the backward pass.
ANOMALIES = {
    "forward": lambda x, w: mg.sum(mg.log(x) * w),
    "forward, not used": lambda x, w: [mg.log(x), mg.sum(x * w)][1],
    "forward, masked": lambda x, w: mg.sum(mg.where(x > 0, mg.log(x), 0.0) * w),
    "backward": lambda x, w: mg.sum(mg.sqrt(x * w)),
    "backward of a norm": lambda x, w: mg.sum((x * w) ** 0.5),
}


@pytest.mark.parametrize("name", ANOMALIES)
def test_the_error_is_eagers_and_the_state_is_kept(name):
    w, total = nn.Parameter(np.ones(3)), mg.zeros(())
    optimizer = optim.Adam([w], lr=0.1)

    def step(x):
        loss = ANOMALIES[name](x, w)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total.assign_(total + loss.detach())
        return loss

    compiled = mg.jit(step, warmup=0)
    with mg.detect_anomaly():
        compiled(POINT)
        compiled(POINT)
        before = state(w, optimizer, total)
        messages = []
        for f in (compiled, step):
            with pytest.raises(mg.AnomalyError, match=r"made the first .*test_anomaly\.py:") as info:
                f(ZERO)
            messages.append(str(info.value))
            for a, b in zip(before, state(w, optimizer, total)):
                np.testing.assert_array_equal(b, a)
        hits = compiled.cache_info().hits
        compiled(POINT)
        assert compiled.cache_info().hits == hits + 1
    assert messages[0] == messages[1]


def test_what_is_infinite_from_the_start_is_no_anomaly():
    f = mg.jit(lambda x: mg.exp(x) * 2, warmup=0)
    x = mg.tensor([np.inf, np.nan, 0.0])
    with mg.detect_anomaly():
        np.testing.assert_array_equal(f(x), [np.inf, np.nan, 2.0])


def test_the_switch_has_its_own_trace():
    f = mg.jit(lambda x: mg.log(x), warmup=0)
    assert np.isneginf(f(ZERO).numpy()[1])
    with mg.detect_anomaly(), pytest.raises(mg.AnomalyError, match=r"\[log\] made the first -inf"):
        f(ZERO)
    assert np.isneginf(f(ZERO).numpy()[1])
    assert f.cache_info().traces == 2
