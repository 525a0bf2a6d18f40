"""The learned optimizer, trained for seconds, beats SGD and Adam at their best rates on problems it has not seen."""

import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg

sys.path.append(str(Path(__file__).parents[2] / "examples"))  # at the end: it hides nobody's modules

from learned_optimizer import BASELINES, PERCEPTRONS, QUADRATICS, SCORES, compare, draw_figure, train


@pytest.mark.parametrize("family", [QUADRATICS, PERCEPTRONS], ids=lambda family: family.name)
def test_the_gradient_of_the_sum_is_that_of_each_problem(family):
    """So that many problems can be learned from at once."""
    theta, *data = family.draw(np.random.default_rng(2), 3)
    together = mg.grad(family.loss)(theta, *data)
    for i in range(3):
        alone = mg.grad(family.loss)(theta[i : i + 1], *(d[i : i + 1] for d in data))
        np.testing.assert_allclose(together[i].numpy(), alone[0].numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_it_beats_the_best_rates_of_sgd_and_adam_on_held_out_quadratics():
    rule, history = train(QUADRATICS, problems=600, layers=1)
    assert np.mean(history[-20:]) < 0.1 * history[0]
    curves = compare(rule, QUADRATICS)
    learned = curves.pop(("learned", "the mean over the steps"))
    assert set(curves) == {(name, aim) for name in BASELINES for aim in SCORES}
    for (name, aim), losses in curves.items():
        assert SCORES[aim](learned) < 0.8 * SCORES[aim](losses), name
    assert len(draw_figure({QUADRATICS.name: curves}).axes[0].lines) == len(curves)


def test_training_on_perceptrons_gets_better():
    with mg.disable_jit():  # compiling would take longer
        _, history = train(PERCEPTRONS, problems=8, batch=4, hidden=8, layers=1, lr=0.01)
    assert np.mean(history[-3:]) < 0.5 * history[0]
