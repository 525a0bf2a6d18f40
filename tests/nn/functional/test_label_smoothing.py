"""Label smoothing against its paper: Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F

N, K = 6, 5
RNG = np.random.default_rng(0)
LOGITS, LABELS = 3 * RNG.standard_normal((N, K)), RNG.integers(0, K, N)


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def smoothed(labels, epsilon):
    """q'(k) = (1 - epsilon) [k = y] + epsilon / K."""
    return (1 - epsilon) * np.eye(K)[labels] + epsilon / K


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.6, 1.0])
def test_two_losses_in_one(epsilon):
    """H(q', p) = (1 - epsilon) H(q, p) + epsilon H(u, p), and its gradient p - q'."""
    x = mg.tensor(LOGITS, requires_grad=True)
    loss = F.cross_entropy(x, mg.tensor(LABELS), label_smoothing=epsilon, reduction="sum")
    loss.backward()
    log_p = np.log(softmax(LOGITS))
    plain, uniform = -log_p[np.arange(N), LABELS].sum(), -log_p.mean(1).sum()
    np.testing.assert_allclose(loss.item(), (1 - epsilon) * plain + epsilon * uniform, rtol=1e-12)
    np.testing.assert_allclose(x.grad.numpy(), softmax(LOGITS) - smoothed(LABELS, epsilon), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0])
def test_labels_and_their_smoothed_distributions_are_the_same(epsilon):
    by_label = F.cross_entropy(mg.tensor(LOGITS), mg.tensor(LABELS), label_smoothing=epsilon)
    by_distribution = F.cross_entropy(mg.tensor(LOGITS), mg.tensor(smoothed(LABELS, epsilon)))
    smoothed_twice = F.cross_entropy(mg.tensor(LOGITS), mg.tensor(np.eye(K)[LABELS]), label_smoothing=epsilon)
    np.testing.assert_allclose(by_label.item(), by_distribution.item(), rtol=1e-12)
    np.testing.assert_allclose(by_label.item(), smoothed_twice.item(), rtol=1e-12)


def test_the_largest_logit_need_not_grow():
    """The minimum is where p = q': the true logit leads by log((1 - epsilon) K / epsilon + 1), not by infinity."""
    epsilon = 0.1
    lead = np.log((1 - epsilon) * K / epsilon + 1)
    x = mg.tensor(lead * np.eye(K)[:1], requires_grad=True)
    loss = F.cross_entropy(x, mg.tensor([0]), label_smoothing=epsilon)
    loss.backward()
    q = smoothed([0], epsilon)
    np.testing.assert_allclose(x.grad.numpy(), 0, atol=1e-15)
    np.testing.assert_allclose(loss.item(), -(q * np.log(q)).sum(), rtol=1e-12)


def test_extreme_logits():
    """At +-1e4 the loss is the distance of the logits, not an overflow."""
    x = mg.tensor([[1e4, -1e4, 0.0]], dtype="float64", requires_grad=True)
    loss = F.cross_entropy(x, mg.tensor([0]), label_smoothing=0.3)
    loss.backward()
    np.testing.assert_allclose(loss.item(), 0.1 * (2e4 + 1e4), rtol=1e-14)
    np.testing.assert_allclose(x.grad.numpy(), [[0.2, -0.1, -0.1]], rtol=1e-14)


def test_no_classes():
    nothing = mg.zeros((2, 0))
    assert F.cross_entropy(nothing, nothing, reduction="none", label_smoothing=0.1).tolist() == [0, 0]
