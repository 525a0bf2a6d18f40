"""differentiable=True: steps as functions of where they began, of gradients, and of hyper-parameters."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ConfigError, DtypeError, ShapeError, TracingError
from tests.optim.table import RICH

ROWS = [
    (name, {k: v for k, v in arguments.items() if k != "lr"})
    for name, arguments in RICH
    if "differentiable" in getattr(optim, name)([nn.Parameter([[1.0]])]).defaults
]
IDS = [name for name, _ in ROWS]
SCALE = mg.tensor(np.array([0.5, 1.0, 2.0]))


def slope(p):
    """The gradient of sum(SCALE p^4 / 4 + sin p)."""
    return SCALE * p**3 + mg.cos(p)


def unrolled(kind, arguments, steps=3):
    """The parameter after some steps, as a function of where it began and of the learning rate."""

    def f(start, lr):
        p = start * 1
        optimizer = kind([p], lr=lr, differentiable=True, **arguments)
        for _ in range(steps):
            p.grad = slope(p)
            optimizer.step()
        return p * 1

    return f


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=IDS)
def test_the_derivative_of_three_steps(name, arguments):
    """By the start and the learning rate, against finite differences."""
    start, lr = mg.tensor(np.array([0.7, -1.2, 0.4])), mg.tensor(np.array(0.02))
    mg.gradcheck(unrolled(getattr(optim, name), arguments), (start, lr), order=1)


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=IDS)
def test_the_steps_are_the_ordinary_ones(name, arguments):
    start, kind = np.array([0.7, -1.2, 0.4]), getattr(optim, name)
    p = nn.Parameter(start)
    optimizer = kind([p], lr=0.02, **arguments)
    for _ in range(3):
        p.grad = slope(p).detach()
        optimizer.step()
    found = unrolled(kind, arguments)(mg.tensor(start), 0.02)
    np.testing.assert_allclose(found.numpy(), p.numpy(), rtol=1e-13)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_the_gradient_of_an_unrolled_loss_is_pytorchs(name, torch):
    start = np.array([0.7, -1.2, 0.4])
    scale = torch.tensor(SCALE.numpy())
    begin = torch.tensor(start, requires_grad=True)
    q = begin.clone()
    optimizer = getattr(torch.optim, name)([q], lr=0.02, differentiable=True)
    for _ in range(3):
        before = q.clone()  # PyTorch's step is in place
        q.grad = scale * before**3 + torch.cos(before)
        optimizer.step()
    (q**2).sum().backward()
    mine = mg.tensor(start, requires_grad=True)
    mg.sum(unrolled(getattr(optim, name), {})(mine, 0.02) ** 2).backward()
    np.testing.assert_allclose(mine.grad.numpy(), begin.grad.numpy(), rtol=1e-10)


def test_a_parameter_without_history_takes_that_of_its_gradient():
    """A learned gradient: the parameter becomes a function of what made it."""
    p, w = mg.tensor([1.0, 2.0]), mg.tensor(3.0, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.5, differentiable=True)
    p.grad = w * mg.ones(2)
    optimizer.step()
    mg.sum(p).backward()
    assert p.tolist() == [-0.5, 0.5]
    assert w.grad.item() == -1


def test_graphs_recorded_before_a_step_stay():
    start = mg.tensor([2.0], requires_grad=True)
    p = start * 1
    before = mg.sum(p * p)
    optimizer = optim.SGD([p], lr=0.5, differentiable=True)
    p.grad = mg.tensor([1.0])
    optimizer.step()
    before.backward()
    assert start.grad.tolist() == [4.0]


def test_if_one_parameter_cannot_be_changed_none_is():
    p, q = mg.tensor([1.0]), mg.tensor([1.0, 2.0])
    optimizer = optim.Adam([p, q], differentiable=True)
    p.grad, q.grad = mg.tensor([1.0]), mg.tensor([1.0])
    with pytest.raises(ShapeError):
        optimizer.step()
    assert p.tolist() == [1.0]
    assert optimizer.state[p]["step"].item() == 0


def compiled():
    p = mg.tensor([1.0])
    p.grad = mg.tensor([1.0])
    return mg.jit(optim.SGD([p], differentiable=True).step, warmup=0)()


BAD = {
    "a leaf with gradient": (
        lambda: optim.SGD([nn.Parameter([1.0])], differentiable=True),
        DtypeError,
        r"\[SGD\] with differentiable=True .* a leaf of shape \(1,\) that requires grad cannot",
    ),
    "a tensor as rate": (
        lambda: optim.Adam([nn.Parameter([1.0])], lr=mg.tensor(0.1)),
        ConfigError,
        r"\[Adam\] lr may be a tensor only if differentiable=True",
    ),
    "a negative tensor": (
        lambda: optim.Adam([mg.tensor([1.0])], lr=mg.tensor(-0.5), differentiable=True),
        ConfigError,
        r"\[Adam\] lr must be a number, at least 0; got tensor\(-0.5\)",
    ),
    "compiled": (compiled, TracingError, r"\[SGD\] differentiable=True keeps a history .* SGD.update"),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()
