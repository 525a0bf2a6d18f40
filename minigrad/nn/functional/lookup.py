"""Embeddings: rows of a table looked up by index, alone or summed up in bags.

The gradient of a lookup adds the rows' cotangents into zeros of the table's shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import no_grad
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import choice, float_tensor, integer_tensor, number, within
from minigrad.ops import (
    arg_sort,
    argsort,
    cast,
    cumulate_sum,
    divide,
    equal,
    expand_dims,
    gather,
    gather_along,
    gather_update,
    greater,
    join,
    maximum,
    multiply,
    norm,
    reshape_to,
    scatter_add,
    select,
    slice_of,
)

# ---- one row for each index


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of a table at the given indices: y[...] = weight[input[...]].

    input: integers in [0, V), any shape.  weight: (V, D).  padding_idx: a row that gets no gradient; it may count from
    the end.  max_norm: before the lookup, rows that are read and longer than this are scaled to it, in `weight` itself;
    norm_type: the p of that norm.  scale_grad_by_freq: divide each row's gradient by how often `input` holds it.
    sparse: False; gradients are dense tensors.  Returns (*input.shape, D).
    Raises IndexError for an index out of range, DtypeError unless `input` holds integers, ShapeError unless `weight` is
    a matrix, ConfigError for other arguments.

    >>> F.embedding(mg.tensor([2, 0]), mg.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    tensor([[4., 5.],
            [0., 1.]])
    """
    who = "embedding"
    refuse_sparse(who, sparse)
    index, table = integer_tensor(who, "input", input), matrix(who, "weight", weight)
    flat = reshape_to(index, shape=(index.size,))
    rows = looked_up(who, flat, table, max_norm, norm_type, scale_grad_by_freq)
    if padding_idx is not None:
        padded = equal(flat, row_number(who, "padding_idx", padding_idx, table.shape[0]))
        rows = select(expand_dims(padded, 1), rows.detach(), rows)
    return reshape_to(rows, shape=(*index.shape, table.shape[1]))


def looked_up(
    who: str, index: Tensor, table: Tensor, max_norm: float | None, norm_type: float, scale_grad_by_freq: bool
) -> Tensor:
    """The rows (n, D) of a table at n indices, which are checked; arguments as for `embedding`."""
    index = within(who, "indices", index, table.shape[0])
    if max_norm is not None:
        renormalize(who, table, index, max_norm, norm_type)
    rows = gather(table, index, axes=(0,))
    if not scale_grad_by_freq:
        return rows
    counts = gather(occurrences(index, table.shape[0], rows.dtype), index, axes=(0,))
    value = rows.detach()
    return value + (rows - value) / expand_dims(counts, 1)  # the value of the rows, and a part of their gradient


def renormalize(who: str, table: Tensor, index: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows at `index` whose norm exceeds `max_norm`, in the table itself, outside of the graph."""
    number(who, "max_norm", max_norm, at_least=0)
    with no_grad():
        rows = gather(table, index, axes=(0,))
        length = norm(rows, norm_type, axis=1, keepdims=True)
        scale = select(greater(length, max_norm), max_norm / (length + 1e-7), 1.0)
        table.assign_(gather_update(table, rows * scale, index, axes=(0,)))


def occurrences(index: Tensor, size: int, dtype: Any) -> Tensor:
    """How often each of 0 ... size - 1 occurs among n indices."""
    return scatter_add(Tensor(np.ones(index.shape, dtype)), index, axes=(0,), shape=(size,))


# ---- bags


def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of each bag of rows of a table; 0 for an empty bag.

    input: integers in [0, V): (B, L), B bags of L indices, or (n,), where bag b is input[offsets[b]:offsets[b + 1]].
    weight: (V, D).  offsets: (B,) integers from 0 on, ascending, at most n; the last bag ends at n, or, with
    include_last_offset, at one more offset.  mode: "sum", "mean" or "max"; the gradient of a maximum goes to the first.
    per_sample_weights: a factor for each row, of the input's shape; for mode "sum".  padding_idx: a row that is left
    out of the bags.  The other arguments are those of `embedding`; scale_grad_by_freq not for mode "max".
    Returns (B, D).  Raises IndexError for an index or offset out of range, DtypeError unless both are integers,
    ShapeError if shapes do not fit, ConfigError for other arguments.

    >>> table = mg.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> F.embedding_bag(mg.tensor([2, 0, 1]), table, offsets=mg.tensor([0, 2]), mode="sum")
    tensor([[4., 6.],
            [2., 3.]])
    """
    who = "embedding_bag"
    check_mode(who, mode, scale_grad_by_freq, sparse)
    index, table = integer_tensor(who, "input", input), matrix(who, "weight", weight)
    bag, count = bags(who, index, offsets, include_last_offset)
    flat = reshape_to(index, shape=(index.size,))
    rows = looked_up(who, flat, table, max_norm, norm_type, scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = multiply(rows, sample_weights(who, per_sample_weights, index, mode))
    if padding_idx is not None:
        padded = equal(flat, row_number(who, "padding_idx", padding_idx, table.shape[0]))
        bag = select(padded, count, bag)
    return BAG_MODES[mode](rows, bag, count)


def bags(who: str, index: Tensor, offsets: Any, include_last_offset: bool) -> tuple[Tensor, int]:
    """The bag of each index (n,), and the number of bags B; what lies behind the last offset is in bag B."""
    if index.ndim not in (1, 2):
        raise ShapeError(f"[{who}] expected indices of shape (n,) or (B, L), got {index.shape}.")
    if index.ndim == 2:
        if offsets is not None:
            raise ShapeError(f"[{who}] bags of equal length, an input of shape {index.shape}, take no offsets.")
        count, length = index.shape
        return Tensor(np.repeat(np.arange(count), length)), count
    if offsets is None:
        raise ShapeError(f"[{who}] an input of shape {index.shape} needs offsets: where each bag starts.")
    starts = cast(integer_tensor(who, "offsets", offsets), dtype=np.dtype(np.int64))
    count = starts.size - bool(include_last_offset)
    if starts.ndim != 1 or count < 0:
        wanted = "(B + 1,), with include_last_offset," if include_last_offset else "(B,)"
        raise ShapeError(f"[{who}] expected offsets of shape {wanted} for an input {index.shape}, got {starts.shape}.")
    return bag_numbers(who, starts, index.size), count


def bag_numbers(who: str, starts: Tensor, n: int) -> Tensor:
    """For each of n positions, the last bag that starts at it or before. Raises IndexError for impossible starts."""
    starts = within(who, "offsets", starts, n + 1)
    within(who, "the first offset", starts[:1], 1)
    within(who, "steps from offset to offset", starts[1:] - starts[:-1], n + 1)
    begins = scatter_add(Tensor(np.ones(starts.shape, np.int64)), starts, axes=(0,), shape=(n + 1,))
    return cumulate_sum(begins, axis=0)[:n] - 1


def bag_sums(rows: Tensor, bag: Tensor, count: int) -> Tensor:
    """The sum of each bag; bag number `count` is left out."""
    total = scatter_add(rows, bag, axes=(0,), shape=(count + 1, *rows.shape[1:]))
    return slice_of(total, key=(slice(0, count),))


def bag_sizes(rows: Tensor, bag: Tensor, count: int) -> Tensor:
    """How many rows each bag has, (B, 1) in the rows' dtype."""
    return bag_sums(Tensor(np.ones((rows.shape[0], 1), rows.dtype)), bag, count)


def bag_means(rows: Tensor, bag: Tensor, count: int) -> Tensor:
    """The mean of each bag, 0 of none."""
    return divide(bag_sums(rows, bag, count), maximum(bag_sizes(rows, bag, count), 1.0))


def bag_maxima(rows: Tensor, bag: Tensor, count: int) -> Tensor:
    """The maximum of each bag, elementwise; of an empty one that of a row of zeros which is put behind the others.

    Sorted by value, descending, then by bag, both stably, the first of each bag is its first maximum.
    """
    n, width = rows.shape
    rows = join(rows, Tensor(np.zeros((1, width), rows.dtype)), axis=0)
    bag = join(bag, Tensor(np.full(1, count)), axis=0)
    order = argsort(rows.detach(), axis=0, descending=True)
    order = gather_along(order, arg_sort(gather(bag, order, axes=(0,)), axis=0), axis=0)
    sizes = bag_sums(Tensor(np.ones(n + 1, np.int64)), bag, count)
    first = gather(order, cumulate_sum(sizes, axis=0) - sizes, axes=(0,))
    return gather_along(rows, select(expand_dims(equal(sizes, 0), 1), n, first), axis=0)


BAG_MODES: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    "sum": bag_sums, "mean": bag_means, "max": bag_maxima
}  # fmt: skip


def sample_weights(who: str, weights: Any, index: Tensor, mode: str) -> Tensor:
    """The factor of each row, (n, 1). Raises ConfigError unless they are summed, ShapeError unless each has one."""
    if mode != "sum":
        raise ConfigError(f"[{who}] per_sample_weights are for mode 'sum', got mode={mode!r}.")
    factors = float_tensor(who, "per_sample_weights", weights)
    if factors.shape != index.shape:
        raise ShapeError(f"[{who}] expected a weight for each index, got input {index.shape}, weights {factors.shape}.")
    return reshape_to(factors, shape=(index.size, 1))


# ---- what is checked


def matrix(who: str, name: str, table: Any) -> Tensor:
    """A table as a tensor. Raises DtypeError or ShapeError unless it is a floating-point matrix."""
    table = float_tensor(who, name, table)
    if table.ndim != 2:
        raise ShapeError(f"[{who}] expected {name} of shape (V, D), got {table.shape}.")
    return table


def row_number(who: str, name: str, value: Any, size: int) -> int:
    """The number of a row, which may count from the end. Raises ConfigError if there is no such row."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or not -size <= value < size:
        raise ConfigError(f"[{who}] {name} must be one of {size} rows, an integer in [{-size}, {size}); got {value!r}.")
    return int(value) % size


def check_mode(who: str, mode: str, scale_grad_by_freq: bool, sparse: bool) -> None:
    """Raises ConfigError for settings of a bag that do not go together."""
    choice(who, "mode", mode, tuple(BAG_MODES))
    refuse_sparse(who, sparse)
    if mode == "max" and scale_grad_by_freq:
        raise ConfigError(f"[{who}] the gradient of a maximum cannot be scaled by frequency: use mode 'sum' or 'mean'.")


def refuse_sparse(who: str, sparse: bool) -> None:
    """Raises ConfigError if sparse gradients are asked for, saying how to do without."""
    if sparse:
        raise ConfigError(
            f"[{who}] gradients are dense here: leave sparse=False. To change only the rows of a large table that a "
            "batch reads, differentiate with respect to those rows; how is written in the docstring of nn.Embedding."
        )
