"""Every layer against PyTorch's of the same name: values, gradients, state dicts both ways. One row a case."""

import numpy as np
import pytest

from tests.nn.torch_twin import Row, assert_twins, torch

ROWS = [
    Row("ReLU", shape=(3, 4)),
    Row("ReLU", shape=()),
    Row("Tanh", shape=(3, 4)),
    Row("Sigmoid", shape=(3, 4)),
    Row("SiLU", shape=(3, 4)),
    Row("LeakyReLU", shape=(3, 4)),
    Row("LeakyReLU", (0.3,), shape=(3, 4)),
    Row("ELU", shape=(3, 4)),
    Row("ELU", (0.3,), shape=(3, 4)),
    Row("GELU", shape=(3, 4)),
    Row("GELU", ("tanh",), shape=(3, 4)),
    Row("Softplus", shape=(3, 4)),
    Row("Softplus", (2.0, 1.0), shape=(3, 4)),
    Row("Softmax", (1,), shape=(3, 4)),
    Row("Softmax", (0,), shape=(3, 4)),
    Row("LogSoftmax", (-1,), shape=(3, 4)),
    Row("LogSoftmax", (0,), shape=(3, 0)),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_layer(row):
    ours, theirs = row.twins()
    assert_twins(ours, theirs, np.random.default_rng(1).standard_normal(row.shape) * 2)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_state_dict_goes_to_pytorch(row):
    ours, theirs = row.twins()
    state = {name: torch.tensor(value.numpy() * 2) for name, value in ours.state_dict().items()}
    assert list(state) == list(theirs.state_dict())
    theirs.load_state_dict(state)
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), 2 * ours.state_dict()[name].numpy())
