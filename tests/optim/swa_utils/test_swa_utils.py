"""Averages of weights: against PyTorch, compiled, saved and resumed."""

import json

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F
from minigrad.optim.lr_scheduler import ChainedScheduler
from minigrad.optim.swa_utils import SWALR, AveragedModel, get_ema_avg_fn, get_swa_avg_fn, update_bn

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 3)), RNG.standard_normal((12, 2))
WEIGHTS = RNG.standard_normal((6, 2, 3))
AVERAGES = {"swa": (get_swa_avg_fn, ()), "ema": (get_ema_avg_fn, (0.8,))}


@pytest.fixture(autouse=True)
def in_float64():
    with mg.set_default_dtype("float64"):
        yield


def torch_swa():
    return pytest.importorskip("torch.optim.swa_utils")


# ---- the average


@pytest.mark.parametrize("name", AVERAGES)
def test_the_average_as_in_pytorch(name):
    torch, (make, arguments) = pytest.importorskip("torch"), AVERAGES[name]
    ours, theirs = nn.Linear(3, 2), torch.nn.Linear(3, 2, dtype=torch.float64)
    average = AveragedModel(ours, make(*arguments))
    reference = torch_swa().AveragedModel(theirs, avg_fn=getattr(torch_swa(), make.__name__)(*arguments))
    with torch.no_grad():
        for i, weight in enumerate(WEIGHTS):
            ours.weight.assign_(weight)
            theirs.weight.copy_(torch.tensor(weight))
            average.update_parameters(ours)
            reference.update_parameters(theirs)
            np.testing.assert_allclose(average.module.weight, reference.module.weight.numpy(), rtol=1e-14)
            assert average.n_averaged.item() == reference.n_averaged.item() == i + 1
    assert {"n_averaged", "module.weight", "module.bias"} == set(average.state_dict()) == set(reference.state_dict())


def test_the_mean_of_all_is_the_default():
    model = nn.Linear(3, 2)
    average = AveragedModel(model)
    for weight in WEIGHTS:
        model.weight.assign_(weight)
        average.update_parameters(model)
    np.testing.assert_allclose(average.module.weight, WEIGHTS.mean(axis=0), rtol=1e-13)
    np.testing.assert_array_equal(average(mg.tensor(X)), average.module(mg.tensor(X)))


@pytest.mark.parametrize("name", AVERAGES)
def test_it_takes_part_in_a_compiled_step(name):
    make, arguments = AVERAGES[name]
    found = []
    for compile in (lambda f: f, lambda f: mg.jit(f, warmup=0)):
        mg.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2, affine=False).eval())
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        average = AveragedModel(model, make(*arguments))

        def step(model=model, optimizer=optimizer, average=average):
            loss = F.mse_loss(model(mg.tensor(X)), mg.tensor(Y))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update_parameters(model)
            return loss

        step = compile(step)
        for _ in range(5):
            step()
        found.append([average.n_averaged.item(), *(p.numpy() for p in average.parameters())])
        distance = np.abs(found[-1][1] - model[0].weight.numpy()).max()
        assert distance > 1e-3
    assert step.cache_info().traces == 2  # without gradients from the call before, and with them
    assert found[0][0] == found[1][0] == 5
    for eager, compiled in zip(found[0][1:], found[1][1:]):
        np.testing.assert_allclose(compiled, eager, rtol=1e-12)


@pytest.mark.parametrize("use_buffers", [False, True])
def test_buffers_are_copied_or_averaged(use_buffers):
    model = nn.BatchNorm1d(1, affine=False)
    average = AveragedModel(model, use_buffers=use_buffers)
    for value in (1.0, 2.0, 6.0):
        model.running_mean.assign_([value])
        model.num_batches_tracked.assign_(int(value))
        average.update_parameters(model)
    assert average.module.running_mean.tolist() == ([3.0] if use_buffers else [6.0])
    assert average.module.num_batches_tracked.item() == 6


def test_the_copy_is_no_part_of_the_model():
    model = nn.Linear(3, 2)
    average = AveragedModel(model)
    average.update_parameters(model)
    before = average.module.weight.numpy().copy()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    F.mse_loss(model(mg.tensor(X)), mg.tensor(Y)).backward()
    optimizer.step()
    np.testing.assert_array_equal(average.module.weight, before)
    assert not np.array_equal(model.weight, before)


def test_an_average_resumes_bit_for_bit():
    model = nn.Linear(3, 2)
    first, second = AveragedModel(model), AveragedModel(model)
    for i, weight in enumerate(WEIGHTS):
        model.weight.assign_(weight)
        first.update_parameters(model)
        if i == 2:
            second.load_state_dict(first.state_dict())
        elif i > 2:
            second.update_parameters(model)
    np.testing.assert_array_equal(second.module.weight, first.module.weight)


def test_another_model_is_refused():
    average = AveragedModel(nn.Linear(3, 2))
    with pytest.raises(ConfigError, match=r"parameters have the shapes \[\(2, 3\), \(2,\)\], got \[\(2, 4\), \(2,\)\]"):
        average.update_parameters(nn.Linear(4, 2))
    assert average.n_averaged.item() == 0
    with pytest.raises(DtypeError, match="expected a module, got a list"):
        AveragedModel([])
    with pytest.raises(ConfigError, match=r"decay must be in \[0, 1\], got 2"):
        get_ema_avg_fn(2)


# ---- running statistics


@pytest.mark.parametrize("tuples", [False, True])
def test_running_statistics_as_in_pytorch(tuples):
    torch = pytest.importorskip("torch")
    ours, theirs = nn.BatchNorm1d(3, affine=False), torch.nn.BatchNorm1d(3, affine=False, dtype=torch.float64)
    batches = [X[:4], X[4:9], X[9:]]
    ours(mg.tensor(5 + X))
    ours.eval()
    theirs.eval()
    update_bn([(mg.tensor(x), 0) if tuples else mg.tensor(x) for x in batches], ours)
    torch_swa().update_bn([torch.tensor(x) for x in batches], theirs)
    np.testing.assert_allclose(ours.running_mean, theirs.running_mean.numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours.running_var, theirs.running_var.numpy(), rtol=1e-12)
    assert (ours.momentum, ours.training) == (0.1, False)


def test_modes_come_back_one_by_one_even_after_an_error():
    model = nn.Sequential(nn.BatchNorm1d(3, affine=False), nn.Dropout(0.5))
    model[1].eval()

    def broken():
        yield mg.tensor(X)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        update_bn(broken(), model)
    assert [m.training for m in model.modules()] == [True, True, False]
    assert model[0].momentum == 0.1


def test_a_model_without_statistics_is_not_run():
    update_bn(iter(lambda: pytest.fail("the data were read"), None), nn.Linear(3, 2))


# ---- the learning rate


def optimizer(module, parameter, *rates):
    return module.SGD([{"params": [parameter()], "lr": r} for r in rates], lr=1.0)


def ours(*rates):
    return optimizer(optim, lambda: nn.Parameter([1.0]), *rates)


SCHEDULES = [
    {"swa_lr": 0.05},
    {"swa_lr": [0.05, 7.0], "anneal_epochs": 4, "anneal_strategy": "linear"},
    {"swa_lr": 0.05, "anneal_epochs": 0},
    {"swa_lr": 0.05, "anneal_epochs": 1},
    {"swa_lr": 0.05, "anneal_epochs": 90},
]


@pytest.mark.parametrize("arguments", SCHEDULES)
def test_the_rate_as_in_pytorch(arguments):
    torch = pytest.importorskip("torch")
    opts = ours(0.5, 2.0), optimizer(torch.optim, lambda: torch.nn.Parameter(torch.ones(1)), 0.5, 2.0)
    schedules = [module.SWALR(opt, **arguments) for module, opt in zip((optim.swa_utils, torch_swa()), opts)]
    seen = []
    for i in range(100):
        seen.append([[g["lr"] for g in opt.param_groups] for opt in opts])
        for opt, schedule in zip(opts, schedules):
            opt.step()
            if i >= 3:  # until then another schedule has its turn
                schedule.step()
            else:
                for g in opt.param_groups:
                    g["lr"] *= 0.9
    mine, reference = np.moveaxis(seen, 1, 0)
    np.testing.assert_allclose(mine, reference, rtol=1e-12)
    assert len(np.unique(mine[:, 0])) > 3


@pytest.mark.parametrize("arguments", SCHEDULES)
def test_the_rate_in_a_compiled_step(arguments):
    found = []
    for compile in (lambda f: f, lambda f: mg.jit(f, warmup=0)):
        opt = ours(0.5, 2.0)
        schedule = SWALR(opt, **arguments)
        step = compile(lambda schedule=schedule: schedule.step())
        rows = []
        for _ in range(12):
            step()
            rows.append([schedule.last_epoch, *schedule.get_last_lr()])
        found.append(rows)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)
    assert step.cache_info().traces == 1


@pytest.mark.parametrize("arguments", SCHEDULES)
def test_the_rate_resumes_bit_for_bit(arguments):
    opts = ours(0.5, 2.0), ours(9.0, 9.0)
    first, second = (SWALR(opt, **arguments) for opt in opts)
    for _ in range(3):
        first.step()
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert second.get_last_lr() == first.get_last_lr()
    for _ in range(8):
        first.step()
        second.step()
        assert second.get_last_lr() == first.get_last_lr()


BAD = {
    "strategy": (lambda: SWALR(ours(1.0), 0.1, anneal_strategy="x"), "'cos' or 'linear', got 'x'"),
    "epochs": (lambda: SWALR(ours(1.0), 0.1, anneal_epochs=-1), "a whole number >= 0, got -1"),
    "rates": (lambda: SWALR(ours(1.0), [0.1, 0.2]), "1 parameter groups need as many values of swa_lr, got 2"),
    "chained": (lambda: ChainedScheduler([SWALR(ours(1.0), 0.1)]), "SWALR goes on from the learning rate it finds"),
}


@pytest.mark.parametrize(("act", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, message):
    with pytest.raises(ConfigError, match=message):
        act()
