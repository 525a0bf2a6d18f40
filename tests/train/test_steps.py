"""Compiled runs: the numbers of eager ones, the same files every time, the same messages."""

import csv
import json

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import TracingError
from minigrad.train import DivergedError, resume, train
from minigrad.train.steps import Steps

pytestmark = pytest.mark.usefixtures("no_pictures")
FILES = ["metrics.csv", "model.safetensors", "state.safetensors", "result.json"]


@pytest.fixture
def settings(blobs, net):
    """105 training samples: 7 steps an epoch, all of one size. The net has dropout and a running mean."""
    return {"data": str(blobs), "model": net, "epochs": 3, "batch_size": 15, "lr": 0.02, "validation": 0.2}


def files(run):
    return {name: (run / name).read_bytes() for name in FILES}


def losses(run):
    rows = csv.DictReader((run / "metrics.csv").read_text().splitlines())
    return [(float(row["train_loss"]), float(row["validation_loss"])) for row in rows]


def test_compiled_runs_repeat_resume_and_agree_with_eager_ones(settings, tmp_path, silent, ctrl_c):
    train(settings | {"jit": False}, tmp_path / "eager", silent)
    assert not any("training step" in line for line in silent.lines)
    train(settings | {"jit": True}, tmp_path / "compiled", silent)
    assert sum("training step" in line for line in silent.lines) == 1
    np.testing.assert_allclose(losses(tmp_path / "compiled"), losses(tmp_path / "eager"), rtol=1e-4)
    saved = json.loads((tmp_path / "compiled" / "config.json").read_text())
    assert (saved["settings"]["jit"], saved["compiled"]) == (True, ["evaluation 30", "training 15"])

    silent.lines.clear()
    train(settings | {"jit": True}, tmp_path / "again", silent)
    assert "training step of 15 samples: compiled by an earlier run" in silent.lines
    assert files(tmp_path / "again") == files(tmp_path / "compiled")

    assert train(settings | {"jit": True}, tmp_path / "stopped", ctrl_c(10)) is None
    resume(tmp_path / "stopped", silent)
    assert files(tmp_path / "stopped") == files(tmp_path / "compiled")


def test_resuming_takes_the_saved_decision(settings, tmp_path, silent, ctrl_c):
    """Not the one that another version would make."""
    run = tmp_path / "run"
    train(settings, run, ctrl_c(3))
    config = json.loads((run / "config.json").read_text())
    assert config["compiled"] == []
    (run / "config.json").write_text(json.dumps(config | {"compiled": ["training 15"]}))
    resume(run, silent)
    assert any("training step" in line for line in silent.lines)


@pytest.mark.parametrize("jit", [False, True])
def test_divergence_names_the_layer(settings, tmp_path, silent, jit):
    bad = {"model": "linear 8, relu, linear 3", "optimizer": "sgd", "lr": 1e30, "jit": jit}
    with pytest.raises(DivergedError, match=r"epoch 1, batch 2: the parameters are finite, .* layer 2 \(Linear\)"):
        train(settings | bad, tmp_path / "run", silent)


def test_a_step_that_cannot_be_traced_says_so():
    class ByValue(nn.Module):
        def forward(self, x):
            return x if float(mg.sum(x)) > 0 else -x

    steps = Steps(ByValue(), ["evaluation 2"])
    with pytest.raises(TracingError, match="known only when the compiled function runs"):
        steps.scores(mg.ones((2, 3)))
    assert steps.scores(mg.ones((1, 3))).shape == (1, 3)  # another size is not compiled
