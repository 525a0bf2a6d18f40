"""MNIST from IDX files: $MINIGRAD_DATA, then the cache folder, then a download."""

import os
from pathlib import Path

from minigrad.data.gzipped import read_bytes
from minigrad.data.idx import read_idx
from minigrad.data.pixels import scale_pixels
from minigrad.data.record import Dataset
from minigrad.errors import DataError

# SHA-256 of the uncompressed files, so that any mirror will do, however it compresses.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


def mnist(download: bool = True) -> Dataset:
    """70,000 handwritten digits, grey images of 28x28 pixels: x (60000, 1, 28, 28) in [0, 1], y in 0 .. 9.

    The 10,000 images of the fixed test set are in `.test`. The four IDX files, compressed or not, are looked for in
    $MINIGRAD_DATA, $MINIGRAD_DATA/mnist and the cache folder; what is in none of them is downloaded into the cache
    folder (needs the extra `download`), checked against its SHA-256 sum.
    Source: LeCun, Bottou, Bengio & Haffner (1998), Gradient-based learning applied to document recognition.
    Raises DataError if a file is damaged, or missing with `download=False` or without a network.

    >>> from minigrad.data import mnist
    >>> mnist()  # doctest: +SKIP
    Dataset('mnist': 60000 samples of shape (1, 28, 28), 10 classes, 10000 for test)
    """
    files = {name: _find(name) for name in SHA256}
    missing = [name for name, path in files.items() if path is None]
    if missing and not download:
        looked = ", ".join(str(folder) for folder in _folders())
        raise DataError(f"[mnist] no file {missing[0]} (.gz or not) in {looked}: put it there or allow the download.")
    files |= {name: _download(name, _cache_folder()) for name in missing}
    return _read(files, "train", test=_read(files, "t10k"))


def _read(files, part, test=None):
    images, labels = read_idx(files[f"{part}-images-idx3-ubyte"]), read_idx(files[f"{part}-labels-idx1-ubyte"])
    if images.shape[1:] != (28, 28) or images.dtype != "uint8":
        raise DataError(f"[mnist] {part} images must be uint8 (N, 28, 28), got {images.dtype} {images.shape}.")
    return Dataset(scale_pixels(images), labels, tuple("0123456789"), name="mnist", test=test)


def _find(name):
    candidates = (folder / f"{name}{suffix}" for folder in _folders() for suffix in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _folders():
    given = os.environ.get("MINIGRAD_DATA")
    named = (Path(given), Path(given) / "mnist") if given else ()
    return *named, _cache_folder()


def _cache_folder():
    import platformdirs

    return platformdirs.user_cache_path("minigrad") / "mnist"


def _download(name, folder):
    """Fetch one file from the first mirror that has it whole; it appears in `folder` complete or not at all."""
    try:
        import pooch
    except ImportError as error:
        raise DataError(
            f"[mnist] {name} is not on this machine and downloading needs pooch: pip install 'minigrad[download]', "
            f"or put the four MNIST files into a folder and set MINIGRAD_DATA to it."
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    target, partial = folder / f"{name}.gz", folder / f"{name}.gz.{os.getpid()}.part"
    failures = []
    for mirror in MIRRORS:
        try:
            pooch.HTTPDownloader(progressbar=True)(f"{mirror}{name}.gz", str(partial), None)
            _check_sum(name, partial)
        except (OSError, DataError) as error:
            failures.append(f"{mirror}: {error}")
        else:
            os.replace(partial, target)
            return target
        finally:
            partial.unlink(missing_ok=True)
    raise DataError(
        f"[mnist] could not download {name}; tried {'; '.join(failures)}. Without a network, put the four MNIST files "
        f"into a folder and set MINIGRAD_DATA to it."
    )


def _check_sum(name, path):
    import hashlib

    found = hashlib.sha256(read_bytes(path)).hexdigest()
    if found != SHA256[name]:
        raise DataError(f"its content has SHA-256 {found}, expected {SHA256[name]}")
