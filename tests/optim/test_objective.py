"""A loss as a function of one vector: against the dense Hessian, over batches, when parameters change, mistakes."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import DataLoader, TensorDataset
from minigrad.errors import ConfigError, DataError, DtypeError, GraphError, ShapeError
from minigrad.nn import functional as F
from minigrad.optim.flat import FlatParameters
from minigrad.optim.gauss_newton import LeastSquares
from minigrad.optim.objective import Objective

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((11, 3)), RNG.integers(0, 2, 11)
V = RNG.standard_normal(26)


def net():
    """3-4-2 in float64, 26 parameters."""
    rng = np.random.default_rng(1)
    layers = nn.Linear(3, 4), nn.Linear(4, 2)
    for layer in layers:
        for name in ("weight", "bias"):
            setattr(layer, name, nn.Parameter(rng.standard_normal(getattr(layer, name).shape)))
    return nn.Sequential(layers[0], nn.Tanh(), layers[1])


def as_function(model, x, y):
    """The loss as a function of one vector, by slices."""

    def loss(p):
        hidden = mg.tanh(mg.tensor(x) @ p[:12].reshape(4, 3).T + p[12:16])
        return F.cross_entropy(hidden @ p[16:24].reshape(2, 4).T + p[24:], mg.tensor(y))

    return loss, mg.tensor(FlatParameters("test", model.parameters()).read())


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("batched", [False, True])
def test_gradient_and_product_are_those_of_the_dense_hessian(jit, batched):
    model = net()
    loss, p = as_function(model, X, Y)
    data = DataLoader(TensorDataset(X, Y), batch_size=4) if batched else None  # 4, 4 and 3 samples

    def closure(x=None, y=None):
        return F.cross_entropy(model(mg.tensor(X) if x is None else x), mg.tensor(Y) if y is None else y)

    objective = Objective("test", closure, model.parameters(), data, jit)
    for _ in range(3):  # compiled functions run eagerly first
        value, gradient = objective.value_and_gradient()
        assert value == pytest.approx(loss(p).item(), rel=1e-13)
        assert objective.value() == pytest.approx(value, rel=1e-13)
        np.testing.assert_allclose(gradient, mg.grad(loss)(p).numpy(), rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(objective.product(V), mg.hessian(loss)(p).numpy() @ V, rtol=1e-10, atol=1e-13)
    assert all(q.grad is None for q in model.parameters())


def move_by_assignment(p):
    p.assign_(p.detach() * 2)


def move_in_place(p):
    optimizer = optim.SGD([p], lr=1.0)
    p.grad = -p.detach()
    optimizer.step()


@pytest.mark.parametrize("move", [move_by_assignment, move_in_place])
def test_products_follow_the_parameters(move):
    p = nn.Parameter(np.array([1.0, 2.0]))
    objective = Objective("test", lambda: mg.sum(p**3), [p])
    np.testing.assert_allclose(objective.product(np.ones(2)), [6.0, 12.0])
    move(p)
    np.testing.assert_allclose(objective.product(np.ones(2)), [12.0, 24.0])


def test_products_at_one_point_call_the_closure_once():
    p, calls = nn.Parameter(np.array([1.0, 2.0])), []

    def closure():
        calls.append(1)
        return mg.sum(p**3)

    objective = Objective("test", closure, [p])
    for _ in range(5):
        objective.product(np.ones(2))
    assert len(calls) == 1


def test_frozen_parameters_are_constants():
    p, q = nn.Parameter(np.array([1.0, 2.0])), nn.Parameter(np.array([3.0]), requires_grad=False)
    objective = Objective("test", lambda: mg.sum(q * p**2), [q, p])
    assert objective.flat.size == 2
    np.testing.assert_allclose(objective.product(np.ones(2)), [6.0, 6.0])


def test_what_the_loss_does_not_reach_counts_as_zero():
    p, q, r = (nn.Parameter(np.array([2.0])) for _ in range(3))
    objective = Objective("test", lambda: mg.sum(p**2 + 5.0 * q), [p, q, r])
    np.testing.assert_allclose(objective.value_and_gradient()[1], [4.0, 5.0, 0.0])
    np.testing.assert_allclose(objective.product(np.ones(3)), [2.0, 0.0, 0.0])
    linear = Objective("test", lambda: mg.sum(q), [q])
    np.testing.assert_allclose(linear.product(np.ones(1)), [0.0])


def test_mixed_dtypes_keep_theirs():
    p, q = nn.Parameter(mg.ones(2, dtype=mg.float32)), nn.Parameter(mg.ones(1, dtype=mg.float64))
    objective = Objective("test", lambda: mg.sum(p**2) + mg.sum(q**2), [p, q])
    objective.flat.write(np.array([1.0, 2.0, 1 / 3]))
    assert (p.dtype, q.dtype, q.item()) == (mg.float32, mg.float64, 1 / 3)
    np.testing.assert_allclose(objective.value_and_gradient()[1], [2.0, 4.0, 2 / 3])
    assert objective.flat.eps == np.finfo(np.float32).eps


def test_least_squares_has_the_gauss_newton_matrix():
    model = net()
    target = mg.tensor(RNG.standard_normal((11, 2)))

    def residuals(p):
        hidden = mg.tanh(mg.tensor(X) @ p[:12].reshape(4, 3).T + p[12:16])
        return hidden @ p[16:24].reshape(2, 4).T + p[24:] - target

    objective = LeastSquares("test", lambda: model(mg.tensor(X)) - target, model.parameters())
    p = mg.tensor(objective.flat.read())
    r, jacobian = residuals(p).numpy().reshape(-1), mg.jacobian(residuals)(p).numpy().reshape(22, 26)
    value, gradient = objective.value_and_gradient()
    assert value == pytest.approx(r @ r / 2, rel=1e-13)
    np.testing.assert_allclose(gradient, jacobian.T @ r, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(objective.product(V), jacobian.T @ (jacobian @ V), rtol=1e-10, atol=1e-12)


# ---- mistakes

P = nn.Parameter(np.array([1.0, 2.0]))
FROZEN = nn.Parameter(np.array([1.0, 2.0]), requires_grad=False)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ConfigError, "empty list"),
        ([P, P], ConfigError, "given twice"),
        ([FROZEN], ConfigError, "none of the 1 parameters requires grad"),
        ([nn.Parameter(np.zeros((0, 3)))], ConfigError, "no elements"),
        (P, DtypeError, r"model.parameters\(\), got a Parameter"),
        ([1.0], DtypeError, "got a float"),
        ([P * 1], DtypeError, "was computed"),
    ],
)
def test_unfit_parameters(params, error, message):
    with pytest.raises(error, match=rf"\[who\].*{message}"):
        Objective("who", lambda: mg.sum(P), params)


@pytest.mark.parametrize("use", [lambda o: o.value_and_gradient(), lambda o: o.product(np.ones(2))])
@pytest.mark.parametrize(
    ("closure", "error", "message"),
    [
        (lambda: P * 2, ShapeError, r"one element; got shape \(2,\)"),
        (lambda: None, ShapeError, "got a NoneType"),
        (lambda: mg.sum(P).item(), ShapeError, "got a float"),
        (lambda: mg.sum(P.detach()), GraphError, "no tensor that requires grad"),
        (lambda: mg.sum(nn.Parameter([1.0])), GraphError, "none of the parameters"),
    ],
)
def test_unfit_losses(closure, error, message, use):
    with pytest.raises(error, match=rf"\[who\].*{message}"):
        use(Objective("who", closure, [P]))


def test_a_closure_that_calls_backward_is_told_of():
    def closure():
        loss = mg.sum(P**2)
        loss.backward()
        return loss

    with pytest.raises(GraphError, match="without calling backward"):
        Objective("who", closure, [P]).value_and_gradient()


def test_a_used_up_generator_is_told_of():
    objective = Objective("who", lambda x: mg.sum(P * x), [P], (x for x in [mg.ones(2)]))
    objective.value_and_gradient()
    with pytest.raises(DataError, match="no sample"):
        objective.value_and_gradient()
