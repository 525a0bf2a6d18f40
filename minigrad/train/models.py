"""Models by name, in words, or from the user's own file."""

import importlib.util
import math
from pathlib import Path

import numpy as np

from minigrad import Tensor, nn, no_grad
from minigrad.errors import ConfigError

MLP = "linear 256, relu, linear 128, relu, linear {classes}"
CNN = "conv 16 3, relu, {shrink}conv 32 3, relu, pool 2, linear 64, relu, linear {classes}"
LARGE_IMAGE = 16  # pixels; from here on a pooling after the first convolution saves most of the work


def build_model(spec: str, sample_shape: tuple[int, ...], classes: int) -> nn.Module:
    """A classifier of samples of one shape: (N, *sample_shape) -> scores (N, classes).

    spec: "mlp" (256 and 128 hidden units), "cnn" (convolutions of 16 and 32 channels, 64 hidden units), layers in
        words, separated by commas, such as "conv 16 3, relu, pool 2, linear 10", or FILE.py:function, a function of
        (sample_shape, classes) that returns a Module.
    In words:  conv CHANNELS SIZE [STRIDE] (padded by SIZE // 2), pool SIZE, linear UNITS (flattens first), and
        batchnorm, layernorm, and any module of minigrad.nn by its name in small letters and its first arguments: relu,
        tanh, dropout 0.5.
    Raises ConfigError if the words make no model for these samples, if the file has no such function, or if what it
        returns does not fit the classes.

    >>> from minigrad.train import build_model
    >>> model = build_model("conv 16 3, relu, pool 2, linear 10", (1, 8, 8), 10)
    >>> [type(layer).__name__ for layer in model]
    ['Conv2d', 'ReLU', 'MaxPool2d', 'Flatten', 'Linear']
    """
    if ".py:" in spec:
        model = _from_file(spec, sample_shape, classes)
    else:
        shrink = "pool 2, " if min(sample_shape[-2:]) >= LARGE_IMAGE else ""
        words = {"mlp": MLP, "cnn": CNN}.get(spec, spec).format(shrink=shrink, classes=classes)
        model = _from_words(words, sample_shape)
    _check_output(spec, model, sample_shape, classes)
    return model


def _check_output(spec, model, sample_shape, classes):
    found = _output_shape(model, sample_shape)
    if found != (classes,):
        raise ConfigError(
            f"[model] {spec!r} turns samples of {sample_shape} into outputs of {found}, "
            f"but the data have {classes} classes: it must end in {classes} scores a sample."
        )


def _output_shape(module, sample_shape):
    """The shape of one sample after `module`, found by sending zeros through it; leaves no trace in it."""
    was_training = module.training
    module.eval()
    try:
        with no_grad():
            output = module(Tensor(np.zeros((2, *sample_shape), np.float32)))
    finally:
        module.train(was_training)
    return output.shape[1:] if isinstance(output, Tensor) else type(output).__name__


# ---- layers in words


def _from_words(words, sample_shape):
    layers, shape = [], sample_shape
    for phrase in words.split(","):
        try:
            for layer in _layers_for(phrase, shape):
                shape = _output_shape(layer, shape)
                layers.append(layer)
        except (ValueError, TypeError) as error:
            raise ConfigError(f"[model] cannot put {phrase.strip()!r} after samples of {shape}: {error}") from error
    return nn.Sequential(*layers)


def _layers_for(phrase, shape):
    name, *words = phrase.split() or [""]
    numbers = [int(word) if word.isdecimal() else float(word) for word in words]
    if name not in SIZED:
        return [_module_named(name)(*numbers)]
    make, usage, counts = SIZED[name]
    if len(numbers) not in counts:
        raise ValueError(f"write {usage}")
    return make(shape, *numbers)


def _conv(shape, channels, size, stride=1):
    return [nn.Conv2d(_channels(shape), channels, size, stride=stride, padding=int(size) // 2)]


def _pool(shape, size):
    _channels(shape)
    return [nn.MaxPool2d(size)]


def _linear(shape, units):
    flatten = [nn.Flatten()] if len(shape) > 1 else []
    return [*flatten, nn.Linear(math.prod(shape), units)]


def _batchnorm(shape):
    norms = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d, 4: nn.BatchNorm3d}
    if len(shape) not in norms:
        raise ValueError("it needs features or channels in front")
    return [norms[len(shape)](shape[0])]


def _layernorm(shape):
    return [nn.LayerNorm(shape)]


def _channels(shape):
    if len(shape) != 3:
        raise ValueError("it needs images (channels, height, width)")
    return shape[0]


# The words whose layer depends on what comes in: how to make it, how to write it, how many numbers that takes.
SIZED = {
    "conv": (_conv, "conv CHANNELS SIZE [STRIDE]", (2, 3)),
    "pool": (_pool, "pool SIZE", (1,)),
    "linear": (_linear, "linear UNITS", (1,)),
    "batchnorm": (_batchnorm, "batchnorm", (0,)),
    "layernorm": (_layernorm, "layernorm", (0,)),
}


def _module_named(name):
    for attribute in dir(nn):
        found = getattr(nn, attribute)
        if attribute.lower() == name and isinstance(found, type) and issubclass(found, nn.Module):
            return found
    raise ValueError(f"there is no layer {name!r}; use {', '.join(SIZED)}, relu, tanh, dropout, flatten, ...")


# ---- the user's own file


def _from_file(spec, sample_shape, classes):
    path, _, name = spec.rpartition(":")
    function = getattr(_import_file(Path(path)), name, None)
    if not callable(function):
        raise ConfigError(f"[model] {path!r} has no function {name!r}.")
    try:
        model = function(sample_shape, classes)
    except TypeError as error:
        raise ConfigError(f"[model] {spec} must be a function of (sample_shape, classes): {error}.") from error
    if not isinstance(model, nn.Module):
        raise ConfigError(f"[model] {spec} must return a minigrad.nn.Module, got a {type(model).__name__}.")
    return model


def _import_file(path):
    found = importlib.util.spec_from_file_location("minigrad_user_model", path)
    if not path.is_file() or found is None or found.loader is None:
        raise ConfigError(f"[model] there is no Python file {str(path)!r}.")
    module = importlib.util.module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except (SyntaxError, ImportError) as error:
        raise ConfigError(f"[model] cannot import {str(path)!r}: {error}.") from error
    return module
