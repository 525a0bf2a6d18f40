"""step.loop: a compiled step for many rows of data, in few calls."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.compiler.compiled import Compiled
from minigrad.compiler.load import compiled
from minigrad.compiler.trace import Figure
from minigrad.core import Tensor
from minigrad.engine import tracer
from minigrad.errors import DtypeError, GraphError, ShapeError
from minigrad.ops import stack
from minigrad.tree import leaves, tree_map

if TYPE_CHECKING:
    from minigrad.compiler.function import Jitted

SECONDS = 0.03
"""How long one call may take: Ctrl-C is seen between calls."""
GROWTH = 16
"""How many times more steps a call may have than the one that it was timed by."""


def run_loop(jitted: Jitted, order: Any, data: tuple[Any, ...]) -> Any:
    """`Jitted.loop`: one call for many rows where a trace can be called again and again, single calls elsewhere."""
    expect_data(data)
    if tracer() is not None:  # inside another compiled function, which takes the steps one by one
        results = [jitted(*(d[row] for d in data)) for row in order]
        return with_leaves(results[-1], [stack(column) for column in zip(*map(tensors, results))])
    rows = expect_rows(order)
    pieces: list[list[np.ndarray]] = []
    done, single, result = 0, False, None
    while done < len(rows):
        with jitted.lock:
            step = None if single else jitted.repeatable(rows.shape[1], data)
            if step is not None:
                count, single, shown = stretch(step, rows[done : done + step.pace], data, pieces)
                jitted.hits += count
                done, result = done + count, shown if count else result
                continue
        result = jitted(*(d[Tensor(rows[done])] for d in data))
        pieces.append([x.data[None] for x in tensors(result)])
        done, single = done + 1, False
    return with_leaves(result, [Tensor(joined(column)) for column in zip(*pieces)])


def stretch(step: Compiled, rows: np.ndarray, data: Sequence[Tensor], pieces: list) -> tuple[int, bool, Any]:
    """These steps in one call: how many were done, whether the next one fails, and the last one's result.

    Learns how many take SECONDS.
    """
    n = len(data[0])
    rows = rows.astype(np.int64)
    inside = ((rows >= -n) & (rows < n)).all(axis=1)
    good = len(rows) if inside.all() else int(inside.argmin())
    if not good:
        return 0, True, None
    start = time.perf_counter()
    count, failed, stacks = call_loop(step, np.where(rows < 0, rows + n, rows)[:good], data)
    fitting = int(good * SECONDS / max(time.perf_counter() - start, 1e-9))
    step.pace = max(1, min(fitting, GROWTH * good))
    if not count:
        return 0, True, None
    pieces.append([s[:count] for i, s in enumerate(stacks) if i not in step.figures])
    shown = tree_map(lambda x: stacks[x.out][count - 1].item() if isinstance(x, Figure) else x, step.result)
    return count, failed or good < len(rows), shown


def call_loop(step: Compiled, rows: np.ndarray, data: Sequence[Tensor]) -> tuple[int, bool, list[np.ndarray]]:
    """The compiled loop over these rows: steps done, whether the next one failed, results stacked."""
    sources = [flat(data[s.position].data) for _, s in step.tensors]
    stacks = [np.empty((len(rows), *v.shape), v.dtype) for v in step.outs]
    buffers = [np.empty(v.shape, v.dtype) for v in (*(v for v, _ in step.tensors), *step.outs)]
    given = (len(rows), flat(rows), *sources, *(s.reshape(-1) for s in stacks), step.table, *buffers)
    if step.loop is None:
        step.loop = step.threaded(compiled(step.source, given, "loop"))
    step.read_numbers()
    alive = [slot.holder().data for slot in step.state.seen]
    count, failed = step.loop(*given)
    del alive
    for generator, calls in step.draws:
        generator.call += calls * count
    if failed and not count:
        step.state.restore()
    return count, bool(failed), stacks


def flat(array: np.ndarray) -> np.ndarray:
    """The elements in one row, as compiled code takes them."""
    return (array if array.flags.carray else np.array(array, order="C")).reshape(-1)


# ---- what goes in


def expect_data(data: tuple[Any, ...]) -> None:
    """Raises ShapeError, DtypeError or GraphError unless a loop can gather rows from the data."""
    if not data:
        raise ShapeError("[loop] expected data to gather rows from, got none: loop(order, x, y).")
    for i, d in enumerate(data):
        if not isinstance(d, Tensor):
            raise DtypeError(f"[loop] expected tensors as data, argument {i} is a {type(d).__name__}: use mg.tensor.")
        if d.requires_grad:
            raise GraphError(f"[loop] data argument {i} requires grad, but no gradient reaches it: use .detach().")
    if any(d.ndim == 0 or d.shape[0] != data[0].shape[0] for d in data):
        raise ShapeError(f"[loop] expected data with equally many rows, got {', '.join(str(d.shape) for d in data)}.")


def expect_rows(order: Any) -> np.ndarray:
    """The matrix of row numbers. Raises DtypeError or ShapeError if it is none."""
    rows = np.asarray(order.data if isinstance(order, Tensor) else order)
    if rows.dtype.kind not in "iu":
        raise DtypeError(f"[loop] expected an order of integers, got {rows.dtype}.")
    if rows.ndim != 2 or not len(rows):
        hint = "; for single rows use order[:, None]" if rows.ndim == 1 else ""
        raise ShapeError(f"[loop] expected an order of shape (steps >= 1, batch), got {rows.shape}{hint}.")
    return rows


# ---- what comes out


def tensors(result: Any) -> list[Tensor]:
    """The tensors in a result."""
    return [x for x in leaves(result) if isinstance(x, Tensor)]


def with_leaves(result: Any, found: list[Tensor]) -> Any:
    """The structure of a result with other tensors."""
    new = iter(found)
    return tree_map(lambda x: next(new) if isinstance(x, Tensor) else x, result)


def joined(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """Results of consecutive steps in one array."""
    if len({p.shape[1:] for p in pieces}) > 1:
        shapes = ", ".join(sorted({str(p.shape[1:]) for p in pieces}))
        raise ShapeError(f"[loop] expected results of one shape in all steps, got {shapes}.")
    return np.concatenate(pieces)
