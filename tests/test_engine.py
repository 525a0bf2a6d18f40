"""The contracts of the engine: deep and shared graphs, memory, freed graphs, hooks, switches, anomalies."""

import asyncio
import gc
import inspect
import resource
import sys
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import engine
from minigrad.engine import PRIMITIVES, primitive
from minigrad.errors import DtypeError
from minigrad.nn import functional as F

DEFAULT_LIMIT = 1000


def leaf(*values):
    return mg.tensor(values, dtype=mg.float64, requires_grad=True)


# ---- graphs of any depth and shape


def test_a_chain_of_100_000_operations():
    assert sys.getrecursionlimit() <= DEFAULT_LIMIT
    x = leaf(1.0, 2.0)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    y.backward(mg.ones(2), retain_graph=True)
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 1.0])
    (g,) = mg.autograd.grad(y, x, mg.ones(2), create_graph=True)
    del y, g  # also on deletion


def test_diamonds():
    a = leaf(3.0)
    b = a + a
    c = b + b
    (c * c).sum().backward()  # (4a)^2
    assert a.grad.item() == 32 * 3.0


def test_a_ladder_of_diamonds_is_walked_once_a_step():
    """2^60 paths, 60 additions: every node waits for all its consumers."""
    x = y = leaf(1.0)
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_consumers_of_different_depth():
    """A shortcut to the output must not let its end run before the long way round is done."""
    x = leaf(0.5)
    long = mg.sin(mg.exp(x * x))
    (long * x + x).sum().backward()
    h = np.exp(0.25)
    assert x.grad.item() == pytest.approx(np.cos(h) * h * 2 * 0.5 * 0.5 + np.sin(h) + 1, rel=1e-14)


def test_an_output_that_is_also_an_intermediate():
    x = leaf(2.0)
    y = x * x
    z = y * x
    gx, gy = mg.autograd.grad([z, y], [x, y], [leaf(1.0), leaf(10.0)])
    assert (gx.item(), gy.item()) == (3 * 4.0 + 10 * 4.0, 2.0 + 10.0)


def test_an_output_that_is_a_leaf():
    x = leaf(2.0)
    assert mg.autograd.grad(x, x)[0].item() == 1.0
    x.backward()
    assert x.grad.item() == 1.0


def test_results_of_one_operation_used_in_part():
    pair = engine.Primitive(lambda x: (np.sin(x), np.cos(x)), "elementwise", promotes=True, floats=True)
    pair.defvjp_joint(lambda needs, g, out, x: [g[0] * mg.cos(x) - g[1] * mg.sin(x)])
    x = leaf(0.3, 0.4)
    for i, slope in enumerate((np.cos, lambda v: -np.sin(v))):
        (g,) = mg.autograd.grad(pair(x)[i].sum(), x)
        np.testing.assert_allclose(g.numpy(), slope(x.numpy()), rtol=1e-15)
    assert mg.gradcheck(lambda x: pair(x), np.array([0.3, 0.4]), order=3)


# ---- memory


def train_steps(n):
    w, data = leaf(*np.ones(100)), mg.ones(100)
    for _ in range(n):
        loss = mg.sum((w * data - 3.0) ** 2)
        loss.backward()
        w.assign_(w.detach() - 0.01 * w.grad)
        w.grad = None
    return w


def test_no_reference_cycles():
    """With the collector off, a step leaves nothing behind."""
    train_steps(10)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        train_steps(1000)
        grown = len(gc.get_objects()) - before
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert grown < 50


def test_a_thousand_steps_leave_memory_flat():
    size = 100_000  # one leaked array a step would be 800 MB

    def steps(n):
        w = mg.zeros(size, dtype=mg.float64, requires_grad=True)
        for _ in range(n):
            mg.sum(mg.exp(w * 2.0)).backward()
            w.grad = None

    steps(20)
    gc.disable()
    try:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        steps(1000)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    finally:
        gc.enable()
    assert grown < 20_000  # KiB


def test_backward_frees_the_graph_unless_told_otherwise():
    x = leaf(1.0, 2.0)
    y = mg.exp(x)
    kept = weakref.ref(y.node)
    y.sum().backward(retain_graph=True)
    assert kept().inputs is not None
    y.sum().backward()
    assert kept().inputs is None


def test_a_dropped_result_frees_its_graph_at_once():
    x = leaf(1.0)
    y = mg.exp(x)
    node = weakref.ref(y.node)
    gc.disable()
    try:
        del y
        assert node() is None
    finally:
        gc.enable()


def test_the_graph_does_not_keep_a_leaf_alive():
    x = leaf(1.0)
    y = x * 2.0
    alive = weakref.ref(x)
    del x
    assert alive() is None
    y.backward()  # nobody is left to get a gradient


# ---- second passes


def test_a_second_backward_over_a_freed_graph_says_so():
    x = leaf(1.0)
    y = mg.exp(x * 2.0)
    y.backward()
    with pytest.raises(mg.GraphError, match=r"\[backward\] the graph below exp was freed.*retain_graph=True"):
        y.backward()


def test_a_part_of_the_graph_that_was_freed():
    """Another result over the same freed part says so too, unless it can do without."""
    x, w = leaf(2.0), leaf(3.0)
    y = mg.exp(x * 1.0)
    y.backward()
    z = y * w
    with pytest.raises(mg.GraphError, match="the graph below exp was freed"):
        mg.autograd.grad(z, x, retain_graph=True)
    with pytest.raises(mg.GraphError, match="the graph below exp was freed"):
        mg.autograd.grad(z, [x, w], allow_unused=True, retain_graph=True)
    assert mg.autograd.grad(z, w, retain_graph=True)[0].item() == y.item()
    assert mg.autograd.grad(z, y)[0].item() == 3.0


def test_retained_graphs_accumulate():
    x = leaf(1.0, 2.0)
    y = mg.sum(x * x)
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [4.0, 8.0])


def test_create_graph_makes_the_gradient_differentiable():
    x = leaf(2.0)
    (x**4).backward(create_graph=True)
    assert x.grad.requires_grad
    (second,) = mg.autograd.grad(x.grad, x)
    assert second.item() == 12 * 4.0
    y = leaf(2.0)
    (y**4).backward()
    assert not y.grad.requires_grad


# ---- nobody changes what somebody else holds


def test_accumulation_is_out_of_place():
    x = leaf(1.0, 2.0)
    mg.sum(x).backward()
    first = x.grad
    view = first.numpy()
    mg.sum(x).backward()
    np.testing.assert_array_equal(view, [1.0, 1.0])
    assert first is not x.grad


def test_two_leaves_never_share_a_gradient_that_can_change():
    x, y = leaf(1.0), leaf(2.0)
    mg.sum(x + y).backward()
    x.grad.assign_([7.0])
    assert y.grad.item() == 1.0


def test_the_cotangent_given_stays_as_it_is():
    x = leaf(1.0, 2.0)
    g = mg.tensor([1.0, 10.0], dtype=mg.float64)
    before = g.numpy().copy()
    y = x * 3.0 + x
    y.backward(g)
    np.testing.assert_array_equal(g.numpy(), before)
    assert y.grad is None


def test_assigning_after_the_forward_pass_does_not_change_the_gradient():
    """Backward is the gradient of what was computed."""
    x = leaf(3.0)
    y = x * x
    x.assign_([100.0])
    y.backward()
    assert x.grad.item() == 6.0


# ---- unbroadcasting


@pytest.mark.parametrize(
    "shape", [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (1, 1), (4, 1, 1), (4, 2, 3), (1, 2, 1)], ids=str
)
def test_cotangents_are_summed_over_what_was_broadcast(shape):
    rng = np.random.default_rng(0)
    g = rng.normal(size=(4, 2, 3))
    x = mg.tensor(np.ones(shape), requires_grad=True)
    (x * mg.ones((4, 2, 3), dtype=mg.float64)).backward(mg.tensor(g))
    repeated = tuple(i for i, n in enumerate((1,) * (3 - len(shape)) + shape) if n == 1)
    np.testing.assert_allclose(x.grad.numpy(), g.sum(repeated, keepdims=True).reshape(shape), rtol=1e-13)


def test_a_missing_rule_names_operation_and_argument():
    lonely = engine.Primitive(lambda x, weight: x * weight, "elementwise", promotes=True, floats=True)
    lonely.name = "lonely"
    lonely.defvjp(lambda g, out, x, weight: g * weight)
    x, w = leaf(1.0), leaf(2.0)
    assert mg.autograd.grad(lonely(x, w.detach()), x)[0].item() == 2.0
    with pytest.raises(mg.GraphError, match=r"\[lonely\] has no gradient rule for argument 1 \(weight\)"):
        lonely(x, w).backward()


@pytest.mark.parametrize(
    "use",
    [lambda x: mg.sum([x, x]), lambda x: mg.add(x, [x, 1.0]), lambda x: F.linear((x, (x, x)), mg.ones((1, 2)))],
    ids=["list", "operand", "output and state"],
)
def test_a_list_of_tensors_is_no_operand(use):
    """As an array it would have no history, and the gradient would be lost without a word."""
    with pytest.raises(DtypeError, match=r"expected a tensor, got a (list|tuple) with tensors in it.* mg\.stack"):
        use(mg.tensor([1.0, 2.0], requires_grad=True))


def test_rules_are_called_only_where_a_gradient_is_needed():
    def never(*_):
        raise AssertionError("this input needs no gradient")

    product = engine.Primitive(np.multiply, "elementwise", promotes=True, floats=True)
    product.defvjp(lambda g, out, x, y: g * y, never)
    x = leaf(1.0)
    product(x, mg.ones(1, dtype=mg.float64)).backward()
    y = leaf(5.0)
    assert mg.autograd.grad(product(x, y), x)[0].item() == 5.0


def test_primitives_are_registered_once_and_of_a_known_kind():
    with pytest.raises(ValueError, match="the name 'add' is taken"):
        primitive(kind="elementwise")(PRIMITIVES["add"].reference)
    with pytest.raises(ValueError, match="kind must be one of"):
        primitive(kind="magic")
    assert {op.kind for op in PRIMITIVES.values()} <= set(engine.KINDS)
    assert [name for name, op in PRIMITIVES.items() if name != op.name] == []


# ---- hooks


def test_hooks_see_the_complete_gradient_and_may_replace_it():
    x = leaf(1.0, 2.0)
    y = x * 2.0
    seen = []
    y.register_hook(lambda g: seen.append(g.numpy().copy()))
    y.register_hook(lambda g: g * 10.0)
    x.register_hook(lambda g: -g)
    (mg.sum(y) + mg.sum(y * 3.0)).backward()
    np.testing.assert_array_equal(seen, [[4.0, 4.0]])
    np.testing.assert_array_equal(x.grad.numpy(), [-80.0, -80.0])


def test_hooks_can_be_removed():
    x = leaf(1.0)
    remove = x.register_hook(lambda g: g * 5.0)
    (x * 1.0).backward()
    remove()
    remove()
    (x * 1.0).backward()
    assert x.grad.item() == 6.0


def test_hooks_must_keep_the_shape_and_need_a_graph():
    x = leaf(1.0, 2.0)
    x.register_hook(mg.sum)
    with pytest.raises(mg.ShapeError, match=r"\[register_hook\] a hook returned shape \(\) for a gradient of \(2,\)"):
        mg.sum(x).backward()
    with pytest.raises(mg.GraphError, match="does not require one"):
        mg.ones(2).register_hook(print)


def test_hooks_of_one_result_of_several():
    pair = engine.Primitive(lambda x: (x * 2.0, x * 3.0), "elementwise", promotes=True, floats=True)
    pair.defvjp_joint(lambda needs, g, out, x: [g[0] * 2.0 + g[1] * 3.0])
    x = leaf(1.0)
    a, b = pair(x)
    b.register_hook(lambda g: g * 100.0)
    (a + b).backward()
    assert x.grad.item() == 302.0


# ---- switches


def test_no_grad_and_enable_grad_nest():
    x = leaf(1.0)
    with mg.no_grad():
        assert not (x * 2.0).requires_grad
        with mg.enable_grad():
            assert (x * 2.0).requires_grad
        assert not (x * 2.0).requires_grad
    assert (x * 2.0).requires_grad


def test_switches_are_decorators_too():
    x = leaf(1.0)

    @mg.no_grad()
    def double():
        return x * 2.0

    assert not double().requires_grad
    assert not double().requires_grad


@pytest.mark.parametrize("switch", [mg.no_grad, mg.detect_anomaly, lambda: mg.set_default_dtype(mg.float64)])
def test_exceptions_restore_switches(switch):
    before = engine.MODE.get(), mg.default_dtype()
    with pytest.raises(KeyError), switch():
        raise KeyError
    assert (engine.MODE.get(), mg.default_dtype()) == before


def test_an_exception_in_a_rule_restores_the_switch():
    def broken(g, out, x):
        raise KeyError("broken")

    failing = engine.Primitive(np.negative, "elementwise", promotes=True, floats=True)
    failing.defvjp(broken)
    x = leaf(1.0)
    with pytest.raises(KeyError):
        failing(x).backward()
    assert (x * 2.0).requires_grad


def test_switches_belong_to_a_thread():
    x = leaf(1.0)
    entered, checked = threading.Event(), threading.Event()
    seen = []

    def other():
        entered.wait()
        seen.append((x * 2.0).requires_grad)
        checked.set()

    thread = threading.Thread(target=other)
    thread.start()
    with mg.no_grad():
        entered.set()
        checked.wait()
    thread.join()
    assert seen == [True]


def test_switches_belong_to_an_async_task():
    x = leaf(1.0)

    async def quiet():
        with mg.no_grad():
            await asyncio.sleep(0.01)
            return (x * 2.0).requires_grad

    async def loud():
        await asyncio.sleep(0.005)
        return (x * 2.0).requires_grad

    async def both():
        return await asyncio.gather(quiet(), loud())

    assert asyncio.run(both()) == [False, True]


def test_threads_can_train_at_the_same_time():
    results = [None] * 4

    def work(i):
        results[i] = train_steps(50).numpy().sum()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1


# ---- anomalies


def line_of(offset):
    """`file:line` of the caller, some lines further down."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno + offset}"


def test_anomaly_in_the_forward_pass():
    x = leaf(-1.0)
    where = line_of(2)
    with pytest.raises(mg.AnomalyError) as caught, mg.detect_anomaly():
        mg.sqrt(x * 2.0)
    assert str(caught.value) == f"[sqrt] made the first nan in the forward pass, called at {where}."


def test_anomaly_in_the_backward_pass():
    x = leaf(0.0)
    with mg.detect_anomaly():
        where = line_of(1)
        y = mg.sqrt(x)
        with pytest.raises(mg.AnomalyError) as caught:
            (y * 3.0).backward()
    assert str(caught.value).startswith("[sqrt] its gradient made the first inf in the backward pass")
    assert where in str(caught.value)


def test_anomaly_blames_the_first_not_those_after_it():
    x = leaf(np.inf)
    with mg.detect_anomaly():
        assert mg.isnan(x - x).item() is True  # an infinity that was given is nobody's fault


def test_no_anomaly_mode_no_error():
    x = leaf(0.0)
    mg.sqrt(x).backward()
    assert x.grad.item() == np.inf


# ---- backward and autograd.grad, their errors


def test_backward_needs_a_graph_and_a_scalar():
    with pytest.raises(mg.GraphError, match=r"\[backward\] nothing was recorded"):
        mg.ones(1).backward()
    with pytest.raises(mg.ShapeError, match=r"expected a scalar or an explicit gradient; the output has shape \(2,\)"):
        (leaf(1.0, 2.0) * 1.0).backward()
    with pytest.raises(mg.ShapeError, match=r"must have the output's shape \(2,\), got \(3,\)"):
        (leaf(1.0, 2.0) * 1.0).backward(mg.ones(3))


def test_backward_converts_the_dtype_of_a_gradient():
    x = leaf(1.0, 2.0)
    (x * 2.0).backward([1.0, 2])
    assert x.grad.dtype == mg.float64
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])


def test_autograd_grad():
    x, y, unused = leaf(2.0), leaf(3.0), leaf(4.0)
    z = x * y
    gx, gy, gu = mg.autograd.grad(z, [x, y, unused], allow_unused=True, retain_graph=True)
    assert (gx.item(), gy.item(), gu) == (3.0, 2.0, None)
    assert x.grad is y.grad is None
    with pytest.raises(mg.GraphError, match=r"do not depend on input 1 of shape \(1,\)"):
        mg.autograd.grad(z, [x, unused], retain_graph=True)
    with pytest.raises(mg.GraphError, match="input 0 of shape"):
        mg.autograd.grad(z, mg.ones(1), retain_graph=True)
    with pytest.raises(mg.GraphError, match="2 outputs need as many"):
        mg.autograd.grad([z, z], x, [leaf(1.0)], retain_graph=True)


def test_autograd_grad_stops_at_its_inputs():
    """Only what leads to the inputs is walked."""

    def never(*_):
        raise AssertionError

    boundary = engine.Primitive(np.exp, "elementwise", promotes=True, floats=True)
    boundary.defvjp(never)
    x = leaf(1.0)
    y = boundary(x)
    assert mg.autograd.grad(y * y, y)[0].item() == pytest.approx(2 * np.e)
