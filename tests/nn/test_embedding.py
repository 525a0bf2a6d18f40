"""What rows cannot say of embeddings: initialization, state changed in place, indices refused in compiled steps."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import GraphError
from minigrad.nn import functional as F
from tests.compiler.running import uncompiled


@pytest.mark.parametrize("layer", [nn.Embedding, nn.EmbeddingBag])
def test_initial_table(layer):
    mg.manual_seed(0)
    table = layer(1000, 8, padding_idx=-2).weight.numpy()
    assert np.all(table[998] == 0)
    assert abs(table.mean()) < 0.05
    assert abs(np.delete(table, 998, axis=0).std() - 1) < 0.05


@pytest.mark.parametrize("layer", [nn.Embedding, nn.EmbeddingBag])
def test_pretrained_vectors_stay_as_they_are(layer):
    vectors = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    frozen, trained = (layer.from_pretrained(vectors, freeze=freeze, padding_idx=0) for freeze in (True, False))
    np.testing.assert_array_equal(frozen.weight.numpy(), vectors.numpy())
    assert (frozen.weight.requires_grad, trained.weight.requires_grad) == (False, True)


def test_the_padding_row_is_not_trained():
    layer = nn.Embedding(4, 2, padding_idx=1)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    before = layer.weight.numpy().copy()
    layer(mg.tensor([[0, 1], [1, 3]])).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(layer.weight.grad.numpy(), [[1, 1], [0, 0], [0, 0], [1, 1]])
    np.testing.assert_allclose(layer.weight.numpy() - before, -0.1 * layer.weight.grad.numpy(), rtol=1e-5)


def test_frequent_rows_get_the_mean_of_their_gradients():
    weight = mg.tensor(np.zeros((3, 1)), requires_grad=True)
    rows = F.embedding(mg.tensor([2, 0, 2, 2]), weight, scale_grad_by_freq=True)
    rows.backward(mg.tensor([[1.0], [2.0], [3.0], [5.0]]))
    np.testing.assert_array_equal(weight.grad.numpy(), [[2], [0], [3]])


def test_long_rows_are_shortened_in_the_table_itself():
    given = np.array([[3.0, 4.0], [0.3, 0.4], [30.0, 40.0]])
    weight = mg.tensor(given, requires_grad=True)
    held = weight.numpy()
    out = F.embedding(mg.tensor([0, 1, 0]), weight, max_norm=1.0)
    expected = [[0.6, 0.8], [0.3, 0.4], [30.0, 40.0]]
    np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(out.numpy(), np.array(expected)[[0, 1, 0]], rtol=1e-6)
    np.testing.assert_array_equal(held, given)  # what was handed out before shows what it showed
    with pytest.raises(GraphError):
        F.embedding(mg.tensor([0]), weight * 1, max_norm=1.0)


def test_bags():
    table = mg.tensor([[1.0, -1.0], [2.0, -2.0], [3.0, -3.0]])
    index, offsets = mg.tensor([0, 2, 1, 1]), mg.tensor([0, 2, 2])
    expected = {
        "sum": [[4, -4], [0, 0], [4, -4]],
        "mean": [[2, -2], [0, 0], [2, -2]],
        "max": [[3, -1], [0, 0], [2, -2]],
    }
    for mode, values in expected.items():
        np.testing.assert_array_equal(F.embedding_bag(index, table, offsets, mode=mode).numpy(), values)


def test_of_equal_rows_the_first_is_the_maximum():
    weight = mg.tensor([[2.0], [2.0], [1.0]], requires_grad=True)
    F.embedding_bag(mg.tensor([[2, 1, 0]]), weight, mode="max").sum().backward()
    np.testing.assert_array_equal(weight.grad.numpy(), [[0], [1], [0]])


@pytest.mark.parametrize("layer", [nn.Embedding(5, 2, max_norm=0.1), nn.EmbeddingBag(5, 2, max_norm=0.1, mode="max")])
def test_a_compiled_step_refuses_an_index_and_leaves_the_state(layer):
    optimizer = optim.SGD(layer.parameters(), lr=0.1)

    @mg.jit(warmup=0)
    def step(x):
        optimizer.zero_grad()
        loss = layer(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    with uncompiled():
        step(mg.tensor([[0, 1], [2, 3]]))
        before, gradient = layer.weight.numpy().copy(), layer.weight.grad.numpy().copy()
        for bad in (5, -1):
            found = f"found {min(bad, 0)} to {max(bad, 3)}"
            with pytest.raises(IndexError, match=rf"indices must lie in \[0, 5\), {found}"):
                step(mg.tensor([[0, bad], [2, 3]]))
            np.testing.assert_array_equal(layer.weight.numpy(), before)
            np.testing.assert_array_equal(layer.weight.grad.numpy(), gradient)


def test_training_a_few_rows_of_a_large_table():
    """What the docstring of Embedding proposes, against the optimizer; compiled, the others are not touched."""
    lr, target = 0.1, mg.tensor(np.random.default_rng(0).standard_normal((4, 2)))
    dense, few = (nn.Embedding(50, 2, _weight=mg.tensor(np.linspace(-1, 1, 100).reshape(50, 2))) for _ in range(2))
    optimizer = optim.SGD(dense.parameters(), lr=lr)

    def train(ids):
        optimizer.zero_grad()
        mg.sum((dense(ids) - target) ** 2).backward()
        optimizer.step()

    def train_few(ids):
        rows = few.weight.detach()[ids].requires_grad_()
        loss = mg.sum((rows - target) ** 2)
        loss.backward()
        same = (ids[:, None] == ids).astype(rows.dtype)
        with mg.no_grad():
            few.weight[ids] = rows.detach() - lr * (same @ rows.grad)
        return loss

    with uncompiled():
        compiled = mg.jit(train_few, warmup=0)
        for step in (train_few, compiled):
            for ids in ([3, 7, 3, 49], [0, 0, 0, 7]):
                train(mg.tensor(ids))
                step(mg.tensor(ids))
                np.testing.assert_allclose(few.weight.numpy(), dense.weight.numpy(), rtol=1e-12)
        assert compiled.last.verdicts[0].direct
        assert all("(50, 2)" not in str(k.domain) for k in compiled.last.steps)
        before = few.weight.numpy().copy()
        with pytest.raises(IndexError):
            compiled(mg.tensor([1, 2, 3, 50]))
        np.testing.assert_array_equal(few.weight.numpy(), before)


def test_what_is_printed():
    shown = repr(nn.Embedding(5, 3, padding_idx=-1, max_norm=2.0, norm_type=1.0, scale_grad_by_freq=True))
    assert shown.startswith("Embedding(5, 3, padding_idx=4, max_norm=2.0, norm_type=1.0, scale_grad_by_freq=True)")
    assert repr(nn.EmbeddingBag(5, 3, padding_idx=1)).startswith("EmbeddingBag(5, 3, mode='mean', padding_idx=1)")
