"""What a run shows."""

import io
import sys

import pytest

from minigrad.train import Display
from minigrad.train.evaluate import Tally

ROW = {
    "epoch": 3, "train_loss": 0.25, "train_accuracy": 0.975, "validation_loss": 0.125, "validation_accuracy": 1.0,
}  # fmt: skip


def test_an_epoch_is_one_line(capsys):
    Display().epoch(ROW, 12, 34567.8)
    assert capsys.readouterr().out == (
        "epoch  3/12  loss 0.2500  accuracy  97.50%  | validation  loss 0.1250  accuracy 100.00%  | 34,568 samples/s\n"
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_the_bar_is_for_terminals_only(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream())
    display = Display()
    with display.bar(2, 10, samples=100, done=20) as bar:
        display.progress(bar, Tally(loss_sum=60.0, correct=45, samples=60))
        bar.refresh()
        assert bar.n == (60 if stream is Terminal else 20)
    shown = sys.stderr.getvalue()
    if stream is Terminal:
        assert "epoch 2/10:  60%" in shown
        assert "60/100" in shown
        assert "loss 1.0000, accuracy 75.00%" in shown
        assert "samples/s" in shown
    else:
        assert shown == ""
