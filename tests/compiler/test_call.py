"""What stands around the machine code: calls see every change from outside, and nobody sees their shortcuts.

Each scenario runs a function eagerly and compiled, does something between the calls, and returns what it saw.
"""

import threading
from collections import namedtuple

import numpy as np
import pytest

import minigrad as mg
from minigrad import engine, nn

TOLERANCE = 1e-10
SCENARIOS = {}


def scenario(f):
    """Register a scenario: f(compile) returns tensors and other values that must not depend on `compile`."""
    SCENARIOS[f.__name__] = f
    return f


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name):
    with mg.set_default_dtype("float64"):
        expected, found = (SCENARIOS[name](c) for c in (lambda f: f, lambda f: mg.jit(f, warmup=0)))
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE * max(np.abs(b).max(initial=0), 1.0))


def training():
    """A parameter, and a step that forgets its gradient, makes it anew and descends."""
    w = nn.Parameter([1.0, -2.0, 3.0])

    def step(x):
        w.grad = None
        loss = mg.sum((w * x) ** 2)
        loss.backward()
        w.assign_(w.detach() - 0.1 * w.grad)
        return loss

    return w, step


X = mg.Tensor(np.array([0.5, 1.0, -0.25]))
HOLDERS = {
    "tensor": lambda t: t,
    "detached": lambda t: t.detach(),
    "data": lambda t: t.data,
    "view": lambda t: t.numpy(),
    "part": lambda t: t.data[1:],
    "memoryview": lambda t: memoryview(t.data),
}


@pytest.mark.parametrize("hold", HOLDERS)
@pytest.mark.parametrize("what", ["data", "grad"])
def test_what_somebody_holds_stays_as_it_is(hold, what):
    with mg.set_default_dtype("float64"):
        w, step = training()
        step = mg.jit(step, warmup=0)
        plain, eager = training()
        seen = []
        for i in range(5):
            step(X)
            eager(X)
            thing = w.grad if what == "grad" else w.detach()
            held = HOLDERS[hold](thing)
            del thing
            seen.append((held, np.array(held)))
            np.testing.assert_allclose(w.data, plain.data, rtol=1e-12)
            np.testing.assert_allclose(w.grad.data, plain.grad.data, rtol=1e-12)
            if i == 3:
                seen.clear()  # and what nobody holds any more may be written over again
        for held, copy in seen:
            np.testing.assert_array_equal(np.asarray(held), copy)


def test_what_nobody_holds_is_written_over():
    w, step = training()
    step = mg.jit(step, warmup=0)
    x = mg.ones(3)
    step(x)
    step(x)
    before = id(w.data), id(w.grad), id(w.grad.data)
    for _ in range(3):
        step(x)
        assert (id(w.data), id(w.grad), id(w.grad.data)) == before


def test_an_earlier_trace_keeps_no_arrays_alive():
    w, step = training()
    step = mg.jit(lambda x, step=step: step(mg.sum(x, axis=0)), warmup=0)
    for _ in range(3):
        step(mg.ones((4, 3)))
    array = id(w.data)
    for n in (2, 4, 4, 2, 2):
        step(mg.ones((n, 3)))
    assert id(w.data) == array  # nobody sees it: no trace has had to work on a copy


def test_an_unchanged_world_takes_the_short_way(monkeypatch):
    _, step = training()
    step = mg.jit(step, warmup=0)
    x = mg.ones(3)
    for _ in range(3):
        step(x)
    monkeypatch.setattr(step, "find", lambda *_: pytest.fail("the long way"))
    for _ in range(3):
        step(mg.ones(3))


@scenario
def other_arrays_in_a_parameter(compile):
    w, step = training()
    run = compile(step)
    seen = [run(X), run(X)]
    w.assign_([4.0, 5.0, 6.0])
    seen.append(run(X))
    w.data = np.arange(6.0)[::2]  # not contiguous
    seen.append(run(X))
    frozen = np.array([1.0, 2.0, 3.0])
    frozen.flags.writeable = False
    w.data = frozen
    seen += [run(X), frozen]
    with mg.no_grad():
        w[1] = 7.0
    return [*seen, run(X), run(X), w, w.grad]


@scenario
def a_shape_and_a_dtype_that_change(compile):
    table = mg.Tensor(np.array([1.0, 2.0]))
    run = compile(lambda: mg.sum(table * 2))
    seen = [run(), run()]
    for data in (np.ones((3, 2)), np.array([5.0]), np.array([1, 2]), np.array([1.0, 2.0], np.float32)):
        table.data = data
        seen += [run(), run()]
    return seen


def accumulating(compile):
    w = nn.Parameter([1.0, -2.0, 3.0])
    return w, compile(lambda x: mg.sum(w * w * x).backward())


@scenario
def gradients_given_by_the_user(compile):
    w, run = accumulating(compile)
    seen = []
    shared = mg.Tensor(np.array([1.0, 1.0, 1.0]))
    for grad in (None, shared, shared, mg.Tensor(np.arange(6.0)[::2]), mg.exp(w), mg.Tensor(np.ones(3, np.float32))):
        w.grad = grad
        run(X)
        seen.append(w.grad.detach())
        run(X)
        seen += [w.grad.detach(), shared]
    return seen


@scenario
def gradients_forgotten_outside(compile):
    w, run = accumulating(compile)
    seen = []
    for i in range(6):
        w.grad = None
        run(X * i)
        seen += [w.grad, w.grad.numpy()] if i % 2 else [w.grad.numpy().copy()]
    return seen


@scenario
def a_gradient_with_history_survives_a_failure(compile):
    w = nn.Parameter([1.0, -2.0, 3.0])

    def step(x, i):
        picked = mg.take(x, i, axis=0)
        w.grad = None
        mg.sum(w * picked).backward()
        w.assign_(w.detach() + 1)

    run = compile(step)
    good, bad = mg.Tensor(np.array([0, 1, 2])), mg.Tensor(np.array([0, 3, 2]))
    run(X, good)
    run(X, good)
    mine = w.grad = mg.exp(w)
    before = w.detach()
    with pytest.raises(IndexError):
        run(X, bad)
    seen = [w.detach(), before]
    assert w.grad is mine
    run(X, good)
    return [*seen, w, w.grad]


@scenario
def arguments_that_are_state(compile):
    w, step = training()
    run = compile(step)
    seen = [run(X)]
    for argument in (w.detach(), w.grad, mg.Tensor(w.data), mg.Tensor(w.data[::-1]), w.grad.detach()):
        seen += [run(argument), argument.detach()]
    return [*seen, w]


@scenario
def the_parameter_itself_as_argument(compile):
    """The argument changes while it is read."""
    w = mg.Tensor(np.array([1.0, 2.0]))

    def step(x):
        w.assign_(w + 1)
        return x * 2 + mg.sum(x)

    run = compile(step)
    return [run(w), w.detach(), run(w), run(mg.Tensor(np.array([1.0, 1.0]))), run(w), w]


@scenario
def arguments_of_any_layout(compile):
    run = compile(lambda x, y: x @ y)
    matrix = np.arange(12.0).reshape(3, 4)
    frozen = matrix.copy()
    frozen.flags.writeable = False
    kinds = [matrix, np.asfortranarray(matrix), np.repeat(matrix, 2, axis=1)[:, ::2], frozen, matrix[::-1][::-1]]
    return [run(mg.Tensor(a), mg.Tensor(b.T)) for a in kinds for b in kinds]


@scenario
def numbers_and_names_as_arguments(compile):
    def f(x, a, n, name, flag):
        y = x * a + n if name == "plus" else x * a - n
        return mg.sum(y) if flag else y

    run = compile(f)
    return [
        run(X, a, n, name, flag)
        for a in (0.5, 2.0, 3)
        for n in (1, 7, 2.5)
        for name in ("plus", "".join(["mi", "nus"]))
        for flag in (True, False)
    ]


@scenario
def switches_between_calls(compile):
    w = nn.Parameter([1.0, 2.0])
    run = compile(lambda x: mg.sum(w * x) + mg.mean(mg.ones(2)))
    x = mg.Tensor(np.array([1.0, 2.0]))
    seen = []
    for _ in range(2):
        seen.append(run(x).detach())
        with mg.no_grad():
            seen += [run(x), run(x)]
        with mg.set_default_dtype("float32"):
            seen += [run(mg.Tensor(x.data.astype(np.float32))).detach() for _ in range(2)]
        with mg.disable_jit():
            seen.append(run(x).detach())
    return [*seen, [y.requires_grad for y in (run(x), run(x))]]


@scenario
def assignments_that_are_rolled_back(compile):
    w, step = training()
    run = compile(step)
    seen = [run(X), run(X)]
    for _ in range(2):
        with engine.rolled_back():
            seen += [run(X), run(X), w.detach()]
        seen += [w.detach()]
    return [*seen, run(X), w]


@scenario
def two_shapes_in_turn(compile):
    w, step = training()
    run = compile(lambda x: step(mg.sum(x, axis=0)))
    batches = [mg.Tensor(np.full((n, 3), 0.1)) for n in (4, 2, 4, 4, 2, 2, 4)]
    return [*map(run, batches), w, w.grad]


@scenario
def one_compiled_function_in_another(compile):
    w, step = training()
    inner = compile(step)
    outer = compile(lambda x: inner(x) + inner(2 * x))
    return [outer(X), inner(X), outer(X), inner(X), w, w.grad]


@scenario
def defaults_that_change(compile):
    def f(x, scale=2.0, shift=mg.Tensor(np.ones(3))):  # noqa: B008  (that is what is tested)
        return x * scale + shift

    run = compile(f)
    seen = [run(X), run(X)]
    f.__defaults__ = (3.0, mg.Tensor(np.zeros(3)))
    return [*seen, run(X), run(X)]


Pair = namedtuple("Pair", "first second")


@scenario
def results_of_every_structure(compile):
    def f(x):
        return {"a": Pair(x + 1, [x, None, "name"]), 3: (x * 2,)}

    run = compile(f)
    seen = []
    for _ in range(3):
        out = run(X)
        assert list(out) == ["a", 3]
        assert type(out["a"]) is Pair
        assert out["a"].second[1:] == [None, "name"]
        seen += [out["a"].first, out["a"].second[0], out[3][0]]
    return seen


@scenario
def no_arguments_and_no_result(compile):
    count = mg.Tensor(np.zeros(()))

    def f():
        count.assign_(count + 1)

    run = compile(f)
    assert [run() for _ in range(3)] == [None] * 3
    return [count]


def test_threads_take_turns():
    count = mg.Tensor(np.zeros(4))

    @mg.jit
    def step(x):
        count.assign_(count + x)
        return count * 1

    step(mg.zeros(4, dtype="float64"))
    x, results = mg.ones(4, dtype="float64"), []
    threads = [threading.Thread(target=lambda: results.extend(step(x) for _ in range(50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count.tolist() == [200.0] * 4
    assert sorted(r.data[0] for r in results) == list(range(1, 201))


def test_an_array_that_is_only_read_is_not_held():
    p = mg.tensor([1.0, 2.0])
    read = mg.jit(lambda x: mg.sum(p * x), warmup=0)

    @mg.jit(warmup=0)
    def change(x):
        p.assign_(p * 2.0 + x)

    x = mg.tensor([1.0, 1.0])
    for _ in range(3):
        read(x)
        change(x)
    address = p.data.ctypes.data
    for _ in range(3):
        read(x)
        change(x)
        assert p.data.ctypes.data == address
    assert p.data.tolist() == [127.0, 191.0]
    p.rebind(np.zeros(2, np.float32))  # the array that both knew is gone
    assert float(read(x)) == 0.0
