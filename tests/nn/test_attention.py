"""What rows cannot say of MultiheadAttention: its initialization, dropout, weights, masks beyond PyTorch's."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def normal(*shape, seed=0):
    return mg.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def test_initial_parameters():
    mg.manual_seed(0)
    layer = nn.MultiheadAttention(64, 4, add_bias_kv=True)
    bound = math.sqrt(6 / (64 + 3 * 64))
    weight = layer.in_proj_weight.numpy()
    assert 0.98 * bound < np.abs(weight).max() <= bound
    assert np.all(layer.in_proj_bias.numpy() == 0)
    assert np.all(layer.out_proj.bias.numpy() == 0)
    assert 0 < layer.out_proj.weight.numpy().max() <= 1 / math.sqrt(64)
    assert 0.5 < layer.bias_k.numpy().std() / math.sqrt(2 / (64 + 64)) < 1.5


def test_weights_are_a_distribution():
    layer, x = nn.MultiheadAttention(8, 2, batch_first=True), normal(3, 5, 8)
    out, weights = layer(x, x, x, average_attn_weights=False)
    assert weights.shape == (3, 2, 5, 5)
    np.testing.assert_allclose(weights.numpy().sum(axis=-1), 1, rtol=1e-6)
    without, none = layer(x, x, x, need_weights=False)
    assert none is None
    np.testing.assert_array_equal(without.numpy(), out.numpy())


@pytest.mark.parametrize("need_weights", [True, False])
def test_where_all_keys_are_padding_only_the_last_bias_is_left(need_weights):
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), normal(2, 3, 4)
    layer.out_proj.bias.assign_([1.0, 2.0, 3.0, 4.0])
    padding = mg.tensor([[False, True, True], [True, True, True]])
    out, _ = layer(x, x, x, key_padding_mask=padding, need_weights=need_weights)
    np.testing.assert_array_equal(out.numpy()[1], [[1, 2, 3, 4]] * 3)
    out.sum().backward()
    assert all(np.isfinite(p.grad.numpy()).all() for p in layer.parameters())


def test_is_causal_needs_no_mask():
    layer, x = nn.MultiheadAttention(4, 2), normal(5, 2, 4)
    causal = mg.tensor(~np.tri(5, dtype=bool))
    expected, _ = layer(x, x, x, attn_mask=causal)
    for given in (None, causal):
        np.testing.assert_array_equal(layer(x, x, x, attn_mask=given, is_causal=True)[0].numpy(), expected.numpy())


def test_added_keys_are_never_masked():
    layer, x = nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True), normal(3, 2, 4)
    _, weights = layer(x, x, x, is_causal=True, key_padding_mask=mg.ones((2, 3), "bool"))
    assert weights.shape == (2, 3, 5)
    assert np.all(weights.numpy()[..., :3] == 0)
    assert np.all(weights.numpy()[..., 3:] > 0)


def test_a_sequence_that_attends_to_itself_is_projected_once():
    layer, x = nn.MultiheadAttention(4, 2), normal(3, 2, 4)
    expected, _ = layer(x, x.detach(), x.detach())
    np.testing.assert_allclose(layer(x, x, x)[0].numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)


def test_dropout_only_in_training():
    layer, x = nn.MultiheadAttention(4, 2, dropout=0.5), normal(6, 5, 4)
    mg.manual_seed(0)
    _, weights = layer(x, x, x, average_attn_weights=False)
    assert 0.3 < (weights.numpy() == 0).mean() < 0.7
    assert np.all(layer.eval()(x, x, x)[1].numpy() > 0)


def test_learns_to_reverse():
    """Attention by position: without positions the input is a set, which cannot be reversed."""

    def accuracy(*positions):
        mg.manual_seed(0)
        encoder = nn.TransformerEncoderLayer(32, 2, 32, dropout=0.0, batch_first=True, norm_first=True)
        model = nn.Sequential(nn.Embedding(8, 32), *positions, encoder, nn.Linear(32, 8))
        optimizer = mg.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(120):
            x = mg.random.randint(0, 8, (32, 6))
            loss = nn.functional.cross_entropy(mg.moveaxis(model(x), -1, 1), mg.flip(x, 1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        x = mg.random.randint(0, 8, (100, 6))
        return (mg.argmax(model(x), -1) == mg.flip(x, 1)).numpy().mean()

    assert accuracy(nn.SinusoidalPositions(32, batch_first=True)) > 0.99
    assert accuracy() < 0.5
