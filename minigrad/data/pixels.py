"""Bytes to numbers: the one convention for grey and colour images."""

import numpy as np


def scale_pixels(x: np.ndarray) -> np.ndarray:
    """Images of uint8 to float32 in [0, 1], grey ones (N, H, W) to (N, 1, H, W); any other array as it is."""
    if x.dtype != np.uint8 or x.ndim < 3:
        return x
    scaled = np.divide(x, 255, dtype=np.float32)
    return scaled[:, None] if x.ndim == 3 else scaled
