"""The operations that are no loop nest of their own: products, joins, scans, sorts, random draws.

EMITTERS[name](emitter, op) writes the source of one operation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.compiler.graph import Op
from minigrad.compiler.layout import Layout

if TYPE_CHECKING:
    from minigrad.compiler.emit import Emitter


def matmul2(emitter: Emitter, op: Op) -> None:
    """Matrix products through BLAS; a transposed view is a flag."""
    a, b = (emitter.layouts[v] for v in op.values)
    out = emitter.layouts[op.outputs[0]]
    m, n = out.shape[-2:]
    a, b = (swap(x) if op.params.get(flag) else x for x, flag in ((a, "ta"), (b, "tb")))
    k = a.shape[-1]
    batch = out.shape[:-2]
    names = [f"n{d}" for d in range(len(batch))]
    source = emitter.source
    depth = source.depth
    for name, size in zip(names, batch):
        source.add(f"for {name} in range({size}):")
        source.depth += 1
    operands = [matrix(emitter, x, batch, names) for x in (a, b)]
    array, start = emitter.buffer(out.base)
    offset = " + ".join([str(start + out.offset), *(f"{x} * {s}" for x, s in zip(names, out.strides))])
    bits = 8 * op.outputs[0].dtype.itemsize
    args = ", ".join(f"{t}, {arr}, {off}, {ld}" for t, arr, off, ld in operands)
    source.add(f"gemm{bits}({m}, {n}, {k}, {args}, {array}, {offset}, {n})")
    source.depth = depth


def matrix(emitter: Emitter, x: Layout, batch: tuple[int, ...], names: list[str]) -> tuple[int, str, str, int]:
    """A matrix for BLAS: whether it is transposed, its array, where it starts, its leading dimension."""
    *outer, rows, cols = x.strides
    shape = x.shape[-2:]
    transposed = not (cols == 1 or shape[1] == 1) and (rows == 1 or shape[0] == 1)
    ld = max((cols if transposed else rows), shape[0] if transposed else shape[1], 1)
    array, start = emitter.buffer(x.base)
    strides = [0 if n == 1 else s for n, s in zip(x.shape[:-2], outer)]
    strides = [0] * (len(batch) - len(strides)) + strides
    offset = " + ".join([str(start + x.offset), *(f"{i} * {s}" for i, s in zip(names, strides) if s)])
    return int(transposed), array, offset, ld


def swap(x: Layout) -> Layout:
    """The last two axes exchanged."""
    *s, a, b = x.shape
    *t, c, d = x.strides
    return Layout(x.base, x.offset, (*s, b, a), (*t, d, c))


EMITTERS = {"matmul2": matmul2}
