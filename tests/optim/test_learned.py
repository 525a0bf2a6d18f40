"""The learned optimizer: its parts against the paper's formulas and PyTorch, the gradient through its steps."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.optim.learned import Cell, LSTMOptimizer, preprocess, unroll
from minigrad.tree import leaves

RNG = np.random.default_rng(3)
W, Y = mg.tensor(RNG.standard_normal((4, 4))), mg.tensor(RNG.standard_normal(4))
START = mg.tensor(RNG.standard_normal(4))


def quadratic(theta):
    return mg.sum((W @ theta - Y) ** 2)


def small_rule(seed=5):
    mg.manual_seed(seed)
    return LSTMOptimizer(hidden=3, layers=2, dtype="float64")


@pytest.mark.parametrize("p", [1.0, 10.0])
def test_preprocess_is_the_papers_two_cases(p):
    g = np.concatenate([RNG.standard_normal(50) * 10.0 ** RNG.integers(-9, 9, 50), [0.0, np.exp(-p), -np.exp(-p)]])
    large = np.abs(g) >= np.exp(-p)
    with np.errstate(divide="ignore"):
        first = np.where(large, np.log(np.abs(g)) / p, -1)
    expected = np.stack([first, np.where(large, np.sign(g), np.exp(p) * g)], axis=-1)
    np.testing.assert_allclose(preprocess(mg.tensor(g), p).numpy(), expected, rtol=1e-14, atol=1e-15)


def test_a_cell_is_pytorchs():
    torch = pytest.importorskip("torch")
    ours, theirs = Cell(2, 5, "float64"), torch.nn.LSTMCell(2, 5, dtype=torch.float64)
    pairs = {"weight_ih": ours.input.weight, "bias_ih": ours.input.bias, "weight_hh": ours.hidden.weight}
    for name, p in pairs.items():
        getattr(theirs, name).data = torch.tensor(p.detach().numpy())
    theirs.bias_hh.data.zero_()
    x, h, c = (RNG.standard_normal((7, n)) for n in (2, 5, 5))
    found = ours(mg.tensor(x), (mg.tensor(h), mg.tensor(c)))
    expected = theirs(torch.tensor(x), (torch.tensor(h), torch.tensor(c)))
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-13)


def test_coordinates_share_the_weights_and_do_not_meet():
    rule, g = small_rule(), mg.tensor(RNG.standard_normal((2, 3)))
    order = np.array([4, 0, 5, 1, 3, 2])
    step, state = rule.update(g, rule.init_state(6))
    step, state = rule.update(g * 0.1, state)
    other, other_state = rule.update(mg.reshape(g, (6,))[order], rule.init_state(6))
    other, other_state = rule.update(mg.reshape(g, (6,))[order] * 0.1, other_state)
    assert step.shape == (2, 3)
    np.testing.assert_allclose(other.detach().numpy(), step.detach().numpy().ravel()[order], rtol=1e-13)
    for a, b in zip(leaves(other_state), leaves(state)):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy()[order], rtol=1e-13)


def test_unroll_is_a_loop_of_updates_whose_stretches_join():
    rule = small_rule()
    theta, state, expected = START, rule.init_state(4), []
    for _ in range(6):
        step, state = rule.update(2 * W.T @ (W @ theta - Y), state)
        theta = theta + step
        expected.append(quadratic(theta).item())
    first, middle, state = unroll(rule, quadratic, START, rule.init_state(4), steps=2)
    second, last, _ = unroll(rule, quadratic, middle, state, steps=4)
    np.testing.assert_allclose([*first.detach().numpy(), *second.detach().numpy()], expected, rtol=1e-12)
    np.testing.assert_allclose(last.detach().numpy(), theta.detach().numpy(), rtol=1e-12)


# ---- the gradient with respect to the rule's weights


def weighted(losses):
    return mg.sum(losses * mg.arange(1.0, losses.size + 1, dtype="float64"))


def derivative(f, weights, direction, h=1e-6):
    """The central difference of f, which looks at the weights, along a direction."""
    start = [w.detach() for w in weights]
    values = []
    for sign in (1, -1):
        for w, s, d in zip(weights, start, direction):
            w.assign_(s + sign * h * d)
        values.append(f().item())
    for w, s in zip(weights, start):
        w.assign_(s)
    return (values[0] - values[1]) / (2 * h)


def gradient_and_difference(rule, f, g=None):
    """Slopes of f along a random direction in weight space: by backpropagation, and by finite differences of g."""
    weights = list(rule.parameters())
    direction = [mg.tensor(RNG.standard_normal(w.shape)) for w in weights]
    found = mg.autograd.grad(f(), weights)
    slope = sum(mg.sum(a * d).item() for a, d in zip(found, direction))
    return slope, derivative(g or f, weights, direction)


def test_the_gradient_through_the_steps_is_the_finite_difference():
    rule = small_rule()

    def total():
        return weighted(unroll(rule, quadratic, START, rule.init_state(4), steps=5, second_order=True)[0])

    slope, difference = gradient_and_difference(rule, total)
    assert slope == pytest.approx(difference, rel=1e-6)


def test_compiled_gradients_are_the_eager_ones():
    rule = LSTMOptimizer(hidden=3, layers=1, dtype="float64")

    def slopes(theta):
        losses, _, _ = unroll(rule, quadratic, theta, rule.init_state(4), steps=5, second_order=True)
        return mg.autograd.grad(weighted(losses), list(rule.parameters()))

    for a, b in zip(mg.jit(slopes, warmup=0)(START), slopes(START)):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)


def test_first_order_holds_the_gradients_of_the_problem_fixed():
    """The slope is that of a path whose gradients are given numbers, and not that of the true path."""
    rule = small_rule()

    def total(second_order=False):
        return weighted(unroll(rule, quadratic, START, rule.init_state(4), steps=5, second_order=second_order)[0])

    theta, state, given = START, rule.init_state(4), []
    for _ in range(5):
        given.append((2 * W.T @ (W @ theta - Y)).detach())
        step, state = rule.update(given[-1], state)
        theta = (theta + step).detach()

    def along_given_gradients():
        theta, state, losses = START, rule.init_state(4), []
        for g in given:
            step, state = rule.update(g, state)
            theta = theta + step
            losses.append(quadratic(theta))
        return weighted(mg.stack(losses))

    slope, difference = gradient_and_difference(rule, total, along_given_gradients)
    assert slope == pytest.approx(difference, rel=1e-6)
    slope, difference = gradient_and_difference(rule, total)
    assert slope != pytest.approx(difference, rel=1e-4)


def test_weights_are_saved_and_copied_as_of_any_module():
    rule, other = small_rule(1), small_rule(2)
    other.load_state_dict(copy.deepcopy(rule).state_dict())
    g = mg.tensor(RNG.standard_normal(4))
    assert mg.all(rule.update(g, rule.init_state(4))[0] == other.update(g, other.init_state(4))[0])


# ---- errors


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: LSTMOptimizer(hidden=0), ConfigError, "hidden"),
        (lambda: LSTMOptimizer(layers=1.5), ConfigError, "layers"),
        (lambda: LSTMOptimizer(scale=0.0), ConfigError, "scale"),
        (lambda: LSTMOptimizer(p=float("nan")), ConfigError, "p must be positive"),
        (lambda: preprocess(mg.tensor([1.0]), p=-1.0), ConfigError, "p must be positive"),
        (lambda: preprocess(mg.tensor([1])), DtypeError, "astype"),
        (lambda: small_rule().update(START, small_rule().init_state(3)), ShapeError, r"init_state\(4\)"),
        (lambda: small_rule().update(START, small_rule().init_state(4)[:1]), ShapeError, "2 layers"),
        (lambda: unroll(small_rule(), quadratic, START, small_rule().init_state(4), steps=0), ConfigError, "steps"),
        (lambda: unroll(small_rule(), nn.Identity(), START, small_rule().init_state(4)), ShapeError, "scalar"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
