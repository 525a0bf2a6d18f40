"""`load` on archives and IDX files."""

import numpy as np
import pytest

from minigrad.data import load
from minigrad.data.files import read
from minigrad.errors import DataError

X = np.arange(24, dtype=np.float64).reshape(4, 6)
Y = np.array([0, 1, 2, 1])
IMAGES = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)


@pytest.fixture
def save(tmp_path):
    def save(**arrays):
        path = tmp_path / "mine.npz"
        np.savez(path, **arrays)
        return path

    return save


def test_npz(save):
    data = load(save(x=X, y=Y))
    np.testing.assert_array_equal(data.x, X)
    np.testing.assert_array_equal(data.y, Y)
    assert (data.name, data.class_names, data.test) == ("mine", ("0", "1", "2"), None)


def test_npz_with_names_test_part_and_another_label_array(save):
    test = {"x_test": X[:1], "y_test": np.array([2])}
    data = load(save(x=X, kind=Y, class_names=np.array(["a", "b", "c"]), **test), label="kind")
    assert data.class_names == data.test.class_names == ("a", "b", "c")
    np.testing.assert_array_equal(data.test.x, X[:1])
    np.testing.assert_array_equal(data.test.y, [2])


@pytest.mark.parametrize(("shape", "expected"), [((4, 3, 2), (4, 1, 3, 2)), ((4, 3, 5, 5), (4, 3, 5, 5))])
def test_uint8_images_become_channels_first_in_0_to_1(save, shape, expected):
    pixels = np.full(shape, 51, np.uint8)
    data = load(save(x=pixels, y=Y))
    np.testing.assert_array_equal(data.x, np.full(expected, np.float32(0.2)))


def test_uint8_tables_and_float_images_stay_as_they_are(save):
    np.testing.assert_array_equal(load(save(x=X.astype(np.uint8), y=Y)).x, X)
    assert load(save(x=X.reshape(4, 3, 2), y=Y)).x.shape == (4, 3, 2)


def test_text_labels_in_npz(save):
    assert load(save(x=X, y=np.array(["b", "a", "b", "a"]))).class_names == ("a", "b")


BAD_NPZ = {
    "no x": ({"images": X, "y": Y}, "no array 'x'; it holds: images, y"),
    "no y": ({"x": X, "labels": Y}, "no array 'y'; it holds: labels, x"),
    "objects": ({"x": np.array([X[0], X[1][:2], None, None], dtype=object), "y": Y}, "never unpickled.*unequal size"),
    "nan": ({"x": np.where(X == 7, np.nan, X), "y": Y}, "1 NaN.*row 1, column 1"),
    "one class": ({"x": X, "y": np.zeros(4, int)}, r"one class \(0\)"),
    "negative label": ({"x": X, "y": Y - 1}, "the first is -1 in row 0"),
    "label beyond the names": ({"x": X, "y": Y, "class_names": np.array(["a", "b"])}, "the first is 2 in row 2"),
    "fractions": ({"x": X, "y": Y / 2}, "label 0.5 in row 1 is not a whole number"),
    "lengths": ({"x": X, "y": Y[:3]}, r"shape \(4,\), got \(3,\)"),
    "empty": ({"x": X[:0], "y": Y[:0]}, "no labels"),
    "test shape": ({"x": X, "y": Y, "x_test": X[:, :2], "y_test": Y}, r"\(6,\), test samples \(2,\)"),
    "test label": ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1}, "test part.*the first is 3 in row 2"),
}


@pytest.mark.parametrize("case", BAD_NPZ)
def test_refuses_npz(save, case):
    arrays, message = BAD_NPZ[case]
    with pytest.raises(DataError, match=message):
        load(save(**arrays))


def test_refuses_damaged_npz(save):
    path = save(x=X, y=Y)
    whole = path.read_bytes()
    for content in (b"", b"no archive", whole[:-30], whole.replace(X.tobytes()[:40], bytes(40))):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"no \.npz archive or a damaged one"):
            load(path)


def test_idx_pair_folder_and_missing_labels(write_idx):
    train = write_idx("set/train-images-idx3-ubyte.gz", IMAGES)
    with pytest.raises(DataError, match=r"no labels for .*expected a file 'train-labels-idx1-ubyte'"):
        load(train)
    write_idx("set/train-labels-idx1-ubyte", Y)
    for path in (train, train.parent):
        data = load(path)
        np.testing.assert_array_equal(data.x, IMAGES[:, None] / np.float32(255))
        np.testing.assert_array_equal(data.y, Y)
        assert data.test is None

    write_idx("set/t10k-images-idx3-ubyte", IMAGES[:2])
    write_idx("set/t10k-labels-idx1-ubyte.gz", Y[:2])
    data = load(train.parent)
    assert (len(data), len(data.test), data.name) == (4, 2, "set")
    assert load(train).test is None


def test_idx_counts_that_differ(write_idx):
    path = write_idx("a-images-idx3-ubyte", IMAGES)
    write_idx("a-labels-idx1-ubyte", Y[:3])
    with pytest.raises(DataError, match=r"shape \(4,\), got \(3,\)"):
        load(path)


def test_folder_without_or_with_too_many_images(tmp_path, write_idx):
    with pytest.raises(DataError, match=r"found: no \.\.\.images-idx3\.\.\. file"):
        load(tmp_path)
    write_idx("a-images-idx3-ubyte", IMAGES)
    write_idx("b-images-idx3-ubyte", IMAGES)
    with pytest.raises(DataError, match="found: a-images-idx3-ubyte, b-images-idx3-ubyte"):
        load(tmp_path)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"there is no file or folder .*nowhere\.npz"):
        load(tmp_path / "nowhere.npz")


def test_read_without_labels(save, write_idx):
    assert read(save(x=X), need_labels=False).labels is None
    assert read(write_idx("images-idx3", IMAGES), need_labels=False).labels is None
