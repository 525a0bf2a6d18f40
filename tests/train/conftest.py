"""A small task that is learnt in a second, and a display that does things in the middle of a run."""

import os
import signal

import numpy as np
import pytest

from minigrad import plot
from minigrad.train import Display


@pytest.fixture
def blobs(tmp_path):
    """The path of an .npz: 150 points around three centres in the plane."""
    rng = np.random.default_rng(0)
    y = np.arange(150) % 3
    x = np.array([[0, 0], [4, 0], [0, 4]])[y] + rng.normal(size=(150, 2))
    path = tmp_path / "blobs.npz"
    np.savez(path, x=x, y=y)
    return path


NET = """
import minigrad as mg
from minigrad import nn

class Centre(nn.Module):
    # A running mean: state that is no parameter.
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", mg.zeros(2))

    def forward(self, x):
        if self.training:
            self.mean.assign_(0.9 * self.mean + 0.1 * mg.mean(x, axis=0))
        return x - self.mean

def net(sample_shape, classes):
    return nn.Sequential(Centre(), nn.Linear(2, 16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, classes))
"""


@pytest.fixture
def net(tmp_path):
    """A model in a file: with a buffer and with random numbers, both of which a saved state must hold."""
    (tmp_path / "net.py").write_text(NET)
    return f"{tmp_path / 'net.py'}:net"


class Silent(Display):
    """Keeps the lines instead of printing them; counts the steps."""

    def __init__(self):
        self.lines, self.steps = [], 0

    def line(self, text):
        self.lines.append(text)

    def progress(self, bar, tally):
        super().progress(bar, tally)
        self.steps += 1


class CtrlC(Silent):
    """Sends Ctrl-C after a number of steps."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def progress(self, bar, tally):
        super().progress(bar, tally)
        if self.steps == self.after:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def no_pictures(monkeypatch):
    """Runs without drawing, which takes longer than the rest of a small one."""
    monkeypatch.setattr(plot, "curves", lambda *_: b"")
    monkeypatch.setattr(plot, "confusion", lambda *_: b"")


@pytest.fixture
def silent():
    return Silent()


@pytest.fixture(scope="session")
def silent_display():
    return Silent


@pytest.fixture
def ctrl_c():
    return CtrlC
