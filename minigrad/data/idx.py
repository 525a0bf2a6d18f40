"""The IDX format of the MNIST files, compressed with gzip or not.

    byte 0-1  zero
    byte 2    element type: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
    byte 3    number of dimensions, d
    then      d sizes, 4 bytes each, and the elements in row-major order; everything is big-endian

Source: LeCun, Cortes & Burges (1998), The MNIST database of handwritten digits.
"""

import math
import struct
from pathlib import Path

import numpy as np

from minigrad.data.gzipped import read_bytes
from minigrad.errors import DataError

ELEMENT_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path) -> np.ndarray:
    """The array in the IDX file at `path`, in native byte order.

    Raises DataError if the file is missing, damaged, truncated or longer than its header says.
    """
    content = read_bytes(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in ELEMENT_TYPES:
        raise DataError(
            f"[read_idx] {str(path)!r} is no IDX file: it starts with {content[:4].hex(' ') or 'nothing'}, "
            f"expected 00 00, a type in 08 09 0b 0c 0d 0e, and the number of dimensions."
        )
    dtype, ndim = np.dtype(ELEMENT_TYPES[content[2]]), content[3]
    start = 4 + 4 * ndim
    if len(content) < start:
        raise DataError(f"[read_idx] {str(path)!r} is truncated: it ends within its header of {start} bytes.")
    shape = struct.unpack(f">{ndim}I", content[4:start])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        state = "truncated" if len(content) < expected else "too long"
        raise DataError(
            f"[read_idx] {str(path)!r} is {state}: shape {shape} of {dtype.newbyteorder('=')} needs {expected} bytes, "
            f"the file holds {len(content)}."
        )
    elements = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return elements.astype(dtype.newbyteorder("="))
