"""Predictions of a run for new data, with and without labels."""

import csv
import io
import json

import numpy as np
import pytest

from minigrad.errors import DataError
from minigrad.train import predict, train

COLUMNS = "width,height,kind\n"
CENTRES = {"ant": (0, 0), "bee": (6, 0), "fly": (0, 6)}


def rows(n, seed):
    rng = np.random.default_rng(seed)
    return [(name, *(rng.normal(size=2) + CENTRES[name])) for _ in range(n) for name in CENTRES]


@pytest.fixture(scope="module")
def run(tmp_path_factory, silent_display):
    """A run on a table of three kinds, far apart."""
    folder = tmp_path_factory.mktemp("insects")
    (folder / "insects.csv").write_text(COLUMNS + "".join(f"{w},{h},{name}\n" for name, w, h in rows(40, 0)))
    train({"data": str(folder / "insects.csv"), "label": "kind", "epochs": 20}, folder / "run", silent_display())
    return folder / "run"


@pytest.fixture
def write(tmp_path):
    def write(text, name="new.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_labelled_data_give_an_accuracy(run, write):
    new = rows(20, 1)
    prediction = predict(run, write(COLUMNS + "".join(f"{w},{h},{name}\n" for name, w, h in new)))
    assert prediction.accuracy > 0.95
    assert prediction.class_names == ("ant", "bee", "fly")
    np.testing.assert_allclose(prediction.probabilities.sum(axis=1), 1)
    right = [prediction.class_names[i] == name for i, (name, *_) in zip(prediction.classes, new, strict=True)]
    assert np.mean(right) == prediction.accuracy


def test_columns_are_found_by_name_and_labels_may_be_absent(run, write):
    new = rows(5, 2)
    plain = predict(run, write("width,height\n" + "".join(f"{w},{h}\n" for _, w, h in new)))
    moved = predict(run, write("id,height,width\n" + "".join(f"7,{h},{w}\n" for _, w, h in new)))
    np.testing.assert_array_equal(plain.probabilities, moved.probabilities)
    assert plain.accuracy is None


def test_one_class_alone_keeps_its_number(run, write):
    prediction = predict(run, write(COLUMNS + "6,0,bee\n"))
    assert prediction.y.tolist() == [1]
    assert prediction.accuracy == 1.0


def test_csv(run, write):
    text = io.StringIO()
    predict(run, write(COLUMNS + "6,0,bee\n0,6,ant\n")).write_csv(text)
    table = list(csv.reader(io.StringIO(text.getvalue())))
    assert table[0] == ["row", "class", "probability", "label"]
    assert [(row[0], row[1], row[3]) for row in table[1:]] == [("0", "bee", "bee"), ("1", "fly", "ant")]
    assert all(0.5 < float(row[2]) <= 1 for row in table[1:])


BAD = {
    "unknown class": (COLUMNS + "1,2,wasp\n", "'wasp' in row 0 is none of the 3 classes: ant, bee, fly"),
    "column missing": ("width\n1\n", "no column 'height', which the run was trained with"),
    "nan": ("width,height\n1,nan\n", "1 NaN .*line 2, column 'height'"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses_data(run, write, case):
    text, message = BAD[case]
    with pytest.raises(DataError, match=message):
        predict(run, write(text))


def test_a_label_column_that_was_asked_for_must_be_there(run, write):
    with pytest.raises(DataError, match="no column 'sort'"):
        predict(run, write("width,height\n1,2\n"), label="sort")


def test_samples_of_another_shape(run, tmp_path):
    np.savez(tmp_path / "new.npz", x=np.zeros((4, 3)))
    with pytest.raises(DataError, match=r"samples of shape \(2,\), those of .*new.npz have \(3,\)"):
        predict(run, tmp_path / "new.npz")


def test_a_damaged_run(run, write, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("config.json", "model.safetensors"):
        (copy / name).write_bytes((run / name).read_bytes())
    data = write("width,height\n1,2\n")
    predict(copy, data)
    (copy / "model.safetensors").write_bytes((run / "model.safetensors").read_bytes()[:-4])
    with pytest.raises(DataError, match=r"model\.safetensors is no safetensors file, or it is damaged"):
        predict(copy, data)
    (copy / "model.safetensors").unlink()
    with pytest.raises(DataError, match=r"cannot read model\.safetensors"):
        predict(copy, data)
    (copy / "config.json").write_text(json.dumps({"settings": {"data": "x"}}))
    with pytest.raises(DataError, match=r"config\.json does not describe a run"):
        predict(copy, data)
