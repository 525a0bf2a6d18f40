"""Compiled steps on disk: whatever happens to the folder, the results are right and nothing raises."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad

PACKAGE = Path(minigrad.__file__).parent
STEP = """
import sys, warnings
warnings.simplefilter("always")
import minigrad as mg
from minigrad.nn import functional as F

w = mg.tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)

@mg.jit(warmup=0)
def step(x):
    loss = mg.sum(mg.cumulative_sum(mg.tanh(x @ w)[0]))
    loss.backward()
    return loss

print(float(step(mg.tensor([[1.0, 2.0]]))), w.grad.tolist())
compiled = [m for m in sys.modules if m.startswith("minigrad_step_")]
print(len(compiled), "from disk" if sum(sys.modules[compiled[0]].step.stats.cache_hits.values()) else "made")
"""


def start(folder, **environment):
    """A new process that compiles and runs one step."""
    env = {**os.environ, "MINIGRAD_CACHE": str(folder), "PYTHONPATH": str(PACKAGE.parent), **environment}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", STEP], stdout=pipe, stderr=pipe, text=True, env=env, cwd="/")


def finish(process):
    """Its results, whether machine code came from the disk, and what it warned of."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    values, made = out.splitlines()
    return values, made.split(" ", 1)[1], err


def run(folder, **environment):
    return finish(start(folder, **environment))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with the step in it, and the step's results."""
    folder = tmp_path_factory.mktemp("cache")
    values, made, warnings = run(folder)
    assert (made, warnings) == ("made", "")
    return folder, values


@pytest.fixture
def copy(filled, tmp_path):
    """A copy of that folder to spoil, and the step's results."""
    shutil.copytree(filled[0], tmp_path / "cache")
    return tmp_path / "cache", filled[1]


def files(folder, suffix):
    found = sorted((folder / "steps").rglob(f"*{suffix}"))
    assert found
    return found


def test_second_process_loads(filled):
    folder, values = filled
    assert run(folder) == (values, "from disk", "")


@pytest.mark.parametrize("suffix", [".py", ".nbi", ".nbc"])
@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_truncated(copy, suffix, kept):
    folder, values = copy
    for path in files(folder, suffix):
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * kept)])
    found, _, warnings = run(folder)
    assert found == values
    assert "Traceback" not in warnings
    assert run(folder) == (values, "from disk", "")  # and it is whole again


def test_wrong_version(copy):
    folder, values = copy
    for path in files(folder, ".nbi"):
        with path.open("rb") as file:
            pickle.load(file)
            rest = file.read()
        path.write_bytes(pickle.dumps("0.0.1") + rest)
    assert run(folder)[:2] == (values, "made")


def test_another_processor(copy):
    folder, values = copy
    generic = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    assert run(folder, **generic)[:2] == (values, "made")
    assert run(folder, **generic)[:2] == (values, "from disk")
    assert run(folder)[:2] == (values, "from disk")


@pytest.mark.parametrize("where", ["/proc/no-such-place", "a file", "a folder others may write to"])
def test_folder_that_cannot_be_used(filled, tmp_path, where):
    place = Path(where)
    if where == "a file":
        place = tmp_path / "file"
        place.write_text("")
    elif where == "a folder others may write to":
        place = tmp_path / "open"
        (place / "steps").mkdir(parents=True)
        (place / "steps").chmod(0o777)
    found, made, warnings = run(place)
    assert (found, made) == (filled[1], "made")
    assert warnings.count("compiled steps are not kept") == 1


def test_processes_at_once(tmp_path, filled):
    together = [start(tmp_path) for _ in range(3)]
    for values, _, warnings in map(finish, together):
        assert (values, warnings) == (filled[1], "")
    assert run(tmp_path) == (filled[1], "from disk", "")


def test_edited_kernel(tmp_path):
    package = tmp_path / "source" / "minigrad"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {"PYTHONPATH": str(package.parent)}
    before = run(tmp_path / "cache", **environment)
    rows = package / "compiler" / "runtime" / "rows.py"
    text = rows.read_text()
    first = text.index("def cumulate_sum_row")
    edited = text[:first] + text[first:].replace("out[y0] = x[x0]", "out[y0] = x[x0] + 100", 1)
    assert edited != text
    rows.write_text(edited)
    after = run(tmp_path / "cache", **environment)
    assert (before[1], after[1]) == ("made", "made")
    assert float(after[0].split()[0]) == pytest.approx(float(before[0].split()[0]) + 200)
