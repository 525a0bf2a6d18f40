"""A deep net that does not learn is seen before it is trained, and each repair makes it learn."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "examples"))  # at the end: it hides nobody's modules

from layers import LAYERS, plain, train


def test_the_net_as_it_is_learns_nothing_which_the_check_says():
    outcome = train(plain, epochs=2)
    assert outcome.first < 1e-12 * outcome.last
    assert outcome.warnings[0].startswith("the backward variance vanishes")
    assert outcome.accuracy < 0.2


@pytest.mark.parametrize("name", [name for name, layer in LAYERS.items() if layer is not plain])
def test_a_repaired_net_learns(name):
    outcome = train(LAYERS[name], epochs=2)
    assert 1e-3 < outcome.first / outcome.last < 1e3
    assert outcome.accuracy > 0.5
