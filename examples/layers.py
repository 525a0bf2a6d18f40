"""A net too deep for its first weights: seen before it is trained, repaired in three ways, trained.

    python examples/layers.py

Thirty layers of tanh on the bundled digits. With the weights that a Linear begins with, the variance of the gradient
shrinks to a third at each layer: the first ones learn nothing, and without them the last ones cannot. `nn.init.check`
shows it before the first step, and so it shows what a repair does: the right first weights, a normalization in front of
each tanh, or a way around each layer.
"""

from collections.abc import Callable
from typing import NamedTuple

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F

DEPTH, WIDTH = 30, 64


class Residual(nn.Module):
    """y = x + f(x): what goes through the layers is added to what goes around them (He et al. 2016)."""

    def __init__(self, *layers: nn.Module) -> None:
        self.inner = nn.Sequential(*layers)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return x + self.inner(x)


def plain() -> nn.Module:
    """One layer, as PyTorch and minigrad draw its weights: U(-1/sqrt(n), 1/sqrt(n)), of variance 1/(3 n)."""
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh())


def initialized() -> nn.Module:
    """The weights have variance 1/n, which a tanh in its linear range keeps as it is (Glorot & Bengio 2010)."""
    layer = nn.Linear(WIDTH, WIDTH)
    nn.init.tanh_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return nn.Sequential(layer, nn.Tanh())


def normalized() -> nn.Module:
    """Whatever the weights are, what enters the tanh has variance 1 (Ioffe & Szegedy 2015).

    Forward, that is. Backward the variance now grows a little at each layer (Yang et al. 2019).
    """
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.Tanh())


def with_shortcut() -> nn.Module:
    """The gradient has a way on which nothing multiplies it."""
    return Residual(nn.Linear(WIDTH, WIDTH), nn.Tanh())


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "as it is": plain,
    "right first weights": initialized,
    "batch normalization": normalized,
    "shortcuts": with_shortcut,
}


class Outcome(NamedTuple):
    """What is known of a net before training, and how many unseen digits it reads after.

    first, last: the variance of the gradient at the first and the last of the equal layers.  warnings: of the check.
    """

    first: float
    last: float
    warnings: tuple[str, ...]
    accuracy: float


def deep(layer: Callable[[], nn.Module], depth: int = DEPTH) -> nn.Module:
    """`depth` layers, and one that scores the ten digits."""
    return nn.Sequential(nn.Flatten(), *(layer() for _ in range(depth)), nn.Linear(WIDTH, 10))


def train(layer: Callable[[], nn.Module], depth: int = DEPTH, epochs: int = 5) -> Outcome:
    """Check a net, train it by gradient descent with momentum, test it."""
    mg.manual_seed(0)
    seen, unseen = mg.data.random_split(mg.data.digits(), [0.8, 0.2], seed=0)
    seen, scaler = mg.data.standardize(seen)
    model = deep(layer, depth)
    check = nn.init.check(model, mg.tensor(seen.x[:256]))
    first, *_, last, _ = [x.backward for x in check.layers if x.weighted]
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for epoch in range(epochs):
        for images, labels in mg.data.DataLoader(seen, batch_size=32, shuffle=True, seed=epoch, drop_last=True):
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()  # batch normalization now uses its running statistics
    with mg.no_grad():
        found = model(mg.tensor(scaler(unseen.x))).numpy().argmax(1)
    return Outcome(first, last, check.warnings, float((found == unseen.y).mean()))


if __name__ == "__main__":
    print(nn.summary(deep(normalized, depth=2), (32, 1, 8, 8)), end="\n\n")
    print(f"{f'{DEPTH} layers of tanh':<22}  gradient at layer {DEPTH}  at layer 1  digits read")
    for name, layer in LAYERS.items():
        outcome = train(layer)
        print(f"{name:<22}  {outcome.last:20.1e}  {outcome.first:10.1e}  {outcome.accuracy:11.1%}")
        for warning in outcome.warnings:
            print(f"    {warning}")
