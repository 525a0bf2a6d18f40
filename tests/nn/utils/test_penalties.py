"""Penalties: their mathematics (Goodfellow et al. 2016, chapter 7), and collecting them out of models."""

import gc
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError, TracingError
from minigrad.nn import functional as F
from minigrad.nn.utils import collect_penalties, l1_penalty, l2_penalty

# ---- of weights


def test_values_and_gradients():
    w = mg.tensor([1.0, -2.0, 0.0], requires_grad=True)
    v = mg.tensor([[3.0]], requires_grad=True)
    l1_penalty([w, v]).backward()
    assert w.grad.tolist() == [1, -1, 0]
    assert v.grad.tolist() == [[1]]
    w.grad = None
    l2_penalty(w).backward()
    assert w.grad.tolist() == w.tolist()


def test_l2_is_the_weight_decay_of_sgd():
    models = [nn.Linear(3, 2), nn.Linear(3, 2)]
    models[1].load_state_dict(models[0].state_dict())
    x, y = mg.ones((4, 3)), mg.zeros((4, 2))
    for model, in_loss in zip(models, (0.3, 0.0)):
        optimizer = mg.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.3 - in_loss)
        for _ in range(3):
            optimizer.zero_grad()
            (F.mse_loss(model(x), y) + in_loss * l2_penalty(model.parameters())).backward()
            optimizer.step()
    for p, q in zip(*(m.parameters() for m in models)):
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-5, atol=1e-7)


OPTIMUM, CURVATURE, STRENGTH = np.array([2.0, -0.5, 0.1, -3.0]), np.array([1.0, 2.0, 4.0, 0.5]), 0.7


def slope(penalty, w):
    """The gradient at w of 1/2 sum_i H_i (w_i - w*_i)^2 + a penalty."""
    w = mg.tensor(w, requires_grad=True)
    error = w - mg.tensor(OPTIMUM)
    (0.5 * mg.sum(mg.tensor(CURVATURE) * error * error) + STRENGTH * penalty(w)).backward()
    return w.grad.numpy()


def test_l2_shrinks_each_direction_by_its_curvature():
    """Equation 7.13: w_i = H_i / (H_i + a) w*_i."""
    w = CURVATURE / (CURVATURE + STRENGTH) * OPTIMUM
    np.testing.assert_allclose(slope(l2_penalty, w), 0, atol=1e-15)


def test_l1_sets_small_weights_to_zero():
    """Equation 7.23: w_i = sign(w*_i) max(|w*_i| - a / H_i, 0): from there the loss rises in both directions."""
    w = np.sign(OPTIMUM) * np.maximum(np.abs(OPTIMUM) - STRENGTH / CURVATURE, 0)
    assert (w == 0).tolist() == [False, False, True, False]
    before, after = slope(l1_penalty, w - 1e-9), slope(l1_penalty, w + 1e-9)
    np.testing.assert_allclose(slope(l1_penalty, w)[w != 0], 0, atol=1e-15)
    assert before[w == 0] < 0 < after[w == 0]


def test_what_is_no_parameter():
    with pytest.raises(ConfigError, match=r"\[l1_penalty\] got an empty list"):
        l1_penalty([])
    with pytest.raises(DtypeError, match=r"\[l2_penalty\] expected parameters"):
        l2_penalty([1.0])
    with pytest.raises(DtypeError, match=r"\[l1_penalty\] a parameter must be floating-point, got int64"):
        l1_penalty(mg.tensor([1]))


# ---- of activations


def test_the_penalty_is_a_mean_over_samples():
    h = mg.random.normal((3, 4, 5), dtype="float64")
    twice = mg.concat([h, h])
    once = F.activation_penalty(h, 0.5, 0.25)
    np.testing.assert_allclose(F.activation_penalty(twice, 0.5, 0.25).item(), once.item(), rtol=1e-14)


def test_a_strength_of_zero_costs_nothing_even_where_squares_overflow():
    assert F.activation_penalty(mg.tensor([[1e30]]), l1=1.0).item() == pytest.approx(1e30)
    assert F.activation_penalty(mg.tensor([[1e30]])).item() == 0


def sparse_model():
    mg.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 8, dtype="float64"), nn.Tanh(), nn.ActivationPenalty(l1=0.1), nn.Linear(8, 2, dtype="float64"),
        nn.ActivationPenalty(l2=0.2),
    )  # fmt: skip


def trained(jit):
    """The losses and the parameters of three steps with penalties."""
    model = sparse_model()
    optimizer = mg.optim.Adam(model.parameters(), lr=0.1)
    x = mg.tensor(np.random.default_rng(0).standard_normal((5, 4)))

    def step(x):
        with collect_penalties() as penalties:
            error = F.mse_loss(model(x), mg.zeros((5, 2), dtype="float64"))
        loss = error + sum(penalties)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, sum(penalties)

    step = jit(step)
    results = [tuple(y.item() for y in step(x)) for _ in range(3)]
    return results, [p.numpy() for p in model.parameters()]


def test_collected_in_a_compiled_step_as_in_an_eager_one():
    (results, parameters), (expected, wanted) = trained(mg.jit(warmup=0)), trained(lambda f: f)
    np.testing.assert_allclose(results, expected, rtol=1e-12)
    for p, q in zip(parameters, wanted):
        np.testing.assert_allclose(p, q, rtol=1e-9, atol=1e-12)


def test_what_is_collected_has_the_right_value_and_gradient():
    model, x = sparse_model(), mg.ones((2, 4), dtype="float64")
    with collect_penalties() as penalties:
        model(x)
    hidden = model[1](model[0](x))
    by_hand = 0.1 * mg.sum(mg.abs(hidden)) / 2 + 0.1 * mg.sum(model[3](hidden) ** 2) / 2
    np.testing.assert_allclose(sum(penalties).item(), by_hand.item(), rtol=1e-14)
    gradients = [mg.autograd.grad(y, list(model.parameters())) for y in (sum(penalties), by_hand)]
    for g, wanted in zip(*gradients):
        np.testing.assert_allclose(g.numpy(), wanted.numpy(), rtol=1e-12, atol=1e-15)


def test_every_call_counts_and_goes_to_the_innermost_block():
    layer, x = nn.ActivationPenalty(l1=1.0), mg.ones((1, 3))
    with collect_penalties() as outer:
        assert layer(x) is x
        with collect_penalties() as inner:
            layer(layer(x))
        layer(x)
    layer(x)
    assert ([p.item() for p in outer], [p.item() for p in inner]) == ([3, 3], [3, 3])


def test_other_threads_collect_for_themselves():
    layer = nn.ActivationPenalty(l1=1.0)
    with collect_penalties() as penalties:
        other = threading.Thread(target=lambda: layer(mg.ones((1, 3))))
        other.start()
        other.join()
    assert penalties == []


def test_nothing_is_kept_afterwards():
    layer = nn.ActivationPenalty(l1=1.0)
    x = mg.ones((1, 3), requires_grad=True) * 2
    with collect_penalties() as penalties:
        layer(x)
    alive = weakref.ref(x)
    gc.disable()
    try:
        del x, penalties
        assert alive() is None
    finally:
        gc.enable()


def test_a_block_around_a_compiled_function_is_refused():
    step = mg.jit(nn.ActivationPenalty(l1=1.0), warmup=0)
    with collect_penalties(), pytest.raises(TracingError, match="opened outside of the compiled function"):
        step(mg.ones((1, 3)))
