"""The training loop.

Everything that changes while a run goes on is an attribute of `Training`, so saving it is saving the run: between any
two steps, `state_dict` holds what it takes to go on to the same result, bit for bit.
"""

import math
import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

import minigrad as mg
from minigrad.data import DataLoader
from minigrad.errors import DataError
from minigrad.train.compiling import choose
from minigrad.train.config import Config
from minigrad.train.display import Display
from minigrad.train.diverged import DivergedError, diagnosis
from minigrad.train.evaluate import Tally, evaluate
from minigrad.train.models import build_model
from minigrad.train.optimizers import make_optimizer, warmup_cosine
from minigrad.train.prepare import Parts, augmentation
from minigrad.train.steps import Steps

Row = dict[str, Any]


class Training:
    """A run in progress: model, optimizer, schedule and batches, and what has come out so far.

    history: one row of metrics for each epoch that is over.
    tally: the sums over the epoch in progress.
    compiled: the computations to compile; None: those that pay.
    """

    def __init__(self, config: Config, parts: Parts, compiled: Sequence[str] | None = None):
        mg.manual_seed(config.seed)
        self.config, self.parts = config, parts
        self.model = build_model(config.model, parts.train.sample_shape, parts.train.classes)
        self.loader = DataLoader(
            parts.train, config.batch_size, shuffle=True, seed=config.seed, transform=augmentation(config, parts)
        )
        self.optimizer = make_optimizer(config, self.model)
        self.schedule = warmup_cosine(self.optimizer, config.epochs * len(self.loader))
        if compiled is None:
            shape, sizes = parts.train.sample_shape, (len(parts.train), len(parts.validation))
            compiled = choose(self.model, shape, config, *sizes)
        self.steps = Steps(self.model, compiled)
        self.history: list[Row] = []
        self.tally = Tally()
        self.samples_per_second = 0.0

    def run(self, save: Callable[[bool], None], stop: Event, display: Display) -> bool:
        """Train until the last epoch is over or `stop` is set; returns whether the last epoch is over.

        save: called after every epoch, and on stopping, with whether the model is now the best so far.
        """
        self.steps.told = display.compiling
        while len(self.history) < self.config.epochs:
            is_over = self.train_epoch(stop, display)
            save(is_over and self.close_epoch(display))
            if stop.is_set():
                break
        return len(self.history) == self.config.epochs

    def train_epoch(self, stop: Event, display: Display) -> bool:
        """Take the remaining steps of the epoch; returns False if `stop` was set before the last one."""
        self.model.train()
        started, seen_before = time.perf_counter(), self.tally.samples
        with display.bar(len(self.history) + 1, self.config.epochs, self.loader.samples, seen_before) as bar:
            for x, y in self.loader:
                self.step(x, y)
                display.progress(bar, self.tally)
                if stop.is_set() and self.tally.samples < self.loader.samples:
                    return False
        self.samples_per_second = (self.tally.samples - seen_before) / (time.perf_counter() - started)
        return True

    def step(self, x: mg.Tensor, y: mg.Tensor) -> None:
        """One update of the parameters from one batch."""
        loss, scores = self.steps.gradients(x, y)
        self.stop_if_diverged(loss.item(), x, f"batch {self.loader.batch}")
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        self.tally.add(loss.item(), scores.numpy(), y.numpy())

    def close_epoch(self, display: Display) -> bool:
        """Measure the model on the validation part and add the row; returns whether the model is the best so far."""
        validation, _ = evaluate(self.model, self.parts.validation, self.steps.scores)
        self.stop_if_diverged(validation.loss, mg.asarray(self.parts.validation.x[:1]), "validation")
        row = {
            "epoch": len(self.history) + 1,
            "train_loss": self.tally.loss,
            "train_accuracy": self.tally.accuracy,
            "validation_loss": validation.loss,
            "validation_accuracy": validation.accuracy,
        }
        display.epoch(row, self.config.epochs, self.samples_per_second)
        self.history.append(row)
        self.tally = Tally()
        return self.best is row

    @property
    def best(self) -> Row:
        """The row with the highest validation accuracy; of equals, with the lowest validation loss; then the first."""
        return max(self.history, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))

    def stop_if_diverged(self, loss: float, x: mg.Tensor, where: str) -> None:
        """Raise DivergedError, saying what went wrong and what to try, if the loss for `x` is NaN or infinite."""
        if math.isfinite(loss):
            return
        raise DivergedError(
            f"[train] the loss became {loss} in epoch {len(self.history) + 1}, {where}: "
            f"{diagnosis(self.model, x)}. Try a smaller --lr (now {self.config.lr:g}) or another --optimizer."
        )

    def state_dict(self) -> dict[str, Any]:
        """All that it takes to go on from here."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": mg.random.default_generator.state_dict(),
            "loader": self.loader.state_dict(),
            "tally": vars(self.tally),
            "history": self.history,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a saved state of a run with the same settings. Raises DataError if `state` is something else."""
        if not isinstance(state, dict) or state.keys() != self.state_dict().keys():
            raise DataError(f"[train] a state of a run has {', '.join(self.state_dict())}; this one is something else.")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        mg.random.default_generator.load_state_dict(state["random"])
        self.loader.load_state_dict(state["loader"])
        self.tally = Tally(**state["tally"])
        self.history = state["history"]
