"""Which computations of a run are compiled: those that are repeated often enough to pay for it.

The decision is made before the first step, from counts: how often a computation is repeated, how many operations it has
and how much of its work is matrix products. It takes no time from a clock and does not look whether compiled code is on
the disk already, since compiled and eager code round differently: the same command must give the same numbers.
The constants are measurements on a 2-core server with one thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.engine import Node, rolled_back
from minigrad.nn.module import has_hooks
from minigrad.train.config import Config
from minigrad.train.evaluate import BATCH

TRAINING, EVALUATION = "training", "evaluation"
PER_OPERATION = {TRAINING: 15e-6, EVALUATION: 0.0}
"""Seconds that compiled code saves for each operation of the forward pass, that of its gradients included."""
PER_ELEMENT = {TRAINING: 3e-9, EVALUATION: 0.5e-9}
"""Seconds that fusion saves for each element that is no product's."""
COMPILING = {TRAINING: 0.11, EVALUATION: 0.06}
"""Seconds of compiling for each operation of the forward pass, likewise."""
IMPORTING = 0.4
"""Seconds until the compiler is there."""
FLOPS_PER_SECOND = 1e11
"""Of matrix products, which take as long compiled as not."""
PASSES = {TRAINING: 3, EVALUATION: 1}
"""Matrix products for each one of the forward pass."""
LEAST_GAIN = 0.1
"""A smaller share of the time is not worth it: which BLAS does the products makes as much of a difference."""
NOT_FASTER = frozenset(["convolve", "convolve_input", "convolve_weight"])
"""Operations whose hand-written kernels are as fast as compiled code or faster."""


def pays(calls: int, eager_s: float, compiled_s: float, compile_s: float) -> bool:
    """Whether compiling saves time over so many calls, and a fair share of each."""
    return calls * (eager_s - compiled_s) > compile_s and eager_s - compiled_s >= LEAST_GAIN * eager_s


@dataclass(frozen=True)
class Counts:
    """What a forward pass consists of.

    operations: how many are recorded, by name.  flops, elements: for each sample, of matrix products, of all else.
    """

    operations: Mapping[str, int]
    flops: float
    elements: float

    def pay(self, kind: str, size: int, calls: int) -> bool:
        """Whether to compile a computation of a kind on batches of a size that is repeated so often."""
        if NOT_FASTER & self.operations.keys():
            return False
        n = sum(self.operations.values())
        compiled = PASSES[kind] * self.flops * size / FLOPS_PER_SECOND
        saved = PER_OPERATION[kind] * n + PER_ELEMENT[kind] * self.elements * size
        return pays(calls, compiled + saved, compiled, IMPORTING + COMPILING[kind] * n)


def count(model: nn.Module, sample_shape: tuple[int, ...]) -> Counts:
    """Count the forward pass of a model and its loss on two samples of zeros; leaves no trace in the model."""
    random = mg.random.default_generator.state_dict()
    samples = 2
    try:
        with rolled_back():
            scores = model(mg.zeros((samples, *sample_shape)))
            loss = F.cross_entropy(scores, mg.zeros(samples, dtype=np.int64))
    finally:
        mg.random.default_generator.load_state_dict(random)
    operations: dict[str, int] = {}
    flops = elements = 0
    for node in recorded(loss):
        name = node.primitive.name
        operations[name] = operations.get(name, 0) + 1
        if name == "matmul2":
            a = node.inputs[0]
            inner = a.shape[-2 if node.params.get("ta") else -1]
            flops += 2 * node.out.size * inner
        else:
            elements += sum(x.size for x in (node.out if isinstance(node.out, tuple) else (node.out,)))
    return Counts(operations, flops / samples, elements / samples)


def recorded(tensor: mg.Tensor) -> Iterator[Node]:
    """Every operation that a tensor was computed by."""
    seen: set[int] = set()
    todo: list[Any] = [tensor.node]
    while todo:
        node = todo.pop()
        if node is not None and id(node) not in seen:
            seen.add(id(node))
            todo += node.parents
            if isinstance(node, Node):
                yield node


def signature(kind: str, size: int) -> str:
    """The name of a computation of a kind on batches of a size."""
    return f"{kind} {size}"


def repeated(config: Config, training: int, validation: int) -> dict[tuple[str, int], int]:
    """How often a run does each computation: (kind, batch size) -> calls, for so many samples of each part."""
    calls: dict[tuple[str, int], int] = {}
    for kind, samples, size in ((TRAINING, training, config.batch_size), (EVALUATION, validation, BATCH)):
        full, rest = divmod(samples, size)
        for n, batches in ((size, full), (rest, 1)):
            if n and batches:
                calls[kind, n] = calls.get((kind, n), 0) + batches * config.epochs
    return calls


def is_known(model: nn.Module) -> bool:
    """Whether a model consists of this package's layers alone: what a user's own forward or hook does besides
    computing would be done once, when it is traced, and no more."""
    return all(
        type(module).__module__.startswith("minigrad.nn.") and not has_hooks(module)
        for module in model.modules()
    )


def choose(
    model: nn.Module, sample_shape: tuple[int, ...], config: Config, training: int, validation: int
) -> list[str]:
    """The computations to compile. config.jit: all of them or none; by default those that pay, see the module."""
    calls = repeated(config, training, validation)
    if config.jit is not None:
        return [signature(*key) for key in calls if config.jit]
    if not is_known(model):
        return []
    counts = count(model, sample_shape)
    return [signature(kind, size) for (kind, size), n in calls.items() if counts.pay(kind, size, n)]
