"""Learning to learn by gradient descent by gradient descent (Andrychowicz et al. 2016), in a few minutes on one core.

    python examples/learned_optimizer.py [--figure learned_optimizer.png] [--problems 600]

An LSTM that reads the gradient of one coordinate and says how far to step is trained, by Adam on the losses along its
own path, on random problems of a family; then it runs on problems it has not seen, against SGD, SGD with momentum and
Adam, the learning rate of each tuned over a logarithmic grid on training problems. Families: quadratics
|W theta - y|^2 of ten parameters, and classifiers of small digits, perceptrons with one hidden layer.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.optim.learned import LSTMOptimizer, unroll
from minigrad.tree import tree_map

HORIZON, STRETCH = 100, 20  # steps on each problem; backpropagation goes through twenty at a time
RATES = np.geomspace(1e-3, 10, 33).tolist()  # eight a decade
BASELINES = {
    "SGD": lambda p, lr: optim.SGD([p], lr=lr),
    "SGD, momentum 0.9": lambda p, lr: optim.SGD([p], lr=lr, momentum=0.9),
    "Adam": lambda p, lr: optim.Adam([p], lr=lr),
}


class Family(NamedTuple):
    """Random problems of one kind: what `draw(rng, count)` returns is what `loss` takes, theta (count, n) and data."""

    name: str
    draw: Callable[[np.random.Generator, int], tuple[mg.Tensor, ...]]
    loss: Callable[..., mg.Tensor]  # the sum over the problems, whose gradients are then those of each


# ---- |W theta - y|^2 with W, y and theta[0] standard normal


def draw_quadratics(rng: np.random.Generator, count: int, n: int = 10) -> tuple[mg.Tensor, ...]:
    shapes = ((count, n, 1), (count, n, n), (count, n, 1))
    theta, w, y = (mg.tensor(rng.standard_normal(shape, np.float32)) for shape in shapes)
    return mg.squeeze(theta, 2), w, y


def quadratic_loss(theta: mg.Tensor, w: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
    return mg.sum((w @ mg.expand_dims(theta, 2) - y) ** 2)


# ---- the cross-entropy of a perceptron on 64 digits of 4 x 4 pixels, another 64 for each problem

INPUTS, HIDDEN, CLASSES, SAMPLES = 16, 8, 10, 64
CUTS = np.cumsum([INPUTS * HIDDEN, HIDDEN, HIDDEN * CLASSES])


@cache
def small_digits() -> tuple[np.ndarray, np.ndarray]:
    """All digits, 2 x 2 pixels averaged to one, standardized; and their classes, one-hot."""
    digits = mg.data.digits()
    pixels = digits.x.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, INPUTS)
    pixels = (pixels - pixels.mean()) / pixels.std()
    return pixels.astype(np.float32), np.eye(CLASSES, dtype=np.float32)[digits.y]


def draw_perceptrons(rng: np.random.Generator, count: int) -> tuple[mg.Tensor, ...]:
    pixels, classes = small_digits()
    rows = rng.integers(len(pixels), size=(count, SAMPLES))
    deviation = np.repeat([INPUTS**-0.5, 0, HIDDEN**-0.5, 0], np.diff([0, *CUTS, CUTS[-1] + CLASSES]))
    theta = rng.standard_normal((count, deviation.size)) * deviation
    return mg.tensor(theta.astype(np.float32)), mg.tensor(pixels[rows]), mg.tensor(classes[rows])


def perceptron_loss(theta: mg.Tensor, x: mg.Tensor, target: mg.Tensor) -> mg.Tensor:
    count = theta.shape[0]
    w1, b1, w2, b2 = mg.split(theta, CUTS.tolist(), axis=1)
    hidden = mg.tanh(x @ mg.reshape(w1, (count, INPUTS, HIDDEN)) + mg.expand_dims(b1, 1))
    scores = hidden @ mg.reshape(w2, (count, HIDDEN, CLASSES)) + mg.expand_dims(b2, 1)
    return mg.sum(mg.logsumexp(scores, axis=2) - mg.sum(scores * target, axis=2)) / x.shape[1]


QUADRATICS = Family("random quadratics", draw_quadratics, quadratic_loss)
PERCEPTRONS = Family("perceptrons on digits", draw_perceptrons, perceptron_loss)


# ---- training the optimizer, and running it


def train(family: Family, problems: int, batch: int = 32, hidden: int = 16, layers: int = 2, lr: float = 5e-3,
          seed: int = 0) -> tuple[LSTMOptimizer, list[float]]:  # fmt: skip
    """An optimizer trained on `problems` batches of the family; and for each, the mean loss over the horizon.

    By Adam, its rate decaying along a cosine, on the mean loss of a stretch; gradients are clipped: early ones explode.
    """
    mg.manual_seed(seed)
    rng = np.random.default_rng(seed)
    rule = LSTMOptimizer(hidden, layers)
    adam = optim.Adam(rule.parameters(), lr=lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(adam, problems)

    @mg.jit
    def stretch(state: Any, theta: mg.Tensor, *data: mg.Tensor) -> tuple:
        losses, theta, state = unroll(rule, lambda t: family.loss(t, *data), theta, state, STRETCH)
        loss = mg.mean(losses) / batch
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(rule.parameters(), 1.0)
        adam.step()
        return loss, theta.detach(), tree_map(mg.Tensor.detach, state)

    history = []
    for _ in range(problems):
        theta, *data = family.draw(rng, batch)
        state, total = rule.init_state(theta.size), 0.0
        for _ in range(HORIZON // STRETCH):
            loss, theta, state = stretch(state, theta, *data)
            total += loss.item()
        history.append(total * STRETCH / HORIZON)
        schedule.step()
    return rule, history


def learned_curve(rule: LSTMOptimizer, family: Family, problem: Sequence[mg.Tensor]) -> np.ndarray:
    """The mean loss of the problems after each of the steps of a learned optimizer, (HORIZON,)."""
    theta, *data = problem
    with mg.no_grad():
        losses, _, _ = unroll(rule, lambda t: family.loss(t, *data), theta, rule.init_state(theta.size), HORIZON)
    return losses.numpy() / len(theta)


def curve(make: Callable, lr: float, family: Family, problem: Sequence[mg.Tensor]) -> np.ndarray:
    """The same of another optimizer: all its arithmetic is by coordinate, so the problems do not meet."""
    theta, *data = problem
    parameter = nn.Parameter(theta)
    optimizer = make(parameter, lr)
    losses = []
    for _ in range(HORIZON + 1):  # the loss is the one before the step, so one more
        optimizer.zero_grad()
        loss = family.loss(parameter, *data)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses[1:]) / len(theta)


def last(losses: np.ndarray) -> float:
    """The loss after the last step."""
    return float(losses[-1])


SCORES = {"the mean over the steps": np.mean, "the last loss": last}


def compare(rule: LSTMOptimizer, family: Family, count: int = 256, seed: int = 1) -> dict[tuple[str, str], np.ndarray]:
    """Curves on held-out problems by name and by what the rate was tuned for, on as many training problems."""
    rng = np.random.default_rng(seed)
    training, held_out = family.draw(rng, count), family.draw(rng, count)
    curves = {("learned", "the mean over the steps"): learned_curve(rule, family, held_out)}
    for name, make in BASELINES.items():
        tried = [curve(make, lr, family, training) for lr in RATES]
        for aim, score in SCORES.items():
            curves[name, aim] = curve(make, RATES[np.nanargmin([score(losses) for losses in tried])], family, held_out)
    return curves


# ---- the figure

COLORS = {"learned": "#333333", "SGD": "#4c72b0", "SGD, momentum 0.9": "#55a868", "Adam": "#dd8452"}


def draw_figure(results: dict[str, dict]) -> Any:
    """One panel a family: mean loss on held-out problems over the steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(results), 3.8), layout="constrained")
    for axes, (title, curves) in zip(np.atleast_1d(figure.subplots(1, len(results))), results.items()):
        for (name, aim), losses in curves.items():
            dashed = aim == "the last loss"
            axes.plot(np.arange(1, len(losses) + 1), losses, color=COLORS[name], linestyle="--" if dashed else "-",
                      linewidth=2.2 if name == "learned" else 1.3, label=None if dashed else name)  # fmt: skip
        axes.set_yscale("log")
        axes.set_ylim(0.8 * min(c.min() for c in curves.values()), 1.2 * max(c[0] for c in curves.values()))
        axes.set_title(title, loc="left")
        axes.set_xlabel("step")
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("mean loss of held-out problems")
    figure.axes[0].legend(frameon=False, title="rate tuned for the mean\n(dashed: for the last loss)", fontsize=8,
                          title_fontsize=8)  # fmt: skip
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", default="learned_optimizer.png", help="where to draw the curves")
    parser.add_argument("--problems", type=int, default=600, help="batches of problems to train on (default 600)")
    options = parser.parse_args()
    results = {}
    for family, batch, held_out in ((QUADRATICS, 32, 256), (PERCEPTRONS, 8, 64)):
        rule, history = train(family, options.problems, batch)
        results[family.name] = compare(rule, family, held_out)
        print(f"{family.name}: loss in training {history[0]:.3g} -> {np.mean(history[-20:]):.3g}; on held-out problems")
        for (name, aim), losses in results[family.name].items():
            print(f"  {name:18} tuned for {aim:24} mean {losses.mean():8.4f}   last {losses[-1]:8.4f}")
    draw_figure(results).savefig(options.figure, dpi=110)


if __name__ == "__main__":
    main()
