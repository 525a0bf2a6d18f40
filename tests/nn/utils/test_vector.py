"""Parameters as one vector: PyTorch's order, gradients through it, values of their own, mistakes."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.nn.utils import parameters_to_vector, vector_to_parameters


def model():
    mg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def test_same_vector_as_pytorch():
    torch = pytest.importorskip("torch")
    ours = model()
    theirs = [torch.tensor(p.numpy().copy()) for p in ours.parameters()]
    expected = torch.nn.utils.parameters_to_vector(theirs).numpy()
    np.testing.assert_array_equal(parameters_to_vector(ours.parameters()).detach().numpy(), expected)


def test_there_and_back():
    net = model()
    new = mg.tensor(np.arange(26.0), dtype=mg.float32)
    vector_to_parameters(new, net.parameters())
    assert net[0].weight.tolist() == np.arange(12.0).reshape(4, 3).tolist()
    np.testing.assert_array_equal(parameters_to_vector(net.parameters()).detach().numpy(), new.numpy())
    assert all(p.is_leaf and p.requires_grad for p in net.parameters())


def test_gradients_reach_the_parameters():
    p, q = nn.Parameter([[1.0, 2.0], [3.0, 4.0]]), nn.Parameter(5.0)
    mg.sum(parameters_to_vector([p, q]) * mg.tensor([1.0, 2.0, 3.0, 4.0, 5.0])).backward()
    assert p.grad.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert q.grad.item() == 5.0


def test_parameters_share_no_memory_with_the_vector():
    p, q = nn.Parameter([0.0, 0.0]), nn.Parameter([0.0])
    vector = mg.tensor([1.0, 2.0, 3.0])
    vector_to_parameters(vector, [p, q])
    assert not np.shares_memory(p.data, vector.data)
    assert not np.shares_memory(q.data, vector.data)


def test_dtypes_are_kept():
    p, q = nn.Parameter(mg.zeros(2, dtype=mg.float32)), nn.Parameter(mg.zeros(1, dtype=mg.float64))
    assert parameters_to_vector([p, q]).dtype == mg.float64
    vector_to_parameters(mg.ones(3, dtype=mg.float64), [p, q])
    assert (p.dtype, q.dtype) == (mg.float32, mg.float64)


@pytest.mark.parametrize(
    ("vector", "parameters", "error", "message"),
    [
        (mg.zeros(3), [], ConfigError, "empty list"),
        (mg.zeros(3), [nn.Parameter([1.0, 2.0])], ShapeError, r"expected \(2,\), got \(3,\)"),
        (mg.zeros((2, 1)), [nn.Parameter([1.0, 2.0])], ShapeError, r"got \(2, 1\)"),
        (np.zeros(2), [nn.Parameter([1.0, 2.0])], DtypeError, "expected a tensor"),
        (mg.zeros(1), [1.0], DtypeError, "such as model.parameters"),
    ],
)
def test_mistakes(vector, parameters, error, message):
    with pytest.raises(error, match=message):
        vector_to_parameters(vector, parameters)


def test_nothing_is_no_vector():
    with pytest.raises(ConfigError, match="empty list"):
        parameters_to_vector([])
