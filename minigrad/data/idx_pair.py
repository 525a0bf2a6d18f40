"""IDX images with the labels that lie beside them, singly or as a folder in MNIST's layout."""

from pathlib import Path

import numpy as np

from minigrad.data.idx import read_idx
from minigrad.errors import DataError

TEST_PREFIXES = ("t10k", "test")


def read_pair(images: Path, need_labels: bool = True) -> tuple[np.ndarray, np.ndarray | None]:
    """The images at `images` and the labels in the file beside it; (x, None) if there is none and none is needed."""
    labels = labels_beside(images)
    x = read_idx(images)
    if labels is not None:
        return x, read_idx(labels)
    if not need_labels:
        return x, None
    raise DataError(
        f"[load] no labels for {str(images)!r}: expected a file {_labels_name(images)!r} (.gz or not) beside it, "
        f"the images being named ...images-idx3..."
    )


def labels_beside(images: Path) -> Path | None:
    """The labels file that belongs to an images file by its name, compressed or not; None if there is none."""
    stem = _labels_name(images)
    candidates = (images.with_name(stem), images.with_name(stem + ".gz"))
    return next((path for path in candidates if path != images and path.is_file()), None)


def _labels_name(images):
    return images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")


def find_parts(folder: Path) -> tuple[Path, Path | None]:
    """The images files of the training and of the test part (None if there is none) in `folder`."""
    found = {path.name.removesuffix(".gz"): path for path in sorted(folder.iterdir()) if "images-idx" in path.name}
    test = [path for name, path in found.items() if name.startswith(TEST_PREFIXES)]
    train = [path for name, path in found.items() if not name.startswith(TEST_PREFIXES)]
    if len(train) != 1 or len(test) > 1:
        names = ", ".join(sorted(found)) or "no ...images-idx3... file"
        raise DataError(
            f"[load] folder {str(folder)!r} must hold the images of one training part (train-images-idx3-ubyte) "
            f"and at most one test part (t10k-..., test-...), found: {names}."
        )
    return train[0], next(iter(test), None)
