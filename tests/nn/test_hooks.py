"""Hooks around forward and backward, against PyTorch's; the same in compiled steps; handles."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import GraphError, ShapeError

torch = pytest.importorskip("torch")

X = np.random.default_rng(0).standard_normal((2, 3))


class Two(nn.Module):
    """Two inputs, a third that has no gradient, two outputs."""

    def forward(self, a, b, n):
        return a * b, n, a + 2 * b


class TorchTwo(torch.nn.Module):
    forward = Two.forward


def plain(values):
    return [None if v is None else np.round(v.tolist(), 12).tolist() for v in values]


def scaled(values, factor):
    return tuple(None if v is None else factor * v for v in values)


def chain(hidden, linear, tanh, sequential):
    return sequential(linear(3, hidden), tanh(), linear(hidden, 2))


def pair():
    """The same net of ours and of PyTorch's, in float64."""
    ours = chain(4, nn.Linear, nn.Tanh, nn.Sequential).double()
    theirs = chain(4, torch.nn.Linear, torch.nn.Tanh, torch.nn.Sequential).double()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    return ours, theirs


def observed(net, x, register):
    """What hooks saw, the gradients of the parameters, and that of the input."""
    log = []
    register(net, log)
    (net(x) ** 2).sum().backward()
    return log, [plain(p.grad) for p in net.parameters()], plain(x.grad)


def watch(net, log):
    for i, layer in enumerate([*net, net]):
        layer.register_full_backward_hook(lambda m, gi, go, i=i: log.append((i, plain(gi), plain(go))))


def replace_input(net, log):
    net[1].register_full_backward_hook(lambda m, gi, go: scaled(gi, 3.0))
    net[1].register_full_backward_hook(lambda m, gi, go: log.append((plain(gi), plain(go))))


def replace_output(net, log):
    net[2].register_full_backward_pre_hook(lambda m, go: scaled(go, 3.0))
    net[2].register_full_backward_pre_hook(lambda m, go: scaled(go, 2.0), prepend=True)
    net[2].register_full_backward_pre_hook(lambda m, go: log.append(plain(go)))
    net[2].register_full_backward_hook(lambda m, gi, go: log.append((plain(gi), plain(go))))


def forward_hooks_first(net, log):
    net[0].register_forward_hook(lambda m, args, out: 2 * out)
    net[0].register_full_backward_hook(lambda m, gi, go: log.append((plain(gi), plain(go))))


REGISTER = [watch, replace_input, replace_output, forward_hooks_first]


@pytest.mark.parametrize("register", REGISTER)
def test_backward_hooks_as_pytorch(register):
    ours, theirs = pair()
    expected = observed(theirs, torch.tensor(X, requires_grad=True), register)
    assert observed(ours, mg.tensor(X, requires_grad=True), register) == expected
    assert expected[0]


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_an_input_without_gradient():
    def register(net, log):
        net[0].register_full_backward_hook(lambda m, gi, go: log.append((plain(gi), plain(go))))

    logs = []
    for net, tensor in zip(pair(), (mg.tensor, torch.tensor)):
        logs.append([])
        register(net, logs[-1])
        net(tensor(X)).sum().backward()
    assert logs[0] == logs[1]
    assert logs[0][0][0] == [None]


def test_several_inputs_and_outputs():
    logs = []
    for module, tensor in ((Two(), mg.tensor), (TorchTwo(), torch.tensor)):
        log, a, b = [], tensor([1.0, 2.0], requires_grad=True), tensor([3.0, 4.0], requires_grad=True)
        module.register_full_backward_hook(lambda m, gi, go, log=log: log.append((plain(gi), plain(go))))
        product, n, total = module(a, b, 7)
        (product * total).sum().backward()
        logs.append((log, n, plain(a.grad), plain(b.grad)))
    assert logs[0] == logs[1]
    assert logs[0][0][0][0][2] is None


def test_second_order_goes_through_hooks():
    """With g -> g^2 at the output of y = x^2: dy/dx = 1^2 2x; for sum (dy/dx)^3 the hook sees no more than that."""
    square = nn.Sequential()
    square.forward = lambda x: x * x
    square.register_full_backward_hook(lambda m, gi, go: (gi[0] * gi[0],))
    x = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (first,) = mg.autograd.grad(square(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(first.numpy(), 4 * x.numpy() ** 2)
    (second,) = mg.autograd.grad(first.sum(), x)
    # d(4 x^2)/dx = 8 x: what the hook computed is differentiated; on its way to x it passes no hooked call again
    np.testing.assert_allclose(second.numpy(), 8 * x.numpy())


@pytest.mark.parametrize("how", [{}, {"warmup": 0}])
def test_backward_hooks_in_a_compiled_step(how):
    nets = [pair()[0]]
    nets.append(chain(4, nn.Linear, nn.Tanh, nn.Sequential).double())
    nets[1].load_state_dict(nets[0].state_dict())
    grads = []
    for net, wrap in zip(nets, (lambda f: f, mg.jit(**how))):
        replace_input(net, [])
        net[1]._hooks = net[1]._hooks[:1]
        net[2].register_full_backward_pre_hook(lambda m, go: scaled(go, 0.5))

        def step(x, net=net):
            net.zero_grad()
            loss = (net(x) ** 2).sum()
            loss.backward()
            return loss

        step = wrap(step)
        losses = [step(mg.tensor(X)).item() for _ in range(3)]
        grads.append((losses, [p.grad.numpy() for p in net.parameters()]))
    assert grads[0][0] == pytest.approx(grads[1][0], rel=1e-12)
    for ours, compiled in zip(grads[0][1], grads[1][1]):
        np.testing.assert_allclose(compiled, ours, rtol=1e-12)


def through_a_hooked_layer(layer, row):
    return layer(row)


def through_a_hooked_tensor(layer, row):
    doubled = 2 * row
    doubled.register_hook(lambda g: 10 * g)
    return mg.tanh(doubled)


@pytest.mark.parametrize("of_row", [through_a_hooked_layer, through_a_hooked_tensor])
def test_hooks_in_a_compiled_loop(of_row):
    """The gradient of a loop is not made from the graph in which hooks are, so such a function runs eagerly."""
    layer = nn.Linear(3, 3).double()
    layer.register_full_backward_hook(lambda m, gi, go: scaled(gi, 2.0))

    def gradient(x):
        x = x.detach().requires_grad_()
        _, rows = mg.scan(lambda carry, row: (carry, of_row(layer, row)), mg.tensor(0.0), x)
        return mg.autograd.grad((rows * rows).sum(), x)[0]

    with pytest.warns(RuntimeWarning, match="a hook on a gradient inside the loop"):
        compiled = mg.jit(gradient, warmup=0)(mg.tensor(X))
    np.testing.assert_allclose(compiled.numpy(), gradient(mg.tensor(X)).numpy(), rtol=1e-12)


def test_no_history_without_recording():
    layer = nn.Linear(3, 2)
    layer.register_full_backward_hook(lambda m, gi, go: None)
    with mg.no_grad():
        assert not layer(mg.tensor(X)).requires_grad


def test_a_module_with_hooks_is_freed():
    def used():
        layer = nn.Tanh()
        layer.register_full_backward_hook(lambda m, gi, go: None)
        x = mg.tensor(X, requires_grad=True)
        y = layer(x)
        y.sum().backward()
        return weakref.ref(y.node), weakref.ref(x)

    gc.disable()
    try:
        assert [ref() for ref in used()] == [None, None]
    finally:
        gc.enable()


# ---- forward hooks


def test_keyword_arguments():
    class Scaled(nn.Module):
        def forward(self, x, factor=1.0):
            return x * factor

    seen = []
    module = Scaled()
    module.register_forward_pre_hook(lambda m, args, kw: (args, {"factor": kw["factor"] + 1}), with_kwargs=True)
    module.register_forward_pre_hook(lambda m, args: args[0] + 1)
    module.register_forward_hook(lambda m, args, kw, out: seen.append((kw, out.item())), with_kwargs=True)
    assert module(mg.tensor(1.0), factor=2.0).item() == 6.0
    assert seen == [({"factor": 3.0}, 6.0)]


def test_prepend():
    seen = []
    module = nn.Identity()
    for name, prepend in (("a", False), ("b", True), ("c", False)):
        module.register_forward_hook(lambda *_, name=name: seen.append(name), prepend=prepend)
        module.register_forward_pre_hook(lambda *_, name=name: seen.append(name), prepend=prepend)
    module(mg.tensor(1.0))
    assert seen == ["b", "a", "c"] * 2


def test_always_call():
    seen = []
    module = nn.Linear(3, 2)
    module.register_forward_hook(lambda m, args, out: seen.append("never"))
    module.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(ShapeError):
        module(mg.ones(2))
    assert seen == [None]


@pytest.mark.parametrize("remove", [lambda h: h(), lambda h: h.remove(), lambda h: h.__exit__(None, None, None)])
def test_handles(remove):
    module = nn.Identity()
    before = module.configuration()
    handles = [module.register_forward_hook(lambda m, args, out: out + 1) for _ in range(2)]
    assert module(mg.tensor(0.0)).item() == 2
    remove(handles[0])
    assert module(mg.tensor(0.0)).item() == 1
    with handles[1] as same:
        assert same is handles[1]
    remove(handles[1])
    assert module(mg.tensor(0.0)).item() == 0
    assert module.configuration() == before


def hooked(kind, hook):
    def run():
        module = nn.Tanh()
        getattr(module, kind)(hook)
        module(mg.ones((2, 2)).requires_grad_()).sum().backward()

    return run


def bad_kwargs():
    module = nn.Identity()
    module.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    module(mg.tensor(1.0))


BAD = {
    "shape of grad_input": (
        hooked("register_full_backward_hook", lambda m, gi, go: (mg.ones(3),)),
        ShapeError,
        r"\[register_full_backward_hook\] a hook must return gradients of shapes \[\(2, 2\)\], it returned \[\(3,\)\]",
    ),
    "number of grad_output": (
        hooked("register_full_backward_pre_hook", lambda m, go: (*go, *go)),
        ShapeError,
        r"\[register_full_backward_pre_hook\] .* it returned \[\(2, 2\), \(2, 2\)\]",
    ),
    "kwargs": (bad_kwargs, GraphError, r"must return None or \(args, kwargs\)"),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()


def test_nothing_to_replace():
    layer = nn.Linear(3, 2)
    layer.register_full_backward_hook(lambda m, gi, go: go)
    with pytest.raises(GraphError, match="no input needs a gradient"):
        layer(mg.ones((1, 3))).sum().backward()
