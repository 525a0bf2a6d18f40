"""The folder of a run: what is in it, and how it is written so that it is never half there.

config.json        the settings, the data's fingerprint, the class names, the standardization
metrics.csv        one line an epoch
model.safetensors  the parameters of the best epoch by validation accuracy
state.safetensors  all that is needed to go on: model, optimizer, schedule, random numbers, place in the epoch
state.json         the same without the tensors, to be read by people
result.json, curves.png, confusion.png     written at the end
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minigrad import Tensor
from minigrad.errors import ConfigError, DataError
from minigrad.saving import load, load_metadata, save, write_atomically

CONFIG, METRICS, RESULT = "config.json", "metrics.csv", "result.json"
MODEL, STATE = "model.safetensors", "state.safetensors"


class RunFolder:
    """A folder that holds one run. Every file in it is replaced as a whole or stays as it was.

    Methods that write raise ConfigError if they may not, those that read DataError for a missing or damaged file.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._made: list[Path] = []

    def __str__(self) -> str:
        return str(self.path)

    @property
    def holds_a_run(self) -> bool:
        """Whether there is a run in it that can be continued."""
        return (self.path / CONFIG).exists()

    def claim(self) -> None:
        """Make the folder, or take over one without a run; see that it can be written."""
        if self.holds_a_run:
            raise ConfigError(f"[train] {self} holds a run: go on with --resume {self}, or choose another --out.")
        try:
            with self._writing("the folder"):
                for folder in reversed([self.path, *self.path.parents]):
                    if not folder.exists():
                        folder.mkdir()
                        self._made.append(folder)
                write_atomically(self.path / "writable", b"")
                (self.path / "writable").unlink()
        except ConfigError:
            self.leave_if_empty()
            raise

    def leave_if_empty(self) -> None:
        """Remove the folders that `claim` made, if nothing was written into them."""
        for folder in reversed(self._made):
            if any(folder.iterdir()):
                return
            folder.rmdir()

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigError(f"[train] cannot write {what} {self}: {error.strerror or error}.") from error

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        with self._writing(f"{name} into"):
            write_atomically(self.path / name, content)

    def write_tensors(self, name: str, tensors: Any, header: Mapping[str, str] | None = None) -> None:
        """Write a safetensors file, see minigrad.save."""
        with self._writing(f"{name} into"):
            save(tensors, self.path / name, header)

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file, readable by people."""
        self.write(name, (json.dumps(value, indent=1) + "\n").encode())

    def write_csv(self, name: str, rows: list[dict[str, Any]]) -> None:
        """Write a table whose columns are the keys of the first row."""
        text = io.StringIO()
        table = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        self.write(name, text.getvalue().encode())

    @contextmanager
    def _reading(self, name: str) -> Iterator[Path]:
        try:
            yield self.path / name
        except OSError as error:
            reason = error.strerror or "no such file"
            raise DataError(f"[train] {self} holds no run: cannot read {name} ({reason}).") from error

    def read_json(self, name: str) -> Any:
        """The value in a JSON file."""
        with self._reading(name) as path:
            try:
                return json.loads(path.read_bytes())
            except ValueError as error:
                raise DataError(f"[train] {path} is damaged: {error}.") from error

    def read_tensors(self, name: str) -> dict[str, Tensor]:
        """The tensors in a safetensors file."""
        with self._reading(name) as path:
            return load(path)

    def read_header(self, name: str) -> dict[str, str]:
        """The header that `write_tensors` was given."""
        with self._reading(name) as path:
            return load_metadata(path)


def next_free(parent: Path, stem: str) -> Path:
    """The first of parent/stem-1, parent/stem-2, ... that does not exist."""
    number = 1
    while (parent / f"{stem}-{number}").exists():
        number += 1
    return parent / f"{stem}-{number}"
