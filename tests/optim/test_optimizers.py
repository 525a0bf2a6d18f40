"""Every optimizer against PyTorch's of the same name, over its arguments, and on a problem with a known solution."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.optim.blocks import BLOCK
from minigrad.optim.hyper import plain
from tests.optim.table import CORNERS, NAMES, RICH, ROWS, START, gradient, ids, shapes

STEPS = 50
OURS_ALONE = {"Lion", "ProximalSGD"}
SHARED = [row for row in ROWS if row[0] not in OURS_ALONE]


@pytest.mark.parametrize(("name", "arguments"), SHARED, ids=ids(SHARED))
def test_fifty_steps_as_in_pytorch(name, arguments, torch):
    start = {i: START[i] for i in shapes(name)}
    ours = [nn.Parameter(x) for x in start.values()]
    theirs = [torch.nn.Parameter(torch.tensor(x)) for x in start.values()]
    mine, reference = getattr(optim, name)(ours, **arguments), getattr(torch.optim, name)(theirs, **arguments)
    for step in range(STEPS):
        for i, p, q in zip(start, ours, theirs):
            g = gradient(step, i)
            p.grad, q.grad = (None, None) if g is None else (mg.tensor(g), torch.tensor(g))
        mine.step()
        reference.step()
        for p, q in zip(ours, theirs):
            np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "arguments"), SHARED, ids=ids(SHARED))
def test_state_goes_both_ways(name, arguments, torch):
    """Half of the steps here, half there; in both directions."""
    start = [START[i] for i in shapes(name)]

    def ours(state, values, steps):
        parameters = [nn.Parameter(x) for x in values]
        optimizer = getattr(optim, name)(parameters, **arguments)
        if state is not None:
            optimizer.load_state_dict(state)
        for step in steps:
            for i, p in enumerate(parameters):
                p.grad = mg.tensor(gradient(6 * step + 1, i))
            optimizer.step()
        return optimizer.state_dict(), [p.numpy() for p in parameters]

    def theirs(state, values, steps):
        parameters = [torch.nn.Parameter(torch.tensor(x)) for x in values]
        optimizer = getattr(torch.optim, name)(parameters, **arguments)
        if state is not None:
            optimizer.load_state_dict(converted(state, lambda t: torch.tensor(t.numpy())))
        for step in steps:
            for i, p in enumerate(parameters):
                p.grad = torch.tensor(gradient(6 * step + 1, i))
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

    first, second = [0, 2, 3], [5, 6]  # in these steps every parameter has a gradient
    _, expected = ours(*ours(None, start, first), second)
    for values in (theirs(*ours(None, start, first), second)[1], ours(*theirs(None, start, first), second)[1]):
        for a, b in zip(values, expected):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_decoupled_weight_decay_of_sgd(torch):
    """PyTorch has none: p shrinks, then its SGD without weight decay steps."""
    p, q = nn.Parameter(START[0]), torch.nn.Parameter(torch.tensor(START[0]))
    mine = optim.SGD([p], lr=0.1, momentum=0.9, weight_decay=0.2, decoupled_weight_decay=True)
    reference = torch.optim.SGD([q], lr=0.1, momentum=0.9)
    for step in range(STEPS):
        p.grad, q.grad = mg.tensor(gradient(step, 0)), torch.tensor(gradient(step, 0))
        q.data *= 1 - 0.1 * 0.2
        mine.step()
        reference.step()
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-10, atol=1e-12)


def lion(g, p, m, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, maximize=False):
    """Algorithm 2 of Chen et al. (2023), line by line."""
    g = -g if maximize else g
    c = betas[0] * m + (1 - betas[0]) * g
    return p - lr * (np.sign(c) + weight_decay * p), betas[1] * m + (1 - betas[1]) * g


@pytest.mark.parametrize("arguments", [a for name, a in ROWS if name == "Lion"])
def test_lion_as_in_its_paper(arguments):
    p, expected, m = nn.Parameter(START[0]), START[0], np.zeros_like(START[0])
    optimizer = optim.Lion([p], **arguments)
    for step in range(STEPS):
        p.grad = mg.tensor(gradient(step, 0))
        optimizer.step()
        expected, m = lion(gradient(step, 0), expected, m, **arguments)
        np.testing.assert_allclose(p.numpy(), expected, rtol=1e-10, atol=1e-12)


def test_every_optimizer_has_its_rows():
    named = {n: getattr(optim, n) for n in optim.__all__ if n != "Optimizer"}
    kinds = {n: x for n, x in named.items() if isinstance(x, type) and issubclass(x, optim.Optimizer)}
    assert {n for n, kind in kinds.items() if not kind.needs_closure} == set(NAMES)


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=ids(ROWS))
def test_rules_are_pure(name, arguments):
    """What a rule gets it neither changes nor hands on: its results are arrays of their own."""
    p = nn.Parameter(START[0])
    optimizer = getattr(optim, name)([p], **arguments)
    p.grad = mg.tensor(gradient(1, 0))
    optimizer.step()
    state = {n: t.item() if n in optimizer.numbers else t.numpy().copy() for n, t in optimizer.state[p].items()}
    given = [gradient(2, 0), START[0].copy(), *(x for x in state.values() if isinstance(x, np.ndarray))]
    for x in given:
        x.flags.writeable = False  # a rule that writes into it raises
    hyper = {n: plain(optimizer.param_groups[0][n]) for n in optimizer.defaults}
    new_p, new_state = optimizer.update(given[0], given[1], state, hyper)
    made = [new_p, *(x for x in new_state.values() if isinstance(x, np.ndarray))]
    assert new_state.keys() == state.keys()
    assert not any(np.shares_memory(x, y) for x in made for y in (*given, *made) if x is not y)


@pytest.mark.parametrize(("name", "arguments"), CORNERS, ids=ids(CORNERS))
def test_resumed_from_a_state_dict_bit_for_bit(name, arguments):
    def train(parameters, optimizer, steps):
        for step in steps:
            for i, p in zip(shapes(name), parameters):
                g = gradient(step, i)
                p.grad = None if g is None else mg.tensor(g)
            optimizer.step()

    whole, first = ([nn.Parameter(START[i]) for i in shapes(name)] for _ in range(2))
    kind = getattr(optim, name)
    train(whole, kind(whole, **arguments), range(10))
    optimizer = kind(first, **arguments)
    train(first, optimizer, range(5))
    second = [nn.Parameter(p.numpy()) for p in first]
    resumed = kind(second)  # the hyper-parameters come with the state
    resumed.load_state_dict(optimizer.state_dict())
    train(second, resumed, range(5, 10))
    for p, q in zip(whole, second):
        np.testing.assert_array_equal(p.numpy(), q.numpy())


# ---- large parameters take another way


ELEMENTWISE = [(name, arguments) for name, arguments in RICH if getattr(optim, name).elementwise]
IDS = [name for name, _ in ELEMENTWISE]


@pytest.mark.parametrize(("name", "arguments"), ELEMENTWISE, ids=IDS)
@pytest.mark.parametrize("shape", [(BLOCK + 1,), (3, BLOCK), (BLOCK // 4, 3, 2)])
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_blocks_change_nothing(name, arguments, shape, layout):
    """Any layout of the gradient, any size: as if the elements were parameters of their own."""
    rng = np.random.default_rng(0)
    start = rng.standard_normal(shape)
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


@pytest.mark.parametrize(("name", "arguments"), RICH, ids=NAMES)
@pytest.mark.parametrize("size", [3, BLOCK + 1])
def test_float32_stays_float32(name, arguments, size):
    p = nn.Parameter(np.ones((1, size), np.float32))
    numbers = {k: np.float64(x) if isinstance(x, float) else x for k, x in arguments.items()}
    optimizer = getattr(optim, name)([p], **numbers)
    p.grad = mg.ones((1, size))
    new_p, new_state = optimizer.update(
        p.grad.data,
        p.data,
        {n: t.item() if n in optimizer.numbers else t.data for n, t in optimizer.state[p].items()},
        {n: plain(optimizer.param_groups[0][n]) for n in optimizer.defaults},
    )
    assert {x.dtype for x in (new_p, *new_state.values()) if isinstance(x, np.ndarray)} == {np.dtype("float32")}
    optimizer.step()
    assert p.dtype == np.float32
