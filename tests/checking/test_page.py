"""The page about checking gradients: its examples run and print what it says."""

import doctest
import re
import shlex
from pathlib import Path

from minigrad.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "gradient-checking.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language):
    """The code blocks in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_python_examples():
    result = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
    assert result.attempted >= 7


def test_the_command_that_the_page_begins_with(tmp_path, monkeypatch, capsys):
    """The layer with the mistake gives the first report, the corrected one the second."""
    monkeypatch.chdir(tmp_path)
    layer, command = blocks("python")[0], shlex.split(blocks("sh")[0])
    wrong, right = blocks("text")
    for code, status, report in ((layer, 1, wrong), (layer.replace("dout[0]", "dout.sum(0)"), 0, right)):
        Path("layers.py").write_text(code)
        assert main(command[1:]) == status
        assert capsys.readouterr().out == report


def test_files_it_points_to_are_there():
    root = PAGE.parents[1]
    named = re.findall(r"examples/exercises/[\w/.]*", TEXT)
    assert named
    assert [name for name in named if not (root / name).exists()] == []
