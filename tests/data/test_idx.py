"""The IDX reader against files written by hand from the format's description."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minigrad.data.idx import read_idx
from minigrad.errors import DataError

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}
HEADER_2X3 = bytes.fromhex("00000802 00000002 00000003")


def test_reads_a_file_spelled_out_in_hex(tmp_path):
    path = tmp_path / "int16"
    path.write_bytes(bytes.fromhex("00000b02 00000002 00000003 0001 0002 0003 ffff 7fff 8000"))
    array = read_idx(path)
    np.testing.assert_array_equal(array, [[1, 2, 3], [-1, 32767, -32768]])
    assert array.dtype == np.int16
    assert array.dtype.isnative


@given(st.data(), st.sampled_from(sorted(TYPES)), st.booleans())
def test_reads_every_type_and_shape(tmp_path_factory, data, code, compressed):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
    array = data.draw(hnp.arrays(TYPES[code], shape))
    content = struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape) + array.astype(f">{TYPES[code]}").tobytes()
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(gzip.compress(content) if compressed else content)
    np.testing.assert_array_equal(read_idx(path), array)


DAMAGED = {
    "empty": (b"", "starts with nothing"),
    "bad magic": (b"\x89PNG....", "starts with 89 50 4e 47"),
    "unknown type": (bytes.fromhex("00000a01 00000000"), "starts with 00 00 0a 01"),
    "header cut": (HEADER_2X3[:9], "ends within its header of 12 bytes"),
    "truncated": (HEADER_2X3 + bytes(5), r"truncated: shape \(2, 3\) of uint8 needs 18 bytes, the file holds 17"),
    "too long": (HEADER_2X3 + bytes(7), "too long"),
    "absurd count": (bytes.fromhex("00000803 ffffffff ffffffff ffffffff") + bytes(9), "truncated"),
    "gzip cut": (gzip.compress(HEADER_2X3 + bytes(6))[:-9], "damaged gzip"),
    "gzip flipped": (gzip.compress(HEADER_2X3 + bytes(6))[:-8] + bytes(8), "damaged gzip"),
    "gzip noise": (b"\x1f\x8b\x08" + b"\xff" * 40, "damaged gzip"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_told(tmp_path, case):
    content, message = DAMAGED[case]
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(path)


def test_missing_file_and_folder_are_told(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*absent.*No such file"):
        read_idx(tmp_path / "absent")
    with pytest.raises(DataError, match="cannot read"):
        read_idx(tmp_path)
