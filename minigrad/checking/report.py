"""What a gradient check found, as an object to ask and as a text to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.checking.causes import Cause
from minigrad.checking.elements import Comparison, Verdict
from minigrad.checking.picture import LEGEND, error_picture

LINES = 6


@dataclass
class Stage:
    """One function that was checked: fn itself (order 1), its gradient (order 2), ..., in one mode of a module.

    names: its arguments.  agreed: those whose gradient fits along random directions.  comparisons: of those that were
    looked at element by element.  causes: of failures, by argument; "" stands for the function as a whole.
    left_out: how many elements of the results are NaN or infinite and could not be checked.
    """

    order: int
    mode: str
    names: list[str]
    agreed: list[str] = field(default_factory=list)
    comparisons: dict[str, Comparison] = field(default_factory=dict)
    causes: dict[str, Cause] = field(default_factory=dict)
    left_out: int = 0

    @property
    def title(self) -> str:
        """How to call this stage."""
        what = {1: "gradient", 2: "second derivative"}.get(self.order, f"derivative of order {self.order}")
        return f"{what}, {self.mode} mode" if self.mode else what


@dataclass(frozen=True)
class Failure:
    """One element whose claimed derivative is wrong, or cannot be decided.

    >>> mg.checking.Failure("gradient", "x", (0,), analytic=2.0, numeric=1.0).relative_error
    0.5
    """

    stage: str
    argument: str
    index: tuple[int, ...]
    analytic: float
    numeric: float

    @property
    def relative_error(self) -> float:
        """|analytic - numeric| / the larger magnitude."""
        largest = max(abs(self.analytic), abs(self.numeric))
        return abs(self.analytic - self.numeric) / largest if largest else 0.0


@dataclass
class GradcheckReport:
    """The result of `gradcheck`; true if the gradient can be trusted.

    name: of the function.  promoted: arguments that were brought to float64 for the check.  stages: in order.

    >>> report = mg.gradcheck(mg.sin, [mg.tensor([1.0, 2.0])])
    >>> report.passed, report.kinks
    (True, [])
    """

    name: str
    promoted: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.passed

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong, nothing is undecided, and not everything is a kink."""
        return not any(stage.causes for stage in self.stages)

    @property
    def kinks(self) -> list[tuple[str, tuple[int, ...]]]:
        """Elements that were skipped because the function has no derivative there: (argument, index)."""
        found = [
            (name, index)
            for stage in self.stages
            for name, c in stage.comparisons.items()
            for index in c.indices(Verdict.KINK)
        ]
        return list(dict.fromkeys(found))

    @property
    def failures(self) -> list[Failure]:
        """Every element that is wrong or undecided."""
        return [failure for stage in self.stages for failure in failures_of(stage)]

    @property
    def causes(self) -> list[Cause]:
        """What is likely to be wrong."""
        return [cause for stage in self.stages for cause in stage.causes.values()]

    def __str__(self) -> str:
        return "\n".join(lines_of(self))

    __repr__ = __str__

    def plot(self, ax: Any = None) -> Any:
        """Draw claimed against numerical derivatives (those compared element by element; `full=True` compares all).

        ax: matplotlib axes to draw on; by default new ones.  Returns the axes.
        """
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        for stage in self.stages:
            for name, c in stage.comparisons.items():
                ax.plot(c.numeric.ravel(), c.analytic.ravel(), ".", label=f"{name} ({stage.title})")
        ax.axline((0, 0), slope=1, color="0.7", zorder=0)
        ax.set(xlabel="numerical derivative", ylabel="claimed derivative", title=self.name)
        if ax.get_legend_handles_labels()[0]:
            ax.legend()
        return ax


def failures_of(stage: Stage) -> Iterator[Failure]:
    """The failures of one stage."""
    for name, c in stage.comparisons.items():
        for verdict in (Verdict.DIFFERS, Verdict.UNDECIDED):
            for index in c.indices(verdict):
                yield Failure(stage.title, name, index, float(c.analytic[index]), float(c.numeric[index]))


def lines_of(report: GradcheckReport) -> Iterator[str]:
    """The report as text."""
    yield f"gradcheck of {report.name}: {'passed' if report.passed else 'FAILED'}"
    if report.promoted:
        yield f"  checked in float64, although given in another precision: {', '.join(report.promoted)}"
    for stage in report.stages:
        yield from lines_of_stage(stage)
    if report.kinks:
        shown = ", ".join(place(name, index) for name, index in report.kinks[:LINES])
        yield f"  skipped {len(report.kinks)} kinks, where there is no derivative: {shown}{more(report.kinks)}"


def lines_of_stage(stage: Stage) -> Iterator[str]:
    """One stage as text: a line if it passed, evidence and cause if not."""
    names = [name for name in stage.causes or stage.names if name]
    yield f"  {stage.title}: {'wrong' if stage.causes else 'right'}{' for ' if names else ''}{', '.join(names)}"
    if stage.left_out:
        yield f"    left out {stage.left_out} elements of the results that are NaN or infinite"
    for name, cause in stage.causes.items():
        if name in stage.comparisons:
            yield from lines_of_comparison(name, stage.comparisons[name], list(failures_of(stage)))
        yield f"    likely cause: {cause.name}: {cause.hint}"


def lines_of_comparison(name: str, comparison: Comparison, failures: list[Failure]) -> Iterator[str]:
    """The worst elements of an argument, and a picture of all."""
    worst = sorted((f for f in failures if f.argument == name), key=lambda f: -f.relative_error)
    looked_at = int(np.sum(comparison.verdict != Verdict.UNCHECKED))
    yield f"    {name} {comparison.verdict.shape}: {len(worst)} of {looked_at} elements"
    if worst:
        yield f"      {'element':<16}{'claimed':>16}{'numerical':>16}{'relative error':>17}"
    for f in worst[:LINES]:
        yield f"      {place(name, f.index):<16}{f.analytic:>16.8g}{f.numeric:>16.8g}{f.relative_error:>17.1e}"
    if comparison.verdict.size > 1:
        yield from (f"      {line}" for line in error_picture(comparison.verdict))
        yield f"      ({LEGEND})"


def place(name: str, index: tuple[int, ...]) -> str:
    """An element as one would type it."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def more(found: list) -> str:
    """How many of a list were not shown."""
    return f" and {len(found) - LINES} more" if len(found) > LINES else ""
