"""one_hot: how many classes there are, and indices out of range."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ConfigError, TracingError
from minigrad.nn import functional as F


def test_the_largest_index_tells_the_number_of_classes():
    y = F.one_hot(mg.tensor([[0, 2], [1, 0]]))
    assert (y.shape, y.dtype) == ((2, 2, 3), np.int64)
    np.testing.assert_array_equal(y.numpy(), np.eye(3)[[[0, 2], [1, 0]]])
    assert F.one_hot(mg.zeros(0, dtype="int64"), 3).shape == (0, 3)


def test_no_index_tells_nothing():
    with pytest.raises(ConfigError, match=r"\[one_hot\] give num_classes: shape \(0,\)"):
        F.one_hot(mg.zeros(0, dtype="int64"))


@pytest.mark.parametrize("bad", [-1, 3])
@pytest.mark.parametrize("one_hot", [F.one_hot, mg.one_hot])
def test_indices_out_of_range(one_hot, bad):
    def vectors(index):
        return one_hot(index, 3)

    for run in (vectors, mg.jit(vectors, warmup=0)):
        np.testing.assert_array_equal(run(mg.tensor([0, 2])).numpy(), [[1, 0, 0], [0, 0, 1]])
        with pytest.raises(IndexError, match=rf"\[one_hot\] indices must lie in \[0, 3\), found .*{bad}"):
            run(mg.tensor([1, bad]))


def test_compiled_code_needs_the_number_of_classes():
    with pytest.raises(TracingError, match="the values of a tensor"):
        mg.jit(F.one_hot, warmup=0)(mg.tensor([0, 1]))
