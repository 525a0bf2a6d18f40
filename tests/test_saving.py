"""Safetensors files: round trips, other libraries, atomic writing, damaged files; copies and pickles of tensors."""

import copy
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad as mg
from minigrad import nn, saving
from minigrad.errors import DataError, DtypeError

DTYPES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]


@given(
    arrays=st.dictionaries(
        st.text(max_size=5).filter(lambda name: name != "__metadata__"),
        st.sampled_from(DTYPES).flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, min_side=0, max_side=3))),
        max_size=4,
    ),
    metadata=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
def test_round_trip(tmp_path_factory, arrays, metadata):
    path = tmp_path_factory.getbasetemp() / "round_trip.safetensors"
    mg.save({name: mg.Tensor(array) for name, array in arrays.items()}, path, metadata)
    loaded = mg.load(path)
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        assert loaded[name].numpy().tobytes() == array.tobytes()  # NaN and -0.0 too
        assert loaded[name].shape == array.shape
    assert saving.load_metadata(path) == metadata


def test_layouts_in_memory(tmp_path):
    x = np.arange(6.0).reshape(2, 3)
    mg.save({"transposed": mg.Tensor(x.T), "reversed": mg.Tensor(x[:, ::-1]), "array": x[::2]}, tmp_path / "x")
    loaded = mg.load(tmp_path / "x")
    assert loaded["transposed"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert loaded["reversed"].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert loaded["array"].tolist() == [[0, 1, 2]]


def test_a_module(tmp_path):
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    mg.save(source, tmp_path / "model.safetensors")
    target.load_state_dict(mg.load(tmp_path / "model.safetensors"))
    x = mg.ones((1, 3))
    np.testing.assert_array_equal(target(x).numpy(), source(x).numpy())


class Tied(nn.Module):
    """An output layer that has the weight of the first, as in language models."""

    def __init__(self):
        self.embed, self.score = nn.Linear(3, 3, bias=False), nn.Linear(3, 3)
        self.score.weight = self.embed.weight
        self.again = self.embed


def test_shared_tensors_are_written_once(tmp_path):
    source, path = Tied(), tmp_path / "x"
    mg.save(source, path, {"epoch": "3"})
    with saving.opened(path) as file:
        assert sorted(file.keys()) == ["embed.weight", "score.bias"]
    assert saving.load_metadata(path) == {"epoch": "3"}
    loaded = mg.load(path)
    assert loaded["again.weight"].data is loaded["score.weight"].data is loaded["embed.weight"].data
    target = Tied()
    target.load_state_dict(loaded)
    assert target.score.weight is target.embed.weight
    np.testing.assert_array_equal(target.embed.weight.numpy(), source.embed.weight.numpy())


def test_the_same_content_is_the_same_file(tmp_path):
    """Whatever order the metadata have in memory."""
    metadata = {chr(i): f"\u00e4{i}" for i in range(97, 107)}
    contents = []
    for _ in range(3):
        mg.save({"x": np.arange(3.0), "y": np.ones(1, np.int8)}, tmp_path / "x", metadata)
        contents.append((tmp_path / "x").read_bytes())
    assert len(set(contents)) == 1
    assert saving.load_metadata(tmp_path / "x") == metadata
    assert mg.load(tmp_path / "x")["x"].tolist() == [0, 1, 2]


def test_equal_tensors_are_not_shared(tmp_path):
    x = np.ones((2, 2))
    mg.save({"a": x, "b": x.copy(), "row": x[0], "none": x[:0], "nothing": x[:0]}, tmp_path / "x")
    with saving.opened(tmp_path / "x") as file:
        assert sorted(file.keys()) == ["a", "b", "none", "nothing", "row"]


def test_pytorch_reads_shared_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_model

    class TorchTied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.score = torch.nn.Linear(3, 3, bias=False), torch.nn.Linear(3, 3)
            self.score.weight = self.embed.weight
            self.again = self.embed

    ours, theirs = Tied(), TorchTied()
    mg.save(ours, tmp_path / "x")
    load_model(theirs, tmp_path / "x")
    theirs.load_state_dict({name: torch.tensor(x.numpy()) for name, x in mg.load(tmp_path / "x").items()})
    np.testing.assert_array_equal(theirs.score.weight.detach().numpy(), ours.score.weight.numpy())


@pytest.mark.parametrize("names", ["{", "[]", '{"b": "c"}', '{"b": 1}', '{"b": ["a"]}'])
def test_damaged_names_of_shared_tensors(tmp_path, names):
    mg.save({"a": np.ones(1)}, tmp_path / "x", {saving.SHARED: names})
    with pytest.raises(DataError, match=r"\[load\] .* is damaged: its names of shared tensors are"):
        mg.load(tmp_path / "x")


def test_other_libraries_read_and_write_the_same_files(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    layer, twin = nn.Linear(3, 2), torch.nn.Linear(3, 2)
    mg.save(layer, tmp_path / "ours")
    twin.load_state_dict(load_file(tmp_path / "ours"))
    np.testing.assert_array_equal(twin.weight.detach().numpy(), layer.weight.numpy())
    save_file({name: 2 * value for name, value in twin.state_dict().items()}, tmp_path / "theirs")
    layer.load_state_dict(mg.load(tmp_path / "theirs"))
    np.testing.assert_array_equal(layer.weight.numpy(), 2 * twin.weight.detach().numpy())


def test_dtypes_that_we_do_not_have(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    save_file({"x": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "x")
    with pytest.raises(DtypeError, match=r"\[load\] .*x: tensor 'x' has dtype BF16, which is not supported"):
        mg.load(tmp_path / "x")
    from safetensors.numpy import save_file as save_arrays

    save_arrays({"x": np.ones(2, np.uint32)}, tmp_path / "x")
    with pytest.raises(DtypeError, match="dtype U32"):
        mg.load(tmp_path / "x")


# ---- writing


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    mg.save({"x": mg.ones(1)}, path)

    def fail(*args):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        mg.save({"x": mg.zeros(1)}, path)
    assert os.listdir(tmp_path) == ["x.safetensors"]
    assert mg.load(path)["x"].item() == 1


def test_the_file_has_usual_permissions(tmp_path):
    mg.save({}, tmp_path / "x")
    (tmp_path / "y").write_bytes(b"")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "y").stat().st_mode


def test_paths_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mg.save({"x": mg.ones(1)}, "x")
    assert mg.load("x")["x"].item() == 1


NOT_SAVED = {
    "a list": ([mg.ones(1)], None, r"\[save\] expected a module or a mapping from names to tensors, got list"),
    "nested": ({"a": {"b": mg.ones(1)}}, None, "'a' must be a tensor, got dict: mappings cannot be nested"),
    "a number": ({"a": 1.0}, None, "'a' must be a tensor, got float"),
    "a number as a name": ({0: mg.ones(1)}, None, "names must be strings other than '__metadata__', got 0"),
    "reserved": ({"__metadata__": mg.ones(1)}, None, "got '__metadata__'"),
    "dtype": ({"a": np.ones(1, complex)}, None, "complex128 is not supported"),
    "metadata": ({}, {"epoch": 3}, "metadata maps strings to strings, got 'epoch': 3"),
}


@pytest.mark.parametrize(("tensors", "metadata", "message"), NOT_SAVED.values(), ids=NOT_SAVED)
def test_what_is_not_saved(tmp_path, tensors, metadata, message):
    with pytest.raises(DtypeError, match=message):
        mg.save(tensors, tmp_path / "x", metadata)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"\[save\] there is no folder '.*missing'"):
        mg.save({}, tmp_path / "missing" / "x")


# ---- reading


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"\[load\] there is no file '.*missing'"):
        mg.load(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        mg.load(tmp_path)


def good_file():
    from safetensors.numpy import save

    return save({"x": np.arange(100.0)})


DAMAGED = {
    "empty": b"",
    "text": b"x,y\n1,2\n" * 20,
    "a pickle": pickle.dumps({"x": np.ones(3)}),
    "cut short": good_file()[:-1],
    "longer": good_file() + b"0",
    "half a header": good_file()[:20],
    "another header": good_file().replace(b"F64", b"Q64"),
    "a wrong shape": good_file().replace(b"[100]", b"[101]"),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("read", [mg.load, saving.load_metadata])
def test_damaged_files(tmp_path, content, read):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match=r"\[load\] .*x is no safetensors file, or it is damaged"):
        read(tmp_path / "x")


# ---- copies and pickles


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("make", [mg.tensor, nn.Parameter])
def test_copies_of_tensors(copied, make):
    x = make([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    twin, same, plain = copied((x, x, mg.tensor([1, 2])))
    assert same is twin
    assert type(twin) is type(x)
    assert twin.requires_grad
    assert not plain.requires_grad
    assert (twin.tolist(), twin.grad.tolist(), plain.tolist()) == ([1, 2], [2, 4], [1, 2])
    (twin * 3).sum().backward()
    assert (twin.grad.tolist(), x.grad.tolist()) == ([5, 7], [2, 4])
    assert not np.shares_memory(twin.data, x.data)


def test_a_computed_tensor_is_not_copied():
    with pytest.raises(mg.GraphError, match=r"only leaves can be copied or pickled: take \.detach\(\)"):
        copy.deepcopy(nn.Parameter([1.0]) * 2)


def test_a_file_of_torch_is_told(tmp_path):
    """Which is a zip archive."""
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("data.pkl", b"")
    with pytest.raises(DataError, match=r"no safetensors file.* give load_state_dict what torch.load returns"):
        mg.load(tmp_path / "model.pt")
