"""Models by name, in words and from files: the layers they have, and what is refused."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError
from minigrad.train import build_model

IMAGE, LARGE, ROW = (1, 8, 8), (3, 28, 20), (5,)
LAYERS = [
    ("mlp", ROW, "Linear ReLU Linear ReLU Linear", 5 * 256 + 256 + 256 * 128 + 128 + 128 * 3 + 3),
    ("mlp", IMAGE, "Flatten Linear ReLU Linear ReLU Linear", 64 * 256 + 256 + 256 * 128 + 128 + 128 * 3 + 3),
    ("cnn", IMAGE, "Conv2d ReLU Conv2d ReLU MaxPool2d Flatten Linear ReLU Linear", 160 + 4640 + 32832 + 195),
    (
        "cnn",
        LARGE,
        "Conv2d ReLU MaxPool2d Conv2d ReLU MaxPool2d Flatten Linear ReLU Linear",
        448 + 4640 + 1120 * 64 + 259,
    ),
    ("conv 4 3 2, tanh, linear 3", IMAGE, "Conv2d Tanh Flatten Linear", 40 + 64 * 3 + 3),
    ("conv 4 5,pool 8,  linear 3 ", IMAGE, "Conv2d MaxPool2d Flatten Linear", 104 + 15),
    ("flatten, dropout 0.5, linear 3", IMAGE, "Flatten Dropout Linear", 64 * 3 + 3),
    ("linear 3", ROW, "Linear", 18),
    ("batchnorm, conv 4 3, mish, linear 3", IMAGE, "BatchNorm2d Conv2d Mish Flatten Linear", 2 + 40 + 768 + 3),
    ("linear 4, batchnorm, linear 4, layernorm, linear 3", ROW, "Linear BatchNorm1d Linear LayerNorm Linear", 75),
]


@pytest.mark.parametrize(("spec", "sample_shape", "layers", "parameters"), LAYERS)
def test_layers_and_sizes(spec, sample_shape, layers, parameters):
    model = build_model(spec, sample_shape, 3)
    assert " ".join(type(layer).__name__ for layer in model) == layers
    assert sum(parameter.size for parameter in model.parameters()) == parameters
    assert model(mg.zeros((2, *sample_shape))).shape == (2, 3)
    assert model.training


def test_looking_at_shapes_draws_no_random_numbers_but_those_of_the_parameters():
    mg.manual_seed(0)
    expected = nn.Linear(5, 3).weight.numpy()
    mg.manual_seed(0)
    model = build_model("dropout 0.5, linear 3", ROW, 3)
    np.testing.assert_array_equal(model[1].weight.numpy(), expected)


BAD = [
    ("", ROW, "no layer ''"),
    ("linear 4,, linear 3", ROW, "no layer ''"),
    ("lstn 4, linear 3", ROW, "no layer 'lstn'; use conv, pool, linear, batchnorm, layernorm, relu"),
    ("linear, linear 3", ROW, "cannot put 'linear' after samples of .*: write linear UNITS"),
    ("linear four, linear 3", ROW, "cannot put 'linear four' .*could not convert string to float: 'four'"),
    ("linear -4, linear 3", ROW, "cannot put 'linear -4' after .*out_features"),
    ("linear 2.5, linear 3", ROW, "cannot put 'linear 2.5' after .*out_features"),
    ("linear 4 4 4, linear 3", ROW, "cannot put 'linear 4 4 4' after .*: write linear UNITS"),
    ("conv 4 3, linear 3", ROW, r"'conv 4 3' after samples of \(5,\): it needs images \(channels, height, width\)"),
    ("linear 4, pool 2, linear 3", IMAGE, r"'pool 2' after samples of \(4,\): it needs images"),
    ("batchnorm 4, linear 3", IMAGE, "cannot put 'batchnorm 4' after .*: write batchnorm"),
    ("pool 9, linear 3", IMAGE, r"'pool 9'.* \(1, 8, 8\)"),
    ("linear 8, relu", ROW, r"turns samples of \(5,\) into outputs of \(8,\), but the data have 3 classes"),
    ("conv 3 3", IMAGE, r"outputs of \(3, 8, 8\)"),
]


@pytest.mark.parametrize(("spec", "sample_shape", "message"), BAD)
def test_refuses_words(spec, sample_shape, message):
    with pytest.raises(ConfigError, match=message):
        build_model(spec, sample_shape, 3)


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "net.py").write_text("from minigrad import nn\n" + text)
        return f"{tmp_path / 'net.py'}:net"

    return write


def test_a_function_in_a_file(write):
    spec = write("def net(sample_shape, classes):\n    return nn.Linear(sample_shape[0], classes, bias=False)\n")
    assert build_model(spec, ROW, 3).weight.shape == (3, 5)


BAD_FILES = [
    ("def other(): pass", "has no function 'net'"),
    ("net = 3", "has no function 'net'"),
    ("def net(): return nn.Linear(5, 3)", r"must be a function of \(sample_shape, classes\)"),
    ("def net(sample_shape, classes): return 3", "must return a minigrad.nn.Module, got a int"),
    ("def net(sample_shape, classes): return nn.Linear(5, 4)", r"outputs of \(4,\), but the data have 3 classes"),
    ("def net(:", "cannot import .*invalid syntax"),
    ("import nothing_of_this_name", "cannot import .*No module named 'nothing_of_this_name'"),
    (
        "class Pair(nn.Module):\n    def forward(self, x): return x, x\ndef net(sample_shape, classes): return Pair()",
        "outputs of tuple",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD_FILES)
def test_refuses_files(write, text, message):
    with pytest.raises(ConfigError, match=message):
        build_model(write(text), ROW, 3)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="there is no Python file"):
        build_model(f"{tmp_path / 'nowhere.py'}:net", ROW, 3)
