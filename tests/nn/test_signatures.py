"""The arguments of all that PyTorch has too, of classes, `forward` and functions: names, order, kinds, defaults."""

import inspect
import re
from inspect import Parameter
from operator import attrgetter

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn.loss import Loss

ABSENT = {"device", "inplace", "size_average", "reduce", "out", "generator", "foreach", "self"}
"""Arguments that are nowhere: tensors are values and live on one device; the other ones PyTorch advises against."""

DIFFERENT = {
    "Hardtanh": (["min_value=None", "max_value=None"], [], "deprecated names of min_val and max_val"),
    "Parameter": (["data=None"], ["data"], "there is no parameter without data"),
    "gumbel_softmax": (["eps=1e-10", "dim=-1"], ["*, dim=-1"], "eps is deprecated, and dim must not be taken for it"),
    "PoissonNLLLoss.forward": (["log_input"], ["input"], "not a logarithm if log_input=False"),
    "RMSNorm.forward": (["x"], ["input"], "what a layer is given is called input"),
    "scaled_dot_product_attention": (
        ["scale=None", "enable_gqa=False"],
        ["*, scale=None", "*, enable_gqa=False"],
        "by name only in PyTorch too, which its documentation does not show",
    ),
    **dict.fromkeys(
        ["softmax", "log_softmax", "softmin"],
        (["_stacklevel=3", "dtype=None"], ["*, dtype=None"], "what stands before dtype is of no use to a caller"),
    ),
    **{f"{name}.forward": ([], ["*, lengths=None"], "in place of packed sequences") for name in ("RNN", "LSTM", "GRU")},
}
"""Deliberate differences: what PyTorch has and we have not, what we have and PyTorch has not, and why."""

LAYERS = "num_layers=1, {}bias=True, batch_first=False, dropout=0.0, bidirectional=False, {}dtype=None"
DOCUMENTED = {
    "RNN": "input_size, hidden_size, " + LAYERS.format("nonlinearity='tanh', ", ""),
    "GRU": "input_size, hidden_size, " + LAYERS.format("", ""),
    "LSTM": "input_size, hidden_size, " + LAYERS.format("", "proj_size=0, "),
    "Sequential": "*modules",
}
"""The arguments, by PyTorch's documentation, of constructors that take anything."""

NAMESPACES = [
    "nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "nn.utils.parametrize", "nn.utils.parametrizations",
]  # fmt: skip


@pytest.mark.parametrize("where", NAMESPACES)
def test_arguments_as_pytorch(where, torch):
    ours, theirs = (attrgetter(where)(library) for library in (mg, torch))
    common = [name for name in ours.__all__ if callable(getattr(theirs, name, None))]
    assert common
    for name in common:
        compare(name, inspect.signature(getattr(ours, name)), signature(name, getattr(theirs, name)))


def test_arguments_of_forward_as_pytorch(torch):
    modules = {name: getattr(nn, name) for name in nn.__all__ if hasattr(getattr(torch.nn, name, None), "forward")}
    for name, module in modules.items():
        if module.forward is not nn.Module.forward:
            compare(f"{name}.forward", forward(module), inspect.signature(getattr(torch.nn, name).forward))


def compare(name, ours, theirs):
    """The arguments in common, and that the other ones are those of the table."""
    ours, theirs = arguments(ours), arguments(theirs)
    without, beside = ([x for x in a if x not in b] for a, b in ((theirs, ours), (ours, theirs)))
    assert (without, beside) == DIFFERENT.get(name, ([], []))[:2], name
    assert [x for x in ours if x not in beside] == [x for x in theirs if x not in without], name


def arguments(signature):
    """Each argument as text: its name, starred if it is given by name only, and its default."""
    stars = {Parameter.KEYWORD_ONLY: "*, ", Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}
    parameters = [p for p in signature.parameters.values() if p.name not in ABSENT]
    return [stars.get(p.kind, "") + p.name + (shown(p.default)) for p in parameters]


def shown(default):
    """A default as text, the same for a number as an integer and as a float, and for two functions of one name."""
    if default is Parameter.empty:
        return ""
    if callable(default):
        return f"={default.__name__}"
    return f"={default:g}" if type(default) in (int, float) else f"={default!r}"


def signature(name, theirs):
    """That of a name of PyTorch; of compiled functions and those that take anything, from its documentation."""
    if name in DOCUMENTED:
        return parsed(DOCUMENTED[name])
    if theirs.__init__.__qualname__ == "Module.__init__":
        return parsed("")  # Module's: it takes anything, to refuse it
    if inspect.isbuiltin(theirs) or (inspect.isfunction(theirs) and "kwargs" in inspect.signature(theirs).parameters):
        return parsed(re.search(rf"{name}\(([^)]*)\)", theirs.__doc__)[1])
    return inspect.signature(theirs)


def parsed(text):
    """The signature of a function with these arguments."""
    return inspect.signature(eval(f"lambda {text}: None".replace("\n", "")))


def forward(module):
    """The signature of `forward`; that of a loss is its function's, less what the constructor is given."""
    if not issubclass(module, Loss):
        return inspect.signature(module.forward)
    held = inspect.signature(module).parameters
    left = [p for name, p in inspect.signature(module.function).parameters.items() if name not in {*held, "weight"}]
    return inspect.Signature(left)
