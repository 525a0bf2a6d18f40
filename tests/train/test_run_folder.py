"""The run folder: claimed or refused, files whole or not there."""

import os

import pytest

from minigrad.errors import ConfigError, DataError
from minigrad.train.run_folder import RunFolder, next_free


def test_claim_makes_the_folder_and_leaves_nothing_behind(tmp_path):
    folder = RunFolder(tmp_path / "a" / "b")
    folder.claim()
    assert list(folder.path.iterdir()) == []
    folder.leave_if_empty()
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_stays(tmp_path):
    folder = RunFolder(tmp_path / "a" / "b")
    folder.claim()
    folder.write("x", b"1")
    folder.leave_if_empty()
    assert (folder.path / "x").read_bytes() == b"1"


def test_folders_that_were_there_stay(tmp_path):
    folder = RunFolder(tmp_path)
    folder.claim()
    folder.leave_if_empty()
    assert tmp_path.exists()


def test_refuses_a_folder_with_a_run(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"holds a run: go on with --resume .*, or choose another --out"):
        RunFolder(tmp_path).claim()


def test_refuses_a_path_through_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(ConfigError, match="cannot write the folder"):
            RunFolder(path).claim()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_refuses_a_folder_without_write_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="Permission denied"):
        RunFolder(tmp_path / "run").claim()


def test_a_failed_write_keeps_the_file_before_it(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    folder.write("x", b"before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=r"cannot write x into .*: No space left on device"):
        folder.write("x", b"after")
    assert (tmp_path / "x").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_csv_and_json(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_csv("m.csv", [{"epoch": 1, "loss": 0.1}, {"epoch": 2, "loss": 1 / 3}])
    assert (tmp_path / "m.csv").read_bytes() == b"epoch,loss\n1,0.1\n2,0.3333333333333333\n"
    folder.write_json("a.json", {"x": [1, None]})
    assert folder.read_json("a.json") == {"x": [1, None]}


def test_reading_what_is_missing_or_damaged(tmp_path):
    with pytest.raises(DataError, match=r"holds no run: cannot read config\.json \(No such file"):
        RunFolder(tmp_path).read_json("config.json")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(DataError, match=r"config\.json is damaged"):
        RunFolder(tmp_path).read_json("config.json")


def test_next_free(tmp_path):
    assert next_free(tmp_path / "runs", "digits-cnn").name == "digits-cnn-1"
    (tmp_path / "digits-cnn-1").mkdir()
    assert next_free(tmp_path, "digits-cnn").name == "digits-cnn-2"
