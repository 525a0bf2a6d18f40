"""Learning-rate schedules: closed forms against PyTorch's, saved and loaded."""

import copy

import numpy as np
import pytest

from minigrad import nn, optim
from minigrad.errors import ConfigError
from minigrad.optim import lr_scheduler
from minigrad.optim.lr_scheduler import LambdaLR, LinearLR, SequentialLR, StepLR


def optimizer(*rates):
    return optim.SGD([{"params": [nn.Parameter([1.0])], "lr": rate} for rate in rates], lr=1.0)


ROWS = [
    ("LambdaLR", {"lr_lambda": lambda t: 0.9**t}),
    ("LambdaLR", {"lr_lambda": [lambda t: 1 / (1 + t), lambda t: t]}),
    ("StepLR", {"step_size": 3}),
    ("StepLR", {"step_size": 1, "gamma": 0.7}),
    ("MultiStepLR", {"milestones": [2, 5, 5, 9], "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.8}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 1}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 7}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 9, "power": 2.5}),
    ("CosineAnnealingLR", {"T_max": 8}),
    ("CosineAnnealingLR", {"T_max": 1, "eta_min": 0.01}),
    ("CosineAnnealingLR", {"T_max": 20, "eta_min": 0.01}),
]
IDS = [f"{name}-{','.join(arguments)}" for name, arguments in ROWS]


def rates_of(opt, schedule, steps=20):
    """The learning rates before each of the steps."""
    seen = []
    for _ in range(steps):
        seen.append([group["lr"] for group in opt.param_groups])
        opt.step()
        schedule.step()
    return seen


def torch_optimizer(*rates):
    torch = pytest.importorskip("torch")
    return torch.optim.SGD([{"params": [torch.nn.Parameter(torch.ones(1))], "lr": r} for r in rates], lr=1.0)


def torch_schedulers():
    return pytest.importorskip("torch").optim.lr_scheduler


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=IDS)
def test_as_in_pytorch(name, arguments):
    ours, theirs = optimizer(0.5, 2.0), torch_optimizer(0.5, 2.0)
    mine = rates_of(ours, getattr(lr_scheduler, name)(ours, **arguments))
    reference = rates_of(theirs, getattr(torch_schedulers(), name)(theirs, **arguments))
    np.testing.assert_allclose(mine, reference, rtol=1e-12, atol=1e-12)


def test_one_after_the_other_as_in_pytorch():
    def build(module, opt):
        parts = [
            module.LinearLR(opt, start_factor=0.1, total_iters=4),
            module.CosineAnnealingLR(opt, T_max=6),
            module.ExponentialLR(opt, gamma=0.5),
        ]
        return module.SequentialLR(opt, parts, milestones=[4, 11])

    ours, theirs = optimizer(0.5, 2.0), torch_optimizer(0.5, 2.0)
    mine, reference = rates_of(ours, build(lr_scheduler, ours)), rates_of(theirs, build(torch_schedulers(), theirs))
    np.testing.assert_allclose(mine, reference, rtol=1e-12, atol=1e-12)


def test_every_schedule_has_its_rows():
    assert {"LRScheduler", "SequentialLR"} | {name for name, _ in ROWS} == set(lr_scheduler.__all__)


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=IDS)
def test_a_loaded_state_goes_on(name, arguments):
    first, second = optimizer(0.5, 2.0), optimizer(7.0, 7.0)
    schedule, other = (getattr(lr_scheduler, name)(opt, **arguments) for opt in (first, second))
    rates_of(first, schedule, 5)
    other.load_state_dict(copy.deepcopy(schedule.state_dict()))
    assert other.get_last_lr() == schedule.get_last_lr()
    assert rates_of(second, other) == rates_of(first, schedule)


def test_it_starts_from_the_initial_rate_of_an_optimizer_that_was_loaded():
    first, second = optimizer(0.5), optimizer(0.5)
    rates_of(first, StepLR(first, 1, 0.5), 3)
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["lr"] == 0.5**4
    assert StepLR(second, 1, 0.5).base_lrs == [0.5]


BAD = {
    "functions": (lambda: LambdaLR(optimizer(1.0, 2.0), [lambda t: 1.0]), "2 parameter groups need as many .* got 1"),
    "groups": (
        lambda: StepLR(optimizer(1.0), 1).load_state_dict(StepLR(optimizer(1.0, 2.0), 1).state_dict()),
        r"\[StepLR\] the optimizer has 1 parameter groups, the state has 2",
    ),
    "step size": (lambda: StepLR(optimizer(1.0), 0), r"\[StepLR\] expected step_size >= 1, got 0"),
    "factor": (lambda: lr_scheduler.ConstantLR(optimizer(1.0), 1.5), r"factor in \[0, 1\], got 1.5"),
    "constant, no steps": (lambda: lr_scheduler.ConstantLR(optimizer(1.0), total_iters=0), "total_iters >= 1, got 0"),
    "start": (lambda: LinearLR(optimizer(1.0), 0.0), r"start_factor in \(0, 1\], got 0.0"),
    "end": (lambda: LinearLR(optimizer(1.0), 0.5, -1.0), r"end_factor in \[0, 1\], got -1.0"),
    "linear, no steps": (lambda: LinearLR(optimizer(1.0), total_iters=0), "total_iters >= 1, got 0"),
    "polynomial, no steps": (lambda: lr_scheduler.PolynomialLR(optimizer(1.0), 0), "total_iters >= 1, got 0"),
    "period": (lambda: lr_scheduler.CosineAnnealingLR(optimizer(1.0), 0), "T_max >= 1, got 0"),
    "milestones": (lambda: SequentialLR(optimizer(1.0), [], [1]), "one milestone fewer than schedulers"),
    "order": (lambda: sequence([3, 2]), r"increasing milestones, got \[3, 2\]"),
    "another optimizer": (
        lambda: SequentialLR(optimizer(1.0), [StepLR(optimizer(1.0), 1)], []),
        "schedulers of the same optimizer",
    ),
}


def sequence(milestones):
    opt = optimizer(1.0)
    return SequentialLR(opt, [StepLR(opt, 1) for _ in range(len(milestones) + 1)], milestones)


@pytest.mark.parametrize(("act", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, message):
    with pytest.raises(ConfigError, match=message):
        act()
