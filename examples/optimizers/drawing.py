"""How the figures of these examples look."""

import io
import textwrap
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

INK, FAINT = "#333333", "#d9d9d9"
COLORS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#444444", "#17a2b8")


def panels(rows: int, columns: int, width: float, height: float, **spaces: float) -> tuple[Figure, Any]:
    """A figure without a screen and its axes (rows, columns), each of this size in inches.

    spaces: those around and between the axes, as `Figure.subplots_adjust` takes them; without them what fits.
    """
    layout = None if spaces else "constrained"
    figure = Figure(figsize=(columns * width, rows * height), layout=layout, facecolor="white")
    if spaces:
        figure.subplots_adjust(**spaces)
    return figure, figure.subplots(rows, columns, squeeze=False)


def tidy(axes: Any) -> None:
    """Two thin spines in place of a box."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9)


def wrapped(text: str, width: int) -> str:
    """Text with each of its lines wrapped at so many letters, but not around the signs of a formula."""
    for sign in "=+-/·":
        text = text.replace(f" {sign} ", f"\u00a0{sign}\u00a0")
    return "\n".join(textwrap.fill(line, width, subsequent_indent="    ") for line in text.splitlines())


def caption(axes: Any, text: str, width: int) -> None:
    """Text below the axes and their label."""
    place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top"}
    axes.annotate(wrapped(text, width), (0, 0), (-25, -38), fontsize=9, color=INK, linespacing=1.35, **place)


def save(figure: Figure, path: Path, dpi: int) -> None:
    """The figure as a PNG of 256 colors, which suffice for lines and take less space."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    colors = {"colors": 256, "method": Image.Quantize.MAXCOVERAGE, "dither": Image.Dither.NONE}
    Image.open(buffer).convert("RGB").quantize(**colors).save(path, optimize=True)
