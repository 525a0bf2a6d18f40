"""TensorDataset: samples by index, lengths checked."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import TensorDataset
from minigrad.errors import DataError

X, Y = np.arange(6.0).reshape(3, 2), np.array([5, 6, 7])


@pytest.mark.parametrize("data", [TensorDataset(X, Y), TensorDataset(mg.asarray(X), mg.asarray(Y))])
@pytest.mark.parametrize("index", [1, -1, slice(1, 3), np.array([2, 0])])
def test_samples_are_tensors(data, index):
    x, y = data[index]
    assert isinstance(x, mg.Tensor)
    np.testing.assert_array_equal(x.numpy(), X[index])
    np.testing.assert_array_equal(y.numpy(), Y[index])
    assert len(data) == 3


@pytest.mark.parametrize("arrays", [(), (X, Y[:2]), (np.float64(1),)])
def test_refuses(arrays):
    with pytest.raises(DataError, match="arrays of one length"):
        TensorDataset(*arrays)
