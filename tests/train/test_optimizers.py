"""Optimizers by name, and the schedule."""

import math

import pytest

from minigrad import nn, optim
from minigrad.errors import ConfigError
from minigrad.train import Config
from minigrad.train.optimizers import make_optimizer, warmup_cosine

MODEL = nn.Linear(2, 2)

MADE = [
    ({}, optim.Adam, {"lr": 0.5, "weight_decay": 0.0}),
    ({"optimizer": "AdamW", "weight_decay": 0.25}, optim.AdamW, {"weight_decay": 0.25}),
    (
        {"optimizer": "sgd", "momentum": 0.75, "weight_decay": 0.125},
        optim.SGD,
        {"momentum": 0.75, "weight_decay": 0.125},
    ),
    ({"optimizer": "sgd", "momentum": 0.0}, optim.SGD, {"momentum": 0.0}),
]


@pytest.mark.parametrize(("given", "kind", "expected"), MADE)
def test_makes_the_optimizer_with_its_options(given, kind, expected):
    made = make_optimizer(Config(data="x", lr=0.5, **given), MODEL)
    assert type(made) is kind
    assert {name: made.param_groups[0][name] for name in expected} == expected
    assert made.param_groups[0]["params"] == list(MODEL.parameters())


KINDS = [x for x in vars(optim).values() if isinstance(x, type) and issubclass(x, optim.Optimizer)]


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in (optim.Optimizer, optim.Muon) and not k.needs_closure])
def test_every_optimizer_of_vectors_that_needs_no_closure_can_be_named(kind):
    assert type(make_optimizer(Config(data="x", optimizer=kind.__name__), MODEL)) is kind


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optimizer": "optimizer"}, r"optimizer must be one of .*adam, .*adamw.*sgd.*, got 'optimizer'"),
        ({"optimizer": "lbfgs"}, "optimizer must be one of .*, got 'lbfgs'"),
        ({"optimizer": "adam", "momentum": 0.5}, "optimizer adam takes no momentum"),
    ],
)
def test_refuses(given, message):
    with pytest.raises(ConfigError, match=message):
        make_optimizer(Config(data="x", **given), MODEL)


def test_the_rate_rises_to_its_peak_and_falls_to_nothing():
    optimizer = optim.SGD(MODEL.parameters(), lr=2.0)
    schedule = warmup_cosine(optimizer, 100)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        schedule.step()
    assert rates[:4] == [0.4, 0.8, 1.2, 1.6]  # a fifth of the peak in each of five steps
    assert rates[50] == pytest.approx(1.0)
    assert rates[75] == pytest.approx(1 + math.cos(math.pi * 0.75))
    assert rates[-1] == pytest.approx(0, abs=1e-3)
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert optimizer.param_groups[0]["lr"] == 0.0


@pytest.mark.parametrize("steps", [1, 2, 19])
def test_short_runs_have_a_rate_too(steps):
    optimizer = optim.SGD(MODEL.parameters(), lr=1.0)
    warmup_cosine(optimizer, steps)
    assert optimizer.param_groups[0]["lr"] == 1.0
