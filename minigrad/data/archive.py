"""NumPy archives (.npz), read without unpickling anything."""

from pathlib import Path

import numpy as np

from minigrad.data.checks import NOT_PLAIN
from minigrad.data.labels import listing
from minigrad.errors import DataError


def read_archive(path: str | Path, wanted: dict[str, bool]) -> dict[str, np.ndarray]:
    """The arrays of the .npz at `path` whose names are in `wanted`, which says for each whether it must be there.

    Raises DataError if the file is damaged, a required array is missing, or one holds Python objects.
    """
    import zipfile  # 4 ms that `import minigrad` need not pay
    import zlib

    try:
        with zipfile.ZipFile(path) as file:
            there = {Path(member).stem for member in file.namelist()}
        missing = [name for name, required in wanted.items() if required and name not in there]
        if missing:
            raise DataError(
                f"[load] {str(path)!r} has no array {missing[0]!r}; it holds: {listing(sorted(there)) or 'nothing'}."
            )
        with np.load(path, allow_pickle=False) as arrays:
            return {name: _plain(path, arrays, name) for name in wanted if name in there}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"[load] {str(path)!r} is no .npz archive or a damaged one ({error}).") from error
    except OSError as error:
        raise DataError(f"[data] cannot read {str(path)!r}: {error.strerror or error}.") from error


def _plain(path, arrays, name):
    try:
        return arrays[name]
    except ValueError as error:  # NumPy's refusal to unpickle, or a header it cannot read
        if "pickle" in str(error):
            raise DataError(f"[load] array {name!r} of {str(path)!r} holds {NOT_PLAIN}.") from error
        raise DataError(f"[load] array {name!r} of {str(path)!r} cannot be read: {error}") from error
