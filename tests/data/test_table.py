"""CSV files: what is read, and where an error is said to be."""

import gzip

import numpy as np
import pytest

from minigrad.data import load
from minigrad.data.table import read_table
from minigrad.errors import DataError

FRUIT = "weight,label,length\n120,banana,18\n150,apple,7e0\n131,apple,6.5\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="fruit.csv"):
        path = tmp_path / name
        content = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


VARIANTS = {
    "plain": (FRUIT, {}),
    "byte order mark": ("\ufeff" + FRUIT, {}),
    "windows line ends": (FRUIT.replace("\n", "\r\n"), {}),
    "no last line end, blank lines": ("\n" + FRUIT.replace("\n150", "\n\n150").rstrip(), {}),
    "quotes and spaces": (FRUIT.replace("banana", '"banana"').replace("weight,label", "weight , label"), {}),
    "semicolons": (FRUIT.replace(",", ";"), {"delimiter": ";"}),
    "another label column": (FRUIT.replace("label", "kind"), {"label": "kind"}),
}


@pytest.mark.parametrize("name", ["fruit.csv", "fruit.csv.gz"])
@pytest.mark.parametrize("case", VARIANTS)
def test_reads(write, case, name):
    text, options = VARIANTS[case]
    data = load(write(text, name), **options)
    np.testing.assert_array_equal(data.x, np.array([[120, 18], [150, 7], [131, 6.5]], np.float32))
    np.testing.assert_array_equal(data.y, [1, 0, 0])
    assert (data.class_names, data.columns, data.name) == (("apple", "banana"), ("weight", "length"), "fruit")


BAD = {
    "empty file": ("", "is empty"),
    "only blanks": (" \n \n", "is empty"),
    "header only": ("a,label\n", "header but no samples"),
    "no label column": ("a,b,kind\n1,2,x\n", "no column 'label'; its first line names: a, b, kind"),
    "no features": ("label\nx\ny\n", "no feature columns"),
    "repeated column": ("a,a,label\n1,2,x\n", "2 columns of the name 'a'"),
    "word in a number column": ("a,b,label\n1,2,x\n3,two,y\n", "line 3, column 'b': 'two' is not a number"),
    "empty cell": ("a,b,label\n1,,x\n", "line 2, column 'b': '' is not a number"),
    "short line": ("a,b,label\n1,2,x\n3,y\n", "line 3: 2 cells, but the header has 3"),
    "nan": ("a,b,label\n1,2,x\n\n3,nan,y\ninf,4,y\n", "2 NaN or infinite.*line 4, column 'b'"),
    "too large for float32": ("a,label\n1,x\n1e39,y\n", "1 NaN or infinite.*line 3, column 'a'"),
    "one class": ("a,label\n1,x\n2,x\n", r"all 2 labels are of one class \(x\)"),
    "regression": ("a,label\n1,0.1\n2,0.7\n", "'0.1' in row 0.*regression"),
    "not text": (b"a,label\n1,\xff\n", "not UTF-8"),
    "huge cell": ("a,label\n1,x\n" + "9" * 200_000 + ",x\n", "line 3: field larger than"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(write, case):
    text, message = BAD[case]
    with pytest.raises(DataError, match=message):
        load(write(text))


def test_labels_may_be_absent_only_if_not_needed(write):
    path = write("a,b\n1,2\n")
    x, labels, columns = read_table(path, "label", need_labels=False)
    np.testing.assert_array_equal(x, [[1, 2]])
    assert labels is None
    assert columns == ("a", "b")
    with pytest.raises(DataError, match="no column 'label'"):
        read_table(path, "label")
