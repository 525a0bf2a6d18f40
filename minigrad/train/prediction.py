"""Predictions of the model of a run, for a named data set or a file with or without labels."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from minigrad.data.checks import as_features
from minigrad.data.files import read
from minigrad.data.labels import encode_labels
from minigrad.errors import DataError
from minigrad.train.about import About
from minigrad.train.evaluate import predict_scores
from minigrad.train.models import build_model
from minigrad.train.prepare import NAMED
from minigrad.train.run_folder import CONFIG, MODEL, RunFolder


@dataclass(frozen=True)
class Prediction:
    """What a model says about N samples.

    probabilities: (N, C) float64, the softmax of its scores.  y: (N,) the true classes, None if the data have none.
    """

    probabilities: np.ndarray
    class_names: tuple[str, ...]
    y: np.ndarray | None

    @property
    def classes(self) -> np.ndarray:
        """The most probable class of each sample, (N,)."""
        return self.probabilities.argmax(axis=1)

    @property
    def accuracy(self) -> float | None:
        """The share of samples whose class is right; None without labels."""
        return None if self.y is None else float(np.mean(self.classes == self.y))

    def write_csv(self, file: TextIO) -> None:
        """One line a sample: its row in the data, the class, its probability, and the label if there is one."""
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["row", "class", "probability"] + ["label"] * (self.y is not None))
        for row, winner in enumerate(self.classes):
            label = [] if self.y is None else [self.class_names[self.y[row]]]
            table.writerow([row, self.class_names[winner], f"{self.probabilities[row, winner]:.4f}", *label])


def predict(run: str | Path, data: str, label: str | None = None) -> Prediction:
    """Apply the model of the run in a folder to a data set.

    data: a file, or "digits" (all of it, with what the run was trained on), "mnist" (its test part).
    label: the label column or array, for the accuracy; by default that of the run, if the file has it.
    Raises DataError if a file is missing or damaged, or if the samples or labels are not like those of the run.
    """
    folder = RunFolder(run)
    about = About.from_dict(folder.read_json(CONFIG), f"{folder}/{CONFIG}")
    x, labels = _samples(data, label or about.config.label, label is not None, about)
    y = None if labels is None else encode_labels("predict", labels, about.class_names)[0]

    model = build_model(about.config.model, about.sample_shape, len(about.class_names))
    model.load_state_dict(folder.read_tensors(MODEL))
    return Prediction(_softmax(predict_scores(model, about.scale(x))), about.class_names, y)


def _samples(data, label, need_labels, about):
    if data in NAMED:
        named = NAMED[data]()
        found = named if named.test is None else named.test
        x, labels, columns = found.x, found.y, None
    else:
        raw = read(data, label, need_labels=need_labels)
        x, labels, columns = as_features("predict", raw.x), raw.labels, raw.columns
    if about.columns is not None and columns is not None:
        x = x[:, _order(data, columns, about.columns)]
    if x.shape[1:] != about.sample_shape:
        raise DataError(
            f"[predict] the run was trained on samples of shape {about.sample_shape}, "
            f"those of {data} have {x.shape[1:]}."
        )
    return x, labels


def _order(data, columns, wanted):
    """Where the columns that the model wants are in the file; others, say an id, are left out."""
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise DataError(f"[predict] {data} has no column {missing[0]!r}, which the run was trained with.")
    return [columns.index(name) for name in wanted]


def _softmax(scores: np.ndarray) -> Any:
    weights = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
