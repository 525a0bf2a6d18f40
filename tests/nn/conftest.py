"""PyTorch to compare with."""

import pytest


@pytest.fixture(scope="session")
def torch():
    """PyTorch on one thread: on tensors as small as those of tests, a second one costs five times what they take."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return torch
