"""Activations. Inputs are drawn away from kinks, which `tests/nn/functional/test_activation.py` is about."""

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong


def sized(draw, low=0):
    """A shape with `low` to 3 axes; one call in ten has no elements."""
    shape = draw.shape(low, 3)
    return (*shape[:-1], 0) if shape and draw.integer(0, 9) == 0 else shape


def spread(draw, *shape):
    """Normal random numbers, twice as far apart as usual."""
    return np.asarray(2 * draw.normal(*shape))


def elementwise(**arguments):
    """Draws a call with an input of any shape; each argument is drawn by a function of the Draw, or left out."""

    def drawn(draw):
        given = {name: argument(draw) for name, argument in arguments.items() if draw.integer(0, 3)}
        return Call((spread(draw, *sized(draw)),), (), given)

    return drawn


def number(low, high):
    return lambda draw: draw.number(low, high)


def always(drawn, *arguments):
    """The same with positional arguments that have no default."""

    def call(draw):
        return Call(drawn(draw).inputs, tuple(argument(draw) for argument in arguments))

    return call


def along_axis(low=1, factor=1):
    """Draws a call with an axis, which has a multiple of `factor` elements."""

    def drawn(draw):
        shape = list(sized(draw, low))
        dim = draw.integer(-len(shape), len(shape) - 1)
        shape[dim] *= factor
        return Call((spread(draw, *shape),), (), {"dim": dim})

    return drawn


def channels(draw):
    """An input, and for how many channels it has a weight: none but one, or each."""
    shape = sized(draw)
    return spread(draw, *shape), shape[1] if len(shape) > 1 and shape[1] and draw.flag() else 1


def prelu_module(draw):
    x, count = channels(draw)
    return Call((x,), (count,), {"init": draw.number(0.1, 0.5)} if draw.flag() else {})


def prelu(draw):
    x, count = channels(draw)
    return Call((x, draw.normal(*draw.one_of((1,), ()) if count == 1 else (count,))))


def gumbel_softmax(draw):
    """Logits so far apart that the noise changes nothing; what it does: `tests/nn/functional/test_activation.py`."""
    shape = draw.shape(1, 3)
    dim = draw.integer(-len(shape), len(shape) - 1)
    logits = 1000.0 * np.argsort(draw.normal(*shape), axis=dim)
    return Call((logits,), (draw.number(0.3, 2),), {"hard": draw.flag(), "dim": dim})


def images(draw):
    return Call((spread(draw, *draw.leading(*draw.integers(3, 1, 4))),))


def hardsigmoid(x):
    """PyTorch's own rounds 1 / 6 to float32 in its gradient, and has no second derivative."""
    return (x + 3).clamp(0, 6) / 6


def scaled_tanh(x):
    return 1.7159 * (x * (2 / 3)).tanh()


def tanh_linear(x, a=0.01):
    return x.tanh() + a * x


def noisy_relu(x, training=False):
    return x.relu()


def module_of(f):
    """PyTorch's module that applies a function with the arguments that it is made with."""

    def made(**arguments):
        import torch

        class Twin(torch.nn.Module):
            def forward(self, x):
                return f(x, **arguments)

        return Twin()

    return made


alpha = number(0.3, 2)


def power_of_two(draw):
    """For CELU: PyTorch rounds 1 / alpha to float32 in its gradient, which is wrong by 1e-8 for other numbers."""
    return 2.0 ** draw.integer(-2, 2)


# module, function, how calls of either are drawn
PAIRS = [
    ("ReLU", "relu", elementwise()),
    ("ReLU6", "relu6", elementwise()),
    ("LeakyReLU", "leaky_relu", elementwise(negative_slope=number(-0.5, 0.9))),
    ("ELU", "elu", elementwise(alpha=alpha)),
    ("SELU", "selu", elementwise()),
    ("CELU", "celu", elementwise(alpha=power_of_two)),
    ("GELU", "gelu", elementwise(approximate=lambda draw: draw.one_of("none", "tanh"))),
    ("SiLU", "silu", elementwise()),
    ("Mish", "mish", elementwise()),
    ("Softplus", "softplus", elementwise(beta=number(0.3, 3), threshold=number(1, 5))),
    ("Softsign", "softsign", elementwise()),
    ("Sigmoid", "sigmoid", elementwise()),
    ("LogSigmoid", "logsigmoid", elementwise()),
    ("Tanh", "tanh", elementwise()),
    ("Hardtanh", "hardtanh", elementwise(min_val=number(-2, -0.5), max_val=number(0.5, 2))),
    ("Hardswish", "hardswish", elementwise()),
    ("Tanhshrink", "tanhshrink", elementwise()),
    ("Softshrink", "softshrink", elementwise(lambd=number(0, 2))),
    ("Hardshrink", "hardshrink", elementwise(lambd=number(-0.5, 2))),
    ("Threshold", "threshold", always(elementwise(), number(-1, 1), number(-2, 2))),
    ("Softmax", "softmax", along_axis()),
    ("LogSoftmax", "log_softmax", along_axis()),
    ("Softmin", "softmin", along_axis()),
    ("GLU", "glu", along_axis(factor=2)),
]
ROWS = [Row(name, draw) for *names, draw in PAIRS for name in names] + [
    Row("Hardsigmoid", elementwise(), twin=module_of(hardsigmoid)),
    Row("hardsigmoid", elementwise(), twin=hardsigmoid),
    Row("RReLU", elementwise(lower=number(0, 0.2), upper=number(0.4, 1)), random=True),
    Row("rrelu", elementwise(lower=number(0, 0.2), upper=number(0.4, 1))),
    Row("PReLU", prelu_module),
    Row("prelu", prelu),
    Row("Softmax2d", images),
    Row("gumbel_softmax", gumbel_softmax),
    Row("NoisyReLU", elementwise(), twin=module_of(noisy_relu), random=True),
    Row("noisy_relu", elementwise(), twin=noisy_relu),
    Row("ScaledTanh", elementwise(), twin=module_of(scaled_tanh)),
    Row("scaled_tanh", elementwise(), twin=scaled_tanh),
    Row("TanhLinear", elementwise(a=number(-0.5, 0.5)), twin=module_of(tanh_linear)),
    Row("tanh_linear", elementwise(a=number(-0.5, 0.5)), twin=tanh_linear),
]


def weights_and_channels(draw):
    n, c = draw.integers(2, 2, 9)
    says = ["one weight, or one for each channel", (n, c), (c + 1,)]
    return lambda: F.prelu(mg.ones((n, c)), mg.ones(c + 1)), says


def weights_without_channels(draw):
    n = draw.integer(2, 9)
    return lambda: nn.PReLU(n)(mg.ones(n)), ["one for each channel (axis 1 of the input)", f"weight ({n},)"]


def odd(draw):
    n, m = draw.integers(2, 1, 4)
    return lambda: nn.GLU()(mg.ones((n, 2 * m + 1))), ["an even size along axis 1", (n, 2 * m + 1)]


def no_image(draw):
    n, c = draw.integers(2, 1, 4)
    return lambda: nn.Softmax2d()(mg.ones((n, c))), ["(N, C, H, W) or (C, H, W)", (n, c)]


def no_axis(draw):
    n = draw.integer(1, 4)
    return lambda: nn.LogSoftmax(dim=1)(mg.ones(n)), ["axis 1 is out of range", "1 dimension"]


def no_dim(draw):
    return lambda: nn.Softmin(), ["needs dim"]


def order(draw):
    low = draw.integer(2, 9)
    return lambda: nn.Hardtanh(low, 1), ["min_val <= max_val", f"min_val={low}, max_val=1"]


def slopes(draw):
    return lambda: nn.RReLU(0.5, 0.25), ["lower <= upper", "lower=0.5, upper=0.25"]


def divisor(draw):
    return lambda: nn.CELU(0.0), ["alpha must not be 0"]


def threshold(draw):
    return lambda: nn.Softshrink(-1.0), ["lambd must be a number, at least 0", "-1.0"]


def temperature(draw):
    return lambda: F.gumbel_softmax(mg.ones(3), tau=0.0), ["tau must be a number above 0", "0.0"]


NUMBERS = {
    "LeakyReLU": ["negative_slope"], "PReLU": ["init"], "RReLU": ["lower", "upper"], "ELU": ["alpha"],
    "CELU": ["alpha"], "Hardtanh": ["min_val", "max_val"], "Softplus": ["beta", "threshold"],
    "Threshold": ["threshold", "value"], "Softshrink": ["lambd"], "Hardshrink": ["lambd"], "TanhLinear": ["a"],
}  # fmt: skip
"""The arguments that must be numbers."""


def words(name):
    def word(draw):
        argument = draw.one_of(*NUMBERS[name])
        given = dict.fromkeys(NUMBERS[name], 0.5) | {argument: "0.5"}
        return lambda: getattr(nn, name)(**given), [f"{argument} must be a number", "'0.5'"]

    return word


def integers(draw):
    return lambda: nn.SiLU()(mg.tensor([1, 2])), ["input must be floating-point", "int64", ".astype('float32')"]


WRONG = [
    Wrong("prelu", weights_and_channels),
    Wrong("prelu", weights_without_channels),
    Wrong("glu", odd),
    Wrong("Softmax2d", no_image),
    Wrong("log_softmax", no_axis),
    Wrong("Softmin", no_dim, ConfigError),
    Wrong("Hardtanh", order, ConfigError),
    Wrong("RReLU", slopes, ConfigError),
    Wrong("CELU", divisor, ConfigError),
    Wrong("Softshrink", threshold, ConfigError),
    Wrong("gumbel_softmax", temperature, ConfigError),
    *(Wrong(name, words(name), ConfigError) for name in NUMBERS),
    Wrong("silu", integers, DtypeError),
]
