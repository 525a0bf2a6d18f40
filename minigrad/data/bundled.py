"""The data set that comes with the package."""

import numpy as np

from minigrad.data.record import Dataset


def digits() -> Dataset:
    """1,797 handwritten digits, grey images of 8x8 pixels: x (1797, 1, 8, 8) in [0, 1], y in 0 .. 9.

    Each pixel is the share of ink in one 4x4 block of a 32x32 scan. The images are in the order of the original file.
    Source: Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository
    (CC BY 4.0); details in digits.txt beside this file.

    >>> from minigrad.data import digits
    >>> digits()
    Dataset('digits': 1797 samples of shape (1, 8, 8), 10 classes)
    """
    from importlib.resources import as_file, files

    with as_file(files("minigrad.data") / "digits.npz") as path, np.load(path, allow_pickle=False) as arrays:
        ink, y = arrays["x"], arrays["y"]
    return Dataset(ink[:, None].astype(np.float32) / 16, y, tuple("0123456789"), name="digits")
