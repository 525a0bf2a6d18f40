"""Every layer against PyTorch's of the same name: values, gradients, state dicts both ways. One row a case."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.nn.torch_twin import Row, assert_twins, torch

ROWS = [
    Row("Linear", (3, 4), shape=(5, 3)),
    Row("Linear", (3, 4), {"bias": False}, shape=(5, 3)),
    Row("Linear", (3, 4), shape=(3,)),
    Row("Linear", (3, 4), shape=(2, 0, 5, 3)),
    Row("Linear", (3, 4), shape=(2, 5, 3)),
    Row("Linear", (1, 1), shape=(1, 1)),
    Row("Identity", (54, "anything"), {"at": "all"}, shape=(2, 3)),
    Row("Flatten", shape=(2, 3, 4, 5)),
    Row("Flatten", (0, 1), shape=(2, 3, 4)),
    Row("Flatten", (2,), shape=(2, 3, 4)),
    Row("Unflatten", (1, (2, -1)), shape=(3, 6)),
    Row("Unflatten", (-2, (2, 3)), shape=(3, 6, 1)),
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
    Row("Conv1d", (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2}, shape=(2, 4, 9)),
    Row("Conv2d", (3, 4, 3), shape=(2, 3, 6, 5)),
    Row("Conv2d", (3, 4, 3), shape=(3, 6, 5)),
    Row("Conv2d", (3, 4, 3), shape=(0, 3, 6, 5)),
    Row("Conv2d", (1, 1, 1), shape=(1, 1, 1, 1)),
    Row("Conv2d", (4, 4, (3, 2), (2, 1), (0, 1), (1, 2), 4, False), shape=(2, 4, 7, 6)),
    Row("Conv2d", (3, 4, (2, 3)), {"padding": "same"}, shape=(2, 3, 6, 5)),
    Row("Conv2d", (3, 4, 4), {"padding": "same", "dilation": 2}, shape=(2, 3, 6, 5)),
    Row("Conv2d", (3, 4, 3), {"padding": "valid", "stride": 2}, shape=(2, 3, 6, 5)),
    Row("Conv2d", (3, 4, 3), {"padding": (1, 2), "padding_mode": "reflect"}, shape=(2, 3, 6, 5)),
    Row("Conv2d", (3, 4, 3), {"padding": (1, 2), "padding_mode": "replicate"}, shape=(2, 3, 6, 5)),
    Row("Conv2d", (3, 4, 3), {"padding": (1, 2), "padding_mode": "circular", "stride": 2}, shape=(2, 3, 6, 5)),
    Row("Conv2d", (3, 4, (4, 3)), {"padding": "same", "padding_mode": "circular"}, shape=(2, 3, 6, 5)),
    Row("Conv2d", (3, 4, 3), {"padding": 1, "padding_mode": "reflect"}, shape=(3, 6, 5)),
    Row("Conv3d", (2, 3, 2), {"padding": 1, "stride": (1, 2, 1)}, shape=(2, 2, 3, 4, 5)),
    Row("ConvTranspose1d", (4, 6, 3, 2, 1, 1, 2), shape=(2, 4, 5)),
    Row("ConvTranspose2d", (3, 4, 3), shape=(2, 3, 4, 5)),
    Row("ConvTranspose2d", (3, 4, 3), shape=(3, 4, 5)),
    Row("ConvTranspose2d", (4, 6, (3, 2), (2, 3), (1, 0), (1, 2), 2, False), shape=(2, 4, 3, 4)),
    Row("ConvTranspose2d", (2, 2, 3), {"dilation": 3, "output_padding": 2}, shape=(1, 2, 3, 4)),
    Row("ConvTranspose2d", (2, 2, 3), {"dilation": 3, "output_padding": 2, "padding": 1}, shape=(1, 2, 3, 4)),
    Row("ConvTranspose3d", (2, 3, 2), {"stride": (1, 2, 1)}, shape=(2, 2, 3, 2, 3)),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's
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


@given(data=st.data())
def test_transposed_convolution_of_any_geometry(data):
    kernel, stride, dilation = (data.draw(st.integers(1, 3)) for _ in range(3))
    padding, extra = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))
    size = data.draw(st.integers(1, 5))
    assume(extra < max(stride, dilation))
    assume((size - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding + extra >= 1)
    row = Row("ConvTranspose1d", (2, 3, kernel, stride, padding, extra, 1, True, dilation))
    assert_twins(*row.twins(), np.random.default_rng(2).standard_normal((2, 2, size)))
