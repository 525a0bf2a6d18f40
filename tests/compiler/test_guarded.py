"""No compiled step touches a byte outside of its buffers, whatever the indices it is given."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad

PROGRAM = Path(__file__).with_name("guarded.py")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")
def test_guard_pages():
    env = {**os.environ, "PYTHONPATH": str(Path(minigrad.__file__).parents[1])}
    command = [sys.executable, str(PROGRAM), "--beyond"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=500, check=False)
    lines = done.stdout.splitlines()
    assert lines[-1] == "beyond", (lines[-1:], done.returncode, done.stderr)
    assert done.returncode == -signal.SIGSEGV
