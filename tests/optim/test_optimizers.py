"""Every optimizer against PyTorch's of the same name, over its arguments, and on a problem with a known solution."""

import itertools

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.optim.blocks import BLOCK


def grid(name, **values):
    """Rows (name, arguments) for every combination of the values."""
    return [(name, dict(zip(values, row))) for row in itertools.product(*values.values())]


ROWS = [
    *grid("SGD", lr=[0.1], weight_decay=[0.0, 0.1], maximize=[False, True]),
    *grid("SGD", lr=[0.01], momentum=[0.9], dampening=[0.0, 0.3], weight_decay=[0.0, 0.1], maximize=[False, True]),
    *grid("SGD", lr=[0.01], momentum=[0.9], nesterov=[True], weight_decay=[0.0, 0.1], maximize=[False, True]),
    *grid(
        "Adam",
        lr=[0.05],
        betas=[(0.9, 0.999), (0.0, 0.5)],
        eps=[1e-8, 1e-2],
        weight_decay=[0.0, 0.1],
        amsgrad=[False, True],
        maximize=[False, True],
    ),
    *grid("AdamW", lr=[0.05], weight_decay=[0.0, 0.1], amsgrad=[False, True], maximize=[False, True]),
    ("AdamW", {}),
    ("Adam", {}),
    ("SGD", {}),
]
IDS = [f"{name}-{','.join(f'{k}={v}' for k, v in arguments.items())}" for name, arguments in ROWS]

STEPS = 50
START = [np.random.default_rng(i).standard_normal(shape) for i, shape in enumerate([(3, 4), (), (5,)])]


def gradient(step, i):
    """A gradient that does not depend on the parameter, with zeros and missing ones; None: no gradient."""
    if i == 1 and step % 3 == 0:
        return None
    g = np.random.default_rng((step, i)).standard_normal(START[i].shape)
    return g * (np.abs(g) > 0.3)


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=IDS)
def test_fifty_steps_as_in_pytorch(name, arguments):
    torch = pytest.importorskip("torch")
    ours = [nn.Parameter(x) for x in START]
    theirs = [torch.nn.Parameter(torch.tensor(x)) for x in START]
    mine, reference = getattr(optim, name)(ours, **arguments), getattr(torch.optim, name)(theirs, **arguments)
    for step in range(STEPS):
        for i, (p, q) in enumerate(zip(ours, theirs)):
            g = gradient(step, i)
            p.grad, q.grad = (None, None) if g is None else (mg.tensor(g), torch.tensor(g))
        mine.step()
        reference.step()
        for p, q in zip(ours, theirs):
            np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=IDS)
def test_state_goes_both_ways(name, arguments):
    """Half of the steps here, half there; in both directions."""
    torch = pytest.importorskip("torch")

    def ours(state, values, steps):
        parameters = [nn.Parameter(x) for x in values]
        optimizer = getattr(optim, name)(parameters, **arguments)
        if state is not None:
            optimizer.load_state_dict(state)
        for step in steps:
            for i, p in enumerate(parameters):
                p.grad = mg.tensor(gradient(2 * step + 1, i))
            optimizer.step()
        return optimizer.state_dict(), [p.numpy() for p in parameters]

    def theirs(state, values, steps):
        parameters = [torch.nn.Parameter(torch.tensor(x)) for x in values]
        optimizer = getattr(torch.optim, name)(parameters, **arguments)
        if state is not None:
            optimizer.load_state_dict(converted(state, lambda t: torch.tensor(t.numpy())))
        for step in steps:
            for i, p in enumerate(parameters):
                p.grad = torch.tensor(gradient(2 * step + 1, i))
            optimizer.step()
        return optimizer.state_dict(), [p.detach().numpy().copy() for p in parameters]

    def converted(state, convert):
        return {
            "state": {
                i: {k: convert(v) for k, v in values.items() if k != "step" or name != "SGD"}
                for i, values in state["state"].items()
            },
            "param_groups": state["param_groups"],
        }

    first, second = [0, 2, 3], [5, 6]  # odd numbers: every parameter has a gradient
    _, expected = ours(*ours(None, START, first), second)
    for values in (theirs(*ours(None, START, first), second)[1], ours(*theirs(None, START, first), second)[1]):
        for a, b in zip(values, expected):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


# lr, and how far from the solution 300 steps may end
CONVERGENCE = {"SGD": (0.1, 1e-6), "Adam": (0.1, 1e-4), "AdamW": (0.1, 1e-4)}


@pytest.mark.parametrize(("name", "lr", "tolerance"), [(n, *row) for n, row in CONVERGENCE.items()])
def test_convergence(name, lr, tolerance):
    """The minimum of a badly scaled quadratic."""
    solution, scale = mg.tensor([1.0, -2.0, 3.0]), mg.tensor([1.0, 0.3, 3.0])
    p = nn.Parameter(np.zeros(3, np.float32))
    optimizer = getattr(optim, name)([p], lr=lr, weight_decay=0.0)
    for _ in range(300):
        optimizer.zero_grad()
        (scale * (p - solution) ** 2).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(p.numpy(), solution.numpy(), atol=tolerance)


def test_every_optimizer_has_its_rows():
    classes = {n for n in optim.__all__ if isinstance(getattr(optim, n), type)} - {"Optimizer"}
    assert classes == set(CONVERGENCE) == {name for name, _ in ROWS}


# ---- large parameters take another way


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
@pytest.mark.parametrize("shape", [(BLOCK + 1,), (3, BLOCK), (BLOCK // 4, 3, 2)])
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_blocks_change_nothing(name, shape, layout):
    """Any layout of the gradient, any size: as if the elements were parameters of their own."""
    rng = np.random.default_rng(0)
    start = rng.standard_normal(shape)
    arguments = {"lr": 0.1, "weight_decay": 0.1} | ({"momentum": 0.9} if name == "SGD" else {"amsgrad": True})
    whole, rows = nn.Parameter(start), [nn.Parameter(row) for row in np.array_split(start.ravel(), 9)]
    one, many = getattr(optim, name)([whole], **arguments), getattr(optim, name)(rows, **arguments)
    for _ in range(3):
        g = rng.standard_normal(shape)
        whole.grad = mg.Tensor(laid_out(g, layout))
        for p, part in zip(rows, np.array_split(g.ravel(), 9)):
            p.grad = mg.tensor(part)
        one.step()
        many.step()
    np.testing.assert_array_equal(whole.numpy().ravel(), np.concatenate([p.numpy() for p in rows]))
    assert whole.shape == shape


def laid_out(g, layout):
    """The same values in another order in memory."""
    if layout == "strided":
        return np.repeat(g, 2, axis=0)[::2]
    return np.asarray(g, order=layout)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
@pytest.mark.parametrize("size", [3, BLOCK + 1])
def test_float32_stays_float32(name, size):
    p = nn.Parameter(np.ones(size, np.float32))
    optimizer = getattr(optim, name)([p], lr=np.float64(0.1), weight_decay=np.float64(0.1))
    p.grad = mg.ones(size)
    optimizer.step()
    assert p.dtype == np.float32
    assert {t.dtype for n, t in optimizer.state[p].items() if n != "step"} <= {np.dtype("float32")}
