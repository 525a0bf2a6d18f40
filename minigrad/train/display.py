"""What a run shows: a bar for the epoch in progress, a line for each epoch that is over, and the result."""

import sys
from typing import TYPE_CHECKING, Any

from minigrad.train.evaluate import Tally

if TYPE_CHECKING:
    from minigrad.train.loop import Training
    from minigrad.train.run_folder import RunFolder


class Display:
    """Prints lines to standard output and draws the bar on standard error, if that is a terminal."""

    def line(self, text: str) -> None:
        """A line of its own, above the bar."""
        from tqdm import tqdm

        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()

    def start(self, training: "Training", folder: "RunFolder") -> None:
        """What is about to be trained, on what, and where it goes."""
        config, parts = training.config, training.parts
        parameters = sum(parameter.size for parameter in training.model.parameters())
        self.line(
            f"{parts.train.name}: {len(parts.train):,} training, {len(parts.validation):,} validation and "
            f"{len(parts.test):,} test samples of shape {parts.train.sample_shape}, {parts.train.classes} classes"
        )
        self.line(
            f"model {config.model} ({parameters:,} parameters), {config.optimizer}, lr {config.lr:g}, "
            f"batch size {config.batch_size}, seed {config.seed}; run folder {folder}"
        )

    def bar(self, epoch: int, epochs: int, samples: int, done: int) -> Any:
        """A progress bar for one epoch, `done` samples of which were seen before."""
        from tqdm import tqdm

        return tqdm(
            total=samples, initial=done, desc=f"epoch {epoch}/{epochs}", unit=" samples",
            leave=False, disable=None, dynamic_ncols=True,
        )  # fmt: skip

    def progress(self, bar: Any, tally: Tally) -> None:
        """Move the bar to where the tally is."""
        bar.set_postfix_str(f"loss {tally.loss:.4f}, accuracy {tally.accuracy:.2%}", refresh=False)
        bar.update(tally.samples - bar.n)

    def epoch(self, row: dict[str, Any], epochs: int, samples_per_second: float) -> None:
        """The line for an epoch that is over."""
        self.line(
            f"epoch {row['epoch']:>{len(str(epochs))}}/{epochs}"
            f"  loss {row['train_loss']:.4f}  accuracy {row['train_accuracy']:7.2%}"
            f"  | validation  loss {row['validation_loss']:.4f}  accuracy {row['validation_accuracy']:7.2%}"
            f"  | {samples_per_second:,.0f} samples/s"
        )

    def compiling(self, what: str, cached: bool) -> None:
        """What is compiled now, or comes compiled from the disk."""
        self.line(f"{what}: compiled by an earlier run" if cached else f"compiling the {what}; kept for the next run")

    def stopped(self, training: "Training", folder: "RunFolder") -> None:
        """Where the run stopped and how to go on."""
        self.line(
            f"stopped in epoch {len(training.history) + 1} of {training.config.epochs}, after {training.tally.samples} "
            f"of {training.loader.samples} samples; saved in {folder}. To go on:  minigrad train --resume {folder}"
        )

    def result(self, result: dict[str, Any], folder: "RunFolder") -> None:
        """The result of a run that is over."""
        self.line(
            f"best epoch {result['best_epoch']} by validation accuracy {result['validation_accuracy']:.2%}: "
            f"test accuracy {result['test_accuracy']:.2%} ({result['test_correct']} of {result['test_samples']}), "
            f"test loss {result['test_loss']:.4f}"
        )
        self.line(f"saved in {folder}: model.safetensors, metrics.csv, curves.png, confusion.png, ...")
