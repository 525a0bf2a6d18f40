"""Nets and training runs drawn from tables of modules, losses and optimizers.

Every module is compiled on its own in `tests/nn/test_rows.py`; here stand those that make a difference among others.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F

CLASSES = 3
booleans = st.booleans()


@dataclass(frozen=True)
class Layer:
    """A module; the ranks, without the batch, of what it takes; and its arguments for a shape, (args, kwargs).

    positions: the least number of elements that it takes in a channel.
    """

    name: str
    ranks: range
    arguments: Callable
    positions: int = 0

    def fits(self, shape):
        """Whether the module takes this shape."""
        return len(shape) in self.ranks and math.prod(shape[1:]) >= self.positions


ANY = range(1, 5)


def activation(name, **options):
    """A row for a module whose arguments do not depend on the shape: each is drawn from a strategy."""
    return Layer(name, ANY, lambda draw, shape: ((), {k: draw(values) for k, values in options.items()}))


def linear(draw, shape):
    return (shape[-1], draw(st.integers(1, 5))), {"bias": draw(booleans)}


def several(draw, shape):
    return (shape[-1], draw(st.integers(1, 4)), draw(st.integers(1, 3))), {}


def prelu(draw, shape):
    return (draw(st.sampled_from([1, shape[0]])),), {}


def unflatten(draw, shape):
    n = shape[0]
    first = draw(st.sampled_from([k for k in range(1, n + 1) if n % k == 0]))
    return (1, (first, n // first)), {}


def windowed(draw, shape, most_padding):
    """(kernel, stride, padding) for every spatial axis."""
    kernel = tuple(draw(st.integers(1, min(n, 3))) for n in shape[1:])
    stride = tuple(draw(st.integers(1, 2)) for _ in kernel)
    return kernel, stride, tuple(draw(st.integers(0, most_padding(k))) for k in kernel)


def conv(draw, shape):
    kernel, stride, padding = windowed(draw, shape, lambda k: k - 1)
    groups = draw(st.sampled_from([1, shape[0]]))
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    options = {"stride": stride, "padding": padding, "groups": groups, "bias": draw(booleans), "padding_mode": mode}
    return (shape[0], groups * draw(st.integers(1, 2)), kernel), options


def conv_transpose(draw, shape):
    kernel = tuple(draw(st.integers(1, 3)) for _ in shape[1:])
    options = {"stride": tuple(draw(st.integers(1, 2)) for _ in kernel), "bias": draw(booleans)}
    return (shape[0], draw(st.integers(1, 2)), kernel), options


def pool(draw, shape):
    kernel, stride, padding = windowed(draw, shape, lambda k: k // 2)
    return (kernel,), {"stride": stride, "padding": padding, "ceil_mode": draw(booleans)}


def lp_pool(draw, shape):
    kernel, stride, _ = windowed(draw, shape, lambda k: 0)
    return (2, kernel), {"stride": stride, "ceil_mode": draw(booleans)}


def channel_dropout(draw, shape):
    return (draw(st.sampled_from([0.3, 0.5])),), {}


def adaptive(draw, shape):
    return (tuple(draw(st.integers(1, n)) for n in shape[1:]),), {}


def normed(draw, shape):
    return (shape[0],), {"momentum": draw(st.sampled_from([None, 0.1])), "track_running_stats": draw(booleans)}


def grouped(draw, shape):
    n = shape[0]
    return (draw(st.sampled_from([k for k in range(1, n + 1) if n % k == 0])), n), {"affine": draw(booleans)}


def last_axes(draw, shape):
    return (shape[draw(st.integers(0, len(shape) - 1)) :],), {"elementwise_affine": draw(booleans)}


LAYERS = [
    Layer("Linear", ANY, linear),
    activation("ReLU"),
    activation("Tanh"),
    activation("Sigmoid"),
    activation("SiLU"),
    activation("LeakyReLU", negative_slope=st.sampled_from([0.01, 0.3])),
    activation("ELU", alpha=st.sampled_from([1.0, 0.3])),
    activation("GELU", approximate=st.sampled_from(["none", "tanh"])),
    activation("Softplus", beta=st.sampled_from([1.0, 2.0])),
    Layer("PReLU", ANY, prelu),
    activation("RReLU"),
    activation("Softmax", dim=st.just(-1)),
    activation("LogSoftmax", dim=st.just(-1)),
    activation("Dropout", p=st.sampled_from([0.0, 0.3, 0.5, 1.0])),
    activation("AlphaDropout", p=st.sampled_from([0.3, 1.0])),
    Layer("Maxout", ANY, several),
    Layer("RBF", ANY, several),
    activation("Identity"),
    activation("Flatten"),
    Layer("Unflatten", range(1, 4), unflatten),
    *(Layer(f"{name}{d}d", range(d + 1, d + 2), arguments) for d in (1, 2, 3) for name, arguments in [
        ("Conv", conv), ("ConvTranspose", conv_transpose), ("MaxPool", pool), ("AvgPool", pool),
        ("LPPool", lp_pool), ("AdaptiveAvgPool", adaptive), ("AdaptiveMaxPool", adaptive), ("Dropout", channel_dropout),
    ]),
    *(Layer(f"InstanceNorm{d}d", range(d + 1, d + 2), normed, positions=2) for d in (1, 2, 3)),
    Layer("BatchNorm1d", range(1, 3), normed),
    Layer("BatchNorm2d", range(3, 4), normed),
    Layer("BatchNorm3d", range(4, 5), normed),
    Layer("GroupNorm", ANY, grouped),
    Layer("LayerNorm", ANY, last_axes),
    Layer("RMSNorm", ANY, last_axes),
]  # fmt: skip


def smooth(y):
    """Targets in (0, 1) out of labels, one for each class."""
    return mg.where(mg.equal(mg.expand_dims(y, 1), mg.arange(CLASSES)), 0.9, 0.2)


LOSSES = {
    "CrossEntropyLoss": lambda: nn.CrossEntropyLoss(),
    "CrossEntropyLoss, weighted": lambda: nn.CrossEntropyLoss(mg.tensor([0.5, 1.0, 2.0]), label_smoothing=0.1),
    "NLLLoss": lambda: lambda out, y: nn.NLLLoss()(F.log_softmax(out, 1), y),
    "MSELoss": lambda: lambda out, y: nn.MSELoss()(out, mg.astype(smooth(y), out.dtype)),
    "L1Loss": lambda: lambda out, y: nn.L1Loss()(out, mg.astype(smooth(y), out.dtype) + 5.0),  # away from its kink
    "BCEWithLogitsLoss": lambda: lambda out, y: nn.BCEWithLogitsLoss()(out, mg.astype(smooth(y), out.dtype)),
    "HuberLoss": lambda: lambda out, y: nn.HuberLoss(delta=0.5)(out, mg.astype(smooth(y), out.dtype)),
    "KLDivLoss": lambda: lambda out, y: nn.KLDivLoss("batchmean")(
        F.log_softmax(out, 1), mg.astype(smooth(y), out.dtype)
    ),
    "SquaredHingeLoss": lambda: nn.SquaredHingeLoss(),
    "MultiLabelMarginLoss": lambda: lambda out, y: nn.MultiLabelMarginLoss()(
        out, mg.stack([y, mg.remainder(y + 1, CLASSES), mg.full_like(y, -1)], axis=1)
    ),
    "CosineEmbeddingLoss": lambda: lambda out, y: nn.CosineEmbeddingLoss(0.1)(
        out, mg.astype(smooth(y), out.dtype), mg.where(mg.equal(y, 0), -1, 1)
    ),
    "TripletMarginLoss": lambda: lambda out, y: nn.TripletMarginLoss(swap=True)(
        out, mg.astype(smooth(y), out.dtype), mg.flip(out, axis=0)
    ),
}

rates = st.sampled_from([0.3, 0.1, 0.01])
decays = st.sampled_from([0.0, 0.01])
betas = st.sampled_from([(0.9, 0.999), (0.0, 0.9), (0.5, 0.5)])
adam = {"lr": rates, "betas": betas, "weight_decay": decays, "amsgrad": booleans, "maximize": booleans}
OPTIMIZERS = {
    "SGD": st.fixed_dictionaries({"lr": rates, "weight_decay": decays, "maximize": booleans})
    | st.fixed_dictionaries({"lr": rates, "momentum": st.just(0.9), "dampening": st.sampled_from([0.0, 0.5])})
    | st.fixed_dictionaries({"lr": rates, "momentum": st.just(0.8), "nesterov": st.just(True), "weight_decay": decays}),
    "Adam": st.fixed_dictionaries(adam),
    "AdamW": st.fixed_dictionaries(adam),
}


# ---- what is drawn


@dataclass(frozen=True)
class Batch:
    """One call of a step: so many samples, in training or not, at a multiple of the learning rate."""

    size: int
    training: bool
    rate: float


@dataclass(frozen=True)
class Training:
    """A net, and how it is trained.

    layers: (name, args, kwargs, how often in a row).  groups: whether biases have a learning rate of their own.
    to_none: zero_grad's argument.  clipped: "", "norm" or "value".  accumulated: gradients of so many batches.
    """

    shape: tuple
    layers: tuple
    loss: str
    optimizer: str
    hyper: dict
    groups: bool
    to_none: bool
    clipped: str
    accumulated: int
    batches: tuple
    seed: int
    dtype: str

    def run(self, jit, move=0.0):
        """Everything that a run in the default dtype leaves behind, by name; `jit` is put around its functions."""
        mg.manual_seed(self.seed)
        return Run(self, jit).all(move)

    def unseen(self, exact):
        """Names that belong to parameters whose exact gradient is zero: rounding decides where an optimizer moves them.

        They are compared through the net's output.
        """
        largest = {}
        for name, x in exact.items():
            if name.startswith("gradient") and x is not None:
                parameter = name.split()[1]
                largest[parameter] = max(largest.get(parameter, 0.0), np.abs(x).max(initial=0.0))
        noise = 1e-12 * max(largest.values(), default=0.0)
        zero = [parameter for parameter, value in largest.items() if 0 < value < noise]
        return {name for name in exact if len(name.split()) > 1 and name.split()[1] in zero}

    def model(self):
        """The net, with parameters drawn in float64 and rounded to the dtype."""
        mg.manual_seed(self.seed)
        with mg.set_default_dtype("float64"):
            drawn = self.built().state_dict()
        model = self.built()
        model.load_state_dict({name: rounded(value.numpy(), self.dtype) for name, value in drawn.items()})
        return model

    def built(self):
        """The layers, those in a row as one shared module, and a linear one that gives a score for each class."""
        modules = []
        for name, args, kwargs, count in self.layers:
            modules += [getattr(nn, name)(*args, **kwargs)] * count
        modules += [nn.Flatten(), nn.Linear(math.prod(out_shape(self.shape, self.layers)), CLASSES)]
        return nn.Sequential(*modules)

    def data(self, i, batch, move):
        """The i-th batch."""
        rng = np.random.default_rng([self.seed, i])
        x = rounded(rng.standard_normal((batch.size, *self.shape)), self.dtype)
        x = x * (1 + move * rng.choice([-1.0, 1.0], x.shape))
        return mg.tensor(x, dtype=mg.default_dtype()), mg.tensor(rng.integers(0, CLASSES, batch.size))


def rounded(array, dtype):
    """Rounded to a dtype, in float64."""
    return array.astype(dtype).astype(np.float64)


def out_shape(shape, layers):
    """The shape after the layers, without the batch."""
    x = mg.zeros((2, *shape))
    for name, args, kwargs, count in layers:
        module = getattr(nn, name)(*args, **kwargs)
        for _ in range(count):
            x = module(x)
    return x.shape[1:]


@st.composite
def shapes(draw):
    """(features), (channels, length), (channels, height, width) or with a depth."""
    spatial = draw(st.integers(0, 3))
    if spatial == 0:
        return (draw(st.integers(1, 6)),)
    return (draw(st.integers(1, 2)), *(draw(st.integers(2, 6 - spatial)) for _ in range(spatial)))


@st.composite
def trainings(draw, most_layers=4, most_batches=4, sizes=(4, 4, 3)):
    """A net of up to so many layers, trained for two or more batches of these sizes."""
    shape = draw(shapes())
    mg.manual_seed(0)
    layers = []
    for _ in range(draw(st.integers(0, most_layers))):
        now = out_shape(shape, layers)
        if math.prod(now) > 64:
            break
        row = draw(st.sampled_from([row for row in LAYERS if row.fits(now)]))
        layer = (row.name, *row.arguments(draw, now))
        repeats = out_shape(now, [(*layer, 1)]) == now and draw(booleans)
        layers.append((*layer, 2 if repeats else 1))
    optimizer = draw(st.sampled_from(sorted(OPTIMIZERS)))
    return Training(
        shape=shape,
        layers=tuple(layers),
        loss=draw(st.sampled_from(sorted(LOSSES))),
        optimizer=optimizer,
        hyper=draw(OPTIMIZERS[optimizer]),
        groups=draw(booleans),
        to_none=draw(booleans),
        clipped=draw(st.sampled_from(["", "norm", "value"])),
        accumulated=draw(st.integers(1, 2)),
        batches=tuple(
            Batch(draw(st.sampled_from(sizes)), draw(st.integers(0, 3)) > 0, draw(st.sampled_from([1.0, 0.5])))
            for _ in range(draw(st.integers(2, most_batches)))
        ),
        seed=draw(st.integers(0, 99)),
        dtype=draw(st.sampled_from(["float64", "float32"])),
    )


def clip(parameters, how):
    """Gradients scaled to a norm of at most 0.1, or cut at 0.01."""
    if how == "norm":
        total = mg.sqrt(sum(mg.sum(p.grad * p.grad) for p in parameters))
        scale = mg.minimum(0.1 / (total + 1e-6), 1.0)
        for p in parameters:
            p.grad = p.grad * scale
    if how == "value":
        for p in parameters:
            p.grad = mg.clip(p.grad, -0.01, 0.01)


class Run:
    """A training as it goes: a model, an optimizer and the functions that a user writes."""

    def __init__(self, training, jit):
        self.training, self.model, self.loss = training, training.model(), LOSSES[training.loss]()
        self.parameters = dict(self.model.named_parameters())
        self.optimizer = getattr(optim, training.optimizer)(self.groups(), **training.hyper)
        self.first = [group["lr"] for group in self.optimizer.param_groups]
        self.whole, self.part, self.end = map(jit, (self.step, self.forward, self.update))

    def groups(self):
        """The parameters; or the biases, if there are any, in a group of their own."""
        weights, biases = ([p for p in self.parameters.values() if (p.ndim == 1) is flag] for flag in (False, True))
        return [{"params": weights}, {"params": biases, "lr": 0.05}] if self.training.groups else weights + biases

    def forward(self, x, y):
        """Add to the gradients."""
        out = self.model(x)
        loss = self.loss(out, y)
        loss.backward()
        return loss, out

    def update(self):
        """Use the gradients, and forget them."""
        clip(list(self.parameters.values()), self.training.clipped)
        self.optimizer.step()
        self.optimizer.zero_grad(self.training.to_none)

    def step(self, x, y):
        """Both for one batch, in the other order."""
        self.optimizer.zero_grad(self.training.to_none)
        results = self.forward(x, y)
        clip(list(self.parameters.values()), self.training.clipped)
        self.optimizer.step()
        return results

    def all(self, move):
        """All batches; what each of them and the end leaves behind."""
        left = {}
        for i, batch in enumerate(self.training.batches):
            left |= self.one(i, batch, *self.training.data(i, batch, move))
        self.model.eval()
        left["final output"] = self.model(self.training.data(0, self.training.batches[0], move)[0])
        left |= {f"parameter {name}": t for name, t in self.model.state_dict().items()}
        for parameter, p in self.parameters.items():
            left |= {f"{name} {parameter}": t for name, t in self.optimizer.state[p].items()}
        arrays = {name: None if t is None else np.array(t.detach().numpy()) for name, t in left.items()}
        random = mg.random.default_generator.state_dict().items()
        return arrays | {f"random {name}": np.array(value, np.uint64) for name, value in random}

    def one(self, i, batch, x, y):
        """The i-th batch: its results and gradients."""
        self.model.train(batch.training)
        for group, lr in zip(self.optimizer.param_groups, self.first):
            group["lr"] = lr * batch.rate
        accumulated = self.training.accumulated
        results = self.whole(x, y) if accumulated == 1 else self.part(x, y)
        left = {f"{name} in batch {i}": t for name, t in zip(("loss", "output"), results)}
        left |= {f"gradient {name} in batch {i}": p.grad for name, p in self.parameters.items()}
        if accumulated > 1 and (i + 1) % accumulated == 0:
            self.end()
        return left
