"""Points without a derivative: where the two one-sided differences disagree however small the step.

Over a smooth function the change from left to right, and the gap between the two one-sided differences, shrink with
the step. At a kink (ReLU at 0, a tie of max) the gap stays; at a jump (floor at an integer) the change stays; beyond
the edge of the domain there is no difference at all. Rounding noise stays too, so a kink must be well above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ABOVE_NOISE = 20.0
STAYS = 0.3
"""Over three halvings of the step a smooth change shrinks to 1/8, that of a square root to 0.35."""
GROWS = 4.0
"""From one scale to a smaller one only noise makes the gap grow by more."""
SMALLEST_KINK = 1e-4
SMALLEST_JUMP = 1e-10


@dataclass(frozen=True)
class Roughness:
    """Where kinks and jumps were seen, down to some scale.

    gap: between the one-sided differences, and  change: from left to right, at the last scale that could tell.
    """

    kink: np.ndarray
    jump: np.ndarray
    gap: np.ndarray
    change: np.ndarray


def nothing_seen(n: int) -> Roughness:
    """Before the first look."""
    return Roughness(np.zeros(n, bool), np.zeros(n, bool), np.full(n, np.inf), np.full(n, np.inf))


def roughness(
    right: np.ndarray, left: np.ndarray, centre: np.ndarray, steps: np.ndarray, noise: np.ndarray, before: Roughness
) -> Roughness:
    """Look for kinks at 0 with steps of one scale.

    right, left: (steps, functions), the values at +step and -step.  centre, noise: (functions,), the values at 0 and
    their rounding noise.  steps: (steps,), falling.  before: what larger scales said; it stays where this cannot tell.
    """
    forward = (right - centre) / steps[:, None]
    backward = (centre - left) / steps[:, None]
    gap, change = np.abs(forward - backward), np.abs(right - left)
    slope = np.maximum(np.abs(forward[-1]), np.abs(backward[-1]))
    edge = np.isfinite(centre) & ~np.isfinite(gap[-1])
    invisible = ABOVE_NOISE * noise
    jump = stays(change, np.maximum(invisible, SMALLEST_JUMP * np.abs(centre).max(initial=0.0)))
    kink = edge | stays(gap, np.maximum(invisible / steps[-1], SMALLEST_KINK * slope))
    noisy = kink & ~jump & (gap[-1] > GROWS * before.gap)
    # What a larger scale saw would show here too if it were at 0, unless it would drown in noise.
    kink_known = (kink | (invisible / steps[-1] < 0.1 * before.gap)) & ~noisy
    jump_known = jump | (invisible < 0.01 * before.change)
    return Roughness(
        np.where(kink_known, kink, before.kink),
        np.where(jump_known, jump, before.jump),
        np.where(kink_known, np.nan_to_num(gap[0], nan=np.inf), before.gap),
        np.where(jump_known, np.nan_to_num(change[0], nan=np.inf), before.change),
    )


def stays(quantity: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Whether a quantity (steps, functions) does not shrink with the step, and is large enough to see that."""
    return (quantity[-1] > visible) & ~(quantity[-1] < STAYS * quantity[0])
