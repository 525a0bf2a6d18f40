"""The README's tour does what its comments say."""

import math
import re
from pathlib import Path

import numpy as np

import minigrad as mg

README = (Path(__file__).parents[1] / "README.md").read_text()
TOUR, LAYERS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
(PRINTED,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)


def test_the_tour_runs_and_learns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(TOUR, names)
    x = np.array([1.0, 2.0, 3.0], np.float32)
    np.testing.assert_allclose(names["x"].grad, 2 * np.tanh(x) / np.cosh(x) ** 2, rtol=1e-5)
    np.testing.assert_allclose(names["mg"].grad(names["mg"].grad(names["mg"].sin))(1.0), -np.sin(1), rtol=1e-6)
    test, scaler, model = names["test"], names["scaler"], names["model"]
    scores = model(names["mg"].tensor(scaler(test.x)))
    assert (scores.numpy().argmax(1) == test.y).mean() > 0.9
    saved = names["mg"].load("digits.safetensors")
    np.testing.assert_array_equal(saved["1.weight"], model[1].weight)


def test_the_layers_print_what_it_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    with mg.disable_jit():  # here only the names that the tour defines are needed
        exec(TOUR.replace("range(10)", "range(1)"), names)
    exec(LAYERS, names)
    printed, shown = capsys.readouterr().out.split(), PRINTED.split()
    assert len(printed) == len(shown)
    for found, expected in zip(printed, shown):
        assert found == expected or math.isclose(number(found), number(expected), rel_tol=0.1)


def number(word):
    """A variance, which rounding may change in its last digit."""
    return float(word.strip("(),"))


def test_the_files_it_names_exist():
    root = Path(__file__).parents[1]
    for name in re.findall(r"\]\((docs/[^)]+)\)|`((?:docs|examples|benchmarks|minigrad)/[\w./]+)`", README):
        assert (root / (name[0] or name[1])).exists(), name
