"""What config.json says, and what is refused as one."""

import json

import numpy as np
import pytest

from minigrad.data import Dataset, Standardizer
from minigrad.errors import DataError
from minigrad.train import Config
from minigrad.train.about import About

DATA = Dataset(np.arange(8.0).reshape(4, 2), [0, 1, 1, 0], ("no", "yes"), columns=("a", "b"))
CONFIG = Config(data="a.csv", label="kind", model="cnn", lr=0.1, momentum=0.5, seed=2**64 - 1)
ABOUT = About.of(CONFIG, DATA, Standardizer.fit(DATA.x))


def test_json_round_trip():
    again = About.from_dict(json.loads(json.dumps(ABOUT.to_dict())), "config.json")
    assert again.config == CONFIG
    assert (again.sample_shape, again.class_names, again.columns) == ((2,), ("no", "yes"), ("a", "b"))
    np.testing.assert_array_equal(again.scale(DATA.x), ABOUT.scale(DATA.x))


def test_the_fingerprint_sees_every_sample_and_label():
    changed_x, changed_y = DATA.x.copy(), DATA.y.copy()
    changed_x[3, 1] += 1
    changed_y[0] = 1
    others = [Dataset(changed_x, DATA.y, DATA.class_names), Dataset(DATA.x, changed_y, DATA.class_names)]
    others.append(Dataset(DATA.x, DATA.y, DATA.class_names, test=DATA))
    assert len({About.of(CONFIG, data, ABOUT.scale).sha256 for data in (DATA, *others)}) == 4


def without(*path):
    saved = json.loads(json.dumps(ABOUT.to_dict()))
    inner = saved
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return saved


BAD = [
    *({}, [], None),
    *(without("data"), without("data", "columns"), without("settings", "data"), without("standardize", "std")),
    {**ABOUT.to_dict(), "settings": {"data": "x", "speed": 3}},
    {**ABOUT.to_dict(), "settings": {"data": "x", "lr": -1}},
]


@pytest.mark.parametrize("index", range(len(BAD)))
def test_refuses_anything_else(index):
    with pytest.raises(DataError, match=r"run/config\.json does not describe a run of this version"):
        About.from_dict(BAD[index], "run/config.json")
