"""The user's own files: .npz, .csv, IDX."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.data.archive import read_archive
from minigrad.data.checks import check_several_classes
from minigrad.data.idx_pair import find_parts, read_pair
from minigrad.data.labels import encode_labels
from minigrad.data.pixels import scale_pixels
from minigrad.data.record import Dataset
from minigrad.data.table import read_table
from minigrad.errors import DataError


@dataclass(frozen=True)
class RawData:
    """What a file holds, before its labels are numbered: samples, labels (None if it has none), and their names."""

    x: np.ndarray
    labels: Any
    class_names: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    test: "RawData | None" = None


def load(path: str | Path, label: str | None = None, delimiter: str = ",") -> Dataset:
    """Read a data set from the user's own file, chosen by its ending.

    .npz: arrays x (N, ...) of numbers and y (N,) of class indices 0 .. C-1 or text; if it has them, also class_names
        (C,) and the test part x_test, y_test. Never unpickled.
    .csv, .csv.gz: a header line, then numbers and one column of labels (names or whole numbers).
    anything else: a file of IDX images with its labels beside it ('labels-idx1' in the name for 'images-idx3'), or a
        folder with such pairs, where t10k-* or test-* is the test part.
    Images of uint8, (N, H, W) or (N, C, H, W), become float32 (N, C, H, W) in [0, 1].
    label: the name of the label column (default 'label') or, in an .npz, of the label array (default 'y').
    delimiter: what separates the cells of a .csv.
    Raises DataError, saying where, for anything a classifier cannot be trained on.

    >>> import os, tempfile
    >>> from minigrad.data import load
    >>> path = os.path.join(tempfile.mkdtemp(), "fruit.csv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("weight,length,label\\n120,18,banana\\n150,7,apple\\n131,6,apple\\n")
    >>> data = load(path)
    >>> data, data.class_names, data.y
    (Dataset('fruit': 3 samples of shape (2,), 2 classes), ('apple', 'banana'), array([1, 0, 0]))
    """
    raw = read(path, label, delimiter)
    name = Path(path).resolve().name.split(".")[0]
    y, class_names = encode_labels(name, raw.labels, raw.class_names)
    check_several_classes(name, y, class_names)
    test = None
    if raw.test is not None:
        test = Dataset(raw.test.x, raw.test.labels, class_names, f"{name}, test part")
        if raw.test.x.shape[1:] != raw.x.shape[1:]:
            raise DataError(f"[{name}] samples have shape {raw.x.shape[1:]}, test samples {raw.test.x.shape[1:]}.")
    return Dataset(raw.x, y, class_names, name, raw.columns, test)


def read(path: str | Path, label: str | None = None, delimiter: str = ",", need_labels: bool = True) -> RawData:
    """The content of a data file as `load` finds it; without labels only if `need_labels` is False."""
    path = Path(path)
    if not path.exists():
        raise DataError(f"[load] there is no file or folder {str(path)!r}.")
    if path.suffix == ".npz":
        return _read_npz(path, label or "y", need_labels)
    if path.name.endswith((".csv", ".csv.gz")):
        x, labels, columns = read_table(path, label or "label", delimiter, need_labels)
        return RawData(x, labels, columns=columns)
    if path.is_dir():
        train, test = find_parts(path)
        return _raw_pair(train, need_labels, None if test is None else _raw_pair(test, need_labels))
    return _raw_pair(path, need_labels)


def _raw_pair(images, need_labels, test=None):
    x, labels = read_pair(images, need_labels)
    return RawData(scale_pixels(x), labels, test=test)


def _read_npz(path, label, need_labels):
    optional = dict.fromkeys(("class_names", "x_test", "y_test"), False)
    arrays = read_archive(path, {"x": True, label: need_labels, **optional})
    names = arrays.get("class_names")
    class_names = None if names is None else tuple(str(name) for name in names.tolist())
    test = None
    if "x_test" in arrays and "y_test" in arrays:
        test = RawData(scale_pixels(arrays["x_test"]), arrays["y_test"])
    return RawData(scale_pixels(arrays["x"]), arrays.get(label), class_names, test=test)
