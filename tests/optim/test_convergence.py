"""All optimizers on the same four problems: a new one is one row."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import digits
from minigrad.nn import functional as F
from minigrad.optim.second_order import SecondOrder

DIGITS = digits()
X, Y = DIGITS.x[:200].reshape(200, 64), DIGITS.y[:200]
CURVATURES = np.geomspace(1e-3, 1.0, 10)
ROTATION = np.linalg.qr(np.random.default_rng(0).standard_normal((10, 10)))[0]


def quadratic():
    """x'Hx with curvatures over three decades, along no axis, from a point as far in each of their directions."""
    p, h = nn.Parameter(ROTATION.sum(axis=1).reshape(2, 5)), mg.tensor((ROTATION * CURVATURES) @ ROTATION.T)
    return [p], lambda: mg.sum(p.reshape(10) * (h @ p.reshape(10)))


def rosenbrock():
    """(1 - x)^2 + 100 (y - x^2)^2 from (-1.2, 1)."""
    p = nn.Parameter(np.array([[-1.2, 1.0]]))
    return [p], lambda: (1 - p[0, 0]) ** 2 + 100 * (p[0, 1] - p[0, 0] ** 2) ** 2


def on_digits(model):
    """The cross-entropy of a model on 200 digits, all at once."""
    x, y = mg.tensor(X), mg.tensor(Y)
    return list(model.parameters()), lambda: F.cross_entropy(model(x), y)


def logistic():
    """Logistic regression on digits."""
    return on_digits(nn.Linear(64, 10, bias=False))


def mlp():
    """A small net on digits, of matrices only, since not every optimizer takes more."""
    return on_digits(nn.Sequential(nn.Linear(64, 16, bias=False), nn.Tanh(), nn.Linear(16, 10, bias=False)))


# a problem, and how many steps it gets
PROBLEMS = {
    "quadratic": (quadratic, 500),
    "rosenbrock": (rosenbrock, 1000),
    "logistic": (logistic, 100),
    "mlp": (mlp, 100),
}


def final_loss(problem, name, lr, arguments):
    """The loss after all steps."""
    mg.manual_seed(0)
    make, steps = PROBLEMS[problem]
    parameters, loss = make()
    optimizer = getattr(optim, name)(parameters, lr=lr, **arguments)

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    for _ in range(steps):
        optimizer.step(loss if isinstance(optimizer, SecondOrder) else closure)
    return loss().item()

# name, arguments, and for each problem the learning rate and the loss to get below: some three times what is reached
ROWS = [
    ("SGD", {}, (0.95, 1e-3), (0.0015, 0.5), (1.9, 0.2), (1.9, 0.06)),
    ("SGD", {"momentum": 0.9}, (0.95, 1e-12), (0.0022, 1e-8), (3.0, 3e-3), (1.0, 2e-3)),
    ("ProximalSGD", {"momentum": 0.9, "nesterov": True}, (0.55, 1e-7), (0.0005, 0.02), (3.0, 3e-3), (1.0, 3e-3)),
    ("ASGD", {"lambd": 0.0}, (0.95, 1e-3), (0.002, 0.3), (3.0, 0.15), (1.0, 0.15)),
    ("Adagrad", {}, (1.0, 1e-3), (1.0, 0.2), (1.0, 0.02), (0.1, 0.1)),
    ("Adadelta", {}, (3.0, 0.01), (1.0, 1.5), (100.0, 0.02), (10.0, 0.03)),
    ("RMSprop", {}, (0.03, 2e-3), (0.01, 0.2), (0.3, 2e-3), (0.01, 0.1)),
    ("Adam", {}, (1.0, 1e-15), (0.2, 1e-5), (0.3, 2e-3), (0.1, 2e-3)),
    ("AdamW", {"weight_decay": 0.0}, (1.0, 1e-15), (0.2, 1e-5), (0.3, 2e-3), (0.1, 2e-3)),
    ("Adamax", {}, (1.0, 1e-4), (1.0, 0.01), (1.0, 2e-3), (0.1, 0.01)),
    ("NAdam", {}, (0.1, 3e-3), (0.05, 0.1), (0.3, 0.02), (0.1, 0.01)),
    ("RAdam", {}, (1.0, 1e-6), (0.002, 6.0), (1.0, 0.01), (1.0, 1e-3)),
    ("Rprop", {}, (0.03, 3e-6), (0.05, 0.02), (0.01, 1e-6), (0.03, 1e-6)),
    ("Lion", {}, (0.017, 3e-3), (0.003, 0.05), (0.1, 1e-3), (0.03, 1e-3)),
    ("Adafactor", {}, (0.1, 5e-4), (0.1, 0.5), (0.1, 0.1), (0.1, 0.01)),
    ("Muon", {"weight_decay": 0.0}, (0.017, 1e-3), (0.01, 0.03), (0.1, 0.03), (0.1, 1e-3)),
    ("LBFGS", {"line_search_fn": "strong_wolfe", "max_iter": 2}, (1.0, 2e-10), (1.0, 1e-11), (1.0, 1e-6), (1.0, 1e-6)),
    ("NewtonCG", {"damping": 1e-3, "cg_max_iter": 20}, (1.0, 1e-20), (1.0, 1e-20), (1.0, 1e-6), (1.0, 1e-6)),
]
OF_RESIDUALS = {"GaussNewton", "LevenbergMarquardt"}  # they minimize no loss but residuals: see test_gauss_newton.py
CASES = [
    pytest.param(problem, name, lr, arguments, target, id=f"{name}{i}-{problem}")
    for i, (name, arguments, *found) in enumerate(ROWS)
    for problem, (lr, target) in zip(PROBLEMS, found, strict=True)
]


@pytest.mark.parametrize(("problem", "name", "lr", "arguments", "target"), CASES)
def test_the_loss_gets_below_its_target(problem, name, lr, arguments, target):
    assert final_loss(problem, name, lr, arguments) < target


def test_every_optimizer_has_its_row():
    kinds = {name for name, x in vars(optim).items() if isinstance(x, type) and issubclass(x, optim.Optimizer)}
    assert {name for name, *_ in ROWS} == kinds - {"Optimizer", *OF_RESIDUALS}
