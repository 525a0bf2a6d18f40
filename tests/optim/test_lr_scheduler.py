"""Learning-rate schedules: closed forms, saved and loaded."""

import pytest

from minigrad import nn, optim
from minigrad.errors import ConfigError
from minigrad.optim.lr_scheduler import LambdaLR


def optimizer(*rates):
    return optim.SGD([{"params": [nn.Parameter([1.0])], "lr": rate} for rate in rates], lr=1.0)


def test_the_rate_is_the_initial_one_times_the_function_of_the_step():
    opt = optimizer(0.5, 2.0)
    schedule = LambdaLR(opt, [lambda t: 1 / (1 + t), lambda t: t])
    seen = []
    for _ in range(3):
        seen.append(schedule.get_last_lr())
        opt.step()
        schedule.step()
    assert seen == [[0.5, 0.0], [0.25, 2.0], [0.5 / 3, 4.0]]


def test_a_loaded_state_goes_on():
    schedule, other = LambdaLR(optimizer(0.5), lambda t: 0.9**t), LambdaLR(optimizer(7.0), lambda t: 0.9**t)
    for _ in range(5):
        schedule.step()
    other.load_state_dict(schedule.state_dict())
    assert other.get_last_lr() == schedule.get_last_lr() == [0.5 * 0.9**5]
    assert other.optimizer.param_groups[0]["lr"] == 0.5 * 0.9**5


def test_refuses_other_numbers_of_groups():
    with pytest.raises(ConfigError, match="2 parameter groups need as many functions, got 1"):
        LambdaLR(optimizer(1.0, 2.0), [lambda t: 1.0])
    state = LambdaLR(optimizer(1.0, 2.0), lambda t: 1.0).state_dict()
    with pytest.raises(ConfigError, match="has 1 parameter groups, the state has 2"):
        LambdaLR(optimizer(1.0), lambda t: 1.0).load_state_dict(state)
