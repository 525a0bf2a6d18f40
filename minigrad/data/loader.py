"""Batches of in-memory arrays, in an order that depends on the seed only."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from minigrad.data.shuffle import batch_generator, check_seed, shuffled
from minigrad.errors import ConfigError, DataError
from minigrad.ops import asarray

Transform = Callable[..., tuple[np.ndarray, ...]]


class InMemory(Protocol):
    """What a DataLoader reads from: `arrays`, each of shape (N, ...)."""

    @property
    def arrays(self) -> tuple[np.ndarray, ...]: ...


class DataLoader:
    """Iterates over a data set in batches, tuples of tensors (x, y, ...) whose first axis has length `batch_size`.

    dataset: a Dataset, a TensorDataset, or anything else with `arrays` of one length.
    batch_size: samples a batch, at least 1; the last batch holds what is left, unless `drop_last`. The attribute may be
        changed between epochs, as `optim.lr_scheduler.BatchSizeScheduler` does.
    shuffle: visit the samples in a new order in every epoch.
    seed: all that the order depends on, beside the number of the epoch.
    transform: for augmentation; called as transform(generator, *arrays) with the NumPy arrays of each batch, it returns
        the arrays to use. The Generator depends on seed, epoch and batch only.
    Raises ConfigError for arguments out of range, DataError for an empty data set.

    Resuming: `state_dict()` may be taken at any time, also within an epoch; a loader that has loaded it yields exactly
    the batches that were still to come. An epoch that is left by `break` is over: the next one has a new order.

    >>> import numpy as np
    >>> from minigrad.data import DataLoader, TensorDataset
    >>> loader = DataLoader(TensorDataset(np.arange(5)), batch_size=2)
    >>> [x.tolist() for x, in loader]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: InMemory,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        seed: int = 0,
        transform: Transform | None = None,
    ):
        if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise ConfigError(f"[DataLoader] batch_size must be a whole number of at least 1, got {batch_size!r}.")
        self.arrays = _arrays_of(dataset)
        self.samples = len(self.arrays[0])
        if drop_last and batch_size > self.samples:
            raise ConfigError(
                f"[DataLoader] batch_size {batch_size} with drop_last leaves none of {self.samples} samples."
            )
        self.batch_size, self.shuffle, self.drop_last = int(batch_size), bool(shuffle), bool(drop_last)
        self.seed = check_seed("DataLoader", seed)
        self.transform = transform
        self.epoch = 0  # the epoch in progress, or the next one
        self.batch = 0  # how many of its batches have been handed out
        self._continues = False

    def __len__(self) -> int:
        """Batches an epoch."""
        full, rest = divmod(self.samples, self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple]:
        if not self._continues and self.batch:  # the last epoch was left by `break`
            self.epoch, self.batch = self.epoch + 1, 0
        self._continues = False
        epoch = self.epoch
        for batch, arrays in self._batches(epoch, self.batch):
            self.epoch, self.batch = epoch, batch + 1
            yield tuple(asarray(array) for array in arrays)
        self.epoch, self.batch = epoch + 1, 0

    def _batches(self, epoch: int, start: int) -> Iterator[tuple[int, tuple[np.ndarray, ...]]]:
        order = shuffled(self.samples, self.seed, epoch) if self.shuffle else np.arange(self.samples)
        for batch in range(start, len(self)):
            chosen = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            arrays = tuple(array.take(chosen, axis=0) for array in self.arrays)
            if self.transform is not None:
                arrays = self.transform(batch_generator(self.seed, epoch, batch), *arrays)
            yield batch, arrays

    def state_dict(self) -> dict[str, Any]:
        """The position, and what it is a position in; plain numbers, fit for JSON."""
        return {"epoch": self.epoch, "batch": self.batch, "seed": self.seed, **self._layout()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to the position in `state`. Raises ConfigError if it is one in other data or other batches."""
        for name, value in self._layout().items():
            if state.get(name) != value:
                raise ConfigError(f"[DataLoader] state was saved with {name}={state.get(name)}, this one has {value}.")
        self.seed = check_seed("DataLoader", state["seed"])
        self.epoch, self.batch = int(state["epoch"]), int(state["batch"])
        self._continues = True

    def _layout(self):
        layout = ("samples", "batch_size", "shuffle", "drop_last")
        return {name: getattr(self, name) for name in layout}


def _arrays_of(dataset: InMemory) -> tuple[np.ndarray, ...]:
    arrays = getattr(dataset, "arrays", None)
    if arrays is None:
        raise DataError(f"[DataLoader] cannot read a {type(dataset).__name__}: wrap its arrays in a TensorDataset.")
    if len(arrays[0]) == 0:
        raise DataError("[DataLoader] the data set is empty.")
    return arrays
