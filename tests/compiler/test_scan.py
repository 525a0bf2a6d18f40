"""scan inside jit: one operation, and the values, gradients and state of the eager loop."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F
from minigrad.tree import leaves
from tests.compiler.running import Emitted, assert_same

TOLERANCE = 1e-10  # of an array's largest magnitude
RNG = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def in_float64():
    with mg.set_default_dtype("float64"):
        yield


def normal(*shape):
    return mg.tensor(RNG.standard_normal(shape))


def plainly_equal(f, args):
    """The emitted source, run as plain Python, computes what eager does, with every index checked."""
    state = mg.random.default_generator.state_dict()
    expected = [x.data for x in leaves(f(*args))]
    mg.random.default_generator.load_state_dict(state)
    assert_same(Emitted(f, *args)(*args), expected, TOLERANCE)


# ---- programs: name -> (function, inputs)


def rnn(h, x, w, b, reverse=False):
    def cell(h, x):
        h = mg.tanh(x + h @ w.T + b)
        return h, h * x

    return mg.scan(cell, h, x, reverse=reverse)


def lstm(h, c, x, w, u):
    def cell(carry, x):
        h, c = carry
        i, f, g, o = mg.split(x @ w.T + h @ u.T, 4, axis=1)
        c = mg.sigmoid(f) * c + mg.sigmoid(i) * mg.tanh(g)
        h = mg.sigmoid(o) * mg.tanh(c)
        return (h, c), h

    return mg.scan(cell, (h, c), x)


def nested(h, x, w):
    """A scan over rows that scans the columns of each."""

    def row(h, x):
        def column(h, x):
            h = mg.sin(h * w + x)
            return h, h**2

        h, ys = mg.scan(column, h, x)
        return h, (ys, mg.sum(ys * w))

    return mg.scan(row, h, x)


def two_loops(h, x, w, b):
    """Layers: the second goes backwards over what the first made."""
    _, ys = rnn(h, x, w, b)
    return rnn(h * 2, ys, w, b, reverse=True)


def views(h, x, w):
    """Everything that the loop takes is a view: repeated, permuted, reversed, cut."""
    start = mg.broadcast_to(h[:1], h.shape)
    xs = mg.permute_dims(x, (1, 0, 2))
    turned = mg.flip(w, axis=0)
    return mg.scan(lambda c, x: (mg.tanh(c @ turned.T[:, ::-1] + x[:, ::2]), c[1]), start, xs)


def swap(a, b, x):
    """The carries change places; one is also a result, and so is what never changes."""
    return mg.scan(lambda ab, x: ((ab[1], ab[0] + x), (ab[0], a, x)), (a, b), x)


def detached(h, x, w):
    """No gradient flows through what is detached, or computed without recording."""

    def f(h, x):
        with mg.no_grad():
            scale = mg.exp(w)
        h = h * scale + x.detach() * w + h.detach()
        return h, (h**2).detach() + h

    return mg.scan(f, h, x)


def unrolled_descent(theta, rate, x):
    """Gradient descent inside: a learned optimizer's inner loop."""

    def f(theta, x):
        slope = mg.grad(lambda t: mg.sum((mg.sin(t) - x) ** 2))(theta)
        return theta - rate * slope, mg.sum(slope**2)

    return mg.scan(f, theta, x)


def constants(h, x):
    """Tensors made in the body, and matrices multiplied with the same ones in each iteration."""
    eye = mg.eye(3) * 2

    def f(h, x):
        return h @ eye + x @ (eye * eye) + mg.ones(3), mg.sum(h) + mg.arange(2)

    return mg.scan(f, h, x)


def reductions(h, x):
    """Sums and maxima as carries."""

    def f(carry, x):
        total, largest = carry
        return (total + mg.sum(x), mg.maximum(largest, mg.max(x, axis=0))), mg.logsumexp(x * total)

    return mg.scan(f, (h[0, 0], h[0]), x)


def saved_square(h, x, w):
    """Multiplication carries: gradients that need the carry itself."""
    return mg.scan(lambda c, x: (c * mg.cos(c) + x * w, c**3), h, x)


PROGRAMS = {
    "rnn": (rnn, [normal(2, 3), normal(4, 2, 3), normal(3, 3), normal(3)]),
    "rnn backwards": (lambda *a: rnn(*a, reverse=True), [normal(2, 3), normal(4, 2, 3), normal(3, 3), normal(3)]),
    "one iteration": (rnn, [normal(2, 3), normal(1, 2, 3), normal(3, 3), normal(3)]),
    "none": (rnn, [normal(2, 3), normal(0, 2, 3), normal(3, 3), normal(3)]),
    "no elements": (rnn, [normal(0, 3), normal(4, 0, 3), normal(3, 3), normal(3)]),
    "lstm": (lstm, [normal(2, 3), normal(2, 3), normal(4, 2, 5), normal(12, 5), normal(12, 3)]),
    "nested": (nested, [normal(2), normal(3, 4, 2), normal(2)]),
    "two loops": (two_loops, [normal(2, 3), normal(4, 2, 3), normal(3, 3), normal(3)]),
    "views": (views, [normal(2, 3), normal(2, 4, 5), normal(3, 3)]),
    "swap": (swap, [normal(3), normal(3), normal(5, 3)]),
    "detached": (detached, [normal(3), normal(4, 3), normal(3)]),
    "descent": (unrolled_descent, [normal(3), normal(3), normal(4, 3)]),
    "constants": (constants, [normal(2, 3), normal(4, 2, 3)]),
    "reductions": (reductions, [normal(2, 3), normal(4, 5, 3)]),
    "saved square": (saved_square, [normal(3), normal(4, 3), normal(3)]),
}


def loss_of(f):
    """A scalar that depends on every result in its own, curved way."""

    def loss(*args):
        rng = np.random.default_rng(0)
        return sum(mg.sum(mg.sin(y) * mg.tensor(rng.standard_normal(y.shape))) for y in leaves(f(*args)))

    return loss


def gradient(f, n):
    return mg.grad(loss_of(f), argnums=tuple(range(n)))


@pytest.mark.parametrize("name", PROGRAMS)
def test_values(name):
    plainly_equal(*PROGRAMS[name])


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients(name):
    f, args = PROGRAMS[name]
    plainly_equal(gradient(f, len(args)), args)


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_derivatives(name):
    f, args = PROGRAMS[name]
    tangents = [mg.tensor(np.random.default_rng(1).standard_normal(x.shape)) for x in args]
    plainly_equal(lambda *a: mg.hvp(loss_of(f), a[: len(args)], a[len(args) :]), [*args, *tangents])


def test_third_derivatives():
    f = lambda w: loss_of(lambda w: mg.scan(lambda c, x: (mg.tanh(c * w + x), c * w), 0.3, mg.linspace(-1, 1, 4)))(w)  # noqa: E731
    plainly_equal(mg.grad(mg.grad(mg.grad(f))), [mg.tensor(0.7)])


def test_with_respect_to_one_thing_at_a_time():
    """Mixed derivatives: of the gradient in the weight alone, the gradient in the slices."""
    f, args = PROGRAMS["lstm"]

    def mixed(*args):
        slope = mg.grad(loss_of(f), argnums=3)
        return mg.grad(lambda x: mg.sum(slope(*args[:2], x, *args[3:]) ** 2))(args[2])

    plainly_equal(mixed, args)


def test_compiled_by_numba():
    f, args = PROGRAMS["nested"]
    tangents = [mg.tensor(np.random.default_rng(1).standard_normal(x.shape)) for x in args]

    def everything(*a):
        return f(*a[:3]), mg.hvp(loss_of(f), a[:3], a[3:])

    step = mg.jit(everything, warmup=0)
    expected = [x.data for x in leaves(everything(*args, *tangents))]
    assert_same([x.data for x in leaves(step(*args, *tangents))], expected, TOLERANCE)


# ---- integers, indices, random numbers, numbers by reference


def test_integers_and_booleans_are_carried():
    def f(carry, x):
        count, seen = carry
        return (count + 2, seen | (x > 1)), count * x

    plainly_equal(lambda x: mg.scan(f, (1, mg.zeros(3, dtype=bool)), x), [mg.tensor(RNG.integers(0, 3, (5, 3)))])


def embedded(table, ids):
    return mg.scan(lambda h, i: (mg.tanh(h + table[i]), mg.sum(h * table[i, :1])), mg.zeros((2, 3)), ids)


def test_rows_are_picked_by_the_slices():
    ids = mg.tensor(RNG.integers(-5, 5, (4, 2)))
    plainly_equal(lambda t, i: (embedded(t, i), mg.grad(loss_of(embedded))(t, i)), [normal(5, 3), ids])


def test_an_index_out_of_range_raises_as_eager_and_leaves_the_state():
    table = nn.Parameter(normal(5, 3))
    optimizer = optim.SGD([table], lr=0.1, momentum=0.9)

    def step(ids):
        loss = loss_of(embedded)(table, ids)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    compiled = mg.jit(step, warmup=0)
    good = mg.tensor(RNG.integers(0, 5, (4, 2)))
    compiled(good)
    before, bad = table.numpy().copy(), mg.tensor([[0, 1], [2, 3], [4, 5], [0, 0]])
    with pytest.raises(IndexError) as eager:
        step(bad)
    with pytest.raises(IndexError) as ours:
        compiled(bad)
    assert str(ours.value) == str(eager.value)
    np.testing.assert_array_equal(table.numpy(), before)
    compiled(good)
    assert (table.numpy() != before).any()


def test_random_numbers_are_those_of_the_eager_loop():
    own = mg.Generator(3)

    def f(h, x):
        def inner(h, _):
            return h + mg.random.uniform((2,)), None

        h, _ = mg.scan(inner, F.dropout(h, 0.5, True) + x, length=3)
        return h, mg.random.normal((2,)) * mg.random.randint(1, 5, (2,), generator=own)

    def run(x):
        before = mg.random.uniform((2,))
        return mg.scan(f, *mg.scan(f, before, x), reverse=True), mg.random.uniform((2,))

    x, results = normal(4, 2), []
    for step in (run, mg.jit(run, warmup=0)):
        mg.manual_seed(7)
        own.manual_seed(3)
        results.append([y.data for _ in range(2) for y in leaves(step(x))])
        results[-1] += [np.array([mg.random.default_generator.call, own.call])]
    assert_same(results[1], results[0], TOLERANCE)


def test_numbers_among_the_arguments_do_not_retrace():
    def f(x, scale, start):
        return mg.scan(lambda c, x: (c + x * scale, scale * 2), start, x)

    step, x = mg.jit(f, warmup=0), normal(4)
    for scale, start in ((0.5, 1.5), (2.5, -3.5)):
        expected, found = leaves(f(x, scale, start)), leaves(step(x, scale, start))
        assert_same([y.data for y in found], [y.data for y in expected], TOLERANCE)
    assert step.cache_info().traces == 1


# ---- training


class LSTM(nn.Module):
    """Written with scan, with dropout between the steps."""

    def __init__(self, inputs, hidden, p=0.0):
        self.weight_ih = nn.Parameter(0.5 * normal(4 * hidden, inputs))
        self.weight_hh = nn.Parameter(0.5 * normal(4 * hidden, hidden))
        self.bias = nn.Parameter(normal(4 * hidden))
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        zeros = mg.zeros((x.shape[1], self.weight_hh.shape[1]))

        def cell(carry, x):
            h, c = carry
            gates = F.linear(x, self.weight_ih, self.bias) + F.linear(self.dropout(h), self.weight_hh)
            i, f, g, o = mg.split(gates, 4, axis=1)
            c = mg.sigmoid(f) * c + mg.sigmoid(i) * mg.tanh(g)
            h = mg.sigmoid(o) * mg.tanh(c)
            return (h, c), h

        return mg.scan(cell, (zeros, zeros), x)


class Training:
    """Two layers, a classifier and an optimizer."""

    def __init__(self, optimizer=optim.SGD, p=0.0, inputs=3, hidden=4):
        RNG.bit_generator.state = np.random.default_rng(8).bit_generator.state
        self.first, self.second = LSTM(inputs, hidden, p), LSTM(hidden, hidden)
        self.head = nn.Linear(hidden, 2)
        for p in self.head.parameters():
            p.assign_(normal(*p.shape))
        self.parameters = [*self.first.parameters(), *self.second.parameters(), *self.head.parameters()]
        self.optimizer = optimizer(self.parameters, lr=0.05)

    def step(self, x, y):
        _, ys = self.first(x)
        (h, _), _ = self.second(ys)
        loss = F.cross_entropy(self.head(h), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


def test_training_is_that_of_the_eager_loop():
    """Two layers with dropout between the steps, trained by Adam: parameters, gradients, losses, random state."""
    ends = []
    for compiled in (False, True):
        mg.manual_seed(1)
        training = Training(optim.Adam, 0.4)
        step = mg.jit(training.step, warmup=0) if compiled else training.step
        rng = np.random.default_rng(2)
        batches = [(mg.tensor(rng.standard_normal((5, 3, 3))), mg.tensor(rng.integers(0, 2, 3))) for _ in range(4)]
        losses = [step(*batch).data for batch in batches]
        grads = [q.grad.data for q in training.parameters]
        ends.append([*losses, *grads, *(q.data for q in training.parameters)])
        ends[-1].append(np.array(mg.random.default_generator.call))
    assert_same(ends[1], ends[0], TOLERANCE)


def counted(graph):
    """The operations of a graph, those in loops too."""
    return sum(1 + sum(counted(v.body) for k, v in op.params.items() if k == "loop") for op in graph.ops)


def test_code_does_not_grow_with_the_number_of_steps():
    sizes = []
    for n in (32, 64):
        training = Training()
        emitted = Emitted(training.step, normal(n, 3, 3), mg.tensor([0, 1, 1]))
        sizes.append((counted(emitted.graph), len(emitted.source.splitlines())))
        assert f"in range({n}):" in emitted.source
        assert f"in range({n - 1}, -1, -1):" in emitted.source
    assert sizes[0] == sizes[1]


# ---- what the loop holds


def scans(f, *args):
    return [op for op in Emitted(f, *args).graph.ops if op.name == "scan"]


def test_forward_and_residuals_are_one_loop():
    """The loss's loop and the one that stacks what its gradient needs become one."""
    f, args = PROGRAMS["rnn"]
    forward, backward = scans(mg.value_and_grad(loss_of(f), argnums=(0, 1, 2, 3)), *args)
    assert (forward.params["loop"].reverse, backward.params["loop"].reverse) == (False, True)


def test_what_nobody_reads_is_not_made():
    x, w = normal(4, 3), normal(3)
    (loop,) = scans(lambda x: mg.scan(lambda c, x: ((c[0] + x, c[1] * w), (x * w, mg.exp(c[0]))), (w, w), x)[1][1], x)
    assert len(loop.outputs) == 2  # one carry, one stack
    assert {op.name for op in loop.params["loop"].body.ops} <= {"exp", "add", "copy"}


def test_what_is_the_same_in_each_iteration_runs_before():
    x, w = normal(4, 3), normal(3)
    emitted = Emitted(lambda x, w: mg.scan(lambda c, x: (c + x * mg.exp(w), None), mg.zeros(3), x)[0], x, w)
    (loop,) = [op for op in emitted.graph.ops if op.name == "scan"]
    assert "exp" in {op.name for op in emitted.graph.ops}
    assert "exp" not in {op.name for op in loop.params["loop"].body.ops}


def test_room_inside_is_used_again_in_each_iteration():
    f, (h, _, w, b) = PROGRAMS["rnn"]
    sizes = [sum(Emitted(f, h, normal(n, 2, 3), w, b).plan.sizes.values()) for n in (4, 400)]
    assert sizes[0] == sizes[1]


def test_the_first_value_that_is_not_finite_is_named():
    step = mg.jit(lambda x: mg.scan(lambda c, x: (c + x, mg.log(x)), 0.0, x)[0], warmup=0)
    with mg.detect_anomaly():
        assert step(mg.tensor([1.0, 2.0])).item() == 3
        with pytest.raises(mg.AnomalyError, match=r"\[log\] made the first -inf"):
            step(mg.tensor([1.0, 0.0]))


# ---- what is refused


def left_gradient(c, x):
    (outside * c).backward()
    return c + x, None


def assigned(c, x):
    state.assign_(state + x)
    return c + x, None


outside, state = mg.tensor(1.0, dtype="float64", requires_grad=True), mg.tensor(0.0, dtype="float64")


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (assigned, mg.TracingError, r"assigns to a tensor of shape \(\).*test_scan.py.*hand it on in the carry"),
        (left_gradient, mg.TracingError, r"leaves a gradient on a tensor of shape \(\).*use mg.grad inside"),
        (lambda c, x: (c + mg.ones(2), None), mg.ShapeError, r"the carry must keep its shape: it went in as \(\)"),
        (lambda c, x: (c if c > 0 else x, None), mg.TracingError, "the values of a tensor of shape"),
    ],
)
def test_what_a_loop_cannot_hold(f, error, message):
    step = mg.jit(lambda x: mg.scan(f, x[0] * 0, x)[0], warmup=0)
    with pytest.raises(error, match=message):
        step(normal(3))
    assert isinstance(state.data, np.ndarray)
    assert outside.grad is None


def test_a_tensor_of_the_body_s_own_may_be_changed():
    def f(c, x):
        local = mg.zeros(3)
        local[0] = x
        c[1] = c[1] + x
        return c, local + c

    plainly_equal(lambda x: mg.scan(f, mg.zeros(3), x), [normal(4)])


def test_what_is_inside_is_shown_and_counted():
    step = mg.jit(rnn, warmup=0)
    step(normal(2, 16), normal(4, 2, 16), normal(16, 16), normal(16))
    assert "    4 times with 1 carries, 1 slices:" in str(step.graph)
    assert "    v0: float64[2, 16] = input of the loop" in str(step.graph)
    explained = step.explain()
    assert "scan, 4 times the kernels inside" in explained
    assert "matmul2" in explained
    (loop,) = [k for k in step.cost().kernels if k.operations[0] == "scan"]
    assert loop.products == ((4, 2, 16, 16),)
    assert loop.flops == 4 * (2 * 2 * 16 * 16 + 4 * 2 * 16)  # the product; two sums, a tanh and a product of (2, 16)
    assert loop.written == 4 * 8 * (3 * 2 * 16)  # what BLAS makes, the carry and the slice that is stacked
