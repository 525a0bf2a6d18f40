"""Tables of figures as text."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], left: Sequence[int]) -> list[str]:
    """The lines of a table; the columns of these numbers are aligned left, all others right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    sides = [str.ljust if i in left else str.rjust for i in range(len(widths))]
    return ["  ".join(side(x, w) for side, x, w in zip(sides, row, widths)).rstrip() for row in rows]


def short(n: int, unit: str = "") -> str:
    """A count in three digits: 1.23 M, 45.6 kB."""
    value, prefix = float(n), ""
    for prefix in ("", "k", "M", "G", "T"):
        if value < 999.5 or prefix == "T":
            break
        value /= 1000
    text = f"{n}" if not prefix else f"{value:.3g}"
    return f"{text} {prefix}{unit}".strip()
