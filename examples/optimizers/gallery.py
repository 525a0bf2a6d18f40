"""All optimizers of `mg.optim` on five surfaces: their paths in one figure, and one animation of them.

    python examples/optimizers/gallery.py optimizers.png --animation optimizers.gif
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from drawing import COLORS, INK, panels, save, wrapped
from matplotlib.animation import PillowWriter
from remarks import remark
from surfaces import SURFACES, Surface

import minigrad as mg
from minigrad import nn, optim
from minigrad.optim.second_order import SecondOrder

STEPS = 100


class Row(NamedTuple):
    """An optimizer of the gallery: its label, what makes it of parameters and a rate, and the rate.

    Levenberg-Marquardt has no rate; its first damping stands there.
    """

    name: str
    make: Callable
    lr: float


def of(kind: type, **arguments: Any) -> Callable:
    """kind(params, lr) with more arguments."""
    return lambda params, lr: kind(params, lr=lr, **arguments)


FAMILIES = {
    "descent": [
        Row("SGD", of(optim.SGD), 0.7),
        Row("heavy ball", of(optim.SGD, momentum=0.9), 0.2),
        Row("Nesterov", of(optim.SGD, momentum=0.9, nesterov=True), 0.2),
        Row("ASGD", of(optim.ASGD, lambd=0.0), 0.7),
        Row("ProximalSGD", of(optim.ProximalSGD, l1=0.01), 0.7),
    ],
    "past gradients": [
        Row("Adagrad", of(optim.Adagrad), 0.5),
        Row("Adadelta", of(optim.Adadelta, eps=1e-3), 2.0),
        Row("RMSprop", of(optim.RMSprop), 0.03),
        Row("Adafactor", of(optim.Adafactor), 0.1),
    ],
    "Adam and its kin": [
        Row("Adam", of(optim.Adam), 0.2),
        Row("AdamW", of(optim.AdamW, weight_decay=0.1), 0.2),
        Row("Adamax", of(optim.Adamax), 0.2),
        Row("NAdam", of(optim.NAdam), 0.1),
        Row("RAdam", of(optim.RAdam), 0.2),
    ],
    "signs, directions": [
        Row("Rprop", of(optim.Rprop), 0.03),
        Row("Lion", of(optim.Lion), 0.05),
        Row("Muon", of(optim.Muon, weight_decay=0.0), 0.05),
    ],
    "curvature": [
        Row("LBFGS", of(optim.LBFGS, max_iter=1, max_eval=25, line_search_fn="strong_wolfe"), 1.0),
        Row("NewtonCG", of(optim.NewtonCG, damping=0.1), 1.0),
        Row("GaussNewton", of(optim.GaussNewton, damping=0.1), 1.0),
        Row("LM, by damping", lambda params, lr: optim.LevenbergMarquardt(params, damping=lr), 0.1),
    ],
}
RATES = {row.name: row.lr for rows in FAMILIES.values() for row in rows}


def trajectory(row: Row, surface: Surface, steps: int = STEPS, seed: int = 0) -> np.ndarray:
    """The points (steps + 1, 2) that an optimizer visits; the noise is the same for all of them."""
    p = nn.Parameter(np.array([surface.start]))
    optimizer, rng = row.make([p], row.lr), np.random.default_rng(seed)
    points = [p.numpy()[0].copy()]
    for _ in range(steps):
        optimizer.step(closure(optimizer, p, surface, surface.noise * rng.standard_normal(2)))
        points.append(p.numpy()[0].copy())
    return np.array(points)


def closure(optimizer: optim.Optimizer, p: nn.Parameter, surface: Surface, noise: np.ndarray) -> Callable:
    """What an optimizer's step wants: residuals, a loss, or a loss whose gradient has been taken."""

    def residuals():
        return surface.residuals_at(p, noise)

    def loss():
        return 0.5 * mg.sum(residuals() ** 2)

    def loss_and_gradient():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    if isinstance(optimizer, (optim.GaussNewton, optim.LevenbergMarquardt)):
        return residuals
    return loss if isinstance(optimizer, SecondOrder) else loss_and_gradient


# ---- pictures


def trajectories(steps: int = STEPS) -> dict[tuple[str, str], np.ndarray]:
    """All paths, by the names of optimizer and surface."""
    return {(r.name, s.title): trajectory(r, s, steps) for rows in FAMILIES.values() for r in rows for s in SURFACES}


def draw(paths: dict[tuple[str, str], np.ndarray], width: float) -> tuple[Any, list[tuple[Any, Any, np.ndarray]]]:
    """The figure, a family a row and a surface a column; and its moving parts: line, head and points of each path."""
    figure, grid = panels(len(FAMILIES), len(SURFACES), width=width, height=width * 0.85)
    moving = []
    for axes_row, (family, rows) in zip(grid, FAMILIES.items()):
        for axes, surface in zip(axes_row, SURFACES):
            background(axes, surface)
            for i, (row, color) in enumerate(zip(rows, COLORS)):
                points = paths[row.name, surface.title]
                # Each is thinner than those below it: where two go the same way, both show.
                style = {"color": color, "linewidth": 2.3 - 0.4 * i, "label": f"{row.name}: {row.lr}"}
                (line,) = axes.plot(*points.T, "-", **style)
                (head,) = axes.plot(*points[-1], "o", color=color, markersize=4.5, markeredgecolor="white")
                moving.append((line, head, points))
        axes_row[0].set_ylabel(family, fontweight="bold", color=INK)
        beside = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
        axes_row[-1].legend(frameon=False, fontsize=8.5, title="optimizer: rate", **beside)
    for axes, surface in zip(grid[0], SURFACES):
        axes.set_title(surface.title, fontweight="bold", color=INK)
    for axes, surface in zip(grid[-1], SURFACES):
        text = wrapped(remark(surface.title, RATES, paths), width=int(13 * width))
        axes.set_xlabel(text, loc="left", fontsize=8, color=INK, multialignment="left")
    return figure, moving


def background(axes: Any, surface: Surface) -> None:
    """The lines of equal height, the start and the minima."""
    left, right, bottom, top = surface.view
    x, y = np.meshgrid(np.linspace(left, right, 120), np.linspace(bottom, top, 120))
    height = surface.height(x, y)
    levels = np.quantile(height, np.linspace(0.02, 0.98, 9) ** 1.5)
    axes.contour(x, y, height, levels=levels, colors="#c9cdd6", linewidths=0.6)
    axes.plot(*surface.start, "s", color=INK, markersize=3.5)
    axes.plot(*np.transpose(surface.minima), "x", color=INK, markersize=6)
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("#c9cdd6")


def animate(path: Path, paths: dict[tuple[str, str], np.ndarray], every: int = 5) -> None:
    """The figure as a GIF in which the paths grow, a frame after so many steps."""
    figure, moving = draw(paths, width=2.3)
    writer = PillowWriter(fps=8)
    with writer.saving(figure, path, dpi=65):
        for step in range(0, len(moving[0][2]), every):
            for line, head, points in moving:
                line.set_data(*points[: step + 1].T)
                head.set_data(*points[step : step + 1].T)
            writer.grab_frame()


def main(arguments: list[str] | None = None) -> None:
    """Follow all optimizers, and draw."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("file", type=Path, help="where the figure goes, a PNG")
    made.add_argument("--animation", type=Path, help="where the animation goes, a GIF (takes a quarter of a minute)")
    options = made.parse_args(arguments)
    paths = trajectories()
    save(draw(paths, width=3)[0], options.file, dpi=90)
    if options.animation:
        animate(options.animation, paths)


if __name__ == "__main__":
    main()
