"""What config.json says: all that resuming and predicting need to know beside the tensors."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from minigrad.data import Dataset, Standardizer
from minigrad.errors import DataError
from minigrad.train.config import Config
from minigrad.train.prepare import fingerprint


@dataclass(frozen=True)
class About:
    """The settings of a run and what its data were like.

    sha256: the fingerprint of the data.  sample_shape, class_names, columns: as in Dataset.
    scale: the standardization that the model expects.
    compiled: the computations that are compiled, as `minigrad.train.compiling` names them.
    """

    config: Config
    sha256: str
    sample_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    columns: tuple[str, ...] | None
    scale: Standardizer
    compiled: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Config, data: Dataset, scale: Standardizer, compiled: Sequence[str] = ()) -> Self:
        """What is to be kept of a run with these settings, data, standardization and compiled computations."""
        return cls(config, fingerprint(data), data.sample_shape, data.class_names, data.columns, scale, tuple(compiled))

    def to_dict(self) -> dict[str, Any]:
        """As a dict that fits JSON."""
        data = {"sha256": self.sha256, "sample_shape": self.sample_shape, "class_names": self.class_names}
        return {
            "settings": asdict(self.config),
            "data": {**data, "columns": self.columns},
            "standardize": self.scale.to_dict(),
            "compiled": self.compiled,
        }

    @classmethod
    def from_dict(cls, saved: Any, file: str) -> Self:
        """The inverse of `to_dict`. Raises DataError, naming the `file`, if `saved` is something else."""
        try:
            data, columns = saved["data"], saved["data"]["columns"]
            return cls(
                Config(**saved["settings"]),
                data["sha256"],
                tuple(data["sample_shape"]),
                tuple(data["class_names"]),
                None if columns is None else tuple(columns),
                Standardizer.from_dict(saved["standardize"]),
                tuple(saved.get("compiled", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"[train] {file} does not describe a run of this version: {error!r}.") from error
