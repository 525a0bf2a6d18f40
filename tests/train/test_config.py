"""Settings: what is refused, what is chosen when nothing is said."""

import numpy as np
import pytest

from minigrad.data import Dataset, digits
from minigrad.errors import ConfigError
from minigrad.train import Config
from minigrad.train.config import suited_to

OUT_OF_RANGE = [
    ("epochs", [0, -1, 1.5, True, None], "whole number of at least 1"),
    ("batch_size", [0, -32, 2.0], "whole number of at least 1"),
    ("lr", [0, -0.1, float("nan"), float("inf"), "fast"], "positive"),
    ("weight_decay", [-1e-4, float("inf")], "at least 0"),
    ("momentum", [-0.1, 1.0], r"in \[0, 1\)"),
    ("shift", [-1, 0.5], "at least 0"),
    ("validation", [0, 1, -0.1], "share"),
    ("test", [0, 1.0], "share"),
    ("seed", [-1, 2**64, 1.0], "whole number"),
]


@pytest.mark.parametrize(
    ("name", "value", "message"), [(name, value, text) for name, values, text in OUT_OF_RANGE for value in values]
)
def test_refuses(name, value, message):
    with pytest.raises(ConfigError, match=rf"{name} must be .*{message}.*, got"):
        Config(data="digits", **{name: value})


def table(n, *shape):
    return Dataset(np.zeros((n, *shape)), np.arange(n) % 2, ("a", "b"))


CHOSEN = [
    (digits(), {}, {"model": "cnn", "epochs": 40, "batch_size": 32, "shift": 1, "optimizer": "adam"}),
    (digits(), {"model": "mlp"}, {"shift": 0, "epochs": 40}),
    (table(100, 4), {}, {"model": "mlp", "shift": 0}),
    (table(100, 3, 2, 2), {}, {"model": "mlp"}),
    (table(10_000, 1, 4, 4), {}, {"model": "cnn", "epochs": 3, "batch_size": 64, "shift": 0}),
    (table(10_000, 4), {}, {"model": "mlp", "epochs": 8}),
    (table(100, 4), {"optimizer": "sgd"}, {"lr": 0.05, "momentum": 0.9}),
    (
        table(100, 4),
        {"optimizer": "sgd", "lr": 1.0, "momentum": 0.0, "epochs": 2},
        {"lr": 1.0, "momentum": 0.0, "epochs": 2},
    ),
    (table(100, 4), {"epochs": None, "lr": None}, {"epochs": 40, "lr": 2e-3, "momentum": None}),
]


@pytest.mark.parametrize("case", range(len(CHOSEN)))
def test_chooses_what_suits_the_data_and_keeps_what_is_given(case):
    data, given, expected = CHOSEN[case]
    config = suited_to(data, {"data": "x", **given})
    assert {name: getattr(config, name) for name in expected} == expected


@pytest.mark.parametrize(("model", "name"), [("mlp", "mlp"), ("linear 2", "custom"), ("/a/b.py:net", "custom")])
def test_model_name_fits_a_folder(model, name):
    assert Config(data="x", model=model).model_name == name
