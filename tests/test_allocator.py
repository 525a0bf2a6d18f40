"""The request to glibc: made once, and left out on demand. What it buys is measured in benchmarks/eager.py."""

import os
import subprocess
import sys

import pytest

CODE = "from minigrad.allocator import keep_freed_memory; print(keep_freed_memory())"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
@pytest.mark.parametrize(("setting", "expected"), [("0", "False"), ("1", "True")])
def test_environment_decides(setting, expected):
    environment = {**os.environ, "MINIGRAD_KEEP_MEMORY": setting}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


def test_other_systems_are_left_alone(monkeypatch):
    from minigrad import allocator

    monkeypatch.setattr(allocator.sys, "platform", "darwin")
    assert not allocator.keep_freed_memory()
