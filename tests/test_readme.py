"""The README's tour does what its comments say."""

import re
from pathlib import Path

import numpy as np

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_tour_runs_and_learns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tour,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names = {}
    exec(tour, names)
    x = np.array([1.0, 2.0, 3.0], np.float32)
    np.testing.assert_allclose(names["x"].grad, 2 * np.tanh(x) / np.cosh(x) ** 2, rtol=1e-5)
    np.testing.assert_allclose(names["mg"].grad(names["mg"].grad(names["mg"].sin))(1.0), -np.sin(1), rtol=1e-6)
    test, scaler, model = names["test"], names["scaler"], names["model"]
    scores = model(names["mg"].tensor(scaler(test.x)))
    assert (scores.numpy().argmax(1) == test.y).mean() > 0.9
    saved = names["mg"].load("digits.safetensors")
    np.testing.assert_array_equal(saved["1.weight"], model[1].weight)


def test_the_files_it_names_exist():
    root = Path(__file__).parents[1]
    for name in re.findall(r"\]\((docs/[^)]+)\)|`((?:docs|examples|benchmarks|minigrad)/[\w./]+)`", README):
        assert (root / (name[0] or name[1])).exists(), name
