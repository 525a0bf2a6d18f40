"""The computations that a run repeats, each eager or compiled."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.train.compiling import EVALUATION, TRAINING, signature

Told = Callable[[str, bool], None]
NAMES = {TRAINING: "training step", EVALUATION: "evaluation"}


class Steps:
    """Gradients of batches and scores of samples of one model.

    compiled: the signatures that are compiled, see `minigrad.train.compiling`; all others run eagerly.
    told: called before something is compiled, with what it is and whether it is on the disk from an earlier run.
    """

    def __init__(self, model: nn.Module, compiled: Collection[str] = (), told: Told | None = None) -> None:
        self.model, self.compiled = model, frozenset(compiled)
        self.told: Told = told or (lambda what, cached: None)
        self.jitted: dict[str, Callable] = {}

    def gradients(self, x: mg.Tensor, y: mg.Tensor) -> tuple[mg.Tensor, mg.Tensor]:
        """Loss and scores of a batch; leaves the gradients on the parameters, which have none before."""
        return self.function(TRAINING, self.differentiated, len(x))(x, y)

    def scores(self, x: mg.Tensor) -> mg.Tensor:
        """The scores (N, C) of samples (N, ...), not recorded."""
        with mg.no_grad():
            return self.function(EVALUATION, self.forward, len(x))(x)

    def function(self, kind: str, function: Callable, size: int) -> Callable:
        """The function for batches of a size."""
        if signature(kind, size) not in self.compiled:
            return function
        if kind not in self.jitted:
            # From the first call on: a run that goes on after a stop must not begin with an eager step.
            self.jitted[kind] = mg.jit(function, warmup=0)
        return partial(self.watched, kind, self.jitted[kind])

    def watched(self, kind: str, function: Callable, *args: Any) -> Any:
        """Call a compiled function; tell it if that compiles."""
        from minigrad.compiler.load import watching

        with watching(lambda cached: self.told(f"{NAMES[kind]} of {len(args[0])} samples", cached)):
            return function(*args)

    def differentiated(self, x: mg.Tensor, y: mg.Tensor) -> tuple[mg.Tensor, mg.Tensor]:
        scores = self.model(x)
        loss = F.cross_entropy(scores, y)
        loss.backward()
        return loss, scores

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return self.model(x)
