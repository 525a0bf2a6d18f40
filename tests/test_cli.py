"""The command line: exit codes, one-line errors, real signals."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from minigrad.cli import main

FILES = [
    "config.json", "confusion.png", "curves.png", "metrics.csv", "model.safetensors", "result.json", "state.json",
    "state.safetensors",
]  # fmt: skip


@pytest.fixture
def table(tmp_path):
    """The path of a table with two kinds, far apart."""
    rng = np.random.default_rng(0)
    lines = [f"{rng.normal() + 5 * (i % 2)},{rng.normal()},{'ab'[i % 2]}" for i in range(100)]
    (tmp_path / "points.csv").write_text("u,v,kind\n" + "\n".join(lines))
    return tmp_path / "points.csv"


def options(table, *more):
    return ["train", str(table), "--label", "kind", "--epochs", "2", "--out", str(table.parent / "run"), *more]


def test_train_then_predict(table, capsys):
    assert main(options(table)) == 0
    printed = capsys.readouterr()
    assert "80 training, 10 validation and 10 test samples of shape (2,), 2 classes" in printed.out
    assert "test accuracy" in printed.out
    assert printed.err == ""  # no bar: standard error is no terminal
    assert sorted(path.name for path in (table.parent / "run").iterdir()) == FILES
    for name in ("curves.png", "confusion.png"):
        assert (table.parent / "run" / name).read_bytes().startswith(b"\x89PNG")

    assert main(["predict", str(table.parent / "run"), str(table)]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("row,class,probability,label\n0,")
    assert printed.err.startswith("accuracy ")
    out = table.parent / "predictions.csv"
    assert main(["predict", str(table.parent / "run"), str(table), "--out", str(out)]) == 0
    assert out.read_text() == printed.out


def test_every_option_reaches_the_settings(table):
    given = {
        "--model": "linear 4, relu, linear 2", "--batch-size": "7", "--optimizer": "sgd", "--lr": "0.125",
        "--weight-decay": "0.25", "--momentum": "0.5", "--validation": "0.2", "--test": "0.3", "--seed": "11",
        "--shift": "0",
    }  # fmt: skip
    assert main(options(table, *(word for pair in given.items() for word in pair))) == 0
    settings = json.loads((table.parent / "run" / "config.json").read_text())["settings"]
    assert settings == {
        "data": str(table), "label": "kind", "model": "linear 4, relu, linear 2", "epochs": 2, "batch_size": 7,
        "optimizer": "sgd", "lr": 0.125, "weight_decay": 0.25, "momentum": 0.5, "shift": 0, "validation": 0.2,
        "test": 0.3, "seed": 11, "jit": None,
    }  # fmt: skip


JIT = [([], None, []), (["--no-jit"], False, []), (["--jit"], True, ["evaluation 10", "training 80"])]


@pytest.mark.parametrize(("flags", "setting", "compiled"), JIT)
def test_jit_flags(table, capsys, flags, setting, compiled):
    assert main(options(table, "--model", "linear 2", "--batch-size", "80", *flags)) == 0
    config = json.loads((table.parent / "run" / "config.json").read_text())
    assert (config["settings"]["jit"], config["compiled"]) == (setting, compiled)
    printed = capsys.readouterr().out.splitlines()
    starts = ("compiling the ", "training step of 80 ", "evaluation of 10 ")
    said = [line for line in printed if line.startswith(starts)]
    assert len(said) == len(compiled)


def test_a_model_that_cannot_be_compiled_is_one_line(table, capsys):
    (table.parent / "net.py").write_text(
        "from minigrad import nn\n"
        "class ByValue(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return x if not self.training or float(x.sum()) > 0 else -x\n"
        "def net(sample_shape, classes):\n"
        "    return nn.Sequential(ByValue(), nn.Linear(2, classes))\n"
    )
    model = f"{table.parent / 'net.py'}:net"
    assert main(options(table, "--model", model, "--jit")) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert "[jit]" in error[0]
    assert not (table.parent / "run").exists()
    assert main(options(table, "--model", model)) == 0


def test_model_from_a_file(table):
    (table.parent / "net.py").write_text(
        "from minigrad import nn\n"
        "def net(sample_shape, classes):\n"
        "    return nn.Sequential(nn.Linear(sample_shape[0], 5), nn.Tanh(), nn.Linear(5, classes))\n"
    )
    assert main(options(table, "--model", f"{table.parent / 'net.py'}:net")) == 0


WRONG = {
    "missing file": (["train", "nowhere.csv"], "no file or folder"),
    "label column": (["train", "TABLE", "--out", "OUT"], "no column 'label'; its first line names: u, v, kind"),
    "batch size": (["train", "TABLE", "--label", "kind", "--batch-size", "0", "--out", "OUT"], "batch_size must be"),
    "learning rate": (["train", "TABLE", "--label", "kind", "--lr", "-1", "--out", "OUT"], "lr must be"),
    "no number": (["train", "digits", "--epochs", "many"], "invalid int value: 'many'"),
    "unknown option": (["train", "digits", "--speed", "9"], "unrecognized arguments: --speed 9"),
    "unknown command": (["fly"], "invalid choice: 'fly'"),
    "two data sets": (["train", "digits", "--data", "mnist"], "two data sets"),
    "model": (["train", "TABLE", "--label", "kind", "--model", "linear 3", "--out", "OUT"], r"outputs of (3,)"),
    "model file": (["train", "TABLE", "--label", "kind", "--model", "x.py:f", "--out", "OUT"], "no Python file"),
    "not a run": (["predict", "nowhere", "digits"], "nowhere holds no run"),
    "resume": (["train", "--resume", "nowhere"], "nowhere holds no run"),
    "resume with settings": (["train", "--resume", "nowhere", "--lr", "1", "--seed", "2"], "leave out lr, seed"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line_and_exit_code_2(table, capsys, case):
    words, message = WRONG[case]
    out = table.parent / "runs" / "run"
    try:
        code = main([{"TABLE": str(table), "OUT": str(out)}.get(word, word) for word in words])
    except SystemExit as leaving:  # argparse
        code = leaving.code
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith("minigrad")
    assert message in printed.err
    assert not out.parent.exists()


def write_text(text):
    return lambda path: path.write_text(text)


def write_arrays(**arrays):
    return lambda path: np.savez(path, **arrays)


X = np.arange(40.0).reshape(20, 2)
UNEQUAL = np.array([np.zeros((2, 2)), np.zeros((3, 3))], dtype=object)
BAD_DATA = {
    "empty.csv": (write_text(""), "is empty"),
    "nan.csv": (write_text("a,label\n1,x\nnan,y\n"), "1 NaN or infinite values (as float32), the first in line 3"),
    "words.csv": (write_text("a,label\n1,x\ntwo,y\n"), "line 3, column 'a': 'two' is not a number"),
    "one_class.csv": (write_text("a,label\n1,x\n2,x\n"), "of one class (x)"),
    "range.npz": (write_arrays(x=X, y=np.arange(20) - 1), "labels must lie in 0 .. 18: 1 do not, the first is -1"),
    "names.npz": (write_arrays(x=X, y=np.arange(20) % 3, class_names=np.array(["a", "b"])), "the first is 2 in row 2"),
    "unequal.npz": (write_arrays(x=UNEQUAL, y=np.array([0, 1])), "images of unequal size"),
    "broken.npz": (write_text("no archive"), "no .npz archive or a damaged one"),
    "images-idx3": (write_text("no idx"), "is no IDX file"),
    "tiny.csv": (write_text("a,label\n1,x\n2,y\n"), "too few"),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_data_are_one_line_and_nothing_written(tmp_path, capsys, name):
    write, message = BAD_DATA[name]
    write(tmp_path / name)
    assert main(["train", str(tmp_path / name), "--out", str(tmp_path / "run")]) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert message in printed.err
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_predictions_that_cannot_be_written(table, capsys):
    main(options(table))
    assert main(["predict", str(table.parent / "run"), str(table), "--out", str(table.parent)]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["--help"])
    assert leaving.value.code == 0
    assert {"train", "predict"} <= set(capsys.readouterr().out.split())


# ---- real processes


def start(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "minigrad", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


def wait_for_the_second_epoch(process):
    """By then the first one is saved."""
    while not (line := process.stdout.readline()).startswith("epoch  2"):
        assert line, process.stderr.read()


def results(run):
    return {name: (run / name).read_bytes() for name in ("metrics.csv", "model.safetensors", "state.safetensors")}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_stopped_process_resumes_to_the_result_of_one_that_was_not(table, number, code):
    words = options(table, "--batch-size", "2", "--epochs", "40", "--model", "linear 8, tanh, linear 2")
    assert main([*words, "--out", str(table.parent / "whole")]) == 0
    with start(*words) as process:
        wait_for_the_second_epoch(process)
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.wait(30) == code, process.stderr.read()
    run = table.parent / "run"
    if number == signal.SIGINT:
        assert f"To go on:  minigrad train --resume {run}" in rest
    assert not (run / "result.json").exists()
    assert main(["train", "--resume", str(run)]) == 0
    assert results(run) == results(table.parent / "whole")


def test_a_reader_that_has_had_enough_is_no_error(table):
    assert main(options(table)) == 0
    with start("predict", str(table.parent / "run"), str(table)) as process:
        process.stdout.close()
        assert process.wait(30) == 0
        assert "Traceback" not in process.stderr.read()
