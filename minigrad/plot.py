"""Pictures of a training run or a spectrum, as PNG files in memory; matplotlib is imported for the first one."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

TRAIN, VALIDATION, INK, FAINT = "#4c72b0", "#dd8452", "#333333", "#d9d9d9"
MOST_LABELLED_CLASSES = 25


def curves(history: Sequence[Mapping[str, float]], best_epoch: int | None = None) -> bytes:
    """Loss and accuracy against the epoch, training and validation, as a PNG.

    history: one row an epoch with epoch, train_loss, train_accuracy, validation_loss, validation_accuracy.
    best_epoch: the epoch whose parameters were kept; marked on the validation curves.
    """
    figure = _figure(9, 3.6)
    left, right = figure.subplots(1, 2)
    _curve_pair(left, history, "loss", 1, best_epoch)
    _curve_pair(right, history, "accuracy", 100, best_epoch)
    if _spans_decades(history):
        left.set_yscale("log")
    left.set_title("Loss (cross-entropy)", loc="left")
    right.set_title("Accuracy (%)", loc="left")
    left.legend(frameon=False)
    return _png(figure)


def _curve_pair(axes, history, quantity, scale, best_epoch):
    epochs = np.array([row["epoch"] for row in history])
    for part, color in (("train", TRAIN), ("validation", VALIDATION)):
        values = np.array([row[f"{part}_{quantity}"] for row in history]) * scale
        axes.plot(epochs, values, color=color, linewidth=1.8, marker="o" if len(epochs) < 12 else None, markersize=3.5)
        axes.lines[-1].set_label({"train": "training", "validation": "validation"}[part])
        if part == "validation" and best_epoch in epochs:
            value, label = values[epochs == best_epoch], f"kept (epoch {best_epoch})"
            axes.plot([best_epoch], value, "o", markersize=9, markerfacecolor="none", color=color, label=label)
    axes.set_xlabel("epoch")
    axes.set_xlim(min(1, epochs[0]) - 0.5, max(2, epochs[-1]) + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    _tidy(axes)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)


def _spans_decades(history):
    losses = np.array([[row["train_loss"], row["validation_loss"]] for row in history])
    return losses.min() > 0 and losses.max() > 20 * losses.min()


def confusion(counts: np.ndarray, class_names: Sequence[str], title: str) -> bytes:
    """A confusion matrix as a PNG: rows are the true classes, columns the predicted ones.

    counts: (C, C) whole numbers. The diagonal (right) is blue by its share of the row; the rest (wrong) is orange by
    its share of the largest mistake, so that few mistakes among many samples can be seen.
    """
    classes = len(class_names)
    side = float(np.clip(2.2 + 0.42 * classes, 4.0, 11.0))
    figure = _figure(side, side)
    axes = figure.subplots()
    right = np.eye(classes, dtype=bool)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    mistakes = np.where(right, 0, counts)
    axes.imshow(np.ma.masked_where(~right, share), cmap="Blues", vmin=0, vmax=1.3)
    axes.imshow(np.ma.masked_where(mistakes == 0, mistakes), cmap="Oranges", vmin=0, vmax=max(1, mistakes.max()) * 1.6)
    axes.set_title(title, loc="left")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    _tidy(axes)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(which="minor", color=FAINT, linewidth=0.5)
    if classes <= MOST_LABELLED_CLASSES:
        _label_cells(axes, counts, class_names)
    return _png(figure)


def _label_cells(axes, counts, class_names):
    names = [name if len(name) <= 12 else name[:11] + "…" for name in class_names]
    upright = max(len(name) for name in names) <= 2
    axes.set_xticks(range(len(names)), names, **({} if upright else {"rotation": 45, "ha": "right"}))
    axes.set_yticks(range(len(names)), names)
    for row, column in np.argwhere(counts):
        color = "white" if row == column and counts[row, column] > 0.6 * counts[row].sum() else INK
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=color, fontsize=9)


def spectrum(eigenvalues: np.ndarray, density: np.ndarray) -> bytes:
    """A density of eigenvalues as a PNG; its axis is logarithmic, over six decades, so that few large ones show.

    eigenvalues, density: points in ascending order and the density there, of one shape (n,).
    """
    figure = _figure(6, 3.6)
    axes = figure.subplots()
    lowest = density.max() * 1e-6
    axes.fill_between(eigenvalues, lowest, np.maximum(density, lowest), color=TRAIN, alpha=0.3, linewidth=0)
    axes.plot(eigenvalues, density, color=TRAIN, linewidth=1.5)
    axes.axvline(0, color=INK, linewidth=0.6)
    axes.set_yscale("log")
    axes.set_ylim(lowest, 2 * density.max())
    axes.set_title("Density of the Hessian's eigenvalues", loc="left")
    axes.set_xlabel("eigenvalue")
    _tidy(axes)
    return _png(figure)


def _figure(width: float, height: float) -> Any:
    """A figure of its own, without pyplot's global state or a screen; saving it uses the Agg renderer."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def _tidy(axes):
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9)


def _png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
