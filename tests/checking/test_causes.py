"""For each cause the report knows, a function with that mistake."""

import itertools

import numpy as np
import pytest

import minigrad as mg
from minigrad import engine
from minigrad.checking.causes import CAUSES
from tests.checking.planted import planted

rng = np.random.default_rng(7)
X = rng.normal(size=(4, 3))
SQUARE = rng.normal(size=(3, 3))
BIAS = rng.normal(size=3)


def square(rule):
    return planted(np.square, rule)


def add_row(rule):
    """x + b for a matrix and a row, with a wrong rule for the row."""
    return planted(np.add, lambda g, out, x, b: g, rule)


def frozen_mean(x):
    return x - mg.mean(x.detach(), axis=0)


def untaken_branch(x):
    return mg.where(x > 0.0, mg.sqrt(x), 0.0)


def writes_into_input(x):
    x.data[0] = 2.0
    return x * 3.0


COUNTER = itertools.count(1)
BUFFER = np.zeros((4, 3))


def overwrites_its_buffer(x):
    return planted(lambda x: np.multiply(x, 2.0, out=BUFFER), lambda g, out, x: 2.0 * g)(x)


def _write_into_cotangent(g, out, x):
    g.data[...] *= 2.0
    return g


PLANTED = {
    "all zero": (square(lambda g, out, x: g * 0.0), X, "never filled in"),
    "sign flipped": (square(lambda g, out, x: -2.0 * g * x), X, "opposite sign"),
    "2 missing": (square(lambda g, out, x: g * x), X, "0.5 times the right one (1/2: the 2 of a square"),
    "2 too many": (square(lambda g, out, x: 4.0 * g * x), X, "2 times the right one (2: is the function halved"),
    "mean for sum": (planted(np.mean, lambda g, out, x: g * mg.ones((4, 3))), X, "12 is the number of elements of a"),
    "sum for mean": (planted(np.sum, lambda g, out, x: g * mg.ones((4, 3)) / 4.0), X, "0.25 times the right one (4 is"),
    "0.1 % off": (square(lambda g, out, x: 2.002 * g * x), X, "1.001 times"),
    "transposed": (planted(np.sin, lambda g, out, x: (g * mg.cos(x)).T), SQUARE, "axes in the order (1, 0)"),
    "transposed and reshaped": (
        planted(np.sin, lambda g, out, x: (g * mg.cos(x)).T.reshape(4, 3)),
        X,
        "axes in the order (1, 0), then reshaped",
    ),
    "one row": (add_row(lambda g, out, x, b: g[-1]), (X, BIAS), "only entry 3 along axis 0 of the result"),
    "constant added": (planted(np.sin, lambda g, out, x: g * mg.cos(x) + 0.25), X, "off by a constant: 0.25"),
    "weight decay": (planted(np.sin, lambda g, out, x: g * mg.cos(x) + 0.01 * x), X, "a multiple of x itself"),
    "cotangent added": (planted(np.sin, lambda g, out, x: g * mg.cos(x) - g), X, "a multiple of the cotangent: -1 "),
    "detached": (lambda x: mg.asarray(x.numpy()) * 2.0, X, "no gradient reaches x"),
    "frozen mean": (frozen_mean, X, "36 of 48 places a result depends on an element of x"),
    "untaken branch": (untaken_branch, np.array([-1.0, 2.0]), "untaken branch of `where`"),
    "random": (lambda x: x * next(COUNTER), X, "different results"),
    "input mutated": (writes_into_input, X, "writes into its argument x"),
    "cotangent mutated": (planted(np.negative, _write_into_cotangent), X, "writes into the cotangent"),
    "result aliased": (overwrites_its_buffer, X, "the result lives in memory"),
    "float32 inside": (lambda x: mg.exp(mg.sin(x.astype(mg.float32) * 9.0)), X, "too noisy to decide"),
    "cancellation": (lambda x: (mg.sin(x) + 1e12) - 1e12, X, "too noisy to decide"),
    "first row wrong": (
        square(lambda g, out, x: g * x * mg.tensor([[1.0], [2.0], [2.0], [2.0]])),
        X,
        "at [0] along axis 0",
    ),
    "one element wrong": (
        square(lambda g, out, x: g * (2.0 * x + 3.0 * mg.one_hot(1, 3))),
        X[:1],
        "at [1] along axis 1",
    ),
    "not finite here": (mg.log, -np.abs(X), "NaN or infinite at these inputs"),
    "only kinks": (mg.abs, np.zeros(3), "every element of x is at a kink"),
    "nothing that fits": (square(lambda g, out, x: 3.0 * g * mg.exp(x)), X, "none of the common mistakes"),
}

NAMES = {
    "2 missing": "constant factor",
    "2 too many": "constant factor",
    "mean for sum": "constant factor",
    "sum for mean": "constant factor",
    "0.1 % off": "constant factor",
    "transposed and reshaped": "transposed",
    "one row": "broadcast axis not summed",
    "constant added": "additive term",
    "weight decay": "additive term",
    "cotangent added": "additive term",
    "detached": "dependence missed",
    "frozen mean": "dependence missed",
    "untaken branch": "not finite",
    "random": "not deterministic",
    "cancellation": "precision too low",
    "float32 inside": "precision too low",
    "first row wrong": "an edge",
    "one element wrong": "an edge",
    "not finite here": "not finite",
    "nothing that fits": "unknown",
}


@pytest.mark.parametrize("mistake", PLANTED)
def test_the_report_names_the_cause(mistake):
    fn, inputs, hint = PLANTED[mistake]
    with np.errstate(invalid="ignore"):
        report = mg.gradcheck(fn, inputs, order=1, raise_exception=False)
    assert not report
    assert [cause.name for cause in report.causes] == [NAMES.get(mistake, mistake)]
    assert hint in str(report)


def test_every_cause_in_the_table_was_planted():
    """A row of the table that no planted mistake reaches is either untested or in the wrong place."""
    reached = {NAMES.get(mistake, mistake) for mistake in PLANTED} | {"only one use counted"}
    names = {
        "not_finite": "not finite",
        "disconnected": "dependence missed",
        "all_zero": "all zero",
        "sign_flipped": "sign flipped",
        "only_one_use": "only one use counted",
        "transposed": "transposed",
        "constant_factor": "constant factor",
        "slice_not_summed": "broadcast axis not summed",
        "structural_zeros": "dependence missed",
        "additive_term": "additive term",
        "partly_right": "an edge",
    }
    assert [names[cause.__name__] for cause in CAUSES if names[cause.__name__] not in reached] == []


def test_only_one_use_counted(monkeypatch):
    """An engine that assigns cotangents instead of adding them, the classic mistake."""

    def assign(pending, key, g):
        pending[key] = g

    monkeypatch.setattr(engine, "accumulate", assign)
    report = mg.gradcheck(lambda x: mg.sin(x) * mg.exp(x), X, order=1, raise_exception=False)
    assert [cause.name for cause in report.causes] == ["only one use counted"]
    assert "x is used 2 times" in str(report)


def test_only_the_wrong_argument_is_blamed():
    times = planted(np.multiply, lambda g, out, x, y: g * y, lambda g, out, x, y: g * y)
    report = mg.gradcheck(lambda x, y: times(x, y), (X, X + 1.0), order=1, raise_exception=False)
    assert list(report.stages[0].causes) == ["y"]
    assert {failure.argument for failure in report.failures} == {"y"}
