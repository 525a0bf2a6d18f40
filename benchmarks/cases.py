"""The training steps that the benchmarks share."""

import math
from itertools import pairwise

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F

MOMENTUM = {"lr": 0.01, "momentum": 0.9}
# name, sizes, activation, optimizer, its arguments, batch size, steps per timing
MLPS = [
    ("MLP 2-16-16-2 tanh, batch 100, SGD", [2, 16, 16, 2], "Tanh", "SGD", {"lr": 0.1}, 100, 200),
    ("MLP 64-128-10 ReLU, batch 64, Adam", [64, 128, 10], "ReLU", "Adam", {"lr": 1e-3}, 64, 200),
    ("MLP 784-128-64-10 ReLU, batch 32, Adam", [784, 128, 64, 10], "ReLU", "Adam", {"lr": 1e-3}, 32, 50),
    ("MLP 784-512-512-10, batch 128, momentum", [784, 512, 512, 10], "ReLU", "SGD", MOMENTUM, 128, 10),
]


def mlp(lib, sizes, activation):
    """A multi-layer perceptron in minigrad.nn or torch.nn."""
    layers = []
    for i, (a, b) in enumerate(pairwise(sizes)):
        layers += [lib.Linear(a, b)] + [getattr(lib, activation)()] * (i < len(sizes) - 2)
    return lib.Sequential(*layers)


def cnn(lib, channels, image=32, classes=10):
    """Convolutions with ReLU, every second one of stride 2, and a linear layer, on square images."""
    layers = []
    for i, (a, b) in enumerate(pairwise(channels)):
        layers += [lib.Conv2d(a, b, 3, stride=1 + i % 2, padding=1), lib.ReLU()]
    side = math.ceil(image / 2 ** ((len(channels) - 1) // 2))
    return lib.Sequential(*layers, lib.Flatten(), lib.Linear(channels[-1] * side**2, classes))


def train_step(loss_of, model, optimizer):
    """The step that every user writes."""

    def step(x, y):
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


class Norm(nn.Module):
    """Layer normalization."""

    def __init__(self, width):
        super().__init__()
        self.gain, self.shift = nn.Parameter(mg.ones(width)), nn.Parameter(mg.zeros(width))

    def forward(self, x):
        centred = x - mg.mean(x, axis=-1, keepdims=True)
        return centred / mg.sqrt(mg.mean(centred * centred, axis=-1, keepdims=True) + 1e-5) * self.gain + self.shift


class Block(nn.Module):
    """A transformer's block: attention and two layers, each on normalized input and added to it."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.first, self.second = Norm(width), Norm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.layers = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def attention(self, x):
        n, length, width = x.shape
        parts = mg.reshape(self.qkv(x), (n, length, 3, self.heads, width // self.heads))
        q, k, v = (mg.permute_dims(parts[:, :, i], (0, 2, 1, 3)) for i in range(3))
        weights = F.softmax(q @ k.mT / math.sqrt(width // self.heads), -1)
        return self.out(mg.reshape(mg.permute_dims(weights @ v, (0, 2, 1, 3)), x.shape))

    def forward(self, x):
        x = x + self.attention(self.first(x))
        return x + self.layers(self.second(x))


class Transformer(nn.Module):
    """Blocks between an embedding and a linear layer."""

    def __init__(self, tokens, length, width, heads, blocks):
        super().__init__()
        self.embedding = nn.Parameter(mg.tensor(np.random.default_rng(0).normal(0, 0.02, (tokens, width)), "float32"))
        self.positions = nn.Parameter(mg.zeros((length, width)))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.norm, self.head = Norm(width), nn.Linear(width, tokens)

    def forward(self, ids):
        x = self.blocks(mg.take(self.embedding, ids, axis=0) + self.positions)
        return mg.reshape(self.head(self.norm(x)), (-1, self.head.weight.shape[0]))


def mlp_step(sizes, activation, kind, arguments, size):
    """A step, and a batch for it."""
    model = mlp(nn, sizes, activation)
    return training(model, kind, arguments), normal(size, sizes[0]), labels(size, sizes[-1])


def transformer_step(tokens=64, length=32, width=64, heads=4, blocks=4, size=8):
    """A step, and a batch for it."""
    model = Transformer(tokens, length, width, heads, blocks)
    return training(model, "Adam", {"lr": 1e-3}), labels((size, length), tokens), labels(size * length, tokens)


def cnn_step(size=8):
    """A step, and a batch for it."""
    model = cnn(nn, [3, 16, 16, 32, 32, 64, 64, 64, 64])
    return training(model, "SGD", MOMENTUM), normal(size, 3, 32, 32), labels(size, 10)


def training(model, kind, arguments):
    """The step with cross-entropy."""
    return train_step(F.cross_entropy, model, getattr(optim, kind)(model.parameters(), **arguments))


def normal(*shape):
    """Standard normal numbers."""
    return mg.tensor(np.random.default_rng(0).standard_normal(shape), "float32")


def labels(shape, classes):
    """Class indices."""
    return mg.tensor(np.random.default_rng(1).integers(0, classes, shape))


STEPS = {name: (mlp_step, *case) for name, *case, _ in MLPS} | {
    "transformer, 4 blocks of width 64, batch 8 x 32, Adam": (transformer_step,),
    "CNN, 8 convolutions and a linear layer, 32 x 32, momentum": (cnn_step,),
}
"""Name -> a function that makes a step and a batch, and its arguments."""
