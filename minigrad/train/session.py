"""Whole runs: start one, or go on with one."""

from pathlib import Path
from typing import Any

from minigrad import plot
from minigrad.data import Dataset
from minigrad.errors import DataError
from minigrad.train.about import About
from minigrad.train.blas_threads import one_blas_thread
from minigrad.train.checkpoint import pack, readable, unpack
from minigrad.train.config import suited_to
from minigrad.train.display import Display
from minigrad.train.diverged import DivergedError
from minigrad.train.evaluate import confusion_matrix, evaluate
from minigrad.train.interrupt import stop_request
from minigrad.train.loop import Training
from minigrad.train.prepare import fingerprint, load_data, split_data, with_full_paths
from minigrad.train.run_folder import CONFIG, METRICS, MODEL, RESULT, STATE, RunFolder, next_free


def train(settings: dict[str, Any], out: str | Path | None = None, display: Display | None = None) -> dict | None:
    """Train a classifier as `settings` say, see Config; what is not among them, or None, is chosen to suit the data.

    out: the folder to write; by default the next free one in `runs`.
    Returns the result, also in the folder's result.json, or None if the run was stopped by Ctrl-C.
    Raises ConfigError, DataError or DivergedError; if that is before the end of the first epoch, nothing is written.
    """
    settings = with_full_paths(settings)
    data = load_data(settings["data"], settings.get("label"))
    config = suited_to(data, settings)
    training = Training(config, split_data(data, config))
    folder = RunFolder(out or next_free(Path("runs"), f"{data.name}-{config.model_name}"))
    folder.claim()
    try:
        return _go_on(training, data, folder, display or Display())
    finally:
        folder.leave_if_empty()


def resume(run: str | Path, display: Display | None = None) -> dict | None:
    """Go on with the run in a folder, from the last step that was saved, to the result it would have had.

    Returns and raises as `train`; DataError if a file of the run is damaged or the data are not what they were.
    """
    folder = RunFolder(run)
    about = About.from_dict(folder.read_json(CONFIG), f"{folder}/{CONFIG}")
    config = about.config
    data = load_data(config.data, config.label)
    if fingerprint(data) != about.sha256:
        raise DataError(f"[train] {config.data} is not what it was when the run {folder} was started.")
    training = Training(config, split_data(data, config), about.compiled)
    training.load_state_dict(unpack(folder.read_tensors(STATE), folder.read_header(STATE), f"{folder}/{STATE}"))
    return _go_on(training, data, folder, display or Display())


@one_blas_thread()
def _go_on(training: Training, data: Dataset, folder: RunFolder, display: Display) -> dict | None:
    display.start(training, folder)
    about = About.of(training.config, data, training.parts.scale, sorted(training.steps.compiled))

    def save(is_best: bool) -> None:
        if is_best:  # before the state: if the run is killed in between, the epoch is done again, to the same model
            folder.write_tensors(MODEL, training.model)
        if training.history:
            folder.write_csv(METRICS, training.history)
        state = training.state_dict()
        folder.write_tensors(STATE, *pack(state))
        folder.write_json("state.json", readable(state))
        if not folder.holds_a_run:  # last, so that a folder with this file can be continued
            folder.write_json(CONFIG, about.to_dict())

    try:
        with stop_request() as stop:
            is_over = training.run(save, stop, display)
    except DivergedError as error:
        if not training.history:
            raise
        raise DivergedError(f"{error} The run as it was after epoch {len(training.history)} is in {folder}.") from error
    if not is_over:
        display.stopped(training, folder)
        return None
    return _finish(training, folder, display)


def _finish(training, folder, display):
    """Measure the best model on the test part, the only use of it, and write the result and the pictures."""
    test, best = training.parts.test, training.best
    training.model.load_state_dict(folder.read_tensors(MODEL))
    tally, predicted = evaluate(training.model, test, training.steps.scores)
    result = {
        "best_epoch": best["epoch"],
        "validation_accuracy": best["validation_accuracy"],
        "validation_loss": best["validation_loss"],
        "test_accuracy": tally.accuracy,
        "test_loss": tally.loss,
        "test_correct": tally.correct,
        "test_samples": tally.samples,
    }
    title = f"Test accuracy {tally.accuracy:.2%} ({tally.correct} of {tally.samples})"
    counts = confusion_matrix(predicted, test.y, test.classes)
    folder.write("curves.png", plot.curves(training.history, best["epoch"]))
    folder.write("confusion.png", plot.confusion(counts, test.class_names, title))
    folder.write_json(RESULT, result)
    display.result(result, folder)
    return result
