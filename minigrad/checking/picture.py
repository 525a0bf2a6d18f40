"""A small picture of the errors for the terminal: one character for an element, or for the worst of a patch."""

from __future__ import annotations

import numpy as np

from minigrad.checking.elements import Verdict

ROWS, COLUMNS = 12, 48
CHARACTERS = {
    Verdict.UNCHECKED: " ",
    Verdict.AGREES: "·",
    Verdict.KINK: "k",
    Verdict.UNDECIDED: "?",
    Verdict.DIFFERS: "█",
}
LEGEND = "· agrees   █ differs   ? undecided   k kink"


def error_picture(verdict: np.ndarray) -> list[str]:
    """The verdicts of an argument as lines of text; leading axes are folded into the rows."""
    if verdict.size == 0:
        return []
    columns = verdict.shape[-1] if verdict.ndim else 1
    matrix = verdict.reshape(-1, columns)
    row_groups = np.array_split(np.arange(matrix.shape[0]), min(ROWS, matrix.shape[0]))
    column_groups = np.array_split(np.arange(columns), min(COLUMNS, columns))
    return [
        "".join(CHARACTERS[Verdict(int(matrix[np.ix_(rows, cols)].max()))] for cols in column_groups)
        for rows in row_groups
    ]
