"""Modules: registration, walking, state, modes, hooks, printing, copies."""

import copy
import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError


class Net(nn.Module):
    """A parameter, buffers of both kinds, a shared module and a shared parameter."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter([2.0])
        self.register_buffer("mean", mg.tensor([0.5]))
        self.register_buffer("cache", mg.tensor([7.0]), persistent=False)
        self.first = nn.Linear(3, 3)
        self.second = nn.Sequential(nn.Tanh(), nn.Linear(3, 3, bias=False))
        self.second[1].weight = self.first.weight
        self.again = self.first
        self.plain = mg.tensor([1.0])

    def forward(self, x):
        return self.again(self.second(self.first(x))) * self.scale + self.mean


def named(pairs):
    return [name for name, _ in pairs]


# ---- registration and walking


def test_names_and_order():
    net = Net()
    assert named(net.named_parameters()) == ["scale", "first.weight", "first.bias"]
    assert named(net.named_parameters(recurse=False)) == ["scale"]
    assert named(net.named_parameters(prefix="net")) == ["net.scale", "net.first.weight", "net.first.bias"]
    assert named(net.named_parameters(remove_duplicate=False)) == [
        "scale",
        "first.weight",
        "first.bias",
        "second.1.weight",
        "again.weight",
        "again.bias",
    ]
    assert named(net.named_buffers()) == ["mean", "cache"]
    assert named(net.named_modules()) == ["", "first", "second", "second.0", "second.1"]
    assert named(net.named_children()) == ["first", "second"]
    assert [*net.modules()] == [module for _, module in net.named_modules()]
    assert set(map(id, net.parameters())) == {id(net.scale), id(net.first.weight), id(net.first.bias)}


def test_order_does_not_depend_on_the_order_of_assignment():
    """Own parameters come before those of the modules below, as in PyTorch."""

    class Late(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1, bias=False)
            self.gain = nn.Parameter([1.0])

    assert named(Late().named_parameters()) == ["gain", "layer.weight"]
    assert list(Late().state_dict()) == ["gain", "layer.weight"]


def test_what_is_not_registered():
    net = Net()
    assert "plain" not in net.state_dict()
    assert all(value is not net.plain for value in (*net.parameters(), *net.buffers()))


@pytest.mark.parametrize("kept", [lambda x: [x], lambda x: {"a": x}], ids=["list", "dict"])
@pytest.mark.parametrize("part", [nn.Linear(1, 1), nn.Parameter([1.0])], ids=["module", "parameter"])
def test_what_a_list_hides_is_told(kept, part):
    model = nn.Module()
    with pytest.warns(UserWarning, match=r"\[Module\] parts is a (list|dict), .* not trained: use nn.ModuleList"):
        model.parts = kept(part)
    assert list(model.parameters()) == []
    model.parts = tuple(kept(part))  # says nothing, and so do lists of anything else
    model.sizes = [1, 2]


def test_attributes_can_be_removed_and_replaced():
    net = Net()
    del net.scale
    assert named(net.named_parameters()) == ["first.weight", "first.bias"]
    net.first.bias = None
    assert named(net.named_parameters()) == ["first.weight"]
    net.first.bias = nn.Parameter([1.0, 2.0, 3.0])
    assert named(net.named_parameters()) == ["first.weight", "first.bias"]
    net.mean = mg.tensor([9.0])
    assert net.state_dict()["mean"].item() == 9
    del net.mean
    assert named(net.named_buffers()) == ["cache"]
    net.mean = 3.0  # no buffer any more
    assert named(net.named_buffers()) == ["cache"]


def test_parameter_is_a_leaf_and_results_are_plain_tensors():
    weight = nn.Parameter(np.ones(2, np.float32))
    assert weight.is_leaf
    assert weight.requires_grad
    assert type(weight * 2) is mg.Tensor
    assert not nn.Parameter([1], requires_grad=False).requires_grad
    with pytest.raises(DtypeError, match="only float tensors"):
        nn.Parameter([1, 2])


# ---- state


def test_state_dict_is_a_snapshot_with_every_name():
    net = Net()
    state = net.state_dict()
    assert list(state) == [
        "scale",
        "mean",
        "first.weight",
        "first.bias",
        "second.1.weight",
        "again.weight",
        "again.bias",
    ]
    net.scale.assign_([5.0])
    assert state["scale"].item() == 2.0
    assert not state["scale"].requires_grad
    assert "net.first.weight" in net.state_dict(prefix="net.")


@pytest.mark.parametrize("convert", [lambda t: t, lambda t: t.numpy(), lambda t: t.tolist()])
def test_load_state_dict_takes_what_state_dict_gives(convert):
    source, target = Net(), Net()
    result = target.load_state_dict({name: convert(value) for name, value in source.state_dict().items()})
    assert result == ([], [])
    for name, value in source.state_dict().items():
        np.testing.assert_array_equal(target.state_dict()[name].numpy(), value.numpy())
        assert target.state_dict()[name].dtype == value.dtype
    assert target.second[1].weight is target.first.weight


def test_loading_does_not_share_the_arrays_of_the_caller():
    layer, array = nn.Linear(1, 1, bias=False), np.ones((1, 1), np.float32)
    layer.load_state_dict({"weight": array})
    array[...] = 7
    assert layer.weight.item() == 1


def test_loading_casts_to_the_dtype_of_the_module():
    layer = nn.Linear(1, 1, bias=False)
    layer.load_state_dict({"weight": np.ones((1, 1), np.float64)})
    assert layer.weight.dtype == np.float32


@pytest.mark.parametrize("convert", [lambda p: p, lambda p: p.bfloat16(), lambda p: p.half()])
def test_loading_parameters_of_pytorch(torch, convert):
    """They require grad, and may be of a dtype that NumPy has not."""
    source, target = torch.nn.Linear(2, 3), nn.Linear(2, 3)
    given = {name: convert(p) for name, p in source.named_parameters()}
    assert target.load_state_dict(given) == ([], [])
    np.testing.assert_array_equal(target.weight.numpy(), given["weight"].detach().float().numpy())
    assert target.weight.dtype == np.float32


@pytest.mark.parametrize("given", [[("weight", 1.0)], nn.Linear(1, 1), None], ids=lambda x: type(x).__name__)
def test_a_state_is_a_mapping(given):
    with pytest.raises(DtypeError, match=rf"expected a mapping from names to values, got a {type(given).__name__}"):
        nn.Linear(1, 1).load_state_dict(given)


def test_every_mismatch_is_listed_and_nothing_is_loaded():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = net.state_dict()
    state = {"0.weight": mg.ones((3, 2)), "0.bias": mg.ones(4), "1.bias": mg.ones(1), "2.bias": mg.ones(1)}
    with pytest.raises(ConfigError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        "[load_state_dict] the state does not fit this Sequential:\n"
        "  missing: 1.weight\n"
        "  unexpected: 2.bias\n"
        "  0.bias: expected shape (3,), got (4,)"
    )
    with pytest.raises(ConfigError, match=r"Sequential:\n  0.bias: expected shape \(3,\), got \(4,\)$"):
        net.load_state_dict(state, strict=False)
    for name, value in net.state_dict().items():
        assert value.data is before[name].data


def test_a_path_in_place_of_a_state_dict():
    with pytest.raises(DtypeError, match=r"\[load_state_dict\] .* got a str: give what state_dict\(\) or mg.load"):
        nn.Linear(1, 1).load_state_dict("model.safetensors")


def test_loading_a_part():
    net = nn.Linear(2, 1)
    missing, unexpected = net.load_state_dict({"bias": [3.0], "other": [1.0]}, strict=False)
    assert (missing, unexpected) == (["weight"], ["other"])
    assert net.bias.item() == 3


# ---- what changes everything below


def test_train_and_eval_reach_every_module():
    net = Net()
    assert net.training
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert net.train() is net
    assert all(module.training for module in net.modules())
    assert not net.train(False).second[0].training


def test_requires_grad_and_zero_grad():
    net = Net()
    net(mg.ones((1, 3))).sum().backward()
    net.zero_grad(set_to_none=False)
    assert all(p.grad.tolist() == (p.numpy() * 0).tolist() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert net.requires_grad_(False) is net
    assert not any(p.requires_grad for p in net.parameters())
    assert not net(mg.ones((1, 3))).requires_grad
    assert all(p.requires_grad for p in net.requires_grad_().parameters())


def test_apply_visits_children_first():
    seen = []
    net = nn.Sequential(nn.Tanh(), nn.Sequential(nn.ReLU()))
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net
    assert seen == ["Tanh", "ReLU", "Sequential", "Sequential"]


def test_to_converts_floating_point_state_and_gradients():
    net = Net()
    net.register_buffer("count", mg.tensor(3))
    net(mg.ones((1, 3))).sum().backward()
    scale = net.scale
    assert net.to("float64") is net
    assert net.scale is scale
    assert {p.dtype for p in net.parameters()} == {p.grad.dtype for p in net.parameters()} == {np.dtype("float64")}
    assert net.mean.dtype == np.float64
    assert net.count.dtype == np.int64
    assert net(mg.ones((1, 3), dtype="float64")).dtype == np.float64
    with pytest.raises(DtypeError, match="expected a floating-point dtype, got int64"):
        net.to("int64")


@pytest.mark.parametrize(
    ("args", "options", "dtype"),
    [
        ((), {"dtype": "float64"}, "float64"),
        (("cpu",), {}, "float32"),
        (("cpu", mg.float64), {}, "float64"),
        (("cpu",), {"dtype": "float16"}, "float16"),
        (("float64",), {"device": "cpu:0"}, "float64"),
        ((mg.zeros(1, dtype="float64"),), {}, "float64"),
        ((None, "float64"), {}, "float64"),
    ],
)
def test_to_takes_what_pytorch_takes(args, options, dtype):
    assert nn.Linear(2, 2).to(*args, **options).weight.dtype == np.dtype(dtype)


def test_conversions_by_name():
    layer = nn.Linear(2, 2)
    dtypes = [layer.double().weight.dtype, layer.half().weight.dtype, layer.float().weight.dtype]
    assert dtypes == [np.float64, np.float16, np.float32]
    with pytest.raises(DtypeError, match="float16 is for storage only"):
        layer.half()(mg.ones((1, 2), dtype="float16"))


BAD_TO = {
    "gpu": (("cuda",), {}, ConfigError, r"\[to\] device 'cuda' needs an NVIDIA GPU and a build .* with CUDA kernels"),
    "second gpu": ((), {"device": "cuda:1"}, ConfigError, r"device 'cuda:1' needs"),
    "no device": ((), {"device": "tpu"}, ConfigError, r"there is no device 'tpu': expected 'cpu'"),
    "integers": ((), {"dtype": "int8"}, DtypeError, "expected a floating-point dtype, got int8"),
    "two dtypes": (("float32",), {"dtype": "float64"}, ConfigError, "each once"),
    "two devices": (("cpu", "cpu"), {}, ConfigError, "each once"),
    "nothing": ((), {}, ConfigError, r"expected to\(dtype\), to\(device\)"),
}


@pytest.mark.parametrize(("args", "options", "error", "message"), BAD_TO.values(), ids=BAD_TO)
def test_to_refuses(args, options, error, message):
    layer = nn.Linear(2, 2)
    with pytest.raises(error, match=message):
        layer.to(*args, **options)
    assert layer.weight.dtype == np.float32


# ---- hooks


def test_hooks_run_in_order_and_can_replace():
    net, seen = nn.Identity(), []
    removers = [
        net.register_forward_pre_hook(lambda module, args: seen.append(("before", module, args[0].item()))),
        net.register_forward_pre_hook(lambda module, args: args[0] + 1),
        net.register_forward_pre_hook(lambda module, args: (args[0] * 10,)),
        net.register_forward_hook(lambda module, args, out: seen.append(("after", args[0].item(), out.item()))),
        net.register_forward_hook(lambda module, args, out: out + 5),
    ]
    assert net(mg.tensor(1.0)).item() == 25
    assert seen == [("before", net, 1.0), ("after", 20.0, 20.0)]
    for remove in removers:
        remove()
        remove()  # removing twice does no harm
    assert net(mg.tensor(1.0)).item() == 1
    assert len(seen) == 2


def test_the_same_hook_on_two_modules_is_removed_from_one():
    count = []

    def hook(module, args, out):
        count.append(module)

    first, second = nn.Identity(), nn.Identity()
    remove = first.register_forward_hook(hook)
    second.register_forward_hook(hook)
    remove()
    second(first(mg.tensor(1.0)))
    assert count == [second]


# ---- errors


class Failing(nn.Module):
    def __init__(self, error):
        self.error = error

    def forward(self, x):
        raise self.error


def test_our_errors_get_the_path_once():
    features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(4, 8, 3))
    model = nn.Sequential({"features": features, "head": nn.Flatten()})
    with pytest.raises(mg.ShapeError) as caught:
        model(mg.zeros((1, 3, 9, 9)))
    assert str(caught.value) == (
        "in model.features.2 (Conv2d): [conv2d] weight expects 4 input channels, input has 8: "
        "input (1, 8, 7, 7), weight (8, 4, 3, 3), groups=1."
    )
    assert not hasattr(caught.value, "__notes__")


def test_the_path_is_found_through_lists_and_dicts():
    class Branches(nn.Module):
        def __init__(self):
            self.parts = nn.ModuleDict({"left": nn.ModuleList([nn.Linear(2, 2)])})

        def forward(self, x):
            return self.parts["left"][0](x)

    with pytest.raises(mg.ShapeError, match=r"^in model\.parts\.left\.0 \(Linear\): \[linear\] expected 2 features"):
        Branches()(mg.zeros((1, 3)))


def nested():
    return nn.Sequential(nn.Linear(2, 2), nn.Sequential({"a": nn.Tanh(), "b": nn.Linear(3, 2)}))


def shared():
    layer = nn.Linear(3, 3)
    return nn.Sequential(nn.Linear(2, 3), layer, nn.Linear(3, 2), layer)


class Listed(nn.Module):
    def __init__(self):
        self.layers = nn.ModuleList([nn.Linear(2, 3), nn.ModuleDict({"x": nn.Linear(2, 2)})])

    def forward(self, x):
        return self.layers[1]["x"](self.layers[0](x))


@pytest.mark.parametrize(
    ("make", "path"),
    [(nested, "1.b"), (shared, "1"), (Listed, "layers.1.x"), (lambda: nn.Sequential(Listed()), "0.layers.1.x")],
)
@pytest.mark.parametrize("wrap", [lambda f: f, mg.jit(warmup=0)], ids=["eager", "compiled"])
@pytest.mark.parametrize("hooked", [False, True])
def test_the_path_in_every_container(make, path, wrap, hooked):
    """A shared module goes by its first name, although here it fails at the second call."""
    model = make()
    if hooked:
        for module in model.modules():
            module.register_forward_hook(lambda *_: None)
    with pytest.raises(mg.ShapeError, match=rf"^in model\.{path} \(Linear\): \[linear\] expected . features, got"):
        wrap(lambda x: model(x))(mg.zeros((1, 2)))


def test_foreign_errors_keep_their_arguments_and_get_a_note():
    error = KeyError("missing")
    with pytest.raises(KeyError) as caught:
        nn.Sequential(nn.Sequential(Failing(error)))(mg.zeros(1))
    assert caught.value is error
    assert error.args == ("missing",)
    assert error.__notes__ == ["in model.0.0 (Failing)"]


def test_a_layer_alone_adds_no_path():
    with pytest.raises(mg.ShapeError, match=r"^\[linear\]"):
        nn.Linear(2, 2)(mg.zeros((1, 3)))


def test_an_unregistered_module_keeps_the_path_it_has():
    class Hidden(nn.Module):
        def __init__(self):
            self.parts = (nn.Sequential(nn.Linear(2, 2)),)

        def forward(self, x):
            return self.parts[0](x)

    with pytest.raises(mg.ShapeError, match=r"^in model\.0 \(Linear\): \[linear\]"):
        Hidden()(mg.zeros((1, 3)))


def assign(name, value):
    return lambda net: setattr(net, name, value)


BAD = {
    "tensor for a parameter": (assign("scale", mg.zeros(1)), DtypeError, r"\[Net\] scale is a parameter: assign an"),
    "number for a parameter": (assign("scale", 3.0), DtypeError, r"\.scale\.assign_.* got a float"),
    "number for a buffer": (assign("mean", 3.0), DtypeError, r"mean is a buffer: assign a tensor or None, got a float"),
    "dot": (lambda net: net.register_buffer("a.b", None), ConfigError, r"string without a dot, got 'a\.b'"),
    "empty": (lambda net: net.register_parameter("", None), ConfigError, "string without a dot, got ''"),
    "not a name": (lambda net: net.add_module(3, nn.ReLU()), ConfigError, "got 3"),
    "method": (lambda net: net.add_module("forward", nn.ReLU()), ConfigError, "already has an attribute 'forward'"),
    "flag": (lambda net: net.register_buffer("training", None), ConfigError, "already has an attribute 'training'"),
    "other kind": (lambda net: net.add_module("scale", nn.ReLU()), ConfigError, "already has an attribute 'scale'"),
    "no module": (lambda net: net.add_module("x", 3), DtypeError, "x must be a Module or None, got a int"),
    "no parameter": (lambda net: net.register_parameter("x", mg.zeros(1)), DtypeError, "x must be a Parameter or None"),
    "no buffer": (lambda net: net.register_buffer("x", np.zeros(1)), DtypeError, "x must be a Tensor or None"),
    "no forward": (lambda net: nn.Module()(1), NotImplementedError, r"\[Module\] define forward"),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act(Net())


# ---- printing


def test_repr_is_a_tree_with_shapes_and_counts():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Sequential(nn.Linear(4, 2, bias=False), nn.Dropout(0.2)))
    assert (
        repr(model)
        == """\
Sequential(  # 24 parameters
  (0): Linear(in_features=3, out_features=4, bias=True)  # 16 parameters: weight (4, 3), bias (4,)
  (1): Tanh()
  (2): Sequential(  # 8 parameters
    (0): Linear(in_features=4, out_features=2, bias=False)  # 8 parameters: weight (2, 4)
    (1): Dropout(p=0.2)
  )
)"""
    )


def test_repr_counts_shared_parameters_once():
    assert repr(Net()).startswith("Net(  # 13 parameters: scale (1,)\n  (first): Linear(")


REPRS = {
    "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))": nn.Conv2d(3, 4, 3),
    "Conv2d(4, 4, kernel_size=(3, 2), stride=(2, 2), padding=(1, 0), dilation=(1, 2), groups=2, bias=False)": nn.Conv2d(
        4, 4, (3, 2), 2, (1, 0), (1, 2), 2, False
    ),
    "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), padding=same, padding_mode=reflect)": nn.Conv2d(
        3, 4, 3, padding="same", padding_mode="reflect"
    ),
    "ConvTranspose1d(3, 4, kernel_size=(3,), stride=(2,), output_padding=(1,))": nn.ConvTranspose1d(
        3, 4, 3, 2, output_padding=1
    ),
    "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)": nn.MaxPool2d(2),
    "AvgPool2d(kernel_size=2, stride=1, padding=1)": nn.AvgPool2d(2, 1, 1),
    "AdaptiveAvgPool2d(output_size=(1, None))": nn.AdaptiveAvgPool2d((1, None)),
    "AdaptiveMaxPool2d(output_size=1)": nn.AdaptiveMaxPool2d(1),
    "Flatten(start_dim=1, end_dim=-1)": nn.Flatten(),
    "Unflatten(dim=1, unflattened_size=(2, 3))": nn.Unflatten(1, (2, 3)),
    "LeakyReLU(negative_slope=0.1)": nn.LeakyReLU(0.1),
    "ELU(alpha=1.0)": nn.ELU(),
    "GELU(approximate='tanh')": nn.GELU("tanh"),
    "Softplus(beta=1.0, threshold=20.0)": nn.Softplus(),
    "Softmax(dim=1)": nn.Softmax(1),
    "LogSoftmax(dim=1)": nn.LogSoftmax(1),
    "CrossEntropyLoss(reduction='sum', ignore_index=-100, label_smoothing=0.0)": nn.CrossEntropyLoss(reduction="sum"),
}


@pytest.mark.parametrize(("text", "module"), REPRS.items(), ids=REPRS)
def test_repr_of_layers(text, module):
    assert repr(module).split("  #")[0] == text


# ---- copies


def keep(module, args, out):
    """A hook that can be pickled."""
    return out * 2


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_copies_keep_sharing_and_are_independent(copied):
    net = Net().eval()
    net.register_forward_hook(keep)
    net(mg.ones((1, 3))).sum().backward()
    twin = copied(net)
    assert twin.second[1].weight is twin.first.weight
    assert twin.again is twin.first
    assert isinstance(twin.scale, nn.Parameter)
    assert not twin.training
    np.testing.assert_array_equal(twin.scale.grad.numpy(), net.scale.grad.numpy())
    x = mg.ones((2, 3))
    np.testing.assert_array_equal(twin(x).numpy(), net(x).numpy())
    twin.scale.assign_([100.0])
    twin.register_buffer("cache", mg.tensor([0.0]))
    assert net.scale.item() == 2
    assert net.cache.item() == 7
    assert named(twin.named_buffers()) == ["mean", "cache"]
