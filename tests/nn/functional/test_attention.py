"""What rows cannot say of attention: nothing to attend to, extreme scores, dropped weights; and exact positions."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F

INF = math.inf


def normal(*shape, seed=0):
    return mg.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


# ---- masks


@pytest.mark.parametrize("kind", ["boolean", "float"])
def test_a_query_that_may_attend_to_nothing_gets_zeros(kind):
    allowed = np.array([[True, False, True], [False, False, False]])
    mask = mg.tensor(allowed if kind == "boolean" else np.where(allowed, 0.5, -INF))
    q, k, v = normal(2, 4), normal(3, 4, seed=1), normal(3, 2, seed=2)
    out = F.scaled_dot_product_attention(q, k, v, mask)
    alone = F.scaled_dot_product_attention(q[:1], k, v, mask[:1])
    np.testing.assert_array_equal(out.numpy(), [*alone.numpy(), [0, 0]])
    found = mg.autograd.grad(out.sum(), (q, k, v), create_graph=True)
    expected = mg.autograd.grad(alone.sum(), (q, k, v), create_graph=True)
    second = mg.autograd.grad(sum((g * g).sum() for g in found), (q, k, v))
    for g, of_one in zip((*found, *second), expected):
        np.testing.assert_allclose(g.numpy(), of_one.numpy(), rtol=1e-12)
    assert all(np.isfinite(g.numpy()).all() for g in second)


def test_masked_keys_are_as_if_they_were_not_there():
    q, k, v = normal(2, 3, 4), normal(2, 5, 4, seed=1), normal(2, 5, 4, seed=2)
    found = F.scaled_dot_product_attention(q, k, v, mg.tensor([True, True, False, True, False]))
    kept = [0, 1, 3]
    expected = F.scaled_dot_product_attention(q, k[:, kept], v[:, kept])
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)


def test_the_causal_mask_lets_nothing_through_from_later_positions():
    x = normal(4, 3)
    for i in range(4):
        out = F.scaled_dot_product_attention(x, x, x, is_causal=True)
        (g,) = mg.autograd.grad(out[i].sum(), (x,))
        assert np.all(g.numpy()[i + 1 :] == 0)
        assert np.all(g.numpy()[i] != 0)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_large_scores_choose_one_key(size):
    q, k, v = normal(3, 4), normal(5, 4, seed=1), normal(5, 2, seed=2)
    out = F.scaled_dot_product_attention(q * size, k * size, v)
    scores = (q.numpy() * size) @ (k.numpy() * size).T / 2
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    np.testing.assert_allclose(out.numpy(), weights / weights.sum(axis=1, keepdims=True) @ v.numpy(), rtol=1e-9)
    assert all(np.isfinite(g.numpy()).all() for g in mg.autograd.grad(out.sum(), (q, k, v)))


# ---- dropped weights


def test_weights_are_dropped_and_the_others_scaled():
    n = 400
    q, k = mg.zeros((n, 1)), mg.zeros((n, 1))  # all weights are 1 / n
    mg.manual_seed(0)
    weights = F.scaled_dot_product_attention(q, k, mg.eye(n), dropout_p=0.2).numpy() * n
    np.testing.assert_allclose(weights[weights != 0], 1 / 0.8, rtol=1e-5)
    assert abs((weights == 0).mean() - 0.2) < 5 * math.sqrt(0.2 * 0.8) / n


# ---- positions


def test_positions_are_exact():
    mpmath = pytest.importorskip("mpmath")
    table = F.sinusoidal_positions(5000, 6, "float64").numpy()
    with mpmath.workdps(40):
        for p in (0, 1, 2, 77, 4999):
            for i in range(3):
                angle = p / mpmath.mpf(10000) ** (mpmath.mpf(2 * i) / 6)
                expected = [float(mpmath.sin(angle)), float(mpmath.cos(angle))]
                # The angle is a double: its last digit is this much
                np.testing.assert_allclose(table[p, 2 * i : 2 * i + 2], expected, rtol=0, atol=2e-16 * max(p, 1))


def test_shifting_rotates_positions():
    table = F.sinusoidal_positions(50, 8, "float64").numpy().reshape(50, 4, 2)
    for shift in (1, 7):
        angle = shift / 10000.0 ** (np.arange(4) / 4)
        s, c = np.sin(angle), np.cos(angle)
        sin, cos = table[:-shift, :, 0], table[:-shift, :, 1]
        rotated = np.stack([sin * c + cos * s, cos * c - sin * s], axis=-1)
        np.testing.assert_allclose(rotated, table[shift:], atol=1e-14)


def test_positions_have_the_default_dtype_or_one_of_their_own():
    assert F.sinusoidal_positions(2, 3).dtype == np.float32
    with mg.set_default_dtype("float64"):
        assert F.sinusoidal_positions(2, 3).dtype == np.float64
    assert F.sinusoidal_positions(0, 3, "float64").shape == (0, 3)
