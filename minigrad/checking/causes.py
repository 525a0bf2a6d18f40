"""Why a gradient is wrong, decided from the numbers: a table of small functions, the first that recognises it answers.

Each takes the `Evidence` about one argument and returns a `Cause` or None. To add a cause, write one and put it into
`CAUSES`, before those that would also fit but say less.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minigrad.checking.elements import Verdict
from minigrad.checking.evidence import Evidence


@dataclass(frozen=True)
class Cause:
    """name: a short key, stable.  hint: a sentence for the person who has to find the mistake."""

    name: str
    hint: str


def not_finite(e: Evidence) -> Cause | None:
    if np.isfinite(e.claimed).all():
        return None
    return Cause(
        "not finite",
        "the claimed gradient holds NaN or infinity where the function has a finite derivative: an untaken branch of "
        "`where` (0 * inf), or a quotient 0 / 0?",
    )


def disconnected(e: Evidence) -> Cause | None:
    if e.connected:
        return None
    return Cause(
        "dependence missed",
        f"no gradient reaches {e.name}, yet the result depends on it: was it detached, converted with .numpy() or "
        ".item(), or used inside no_grad?",
    )


def all_zero(e: Evidence) -> Cause | None:
    if e.claimed.any():
        return None
    return Cause("all zero", f"the claimed gradient of {e.name} is zero everywhere: was it never filled in?")


def sign_flipped(e: Evidence) -> Cause | None:
    if not e.explained_by(-e.numeric):
        return None
    return Cause("sign flipped", "the claimed gradient is the right one with the opposite sign.")


def only_one_use(e: Evidence) -> Cause | None:
    parts = e.contributions
    for i, part in enumerate(parts if len(parts) > 1 else ()):
        if e.explained_by(part):
            return Cause(
                "only one use counted",
                f"{e.name} is used {len(parts)} times, and its gradient is that of use {i + 1} alone: add up the "
                "cotangents (+=) instead of assigning them.",
            )
    return None


def transposed(e: Evidence) -> Cause | None:
    gradient, numeric = e.comparison.analytic, e.comparison.numeric
    if not e.whole or numeric.ndim < 2:
        return None
    for axes in itertools.islice(itertools.permutations(range(numeric.ndim)), 1, 120):
        turned = numeric.transpose(axes)
        same_order = turned.shape == gradient.shape
        if e.explained_by(turned[e.compared] if same_order else turned.reshape(gradient.shape)[e.compared]):
            how = "" if same_order else ", then reshaped to fit"
            return Cause("transposed", f"the claimed gradient is the right one with its axes in the order {axes}{how}.")
    return None


def constant_factor(e: Evidence) -> Cause | None:
    norm = float(e.numeric @ e.numeric)
    factor = float(e.claimed @ e.numeric) / norm if norm else 0.0
    if factor == 0 or not e.explained_by(factor * e.numeric):
        return None
    meaning = meaning_of(factor, e.sizes)
    if not meaning and np.ptp(e.claimed) <= 1e-6 * np.abs(e.claimed).max():
        return None  # equal numbers: a factor and a sum explain them alike
    return Cause("constant factor", f"the claimed gradient is {factor:.8g} times the right one{meaning}.")


def meaning_of(factor: float, sizes: dict[int, str]) -> str:
    """What a factor of 2, 1/2, N or 1/N suggests; "" for others."""
    found = []
    for n, text in sizes.items():
        if np.isclose(abs(factor), n, rtol=1e-4):
            found.append(f"{n} is {text}: a sum where the function takes a mean?")
        if np.isclose(abs(factor), 1 / n, rtol=1e-4):
            found.append(f"{n} is {text}: a mean where the function takes a sum?")
    if np.isclose(abs(factor), 2, rtol=1e-4):
        found.append("2: is the function halved, or a use counted twice?")
    if np.isclose(abs(factor), 0.5, rtol=1e-4):
        found.append("1/2: the 2 of a square, or one of two uses forgotten?")
    return f" ({'; '.join(found)})" if found else ""


def slice_not_summed(e: Evidence) -> Cause | None:
    jacobian = e.numeric_jacobian
    if jacobian is None:
        return None
    everything = e.comparison.numeric
    for y, cotangent, block in zip(e.point.outputs, e.point.cotangents, jacobian):
        terms = cotangent.reshape(y.shape + (1,) * e.full_x.ndim) * block
        summed = terms.sum(axis=tuple(range(y.ndim)))
        for axis, n in enumerate(y.shape):
            for i in range(n if n > 1 else 0):
                part = np.take(terms, i, axis).sum(axis=tuple(range(y.ndim - 1)))
                if e.explained_by((everything - summed + part)[e.compared]):
                    return Cause(
                        "broadcast axis not summed",
                        f"only entry {i} along axis {axis} of the result counts in the gradient of {e.name}: "
                        "sum over the axes along which it was broadcast.",
                    )
    return None


def structural_zeros(e: Evidence) -> Cause | None:
    if e.numeric_jacobian is None or e.claimed_jacobian is None:
        return None
    missed = total = 0
    for numeric, claimed in zip(e.numeric_jacobian, e.claimed_jacobian):
        relevant = np.abs(numeric) > 1e-6 * np.abs(numeric).max(initial=0.0)
        missed += int(np.sum(relevant & (claimed == 0)))
        total += int(np.sum(relevant))
    if missed == 0:
        return None
    return Cause(
        "dependence missed",
        f"in {missed} of {total} places a result depends on an element of {e.name}, yet the claimed derivative is "
        "exactly 0: is an intermediate result (a mean, a maximum, a norm) taken for a constant?",
    )


def additive_term(e: Evidence) -> Cause | None:
    if e.claimed.size < 2:
        return None
    residual = e.claimed - e.numeric
    shapes = {"a constant": np.ones_like(residual), f"a multiple of {e.name} itself (weight decay?)": e.x}
    for y, cotangent in zip(e.point.outputs, e.point.cotangents):
        if y.shape == e.full_x.shape:
            shapes["a multiple of the cotangent"] = cotangent[e.compared]
    for text, shape in shapes.items():
        norm = float(shape @ shape)
        amount = float(residual @ shape) / norm if norm else 0.0
        if amount and e.explained_by(e.numeric + amount * shape):
            return Cause("additive term", f"the claimed gradient is off by {text}: {amount:.6g} too much.")
    return None


def partly_right(e: Evidence) -> Cause | None:
    right, where = (e.comparison.indices(v) for v in (Verdict.AGREES, Verdict.DIFFERS))
    if not right:
        return None
    for axis in range(e.full_x.ndim):
        places = sorted({index[axis] for index in where})
        slab = int(np.prod(e.full_x.shape)) // e.full_x.shape[axis] * len(places)
        if len(places) < e.full_x.shape[axis] and slab == len(where):
            return Cause("an edge", f"exactly the elements at {places} along axis {axis} of {e.name} are wrong.")
    return Cause("some elements", f"{len(where)} elements of {e.name} are wrong, {len(right)} right: an edge case?")


CAUSES: tuple[Callable[[Evidence], Cause | None], ...] = (
    not_finite,
    disconnected,
    all_zero,
    sign_flipped,
    only_one_use,
    transposed,
    constant_factor,
    slice_not_summed,
    structural_zeros,
    additive_term,
    partly_right,
)


def likely_cause(evidence: Evidence) -> Cause:
    """The first cause in the table that fits the numbers."""
    for cause in CAUSES:
        found = cause(evidence)
        if found is not None:
            return found
    return Cause("unknown", "the numbers fit none of the common mistakes: compare the rule with one on paper.")
