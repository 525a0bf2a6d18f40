"""L1 penalties: against PyTorch's steps and soft threshold, and the lasso's conditions of optimality."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from tests.optim.table import ROWS, START, gradient, ids

MINE = [row for row in ROWS if row[0] == "ProximalSGD"]


@pytest.mark.parametrize(("name", "arguments"), MINE, ids=ids(MINE))
def test_fifty_steps_as_pytorchs_with_its_soft_threshold(name, arguments, torch):
    """A step of SGD and then the threshold, or SGD with the sign in the gradient."""
    p, q = nn.Parameter(START[0]), torch.nn.Parameter(torch.tensor(START[0]))
    rest = dict(arguments)
    l1, sign_step = rest.pop("l1", 0.0), rest.pop("sign_step", False)
    mine, reference = optim.ProximalSGD([p], **arguments), torch.optim.SGD([q], **rest)
    for step in range(50):
        p.grad, q.grad = mg.tensor(gradient(step, 0)), torch.tensor(gradient(step, 0))
        if sign_step:
            q.grad += l1 * torch.sign(q.detach())
        mine.step()
        reference.step()
        if not sign_step:
            q.data = torch.nn.functional.softshrink(q.data, l1 * arguments.get("lr", 1e-3))
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-10, atol=1e-12)


L1 = 0.3
RNG = np.random.default_rng(0)
A = RNG.standard_normal((40, 8))
B = A @ [2.0, 0, 0, -1.5, 0, 0, 0, 0] + 0.1 * RNG.standard_normal(40)


def lasso(sign_step):
    """The solution of min |Ax - b|^2 / 2n + l1 |x|_1, and the slope of its smooth part there."""
    x, lr = nn.Parameter(np.ones(8)), 0.1
    optimizer = optim.ProximalSGD([x], lr=lr, l1=L1, sign_step=sign_step)
    for _ in range(500):
        optimizer.zero_grad()
        (mg.sum((mg.tensor(A) @ x - mg.tensor(B)) ** 2) / 80).backward()
        optimizer.step()
    return x.numpy(), A.T @ (A @ x.numpy() - B) / 40, lr


def test_proximal_steps_solve_the_lasso():
    x, slope, _ = lasso(sign_step=False)
    kept = x != 0
    assert 2 <= kept.sum() < 8
    np.testing.assert_allclose(slope[kept], -L1 * np.sign(x[kept]), rtol=1e-9)
    assert (np.abs(slope[~kept]) < L1).all()


def test_sign_steps_jump_about_zero():
    (x, _, lr), (solution, *_) = lasso(sign_step=True), lasso(sign_step=False)
    assert (x != 0).all()
    assert np.abs(x - solution).max() < 4 * lr * L1
