"""What the defaults of `minigrad train digits` achieve."""

import numpy as np
import pytest

from minigrad.kernels.threads import get_num_threads, set_num_threads
from minigrad.train import train


@pytest.fixture
def one_thread():
    """The same digits with any number of threads; with one, this test does not depend on what else the machine does."""
    before = get_num_threads()
    set_num_threads(1)
    yield
    set_num_threads(before)


@pytest.mark.slow
def test_digits_reach_98_percent_over_five_splits(tmp_path, silent, no_pictures, one_thread):
    accuracies = [
        train({"data": "digits", "seed": seed}, tmp_path / str(seed), silent)["test_accuracy"] for seed in range(5)
    ]
    print(f"test accuracy over five splits: mean {np.mean(accuracies):.2%}, minimum {min(accuracies):.2%}")
    assert np.mean(accuracies) >= 0.98
