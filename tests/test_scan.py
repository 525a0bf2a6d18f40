"""scan, run eagerly: against plain mathematics, PyTorch's recurrent layers and finite differences."""

from dataclasses import dataclass

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

RNG = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def in_float64():
    with mg.set_default_dtype("float64"):
        yield


def normal(*shape):
    return mg.tensor(RNG.standard_normal(shape))


# ---- plain mathematics


def test_a_running_sum():
    x = normal(7, 3)
    total, sums = mg.scan(lambda c, x: (c + x, c + x), mg.zeros(3), x)
    np.testing.assert_allclose(sums.numpy(), np.cumsum(x.numpy(), axis=0), rtol=1e-14)
    np.testing.assert_array_equal(total.numpy(), sums[-1].numpy())


def test_a_running_sum_from_the_end():
    x = normal(7)
    total, sums = mg.scan(lambda c, x: (c + x, c + x), 0.0, x, reverse=True)
    np.testing.assert_allclose(sums.numpy(), np.cumsum(x.numpy()[::-1])[::-1], rtol=1e-14)
    np.testing.assert_array_equal(total.numpy(), sums[0].numpy())


def test_a_linear_recurrence():
    a, b = normal(6, 2), normal(6, 2)
    _, s = mg.scan(lambda s, ab: (ab[0] * s + ab[1],) * 2, mg.zeros(2), (a, b))
    expected = [sum(b[j].numpy() * np.prod(a[j + 1 : i + 1].numpy(), axis=0) for j in range(i + 1)) for i in range(6)]
    np.testing.assert_allclose(s.numpy(), expected, rtol=1e-12)


def test_a_polynomial_by_horner():
    coefficients, x = normal(5), normal(3)
    value, ys = mg.scan(lambda p, c: (p * x + c, None), mg.zeros(3), coefficients)
    np.testing.assert_allclose(value.numpy(), np.polyval(coefficients.numpy(), x.numpy()), rtol=1e-12)
    assert ys is None


def test_powers_of_a_matrix_without_slices():
    a = 0.5 * normal(3, 3)
    power, _ = mg.scan(lambda p, _: (p @ a, None), mg.eye(3), length=6)
    np.testing.assert_allclose(power.numpy(), np.linalg.matrix_power(a.numpy(), 6), rtol=1e-12)


def test_fibonacci_in_integers():
    _, f = mg.scan(lambda ab, _: ((ab[1], ab[0] + ab[1]), ab[0]), (0, 1), length=10)
    assert f.dtype == mg.int64
    assert f.tolist() == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]


# ---- structures and lengths


@dataclass
class Pair:
    mean: mg.Tensor
    count: mg.Tensor


def test_nests_of_every_kind():
    xs = {"a": normal(4, 2), "b": (mg.arange(4), None)}

    def f(carry, x):
        count = carry.count + x["b"][0]
        return Pair(carry.mean + x["a"], count), {"sum": carry.mean, "rest": [count, x["b"][1]]}

    last, ys = mg.scan(f, Pair(mg.zeros(2), mg.tensor(0)), xs)
    np.testing.assert_allclose(last.mean.numpy(), xs["a"].numpy().sum(0), rtol=1e-13)
    assert last.count.item() == 6
    assert ys["sum"].shape == (4, 2)
    assert ys["rest"][0].tolist() == [0, 1, 3, 6]
    assert ys["rest"][1] is None


def test_no_iteration_gives_the_carry_and_empty_stacks():
    state = mg.random.default_generator.state_dict()
    carry, (y, k) = mg.scan(
        lambda c, x: (c + x, (mg.random.uniform((3,)) * x, mg.tensor(1))), mg.tensor(2.5), mg.zeros((0,))
    )
    assert carry.item() == 2.5
    assert (y.shape, y.dtype, k.shape, k.dtype) == ((0, 3), mg.float64, (0,), mg.int64)
    assert mg.random.default_generator.state_dict() == state


def test_one_iteration():
    carry, ys = mg.scan(lambda c, x: (c * x, c + x), mg.tensor(2.0), mg.tensor([3.0]), length=1)
    assert (carry.item(), ys.tolist()) == (6.0, [5.0])


# ---- gradients


def weighted(tree_of_tensors):
    """A scalar that depends on every element in its own way."""
    rng = np.random.default_rng(0)
    return sum(mg.sum(mg.tensor(rng.standard_normal(y.shape)) * y) for y in tree_of_tensors)


def rnn(h, x, w, u, b, reverse=False):
    def cell(h, x):
        h = mg.tanh(x @ w.T + h @ u.T + b)
        return h, h * h

    return weighted(mg.scan(cell, h, x, reverse=reverse))


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_to_second_order(n, reverse):
    inputs = [normal(2, 3), normal(n, 2, 2), normal(3, 2), normal(3, 3), normal(3)]
    assert mg.gradcheck(lambda *given: rnn(*given, reverse=reverse), inputs)


def test_gradients_with_checkpoint():
    inputs = [x.requires_grad_() for x in (normal(2, 3), normal(4, 2, 2), normal(3, 2), normal(3, 3), normal(3))]
    plain = mg.autograd.grad(rnn(*inputs), inputs)
    again = mg.autograd.grad(mg.checkpoint(rnn, *inputs), inputs)
    for a, b in zip(plain, again):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_the_gradient_in_long_sequences_takes_no_quadratic_memory():
    """Each slice's gradient would be put among zeros of the whole: 3,000 arrays of 3,000 x 64."""
    import tracemalloc

    x = mg.zeros((3000, 64)).requires_grad_()
    carry, _ = mg.scan(lambda c, x: (c + x, None), mg.zeros(64), x)
    tracemalloc.start()
    mg.sum(carry).backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (x.grad.numpy() == 1).all()
    assert peak < 20 * x.data.nbytes


# ---- PyTorch's recurrent layers


def tanh_cell(w, carry, x):
    (h,) = carry
    h = mg.tanh(x @ w["weight_ih_l0"].T + w["bias_ih_l0"] + h @ w["weight_hh_l0"].T + w["bias_hh_l0"])
    return (h,), h


def lstm_cell(w, carry, x):
    h, c = carry
    gates = x @ w["weight_ih_l0"].T + w["bias_ih_l0"] + h @ w["weight_hh_l0"].T + w["bias_hh_l0"]
    i, f, g, o = mg.split(gates, 4, axis=1)
    c = mg.sigmoid(f) * c + mg.sigmoid(i) * mg.tanh(g)
    h = mg.sigmoid(o) * mg.tanh(c)
    return (h, c), h


def gru_cell(w, carry, x):
    (h,) = carry
    of_x = mg.split(x @ w["weight_ih_l0"].T + w["bias_ih_l0"], 3, axis=1)
    of_h = mg.split(h @ w["weight_hh_l0"].T + w["bias_hh_l0"], 3, axis=1)
    r, z = mg.sigmoid(of_x[0] + of_h[0]), mg.sigmoid(of_x[1] + of_h[1])
    h = (1 - z) * mg.tanh(of_x[2] + r * of_h[2]) + z * h
    return (h,), h


LAYERS = [("RNN", tanh_cell, 1), ("LSTM", lstm_cell, 2), ("GRU", gru_cell, 1)]


@pytest.mark.parametrize(("name", "cell", "states"), LAYERS)
@pytest.mark.parametrize("reverse", [False, True])
def test_recurrent_layers_are_those_of_pytorch(name, cell, states, reverse):
    torch = pytest.importorskip("torch")
    layer = getattr(torch.nn, name)(3, 4, dtype=torch.float64)
    w = {k: mg.tensor(v.detach().numpy()).requires_grad_() for k, v in layer.named_parameters()}
    x, start = normal(6, 2, 3).requires_grad_(), [normal(2, 4).requires_grad_() for _ in range(states)]
    theirs_x = torch.tensor(x.numpy().copy(), requires_grad=True)
    theirs_start = [torch.tensor(s.numpy().copy(), requires_grad=True) for s in start]
    given = tuple(s[None] for s in theirs_start)
    out, last = layer(theirs_x.flip(0) if reverse else theirs_x, given if states == 2 else given[0])
    out = out.flip(0) if reverse else out
    last = last if states == 2 else (last,)
    carry, ys = mg.scan(lambda c, x: cell(w, c, x), tuple(start), x, reverse=reverse)
    np.testing.assert_allclose(ys.numpy(), out.detach().numpy(), rtol=1e-12, atol=1e-14)
    for ours, theirs in zip(carry, last):
        np.testing.assert_allclose(ours.numpy(), theirs[0].detach().numpy(), rtol=1e-12, atol=1e-14)
    ((ys**3).sum() + sum((c**2).sum() for c in carry)).backward()
    ((out**3).sum() + sum((c**2).sum() for c in last)).backward()
    pairs = [(x, theirs_x), *zip(start, theirs_start), *((w[k], v) for k, v in layer.named_parameters())]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-10, atol=1e-12)


# ---- what is refused


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (mg.ShapeError, r"the carry must keep its shape: it went in as \(\), came out \(2,\)",
         lambda: mg.scan(lambda c, x: (c + mg.ones(2), None), 0.0, length=2)),
        (mg.ShapeError, r"the carry\['h'\]\[1\] must keep its shape: it went in as \(3,\), came out \(1,\)",
         lambda: mg.scan(lambda c, x: ({"h": (c["h"][0], c["h"][1][:1])}, None), {"h": (0.0, mg.ones(3))}, length=2)),
        (mg.DtypeError, "the carry must keep its dtype: it went in as int64 and came out as float64",
         lambda: mg.scan(lambda c, x: (c + x, None), 0, mg.ones(3))),
        (mg.ShapeError, r"the carry must keep its structure: it went in as float64\[\] and came out as \(float64",
         lambda: mg.scan(lambda c, x: ((c, c), None), 0.0, length=2)),
        (mg.ShapeError, "y must keep its shape", lambda: mg.scan(
            lambda c, x: (c + 1, mg.ones(c.item())), 1, length=3)),
        (mg.ShapeError, "must return a pair", lambda: mg.scan(lambda c, x: c, 0.0, length=2)),
        (mg.ShapeError, "expected one length, got length=None and xs of shapes", lambda: mg.scan(
            lambda c, x: (c, None), 0.0, (mg.ones(2), mg.ones(3)))),
        (mg.ShapeError, "expected one length, got length=4", lambda: mg.scan(
            lambda c, x: (c, None), 0.0, mg.ones(2), length=4)),
        (mg.ShapeError, "expected xs, or the number of iterations", lambda: mg.scan(lambda c, x: (c, None), 0.0)),
        (mg.ShapeError, "got a 0-d one among xs", lambda: mg.scan(lambda c, x: (c, None), 0.0, 1.0)),
        (mg.ShapeError, "length must be a whole number", lambda: mg.scan(lambda c, x: (c, None), 0.0, length=-1)),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(error, message, call):
    with pytest.raises(error, match=message):
        call()


def test_state_outside_is_not_written():
    state = mg.zeros(2)

    def f(c, x):
        state.assign_(state + x)
        return c, None

    with pytest.raises(mg.TracingError, match=r"assigns to a tensor of shape \(2,\).*test_scan.py.*in the carry"):
        mg.scan(f, 0.0, mg.ones(3))
    assert state.tolist() == [0, 0]


def test_the_user_s_tensors_stay_when_the_body_changes_its_arguments():
    init, xs = mg.zeros(2), mg.ones((3, 2))

    def f(c, x):
        local = mg.zeros(2)
        local[0] = x[1]
        c[0] = c[0] + 1
        x[1] = 5.0
        return c, local + x

    carry, ys = mg.scan(f, init, xs)
    assert carry.tolist() == [3, 0]
    assert ys.tolist() == [[2, 5]] * 3
    assert init.tolist() == [0, 0]
    assert xs.tolist() == [[1, 1]] * 3


def test_a_module_that_counts_is_refused_and_stays_as_it_was():
    class Counter(nn.Module):
        def __init__(self):
            self.register_buffer("count", mg.zeros(()))

        def forward(self, x):
            self.count.assign_(self.count + 1)
            return x

    counter = Counter()
    with pytest.raises(mg.TracingError):
        mg.scan(lambda c, x: (counter(c), None), 0.0, length=3)
    assert counter.count.item() == 0
