"""Loss, accuracy and predictions of a model on a data set."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import minigrad.nn.functional as F
from minigrad import Tensor, nn, no_grad
from minigrad.data import Dataset

BATCH = 500


@dataclass
class Tally:
    """Sums over the samples seen so far."""

    loss_sum: float = 0.0
    correct: int = 0
    samples: int = 0

    def add(self, loss: float, scores: np.ndarray, y: np.ndarray) -> None:
        """Count a batch: its mean loss, scores (N, C) and classes (N,)."""
        self.loss_sum += loss * len(y)
        self.correct += int(np.count_nonzero(scores.argmax(axis=1) == y))
        self.samples += len(y)

    @property
    def loss(self) -> float:
        """The mean loss."""
        return self.loss_sum / self.samples

    @property
    def accuracy(self) -> float:
        """The share of samples whose class has the highest score."""
        return self.correct / self.samples


def predict_scores(model: nn.Module, x: np.ndarray, forward: Callable[[Tensor], Tensor] | None = None) -> np.ndarray:
    """The scores (N, C) of the samples `x` (N, ...), without dropout and without recording.

    forward: computes what the model does, for each batch of samples.
    """
    model.eval()
    with no_grad():
        return np.concatenate([(forward or model)(Tensor(x[i : i + BATCH])).numpy() for i in range(0, len(x), BATCH)])


def evaluate(
    model: nn.Module, data: Dataset, forward: Callable[[Tensor], Tensor] | None = None
) -> tuple[Tally, np.ndarray]:
    """Mean cross-entropy and accuracy of the model on a data set, and the predicted classes (N,)."""
    scores = predict_scores(model, data.x, forward)
    tally = Tally()
    tally.add(F.cross_entropy(Tensor(scores), Tensor(data.y)).item(), scores, data.y)
    return tally, scores.argmax(axis=1)


def confusion_matrix(predicted: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
    """counts[i, j]: how many samples of class i were taken for class j; (C, C) int64."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (y, predicted), 1)
    return counts
