"""Runs from start to end: what is written, that it repeats, resumes and stops as it should."""

import csv
import json
import os

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import minigrad as mg
from minigrad.data import digits
from minigrad.errors import ConfigError, DataError
from minigrad.train import DivergedError, resume, session, train
from minigrad.train.checkpoint import pack
from minigrad.train.loop import Training
from minigrad.train.run_folder import RunFolder

pytestmark = pytest.mark.usefixtures("no_pictures")
COMPARED = ["metrics.csv", "model.safetensors", "state.safetensors", "result.json"]


@pytest.fixture
def settings(blobs, net):
    return {"data": str(blobs), "model": net, "epochs": 3, "batch_size": 16, "lr": 0.02}


def contents(folder):
    return {name: (folder / name).read_bytes() for name in COMPARED}


def metrics(folder):
    return list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))


@pytest.fixture
def reference(settings, tmp_path, silent):
    """The files of a run that nobody interrupted."""
    train(settings, tmp_path / "reference", silent)
    return contents(tmp_path / "reference")


def test_a_run_learns_and_writes_what_it_learnt(settings, tmp_path, silent):
    result = train(settings | {"epochs": 10}, tmp_path / "run", silent)
    assert result["test_accuracy"] > 0.8
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == result
    rows = metrics(tmp_path / "run")
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in range(1, 11)]
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    assert any("test accuracy" in line for line in silent.lines)


def test_same_seed_same_files_other_seed_others(reference, settings, tmp_path, silent):
    train(settings, tmp_path / "again", silent)
    assert contents(tmp_path / "again") == reference
    train(settings | {"seed": 1}, tmp_path / "other", silent)
    assert all(contents(tmp_path / "other")[name] != reference[name] for name in COMPARED[:3])


# 120 training samples in batches of 16: 8 steps an epoch, 24 in all.
@pytest.mark.parametrize("after", [1, 7, 8, 9, 16, 23])
def test_an_interrupted_run_resumes_to_the_same_files(reference, settings, tmp_path, ctrl_c, silent, after):
    run, display = tmp_path / "run", ctrl_c(after)
    assert train(settings, run, display) is None
    assert display.steps == after
    assert f"minigrad train --resume {run}" in display.lines[-1]
    assert not (run / "result.json").exists()
    mg.manual_seed(99)  # another process would not have this one's generator
    resume(run, silent)
    assert contents(run) == reference
    assert silent.steps - 24 == 24 - after  # 24 are those of the reference


def test_interrupted_twice(reference, settings, tmp_path, ctrl_c, silent):
    run = tmp_path / "run"
    train(settings, run, ctrl_c(3))
    resume(run, ctrl_c(9))
    resume(run, silent)
    assert contents(run) == reference


def test_ctrl_c_in_the_last_step_ends_the_run(reference, settings, tmp_path, ctrl_c):
    assert train(settings, tmp_path / "run", ctrl_c(24)) is not None
    assert contents(tmp_path / "run") == reference


def test_resuming_a_run_that_is_over_gives_its_result_again(reference, settings, tmp_path, silent):
    before = contents(tmp_path / "reference")
    assert resume(tmp_path / "reference", silent) == json.loads(before["result.json"])
    assert contents(tmp_path / "reference") == before
    assert silent.steps == 24  # those of the reference, no more


# A new run renames six files into place until its first epoch is saved, then three or four an epoch.
@pytest.mark.parametrize("renames", range(6, 13))
def test_a_run_killed_while_it_saves_resumes_to_the_same_files(
    reference, settings, tmp_path, silent, monkeypatch, renames
):
    class Killed(BaseException):
        pass

    replace, left = os.replace, iter(range(renames))

    def replace_until_killed(source, target):
        if next(left, None) is None:
            raise Killed
        replace(source, target)

    run = tmp_path / "run"
    monkeypatch.setattr(os, "replace", replace_until_killed)
    with pytest.raises(Killed):
        train(settings, run, silent)
    monkeypatch.setattr(os, "replace", replace)
    resume(run, silent)
    assert contents(run) == reference


def test_the_best_epoch_is_chosen_by_validation_data_alone(settings, tmp_path, silent, monkeypatch):
    """Other test labels change the test result, and nothing else."""
    train(settings, tmp_path / "a", silent)
    split = session.split_data

    def with_wrong_test_labels(data, config):
        parts = split(data, config)
        object.__setattr__(parts.test, "y", (parts.test.y + 1) % 3)
        return parts

    monkeypatch.setattr(session, "split_data", with_wrong_test_labels)
    train(settings, tmp_path / "b", silent)
    one, other = contents(tmp_path / "a"), contents(tmp_path / "b")
    assert one.pop("result.json") != other.pop("result.json")
    assert one == other


BEST = [
    ([(0.5, 1.0), (0.9, 0.5), (0.8, 0.1)], 2),
    ([(0.9, 0.5), (0.9, 0.4), (0.9, 0.6)], 2),
    ([(0.9, 0.4), (0.9, 0.4)], 1),
]


@pytest.mark.parametrize(("validation", "epoch"), BEST)
def test_best_is_by_accuracy_then_loss_then_first(validation, epoch):
    training = object.__new__(Training)
    training.history = [
        {"epoch": i, "validation_accuracy": accuracy, "validation_loss": loss}
        for i, (accuracy, loss) in enumerate(validation, 1)
    ]
    assert training.best["epoch"] == epoch


def test_the_model_file_holds_the_best_epoch_and_fits_the_state_dict_names(settings, tmp_path, silent):
    run = tmp_path / "run"
    result = train(settings | {"epochs": 6, "lr": 0.5}, run, silent)
    names = set(load_file(run / "model.safetensors"))
    assert {"0.mean", "1.weight", "1.bias", "4.weight", "4.bias"} <= names
    rows = metrics(run)
    best = max(rows, key=lambda row: (float(row["validation_accuracy"]), -float(row["validation_loss"])))
    assert int(best["epoch"]) == result["best_epoch"]


def test_a_divergent_run_says_where_and_writes_nothing(settings, tmp_path, silent):
    bad = settings | {"model": "linear 8, relu, linear 3", "optimizer": "sgd", "lr": 1e30}
    with pytest.raises(
        DivergedError, match=r"loss became (nan|inf) in epoch 1, batch \d+: .*(layer|parameter) .*smaller --lr"
    ):
        train(bad, tmp_path / "runs" / "run", silent)
    assert not (tmp_path / "runs").exists()


def test_a_last_step_that_diverges_is_seen_before_it_is_saved(settings, tmp_path, silent, monkeypatch):
    step = Training.step

    def spoil(self, x, y):
        step(self, x, y)
        if silent.steps == 7:  # the last one of the first epoch
            parameter = next(iter(self.model.parameters()))
            parameter.assign_(parameter.detach() * float("inf"))

    monkeypatch.setattr(Training, "step", spoil)
    with pytest.raises(DivergedError, match=r"loss became nan in epoch 1, validation: .*parameter 1\.weight NaN"):
        train(settings | {"epochs": 1}, tmp_path / "runs" / "run", silent)
    assert not (tmp_path / "runs").exists()


def test_a_run_that_diverges_late_keeps_its_last_epoch(settings, tmp_path, silent, monkeypatch):
    step = Training.step

    def spoil(self, x, y):
        if len(self.history) == 2:
            parameter = next(iter(self.model.parameters()))
            parameter.assign_(parameter.detach() * float("nan"))
        step(self, x, y)

    monkeypatch.setattr(Training, "step", spoil)
    with pytest.raises(DivergedError, match=r"epoch 3, batch 1: .*parameter 1\.weight NaN.*after epoch 2 is in .*run"):
        train(settings, tmp_path / "run", silent)
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 3


BAD_SETTINGS = {
    "batch size": ({"batch_size": 0}, ConfigError, "batch_size must be"),
    "learning rate": ({"lr": -0.1}, ConfigError, "lr must be a positive number, got -0.1"),
    "optimizer": ({"optimizer": "magic"}, ConfigError, "optimizer must be one of .*adam.*, got 'magic'"),
    "momentum": ({"optimizer": "adam", "momentum": 0.9}, ConfigError, "optimizer adam takes no momentum"),
    "outputs": ({"model": "linear 8, relu, linear 4"}, ConfigError, r"outputs of \(4,\), but the data have 3 classes"),
    "images": ({"model": "cnn"}, ConfigError, "it needs images"),
    "shift": ({"shift": 1}, ConfigError, "shift moves images"),
    "shares": ({"validation": 0.5, "test": 0.5}, ConfigError, "leave something to train on"),
    "file": ({"data": "nowhere.npz"}, DataError, r"no file or folder .*nowhere\.npz"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings_write_nothing(settings, tmp_path, silent, case):
    change, error, message = BAD_SETTINGS[case]
    with pytest.raises(error, match=message):
        train(settings | change, tmp_path / "runs" / "run", silent)
    assert not (tmp_path / "runs").exists()


def test_an_output_folder_that_cannot_be_written(settings, tmp_path, silent):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write the folder"):
        train(settings, tmp_path / "file" / "run", silent)
    assert silent.steps == 0


def test_resume_refuses_other_data_and_damaged_files(settings, blobs, tmp_path, ctrl_c, silent):
    run = tmp_path / "run"
    train(settings, run, ctrl_c(9))
    with np.load(blobs) as arrays:
        changed = {**arrays, "x": arrays["x"] + 1}
    whole = blobs.read_bytes()
    np.savez(blobs, **changed)
    with pytest.raises(DataError, match="not what it was when the run"):
        resume(run, silent)
    blobs.write_bytes(whole)

    state = (run / "state.safetensors").read_bytes()
    (run / "state.safetensors").write_bytes(state[:-10])
    with pytest.raises(DataError, match=r"state\.safetensors is no safetensors file, or it is damaged"):
        resume(run, silent)
    save_file({"a": np.zeros(2)}, run / "state.safetensors")
    with pytest.raises(DataError, match="holds no state"):
        resume(run, silent)
    RunFolder(run).write_tensors("state.safetensors", *pack({"model": {}}))
    with pytest.raises(DataError, match=r"a state of a run has model, optimizer, .*; this one is something else"):
        resume(run, silent)
    (run / "config.json").unlink()
    with pytest.raises(DataError, match="holds no run"):
        resume(run, silent)


def test_runs_are_numbered(blobs, tmp_path, silent, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        train({"data": "blobs.npz", "epochs": 1}, display=silent)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["blobs-mlp-1", "blobs-mlp-2"]
    monkeypatch.chdir(tmp_path / "runs")
    resume("blobs-mlp-1", silent)  # knows its data by their full path


def test_digits_are_learnt_in_a_few_epochs(tmp_path, silent):
    result = train({"data": "digits", "epochs": 4}, tmp_path / "run", silent)
    assert result["test_samples"] == len(digits()) // 10
    assert result["test_accuracy"] > 0.9
