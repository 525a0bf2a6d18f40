"""The quadratic laboratory, drawn: what theory predicts of optimizers, as lines, and what they do, as points.

    python examples/optimizers/laboratory.py quadratic.png
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from drawing import COLORS, INK, caption, panels, save, tidy
from quadratic import (
    Quadratic,
    best_descent,
    best_heavy_ball,
    measured_adam_steps,
    measured_contraction,
    measured_critical_rate,
    measured_steps,
    measured_variance,
    measured_velocity,
    predicted_adam_steps,
    predicted_contraction,
    predicted_critical_rate,
    predicted_steps,
    predicted_variance,
    predicted_velocity,
)

from minigrad import optim

SPECTRUM = np.array([0.1, 0.7, 3.0, 10.0])
SHARE = 1e-3
BETAS = (0.9, 0.999)


def contraction(axes: Any) -> str:
    """The factor of each eigen-direction against rate times eigenvalue."""
    worst = 0.0
    for lr, color in zip((0.05, 0.15, 0.22), COLORS):
        measured = measured_contraction(Quadratic(SPECTRUM), lr)
        worst = max(worst, np.abs(measured - predicted_contraction(SPECTRUM, lr)).max())
        axes.plot(lr * SPECTRUM, measured, "o", color=color, label=f"SGD, lr = {lr}")
    steep = np.linspace(0, 2.3, 2)
    axes.plot(steep, 1 - steep, color=INK, linewidth=1, zorder=0, label="1 - lr·l")
    axes.axhspan(-1.4, -1, color=COLORS[3], alpha=0.12, linewidth=0)
    axes.set(xlabel="rate times eigenvalue, lr·l", ylabel="factor in one step", ylim=(-1.4, 1.1))
    axes.set_title("Contraction along eigenvectors")
    return (
        "Theory: a step multiplies the distance along an eigenvector, of eigenvalue l, with 1 - lr·l; beyond -1 (red) "
        "it grows.\n"
        f"Measured: in {3 * len(SPECTRUM)} directions off by at most {worst:.0e}."
    )


def divergence(axes: Any) -> str:
    """The distance to the minimum at rates around the critical one."""
    problem, critical = Quadratic(SPECTRUM), predicted_critical_rate(SPECTRUM)
    for ratio, color in zip((0.99, 1.0, 1.01), COLORS):
        x = problem.descend(lambda p, lr=ratio * critical: optim.SGD(p, lr), 200)
        axes.plot(np.linalg.norm(x, axis=1), color=color, label=f"lr = {ratio} · 2 / l_max")
    axes.set(xlabel="step", ylabel="distance to the minimum", yscale="log", title="The critical rate")
    found = measured_critical_rate(problem, 0.5 * critical, 1.5 * critical)
    return (
        f"Theory: gradient descent diverges exactly beyond 2 / l_max = {critical:.4f}.\n"
        f"Measured, by bisection: beyond {found:.4f}, off by {abs(found / critical - 1):.0e} of it."
    )


def velocity(axes: Any) -> str:
    """The length of SGD's steps on a slope, for four momenta."""
    gradient, lr, steps = np.array([3.0, -4.0]), 0.1, 60
    unit, worst = lr * np.linalg.norm(gradient), 0.0
    for momentum, color in zip((0.0, 0.5, 0.8, 0.9), COLORS):
        measured = np.linalg.norm(measured_velocity(gradient, lr, momentum, steps), axis=1) / unit
        predicted = np.linalg.norm(predicted_velocity(gradient, lr, momentum, steps), axis=1) / unit
        worst = max(worst, np.abs(measured / predicted - 1).max())
        axes.plot(range(1, steps + 1, 3), measured[::3], "o", markersize=3.5, color=color, label=f"mu = {momentum}")
        axes.plot(range(1, steps + 1), predicted, color=color, linewidth=1)
        axes.axhline(1 / (1 - momentum), color=color, linewidth=0.8, linestyle=":")
    axes.set(xlabel="step", ylabel="length of the step / (lr |g|)", ylim=(0, 14.5))
    axes.set_title("Terminal velocity of momentum")
    return (
        "Theory: on a slope g, step k is -lr (1 - mu^k) / (1 - mu) g, in the end -lr / (1 - mu) g (dotted).\n"
        f"Measured: off by at most {worst:.0e}; with mu = 0.9, step {steps} is {measured[-1]:.2f} lr|g|."
    )


def conditioning(axes: Any) -> str:
    """The number of steps against the condition number, for gradient descent and the heavy ball."""
    conditions = np.array([3, 10, 30, 100, 300])
    kinds = {"gradient descent": (best_descent, False), "heavy ball": (best_heavy_ball, True)}
    off = 0
    for (label, (best, root)), color in zip(kinds.items(), COLORS):
        spectra = [np.geomspace(1, k, 5) for k in conditions]
        measured = [measured_steps(Quadratic(s), SHARE, 2000, **best(s)) for s in spectra]
        predicted = [predicted_steps(k, SHARE, root) for k in conditions]
        off = max(off, np.abs(np.subtract(measured, predicted)).max())
        axes.plot(conditions, measured, "o", color=color, label=f"{label}, best rate")
        axes.plot(conditions, predicted, color=color, linewidth=1)
        axes.annotate(str(measured[-1]), (conditions[-1], measured[-1]), (0, 6), "data", "offset points", color=color)
    axes.set(xlabel="condition number k = l_max / l_min", ylabel="steps", xscale="log", yscale="log", xlim=(2.5, 450))
    axes.set_title("The price of the condition number")
    measured = "all counts as predicted" if off == 0 else f"off by up to {off} steps"
    return (
        f"Theory: to {SHARE} of each distance in about k / 2 · ln 1000 steps, with momentum in about sqrt k / 2 · "
        f"ln 1000 and more (lines: exact).\nMeasured: {measured}."
    )


def correction(axes: Any) -> str:
    """The length of Adam's first steps with the bias correction and without."""
    steps, worst = 40, 0.0
    for (label, corrected), color in zip({"Adam": True, "without the correction": False}.items(), COLORS):
        predicted = predicted_adam_steps(BETAS, steps, corrected)
        for slope, marker in (("1e-4", "x"), ("1e4", "+")):
            measured = measured_adam_steps(float(slope), BETAS, steps, corrected)
            worst = max(worst, np.abs(measured / predicted - 1).max())
            axes.plot(range(1, steps + 1), measured, marker, color=color, label=f"{label}, slope {slope}")
        axes.plot(range(1, steps + 1), predicted, color=color, linewidth=1)
    axes.set(xlabel="step", ylabel="length of the step / lr", ylim=(0, 10), title="Adam's bias correction")
    return (
        "Theory: on any slope all steps are lr long; without the correction lr (1 - b1^k) / sqrt(1 - b2^k), first "
        f"{predicted[0]:.2f} lr, too long.\nMeasured: off by at most {worst:.0e}."
    )


def variance(axes: Any) -> str:
    """The variance that SGD settles at, against the size of a batch."""
    spectrum, lr, sizes = np.array([0.3, 1.2]), 1.0, 2 ** np.arange(0, 9, 2)
    measured = np.array([measured_variance(spectrum, lr, size) for size in sizes])
    predicted = np.array([predicted_variance(spectrum, lr, size) for size in sizes])
    for i, color in zip(range(len(spectrum)), COLORS):
        axes.plot(sizes, measured[:, i], "o", color=color, label=f"lr·l = {lr * spectrum[i]}")
        axes.plot(sizes, predicted[:, i], color=color, linewidth=1)
    axes.set(xlabel="batch size S", ylabel="variance around the minimum", xscale="log", yscale="log")
    axes.set_title("The noise of batches")
    exponent = np.polyfit(np.log(sizes), np.log(measured), 1)[0].mean()
    return (
        "Theory: along an eigenvector SGD settles at the variance lr·l / (2 - lr·l) / S, for samples of variance 1.\n"
        f"Measured: off by at most {np.abs(measured / predicted - 1).max():.1%}; falling as S^{exponent:.3f}."
    )


PANELS = [contraction, divergence, velocity, conditioning, correction, variance]


def draw() -> tuple[Any, list[str]]:
    """The figure, and the captions of its panels."""
    figure, axes = panels(
        2, 3, width=5.2, height=5, left=0.045, right=0.985, top=0.955, bottom=0.145, wspace=0.18, hspace=0.47
    )
    captions = []
    for panel, place in zip(PANELS, axes.flat):
        captions.append(panel(place))
        tidy(place)
        place.set_title(place.get_title(), loc="left", fontweight="bold")
        place.set_title("")
        place.legend(frameon=False, fontsize=9)
        caption(place, captions[-1], width=72)
    return figure, captions


def main(arguments: list[str] | None = None) -> None:
    """Measure, draw, and print the captions."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("file", type=Path, help="where the figure goes, a PNG")
    options = made.parse_args(arguments)
    figure, captions = draw()
    save(figure, options.file, dpi=80)
    print("\n\n".join(captions))


if __name__ == "__main__":
    main()
