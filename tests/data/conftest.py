"""What the data tests share: files written byte by byte, and the full MNIST where a machine has it."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

MNIST_FOLDERS = [
    *(
        [Path(os.environ["MINIGRAD_DATA"]), Path(os.environ["MINIGRAD_DATA"]) / "mnist"]
        if "MINIGRAD_DATA" in os.environ
        else []
    ),
    Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist",
]


def idx_bytes(array):
    """An IDX file of uint8, as the format's description has it."""
    return b"\0\0\x08" + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def write_idx(tmp_path):
    """write_idx(name, array) -> the path of a new IDX file, compressed if the name says so."""

    def write(name, array):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = idx_bytes(np.asarray(array))
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.fixture(scope="session")
def mnist_folder():
    """The folder with the four real MNIST files; skips where there is none."""
    for folder in MNIST_FOLDERS:
        if (folder / "train-images-idx3-ubyte.gz").is_file():
            return folder
    pytest.skip("no MNIST files: set MINIGRAD_DATA to a folder that has them")
