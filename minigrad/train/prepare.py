"""From the name of a data set to its standardized training, validation and test part."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigrad.data import Dataset, RandomShift, Standardizer, digits, load, mnist, random_split, standardize
from minigrad.data.checks import check_several_classes
from minigrad.errors import ConfigError
from minigrad.train.config import Config, is_images

NAMED = {"digits": digits, "mnist": mnist}


@dataclass(frozen=True)
class Parts:
    """The data of a run: three disjoint parts, standardized with `scale`, which was fitted to the training part."""

    train: Dataset
    validation: Dataset
    test: Dataset
    scale: Standardizer


def with_full_paths(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with full paths to the user's files, so that a run can be continued from any folder."""
    data, model = settings["data"], settings.get("model")
    if data not in NAMED:
        settings = {**settings, "data": str(Path(data).resolve())}
    if model is not None and ".py:" in model:
        settings = {**settings, "model": str(Path(model).resolve())}
    return settings


def load_data(name: str, label: str | None = None) -> Dataset:
    """The data set of this name ("digits", "mnist"), or in the file of this path."""
    return NAMED[name]() if name in NAMED else load(name, label)


def fingerprint(data: Dataset) -> str:
    """A digest of all samples and labels: a run can only be continued on the data it was started with."""
    digest = hashlib.sha256()
    for part in (data, data.test):
        for array in part.arrays if part is not None else ():
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


def split_data(data: Dataset, config: Config) -> Parts:
    """Cut `data` with the run's seed, each class in proportion, and standardize it by its training part.

    Images get one mean and deviation for all pixels, tables one for each column.
    """
    if data.test is not None:
        train, validation = _split(data, [1 - config.validation, config.validation], config.seed)
        test = data.test
    else:
        shares = [1 - config.validation - config.test, config.validation, config.test]
        train, validation, test = _split(data, shares, config.seed)
    check_several_classes("train", train.y, data.class_names)
    scope = "all" if is_images(data.sample_shape) else "feature"
    return Parts(*standardize(train, validation, test, scope=scope))


def _split(data, shares, seed):
    if min(shares) <= 0:
        raise ConfigError(f"[train] validation and test must leave something to train on, got shares {shares[1:]}.")
    return random_split(data, shares, seed=seed, stratify=True)


def augmentation(config: Config, parts: Parts) -> RandomShift | None:
    """The random shift of training images that the settings ask for; what comes in at the border is background."""
    if config.shift == 0:
        return None
    if not is_images(parts.train.sample_shape):
        raise ConfigError(f"[train] shift moves images, these samples have shape {parts.train.sample_shape}: use 0.")
    black = -parts.scale.mean.item() / parts.scale.std.item()  # what 0 has become
    return RandomShift(config.shift, fill=black)
