"""Update rules as machine code: NumPy's results bit for bit, nobody else's arrays, and only where it pays."""

import copy
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import engine, nn, optim
from minigrad.errors import ShapeError
from minigrad.optim import kernel as kernels
from tests.optim.table import CORNERS, RICH, ids

SHAPES = [(), (0,), (1,), (7,), (3, 5), (257,), (2, 3, 11)]
HUGE, TINY = 1e30, 1e-42
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, HUGE, -HUGE, TINY]


@pytest.fixture(autouse=True)
def own_kernels(monkeypatch):
    """Each test starts without kernels."""
    monkeypatch.setattr(kernels, "KERNELS", {})


@pytest.fixture
def at_once(monkeypatch):
    """Machine code from the second step on, whatever it costs."""
    for price in ("LOADING", "IMPORTING", "COMPILING"):
        monkeypatch.setattr(kernels, price, 0.0)


@pytest.fixture
def never(monkeypatch):
    """NumPy only."""
    monkeypatch.setattr(kernels, "LOADING", float("inf"))


def values(seed, dtype, shape):
    """Numbers over many magnitudes, special ones among them."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 6, shape)
    if x.size > 100:
        x.reshape(-1)[: len(SPECIAL)] = SPECIAL
    return np.asarray(x, dtype)


def trained(name, arguments, dtype, steps=6):
    """Parameters and state after some steps, as arrays."""
    parameters = [nn.Parameter(values(i, dtype, shape)) for i, shape in enumerate(SHAPES)]
    optimizer = getattr(optim, name)(parameters, **arguments)
    for step in range(steps):
        for i, p in enumerate(parameters):
            p.grad = None if (step + i) % 4 == 3 else mg.tensor(values((step, i), dtype, p.shape))
        optimizer.param_groups[0]["lr"] = 0.01 * (step + 1) / 3
        optimizer.step()
    state = [t.numpy() for p in parameters for t in optimizer.state[p].values()]
    return [p.numpy() for p in parameters] + state


ELEMENTWISE = [row for row in CORNERS if getattr(optim, row[0]).elementwise]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "arguments"), ELEMENTWISE, ids=ids(ELEMENTWISE))
def test_machine_code_and_numpy_agree_bit_for_bit(name, arguments, dtype, request):
    request.getfixturevalue("never")
    expected = trained(name, arguments, dtype)
    assert not any(k.function for k in kernels.KERNELS.values())
    kernels.KERNELS.clear()
    request.getfixturevalue("at_once")
    found = trained(name, arguments, dtype)
    assert all(k.function for k in kernels.KERNELS.values())
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)  # NaN where NaN is
        kept = ~np.isnan(b)
        np.testing.assert_array_equal(np.signbit(a)[kept], np.signbit(b)[kept])


# ---- whose arrays these are


def settled(kind=optim.Adam, shape=(3, 4), **arguments):
    """A parameter with a gradient, and its optimizer, whose machine code is there."""
    p = nn.Parameter(values(0, np.float32, shape))
    p.grad = mg.tensor(values(1, np.float32, shape))
    optimizer = kind([p], **arguments)
    for _ in range(3):
        optimizer.step()
    assert all(k.function for k in kernels.KERNELS.values())
    return p, optimizer


def address(tensor):
    return tensor.data.__array_interface__["data"][0]


IN_PLACE = [row for row in RICH if row in ELEMENTWISE]


@pytest.mark.parametrize(("name", "arguments"), IN_PLACE, ids=ids(IN_PLACE))
def test_steps_are_in_place_and_allocate_nothing(name, arguments, at_once):
    p, optimizer = settled(getattr(optim, name), **arguments)
    tensors = [p, *(t for name, t in optimizer.state[p].items() if name not in optimizer.numbers)]
    before = [address(t) for t in tensors]
    for _ in range(5):
        optimizer.step()
    assert [address(t) for t in tensors] == before


SEEN = {
    "numpy": lambda p, optimizer: p.numpy(),
    "detach": lambda p, optimizer: p.detach(),
    "a view": lambda p, optimizer: p.numpy()[1:, ::2],
    "gradient": lambda p, optimizer: p.grad.numpy(),
    "state dict": lambda p, optimizer: optimizer.state_dict()["state"][0]["exp_avg"],
    "step count": lambda p, optimizer: optimizer.state_dict()["state"][0]["step"],
    "state": lambda p, optimizer: optimizer.state[p]["exp_avg_sq"].numpy(),
}


@pytest.mark.parametrize("see", SEEN.values(), ids=SEEN)
def test_what_others_see_stays(at_once, see):
    p, optimizer = settled()
    seen = see(p, optimizer)
    before = np.array(seen)
    values_before = p.numpy().copy()
    for _ in range(3):
        optimizer.step()
    np.testing.assert_array_equal(np.array(seen), before)
    assert (p.numpy() != values_before).all()


def test_a_graph_keeps_the_parameters_it_read(at_once):
    p, optimizer = settled()
    loss, before = mg.sum(p * p), p.numpy().copy()
    optimizer.step()
    p.grad = None
    loss.backward()
    np.testing.assert_array_equal(p.grad.numpy(), 2 * before)


def test_a_gradient_that_is_the_parameter_itself(at_once):
    p, optimizer = settled(optim.SGD, lr=0.5)
    p.assign_(mg.ones(p.shape))
    p.grad = p.detach()
    optimizer.step()
    np.testing.assert_array_equal(p.grad.numpy(), 1.0)
    np.testing.assert_array_equal(p.numpy(), 0.5)


GRADIENTS = {
    "broadcast": np.broadcast_to(np.float32(2), (3, 4)),
    "transposed": np.ones((4, 3), np.float32).T,
    "strided": np.ones((3, 8), np.float32)[:, ::2],
}


@pytest.mark.parametrize("gradient", GRADIENTS.values(), ids=GRADIENTS)
def test_gradients_in_any_layout(at_once, gradient):
    p, optimizer = settled(optim.SGD, lr=0.5)
    p.assign_(mg.ones(p.shape))
    p.grad = mg.asarray(gradient)
    optimizer.step()
    np.testing.assert_array_equal(p.numpy(), 1 - 0.5 * gradient)


def test_a_users_own_array_is_not_written_into(at_once):
    p, optimizer = settled(optim.SGD)
    mine = np.ones(p.shape, np.float32)
    p.data = mine
    optimizer.step()
    np.testing.assert_array_equal(mine, 1.0)


def test_a_failing_parameter_leaves_all_as_they_were(at_once):
    p, q = (nn.Parameter(np.ones(3, np.float32)) for _ in range(2))
    p.grad, q.grad = mg.ones(3), mg.ones(3)
    optimizer = optim.Adam([p, q])
    for _ in range(3):
        optimizer.step()
    before = copy.deepcopy((p.numpy(), optimizer.state_dict()["state"][0]))
    q.grad = mg.ones(2)
    with pytest.raises(ShapeError):
        optimizer.step()
    np.testing.assert_array_equal(p.numpy(), before[0])
    for name, t in optimizer.state[p].items():
        np.testing.assert_array_equal(t.numpy(), before[1][name].numpy())


def test_a_step_can_be_rolled_back(at_once):
    p, optimizer = settled()
    before = {n: t.numpy().copy() for n, t in optimizer.state[p].items()} | {"p": p.numpy().copy()}
    with engine.rolled_back():
        optimizer.step()
        assert (p.numpy() != before["p"]).all()
    for name, t in {**optimizer.state[p], "p": p}.items():
        np.testing.assert_array_equal(t.numpy(), before[name])


# ---- when


def test_a_short_script_compiles_nothing():
    p = nn.Parameter([1.0])
    p.grad = mg.tensor([1.0])
    optimizer = optim.Adam([p])
    for _ in range(100):
        optimizer.step()
    (kernel,) = kernels.KERNELS.values()
    assert kernel.traced is None
    assert 0 < kernel.spent < kernels.LOADING + kernels.IMPORTING


# seconds NumPy has taken, numba is imported, on disk -> traced, compiled
WHEN = [
    (0.04, True, True, False, False),
    (0.06, True, True, True, True),
    (0.06, False, True, False, False),
    (0.36, False, True, True, True),
    (0.06, True, False, True, False),
    (0.30, True, False, True, False),
    (0.36, True, False, True, True),
    (0.64, False, False, True, False),
    (0.66, False, False, True, True),
]


@pytest.mark.parametrize(("spent", "imported", "on_disk", "traced", "compiled"), WHEN)
def test_machine_code_is_made_when_numpy_took_as_long(monkeypatch, spent, imported, on_disk, traced, compiled):
    class Rule:
        is_on_disk = on_disk

        def compile(self):
            return len

    monkeypatch.setitem(sys.modules, "numba", sys)
    if not imported:
        monkeypatch.delitem(sys.modules, "numba")
    monkeypatch.setattr(kernels.Kernel, "trace", lambda self: Rule())
    kernel = kernels.kernel_for(optim.SGD.update, (), (), {}, np.dtype(np.float32))
    for kernel.spent in (0.0, spent / 2, spent):
        kernel.update_with({})
    assert (kernel.traced is not None, kernel.function is not None) == (traced, compiled)


def test_disable_jit_is_obeyed(at_once):
    settled()
    (kernel,) = kernels.KERNELS.values()
    assert isinstance(kernel.update_with(kernel.hyper), kernels.InPlace)
    with mg.disable_jit():
        assert isinstance(kernel.update_with(kernel.hyper), kernels.ByNumPy)


def test_kernels_are_shared_by_optimizers_and_sizes(at_once):
    settled(shape=(3,), lr=0.1)
    settled(shape=(4, 4), lr=0.2)
    assert len(kernels.KERNELS) == 1
    settled(shape=(4, 4), weight_decay=0.2)
    assert len(kernels.KERNELS) == 2


# ---- rules of the user's


class Custom(optim.Optimizer):
    """An optimizer whose rule and hyper-parameter a test gives."""

    def __init__(self, params, rule, extra=0.0):
        self.update = rule
        super().__init__(params, {"lr": 0.5, "weight_decay": 0.0, "extra": extra})

    def state_names(self, group):
        return ()


def total(g, p, state, hyper):
    return p - hyper["lr"] * g.sum(), {}


def by_value(g, p, state, hyper):
    return (p - hyper["lr"] * g if float(g.sum()) > 0 else p), {}


def noisy(g, p, state, hyper):
    return p - hyper["lr"] * g * (2 if type(p) is np.ndarray else mg.random.uniform(p.shape)), {}


def plain_rule(g, p, state, hyper):
    return p - hyper["lr"] * g, {}


# a rule, and what it makes of p = 1 with gradient 2: none of them can be a loop with NumPy's results
LEFT_TO_NUMPY = {
    "reduction": (total, 0.0, 1 - 0.5 * 6),
    "needs a value": (by_value, 0.0, 0.0),
    "draws": (noisy, 0.0, -1.0),
    "hyper-parameter is an object": (plain_rule, {"some": "thing"}, 0.0),
}


@pytest.mark.parametrize(("rule", "extra", "expected"), LEFT_TO_NUMPY.values(), ids=LEFT_TO_NUMPY)
def test_rules_that_stay_with_numpy(at_once, rule, extra, expected):
    p = nn.Parameter(np.ones(3, np.float32))
    optimizer = Custom([p], rule, extra)
    for _ in range(3):
        p.assign_(mg.ones(3))
        p.grad = 2 * mg.ones(3)
        optimizer.step()
        np.testing.assert_array_equal(p.numpy(), np.float32(expected))
    assert not any(k.function for k in kernels.KERNELS.values())
