"""Tallies, confusion matrices, evaluation in batches."""

import numpy as np
import pytest
from scipy.special import log_softmax

import minigrad as mg
from minigrad import nn
from minigrad.data import Dataset
from minigrad.train.evaluate import BATCH, Tally, confusion_matrix, evaluate, predict_scores

RNG = np.random.default_rng(0)


def test_tally_weights_batches_by_their_size():
    tally = Tally()
    tally.add(1.0, np.array([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]]), np.array([0, 1, 1]))
    tally.add(5.0, np.array([[2.0, 1.0]]), np.array([1]))
    assert (tally.loss, tally.accuracy, tally.samples) == (2.0, 0.5, 4)


@pytest.mark.parametrize("n", [1, BATCH, BATCH + 1])
def test_evaluate_is_the_mean_over_all_samples_whatever_the_batches(n):
    x, y = RNG.normal(size=(n, 4)).astype(np.float32), RNG.integers(0, 3, n)
    model = nn.Sequential(nn.Dropout(0.9), nn.Linear(4, 3))
    scores = x.astype(np.float64) @ model[1].weight.numpy().T + model[1].bias.numpy()
    tally, predicted = evaluate(model, Dataset(x, y, ("a", "b", "c")))
    assert tally.loss == pytest.approx(-log_softmax(scores, axis=1)[np.arange(n), y].mean(), rel=1e-5)
    assert tally.accuracy == pytest.approx((scores.argmax(axis=1) == y).mean())
    np.testing.assert_array_equal(predicted, scores.argmax(axis=1))


def test_scores_are_not_recorded():
    class Watch(nn.Module):
        def forward(self, x):
            self.out = x * mg.tensor([1.0, 2.0], requires_grad=True)
            return self.out

    model = Watch()
    predict_scores(model, np.ones((2, 2), np.float32))
    assert not model.out.requires_grad
    assert not model.training


def test_confusion_matrix_has_true_classes_in_rows():
    counts = confusion_matrix(np.array([0, 1, 1, 2, 1]), np.array([0, 1, 2, 2, 2]), 4)
    np.testing.assert_array_equal(counts, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0]])
