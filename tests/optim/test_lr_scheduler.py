"""Learning-rate schedules: against PyTorch's or their formula, resumed, combined, and what is wrong with arguments."""

import copy
import json
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ConfigError, DtypeError, TracingError
from minigrad.optim import lr_scheduler
from minigrad.optim.lr_scheduler import LambdaLR, SequentialLR, StepLR

STEPS = 100
RATES = (0.5, 2.0)
METRICS = np.random.default_rng(0).standard_normal(STEPS) - 0.02 * np.arange(STEPS)


def optimizer(*rates, kind="SGD", **options):
    return getattr(optim, kind)([{"params": [nn.Parameter([1.0])], "lr": r} for r in rates], lr=1.0, **options)


def torch_optimizer(*rates, kind="SGD", **options):
    torch = pytest.importorskip("torch")
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": r} for r in rates]
    return getattr(torch.optim, kind)(groups, lr=1.0, **options)


def torch_schedulers():
    return pytest.importorskip("torch").optim.lr_scheduler


def doubled_by_fives(t):
    return 2.0 ** (t // 5) if t < 20 else 1 / t


SHARED = [
    ("LambdaLR", {"lr_lambda": lambda t: 0.9**t}),
    ("LambdaLR", {"lr_lambda": [lambda t: 1 / (1 + t), doubled_by_fives]}),
    ("MultiplicativeLR", {"lr_lambda": lambda t: 0.95}),
    ("MultiplicativeLR", {"lr_lambda": [lambda t: 1 - 1 / (t + 1), lambda t: 1.1 if t % 3 else 0.8]}),
    ("StepLR", {"step_size": 3}),
    ("StepLR", {"step_size": 1, "gamma": 0.7}),
    ("MultiStepLR", {"milestones": [2, 5, 5, 9], "gamma": 0.5}),
    ("MultiStepLR", {"milestones": []}),
    ("ExponentialLR", {"gamma": 0.8}),
    ("ExponentialLR", {"gamma": 1.02}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 1}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 70}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 90, "power": 2.5}),
    ("CosineAnnealingLR", {"T_max": 8}),
    ("CosineAnnealingLR", {"T_max": 1, "eta_min": 0.01}),
    ("CosineAnnealingLR", {"T_max": 100, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7}),
    ("CosineAnnealingWarmRestarts", {"T_0": 1, "T_mult": 2}),
    ("CosineAnnealingWarmRestarts", {"T_0": 1, "T_mult": 1, "eta_min": 0.1}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 3, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 4}),
    ("CyclicLR", {"base_lr": [0.1, 0.2], "max_lr": [0.7, 3.0], "step_size_up": 4, "step_size_down": 9}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 7, "step_size_down": 3, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 5, "mode": "exp_range", "gamma": 0.97}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 5, "scale_fn": lambda x: 0.5 * (1 + math.sin(x))}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "scale_fn": lambda x: 1 / (x + 1), "scale_mode": "iterations"}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 6, "base_momentum": [0.5, 0.6], "max_momentum": 0.9}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 6, "cycle_momentum": False}),
    ("OneCycleLR", {"max_lr": 0.7, "total_steps": STEPS}),
    ("OneCycleLR", {"max_lr": [0.7, 3.0], "epochs": 11, "steps_per_epoch": 10, "pct_start": 0.45}),
    ("OneCycleLR", {"max_lr": 0.7, "total_steps": 130, "anneal_strategy": "linear", "div_factor": 3.0}),
    ("OneCycleLR", {"max_lr": 0.7, "total_steps": 110, "three_phase": True, "final_div_factor": 7.0}),
    ("OneCycleLR", {"max_lr": 0.7, "total_steps": 101, "three_phase": True, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 0.7, "total_steps": 105, "base_momentum": [0.3, 0.4], "max_momentum": [0.6, 0.99]}),
    ("OneCycleLR", {"max_lr": 0.7, "total_steps": 105, "cycle_momentum": False}),
    ("ReduceLROnPlateau", {"patience": 2}),
    ("ReduceLROnPlateau", {"mode": "max", "factor": 0.9, "patience": 0}),
    ("ReduceLROnPlateau", {"factor": 0.8, "patience": 1, "threshold": 0.5, "threshold_mode": "abs", "cooldown": 3}),
    ("ReduceLROnPlateau", {"mode": "max", "factor": 0.5, "threshold_mode": "abs", "threshold": 0.2, "patience": 3}),
    ("ReduceLROnPlateau", {"factor": 0.5, "patience": 0, "min_lr": [0.01, 0.3]}),
    ("ReduceLROnPlateau", {"factor": 0.5, "patience": 0, "min_lr": 0.1, "eps": 0.05, "threshold": -0.5}),
]
OURS = [
    ("InverseLR", {"k": 0.0}, lambda t: 1.0),
    ("InverseLR", {"k": 0.25}, lambda t: 1 / (1 + t / 4)),
    ("PowerLR", {}, lambda t: (t + 1) ** -0.3),
    ("PowerLR", {"power": 1.0}, lambda t: 1 / (t + 1)),
    ("WarmupLR", {"total_iters": 5, "batch_size": 2048}, lambda t: np.interp(t, [0, 5], [1, 8])),
    (
        "WarmupLR",
        {"total_iters": 80, "batch_size": 32, "reference": 64, "start_factor": 0.0},
        lambda t: np.interp(t, [0, 80], [0, 0.5]),
    ),
]
ROWS = [*SHARED, *((name, arguments) for name, arguments, _ in OURS)]


def names_of(rows):
    return [f"{name}-{','.join(arguments)}" for name, arguments, *_ in rows]


def momentum_of(group):
    return group["momentum"] if "momentum" in group else group["betas"][0]


def settings_of(opt, schedule, steps):
    """Learning rates and momenta before each of the steps."""
    seen = []
    for i in steps:
        seen.append([(group["lr"], momentum_of(group)) for group in opt.param_groups])
        opt.step()
        schedule.step(*[METRICS[i]] * (type(schedule).__name__ == "ReduceLROnPlateau"))
    return seen


def both(build, kind="SGD", **options):
    """What `build(schedules, optimizer)` does here and in PyTorch."""
    ours, theirs = optimizer(*RATES, kind=kind, **options), torch_optimizer(*RATES, kind=kind, **options)
    mine = settings_of(ours, build(lr_scheduler, ours), range(STEPS))
    reference = settings_of(theirs, build(torch_schedulers(), theirs), range(STEPS))
    np.testing.assert_allclose(mine, reference, rtol=1e-12, atol=1e-12)
    return np.array(mine)


@pytest.mark.parametrize(("name", "arguments"), SHARED, ids=names_of(SHARED))
def test_as_in_pytorch(name, arguments):
    both(lambda module, opt: getattr(module, name)(opt, **arguments), momentum=0.9)


@pytest.mark.parametrize(("name", "arguments"), [row for row in SHARED if row[0] in ("CyclicLR", "OneCycleLR")])
def test_the_first_beta_as_in_pytorch(name, arguments):
    both(lambda module, opt: getattr(module, name)(opt, **arguments), kind="Adam")


@pytest.mark.parametrize(("name", "arguments", "factor"), OURS, ids=names_of(OURS))
def test_as_the_formula_says(name, arguments, factor):
    opt = optimizer(*RATES)
    seen = settings_of(opt, getattr(lr_scheduler, name)(opt, **arguments), range(STEPS))
    expected = np.outer([factor(t) for t in range(STEPS)], RATES)
    np.testing.assert_allclose(np.array(seen)[..., 0], expected, rtol=1e-12, atol=1e-15)


def test_every_schedule_has_its_rows():
    combined = {"LRScheduler", "SequentialLR", "ChainedScheduler", "BatchSizeScheduler"}
    assert combined | {name for name, _ in ROWS} == set(lr_scheduler.__all__)
    missing = {name for name in dir(torch_schedulers()) if name.endswith("LR")} - set(dir(lr_scheduler))
    assert missing == {"_LRScheduler"} or missing == set()


# ---- schedules of schedules


def warmup_cosine_decay(module, opt):
    return [
        module.LinearLR(opt, start_factor=0.1, total_iters=4),
        module.CosineAnnealingLR(opt, T_max=6),
        module.ExponentialLR(opt, gamma=0.5),
    ]


COMBINED = {
    "sequence": lambda module, opt: module.SequentialLR(opt, warmup_cosine_decay(module, opt), [4, 11]),
    "sequence of one": lambda module, opt: module.SequentialLR(opt, [module.StepLR(opt, 3)], []),
    "restarts in a sequence": lambda module, opt: module.SequentialLR(
        opt, [module.ConstantLR(opt, 0.1, 7), module.CosineAnnealingWarmRestarts(opt, 5, 2)], [7]
    ),
    "chain": lambda module, opt: module.ChainedScheduler(
        [
            module.LinearLR(opt, 0.25, total_iters=5),
            module.MultiStepLR(opt, [3, 8, 30], 0.5),
            module.ExponentialLR(opt, 0.99),
            module.MultiplicativeLR(opt, lambda t: 1 - 0.01 * (t % 2)),
        ]
    ),
    "chain with a cosine": lambda module, opt: module.ChainedScheduler(
        [module.ConstantLR(opt, 0.5, 20), module.CosineAnnealingLR(opt, STEPS), module.PolynomialLR(opt, 90)], opt
    ),
}


@pytest.mark.parametrize("build", COMBINED.values(), ids=COMBINED)
def test_combined_as_in_pytorch(build):
    rates = both(build, momentum=0.9)[..., 0]
    assert len(np.unique(rates.round(12))) > 2


def test_each_part_of_a_sequence_is_asked_about_its_own_steps_only():
    opt, asked = optimizer(1.0), set()
    parts = [
        lr_scheduler.OneCycleLR(opt, max_lr=0.5, total_steps=5, cycle_momentum=False),
        LambdaLR(opt, lambda t: asked.add(t) or 1.0),
        StepLR(opt, 1),
    ]
    settings_of(opt, SequentialLR(opt, parts, [6, 9]), range(20))
    assert asked == {0, 1, 2}


def test_the_rule_of_large_batches():
    """Goyal et al. 2017: eight times the batch, a warm-up to eight times the rate, decays of the scaled rate."""
    opt = optimizer(0.1)
    parts = [lr_scheduler.WarmupLR(opt, 5, 2048), lr_scheduler.MultiStepLR(opt, [30, 60, 80])]
    rates = np.ravel([lr_scheduler.ChainedScheduler(parts).rates(t) for t in range(90)])
    np.testing.assert_allclose(rates[[0, 5, 29, 30, 60, 80]], [0.1, 0.8, 0.8, 0.08, 0.008, 0.0008], rtol=1e-12)


# ---- saved and resumed


def built(name, arguments):
    def build(opt):
        return getattr(lr_scheduler, name)(opt, **arguments)

    return build


RESUMED = {
    **{label: built(name, arguments) for label, (name, arguments) in zip(names_of(ROWS), ROWS)},
    **{label: lambda opt, build=build: build(lr_scheduler, opt) for label, build in COMBINED.items()},
}


@pytest.mark.parametrize("build", RESUMED.values(), ids=RESUMED)
def test_a_loaded_state_goes_on_bit_for_bit(build):
    first, second = optimizer(*RATES, momentum=0.9), optimizer(7.0, 7.0, momentum=0.9)
    schedule, other = build(first), build(second)
    settings_of(first, schedule, range(37))
    other.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    assert other.get_last_lr() == schedule.get_last_lr()
    later = range(37, STEPS)
    assert settings_of(second, other, later) == settings_of(first, schedule, later)


def test_it_starts_from_the_initial_rate_of_an_optimizer_that_was_loaded():
    first, second = optimizer(0.5), optimizer(0.5)
    settings_of(first, StepLR(first, 1, 0.5), range(3))
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["lr"] == 0.5**4
    assert StepLR(second, 1, 0.5).base_lrs == [0.5]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("LambdaLR", {"lr_lambda": doubled_by_fives}), ("StepLR", {"step_size": 4})],
)
def test_last_epoch_resumes_as_in_pytorch(name, arguments):
    """Where PyTorch computes the rate anew; its ExponentialLR, among others, keeps the one it finds."""
    found = []
    for module, opt in ((lr_scheduler, optimizer(*RATES)), (torch_schedulers(), torch_optimizer(*RATES))):
        settings_of(opt, getattr(module, name)(opt, **arguments), range(7))
        resumed = getattr(module, name)(opt, **arguments, last_epoch=7)
        found.append([resumed.last_epoch, *resumed.get_last_lr()])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def test_fractions_of_an_epoch_as_in_pytorch():
    ours, theirs = optimizer(*RATES), torch_optimizer(*RATES)
    mine = lr_scheduler.CosineAnnealingWarmRestarts(ours, 3, 2, 0.01)
    reference = torch_schedulers().CosineAnnealingWarmRestarts(theirs, 3, 2, 0.01)
    for epoch in np.arange(0, 40, 0.25).tolist():
        mine.step(epoch)
        reference.step(epoch)
        np.testing.assert_allclose(mine.get_last_lr(), reference.get_last_lr(), rtol=1e-12)
        assert mine.last_epoch == reference.last_epoch


def test_restarts_come_at_the_right_step_however_late():
    schedule = lr_scheduler.CosineAnnealingWarmRestarts(optimizer(1.0), 10, 3)
    for n in range(25):
        start = 10 * (3**n - 1) // 2
        assert schedule.period(start) == (start, 10 * 3**n)
        assert start == 0 or schedule.period(start - 1)[1] == 10 * 3 ** (n - 1)


# ---- mistakes


def sequence(milestones):
    opt = optimizer(1.0)
    return SequentialLR(opt, [StepLR(opt, 1) for _ in range(len(milestones) + 1)], milestones)


def made(name, **arguments):
    return lambda: getattr(lr_scheduler, name)(optimizer(1.0, momentum=0.9), **arguments)


def chained(name, **arguments):
    opt = optimizer(1.0, momentum=0.9)
    return lr_scheduler.ChainedScheduler([getattr(lr_scheduler, name)(opt, **arguments)])


BAD = {
    "no optimizer": (lambda: StepLR(nn.Linear(1, 1), 1), DtypeError, r"\[StepLR\] expected an optimizer, got a Linear"),
    "functions": (
        lambda: LambdaLR(optimizer(1.0, 2.0), [lambda t: 1.0]), ConfigError, "2 parameter groups need as many .* got 1"
    ),
    "no function": (lambda: LambdaLR(optimizer(1.0), 0.5), DtypeError, "lr_lambda must be a function .* got a float"),
    "groups": (
        lambda: StepLR(optimizer(1.0), 1).load_state_dict(StepLR(optimizer(1.0, 2.0), 1).state_dict()),
        ConfigError, r"\[StepLR\] the optimizer has 1 parameter groups, the state has 2",
    ),
    "another's state": (
        lambda: sequence([2]).load_state_dict(StepLR(optimizer(1.0), 1).state_dict()),
        ConfigError, r"expected a state with \['base_lrs', 'last_epoch', 'schedulers'\], got one with",
    ),
    "other parts": (
        lambda: sequence([2]).load_state_dict(sequence([2, 3]).state_dict()), ConfigError, "2 schedulers, got one of 3"
    ),
    "nothing to resume": (made("StepLR", step_size=1, last_epoch=3), ConfigError, "group 0 has no 'initial_lr'"),
    "last_epoch": (made("StepLR", step_size=1, last_epoch=-2), ConfigError, "last_epoch >= -1, got -2"),
    "step size": (made("StepLR", step_size=0), ConfigError, r"\[StepLR\] expected step_size >= 1, got 0"),
    "factor": (made("ConstantLR", factor=1.5), ConfigError, r"factor in \[0, 1\], got 1.5"),
    "constant, no steps": (made("ConstantLR", total_iters=0), ConfigError, "total_iters >= 1, got 0"),
    "start": (made("LinearLR", start_factor=0.0), ConfigError, r"start_factor in \(0, 1\], got 0.0"),
    "end": (made("LinearLR", end_factor=-1.0), ConfigError, r"end_factor in \[0, 1\], got -1.0"),
    "linear, no steps": (made("LinearLR", total_iters=0), ConfigError, "total_iters >= 1, got 0"),
    "polynomial, no steps": (made("PolynomialLR", total_iters=0), ConfigError, "total_iters >= 1, got 0"),
    "warm-up, no steps": (made("WarmupLR", total_iters=0, batch_size=1), ConfigError, "total_iters >= 1, got 0"),
    "warm-up, no batch": (made("WarmupLR", total_iters=1, batch_size=0), ConfigError, "sizes >= 1, got 0"),
    "warm-up, start": (made("WarmupLR", total_iters=1, batch_size=1, start_factor=-1), ConfigError, "got -1"),
    "inverse": (made("InverseLR", k=-1), ConfigError, "k >= 0, got -1"),
    "power": (made("PowerLR", power=-1), ConfigError, "power >= 0, got -1"),
    "period": (made("CosineAnnealingLR", T_max=0), ConfigError, "T_max >= 1, got 0"),
    "restart": (made("CosineAnnealingWarmRestarts", T_0=0), ConfigError, "T_0 to be a whole number >= 1, got 0"),
    "restarts": (made("CosineAnnealingWarmRestarts", T_0=1, T_mult=1.5), ConfigError, "T_mult .* got 1.5"),
    "back": (
        lambda: lr_scheduler.CosineAnnealingWarmRestarts(optimizer(1.0), 2).step(-1), ConfigError, "epoch >= 0, got -1"
    ),
    "cycle of nothing": (made("CyclicLR", base_lr=0.1, max_lr=1.0, step_size_down=0), ConfigError, ">= 1, .* 0 d"),
    "cyclic mode": (made("CyclicLR", base_lr=0.1, max_lr=1.0, mode="x"), ConfigError, "mode .* triangular2.* got 'x'"),
    "scale mode": (made("CyclicLR", base_lr=0.1, max_lr=1.0, scale_mode="x"), ConfigError, "'iterations', got 'x'"),
    "cyclic rates": (made("CyclicLR", base_lr=[0.1, 0.2], max_lr=1.0), ConfigError, "as many values of base_lr, got 2"),
    "one cycle, no steps": (made("OneCycleLR", max_lr=1.0), ConfigError, "total_steps, or both epochs and steps"),
    "one cycle of 0": (made("OneCycleLR", max_lr=1.0, total_steps=0), ConfigError, "steps >= 1, got 0"),
    "one cycle, start": (made("OneCycleLR", max_lr=1.0, total_steps=9, pct_start=2), ConfigError, "in .0, 1., got 2"),
    "one cycle, shape": (made("OneCycleLR", max_lr=1.0, total_steps=9, anneal_strategy="x"), ConfigError, "got 'x'"),
    "plateau, factor": (made("ReduceLROnPlateau", factor=1.0), ConfigError, "factor < 1, got 1.0"),
    "plateau, mode": (made("ReduceLROnPlateau", mode="x"), ConfigError, "mode 'min' or 'max', got 'x'"),
    "plateau, threshold": (made("ReduceLROnPlateau", threshold_mode="x"), ConfigError, "'rel' or 'abs', got 'x'"),
    "plateau, bounds": (made("ReduceLROnPlateau", min_lr=[1, 2]), ConfigError, "as many values of min_lr, got 2"),
    "milestones": (lambda: SequentialLR(optimizer(1.0), [], [1]), ConfigError, "one milestone fewer than schedulers"),
    "order": (lambda: sequence([3, 2]), ConfigError, r"increasing milestones, got \[3, 2\]"),
    "another optimizer": (
        lambda: SequentialLR(optimizer(1.0), [StepLR(optimizer(1.0), 1)], []),
        ConfigError, "schedulers of the same optimizer",
    ),
    "an empty chain": (lambda: lr_scheduler.ChainedScheduler([]), ConfigError, "at least one scheduler"),
    "a chained plateau": (lambda: chained("ReduceLROnPlateau"), ConfigError, "goes on from the learning rate it finds"),
    "a chained momentum": (
        lambda: chained("OneCycleLR", max_lr=1.0, total_steps=5), ConfigError, "needs cycle_momentum=False"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()


@pytest.mark.parametrize("name", ["StepLR", "ReduceLROnPlateau"])
def test_groups_that_came_later_are_noticed(name):
    opt = optimizer(1.0)
    schedule = StepLR(opt, 1, 0.5) if name == "StepLR" else lr_scheduler.ReduceLROnPlateau(opt)
    arguments = () if name == "StepLR" else (1.0,)
    schedule.step(*arguments)
    opt.add_param_group({"params": [nn.Parameter([1.0])], "lr": 3.0, "initial_lr": 6.0})
    with pytest.raises(ConfigError, match=r"was made for 1 parameter groups, the optimizer has 2 now: .* last_epoch=0"):
        schedule.step(*arguments)
    if name == "StepLR":
        assert StepLR(opt, 1, 0.5, last_epoch=0).get_last_lr() == [0.5, 3.0]


@pytest.mark.parametrize("name", ["CyclicLR", "OneCycleLR"])
def test_without_momentum_there_is_none_to_cycle(name):
    class Plain(optim.Optimizer):
        def state_names(self, group):
            return ()

    opt = Plain([nn.Parameter([1.0])], {"lr": 1.0, "weight_decay": 0.0})
    arguments = {"base_lr": 0.1} if name == "CyclicLR" else {"total_steps": 5}
    with pytest.raises(ConfigError, match="Plain has neither momentum nor betas to cycle: pass cycle_momentum=False"):
        getattr(lr_scheduler, name)(opt, max_lr=1.0, **arguments)
    assert opt.param_groups[0]["lr"] == 1.0


@pytest.mark.parametrize("compile", [lambda f: f, mg.jit], ids=["eager", "compiled"])
def test_a_step_after_the_cycle_changes_nothing(compile):
    opt = optimizer(1.0, momentum=0.9)
    schedule = lr_scheduler.OneCycleLR(opt, max_lr=0.5, total_steps=3)
    step = compile(lambda: schedule.step())
    for _ in range(3):
        step()
    before = copy.deepcopy(schedule.state_dict()), dict(opt.param_groups[0])
    with pytest.raises(ConfigError, match="step 4 is beyond the 3 total_steps"):
        step()
    assert (schedule.state_dict(), dict(opt.param_groups[0])) == before


PYTHON = {
    "plateau": (lambda o: lr_scheduler.ReduceLROnPlateau(o), (1.0,), "decides by the metric"),
    "product": (lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: 0.5), (), "call step.. outside of the compiled"),
    "branch": (lambda o: LambdaLR(o, lambda t: 1.0 if t < 3 else 0.5), (), r"\[LambdaLR\] .* mg.where, or call step"),
    "math": (lambda o: LambdaLR(o, lambda t: math.cos(t)), (), r"\[LambdaLR\] the function .* decides in Python"),
    "lookup": (lambda o: LambdaLR(o, lambda t: [1.0, 0.5, 0.2][t]), (), r"\[LambdaLR\] the function"),
    "scale": (
        lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, 3, scale_fn=lambda x: 1.0 if x < 2 else 0.5), (), r"\[CyclicLR\]"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("build", "arguments", "message"), PYTHON.values(), ids=PYTHON)
def test_what_decides_in_python_says_so_inside_jit(build, arguments, message):
    opt = optimizer(0.5, momentum=0.9)
    schedule = build(opt)
    before = schedule.state_dict()
    step = mg.jit(lambda: schedule.step(*arguments), warmup=0)
    with pytest.raises(TracingError, match=message):
        step()
    assert schedule.state_dict() == before
