"""Cutting a data set into parts at random."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from minigrad.data.record import Dataset
from minigrad.data.shuffle import check_seed, shuffled
from minigrad.data.tensor_dataset import TensorDataset
from minigrad.errors import ConfigError

AnyDataset = TypeVar("AnyDataset", Dataset, TensorDataset)


def random_split(
    dataset: AnyDataset, lengths: Sequence[float], *, seed: int = 0, stratify: bool = False
) -> list[AnyDataset]:
    """Disjoint random parts of a data set that together hold every sample once.

    lengths: the size of each part: whole numbers with the sum N, or fractions with the sum 1 (what rounding leaves over
        goes to the first parts, one each).
    seed: all that the choice depends on. Within a part the samples keep their order.
    stratify: spread each class evenly over the parts; a class with the share p of all samples is then off its exact
        number in a part by at most 1 + p (C - 2) samples, by less than 2 if the classes are balanced. Needs a Dataset.
    Raises ConfigError if the lengths do not fit or a part would be empty.

    >>> from minigrad.data import digits, random_split
    >>> [len(part) for part in random_split(digits(), [0.8, 0.1, 0.1])]
    [1438, 180, 179]
    """
    sizes = _sizes(lengths, len(dataset))
    order = shuffled(len(dataset), check_seed("random_split", seed))
    if stratify:
        if not isinstance(dataset, Dataset):
            raise ConfigError("[random_split] stratify needs a Dataset, which knows its classes.")
        order = _evenly_mixed(order, dataset.y)
    cuts = np.cumsum(sizes)[:-1]
    return [dataset.subset(np.sort(part)) for part in np.split(order, cuts)]


def _sizes(lengths, n):
    if not lengths or any(not np.isfinite(length) or length <= 0 for length in lengths):
        raise ConfigError(f"[random_split] lengths must be positive, got {list(lengths)}.")
    if all(isinstance(length, int | np.integer) for length in lengths) and sum(lengths) == n:
        return list(lengths)
    if abs(sum(lengths) - 1) > 1e-6:
        raise ConfigError(f"[random_split] lengths must sum to {n} samples or to 1, got {list(lengths)}.")
    sizes = [int(n * length) for length in lengths]
    for i in range(n - sum(sizes)):
        sizes[i % len(sizes)] += 1
    if 0 in sizes:
        raise ConfigError(f"[random_split] {n} samples are too few for parts of {list(lengths)}: got {sizes}.")
    return sizes


def _evenly_mixed(order, y):
    """`order`, rearranged so that every stretch of it holds each class in proportion.

    The r-th of the n samples of a class is put at (r + 1/2) / n of the way, whatever the class.
    """
    place = np.empty(len(order))
    for label in np.unique(y):
        members = order[y[order] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return order[np.argsort(place[order], kind="stable")]
