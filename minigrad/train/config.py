"""The settings of a run: checked, with defaults that suit the data, and stored as JSON."""

import math
from dataclasses import dataclass
from typing import Any

from minigrad.data import Dataset
from minigrad.errors import ConfigError

SMALL = 10_000  # samples; below, many epochs cost little


@dataclass(frozen=True)
class Config:
    """What determines a run: the same settings, data and version give the same numbers, digit for digit.

    data, label: a name ("digits", "mnist") or a file, and its label column; see minigrad.data.load.
    model: "mlp", "cnn", layers in words, or FILE.py:function; see minigrad.train.build_model.
    epochs, batch_size, optimizer, lr, weight_decay, momentum: as usual. lr is the peak of a linear warm-up over the
        first twentieth of the steps and a cosine down to 0 over the rest.
    shift: training images are moved by up to this many pixels at random.
    validation, test: shares of the samples set aside; `test` only if the data have no test part of their own.
    seed: of the split, the initial parameters, the order of the samples, and dropout.
    jit: whether to compile the computations that the run repeats; None: those that pay, see minigrad.train.compiling.
    Raises ConfigError if a value is out of range.
    """

    data: str
    label: str | None = None
    model: str = "mlp"
    epochs: int = 40
    batch_size: int = 32
    optimizer: str = "adam"
    lr: float = 2e-3
    weight_decay: float = 0.0
    momentum: float | None = None
    shift: int = 0
    validation: float = 0.1
    test: float = 0.1
    seed: int = 0
    jit: bool | None = None

    def __post_init__(self):
        for name, (expected, is_good) in RANGES.items():
            value = getattr(self, name)
            if not is_good(value):
                raise ConfigError(f"[train] {name} must be {expected}, got {value!r}.")

    @property
    def model_name(self) -> str:
        """A short name of the model, for the run's folder."""
        return self.model if self.model.isidentifier() else "custom"


def _whole(low, high=math.inf):
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value < high


def _real(is_good):
    return lambda value: isinstance(value, int | float) and math.isfinite(value) and is_good(value)


RANGES = {
    "epochs": ("a whole number of at least 1", _whole(1)),
    "batch_size": ("a whole number of at least 1", _whole(1)),
    "lr": ("a positive number", _real(lambda value: value > 0)),
    "weight_decay": ("a number of at least 0", _real(lambda value: value >= 0)),
    "momentum": ("a number in [0, 1)", lambda value: value is None or _real(lambda m: 0 <= m < 1)(value)),
    "shift": ("a whole number of at least 0", _whole(0)),
    "validation": ("a share in (0, 1)", _real(lambda value: 0 < value < 1)),
    "test": ("a share in (0, 1)", _real(lambda value: 0 < value < 1)),
    "jit": ("True, False or None", lambda value: value is None or isinstance(value, bool)),
    "seed": ("a whole number in [0, 2**64)", _whole(0, 2**64)),
}


def suited_to(data: Dataset, given: dict[str, Any]) -> Config:
    """The settings `given`, completed with what usually works for data of this kind and size."""
    given = {name: value for name, value in given.items() if value is not None}
    images, small = is_images(data.sample_shape), len(data) < SMALL
    model = given.get("model", "cnn" if images else "mlp")
    sgd = given.get("optimizer", "").lower() == "sgd"
    defaults = {
        "model": model,
        "epochs": 40 if small else 3 if model == "cnn" else 8,
        "batch_size": 32 if small else 64,
        "lr": 0.05 if sgd else 2e-3,
        "momentum": 0.9 if sgd else None,
        "shift": int(images and small and model == "cnn"),
    }
    return Config(**{**defaults, **given})


def is_images(sample_shape: tuple[int, ...]) -> bool:
    """Whether samples of this shape are images: (channels, height, width) of at least 4x4 pixels."""
    return len(sample_shape) == 3 and min(sample_shape[1:]) >= 4
