"""Where MNIST is looked for, that downloads are checked, and the real files where there are any."""

import hashlib
import http.server
import threading

import numpy as np
import pytest

from minigrad.data import mnist, mnist_files
from minigrad.data.gzipped import read_bytes
from minigrad.errors import DataError

NAMES = list(mnist_files.SHA256)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and no $MINIGRAD_DATA."""
    folder = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: folder)
    monkeypatch.delenv("MINIGRAD_DATA", raising=False)
    return folder / "mnist"


@pytest.fixture
def small(write_idx):
    """The four files with a few images each, in the folder `server`."""
    rng = np.random.default_rng(0)
    for part, count in {"train": 30, "t10k": 20}.items():
        images = write_idx(f"server/{part}-images-idx3-ubyte.gz", rng.integers(0, 256, (count, 28, 28)))
        write_idx(f"server/{part}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    return images.parent


@pytest.fixture
def server(small, monkeypatch):
    """Serves `small` as the second mirror, the first one being out of order; the sums are those of `small`."""
    handler = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *request: handler(*request, directory=str(small))
    ) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        root = f"http://127.0.0.1:{serving.server_port}/"
        monkeypatch.setattr(mnist_files, "MIRRORS", (root + "nothing-here/", root))
        sums = {name: hashlib.sha256(read_bytes(small / f"{name}.gz")).hexdigest() for name in NAMES}
        monkeypatch.setattr(mnist_files, "SHA256", sums)
        yield small
        serving.shutdown()
        thread.join()


@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_environment_folder_and_its_subfolder(small, cache, tmp_path, monkeypatch, subfolder):
    home = tmp_path / "data"
    home.mkdir()
    small.rename(home / "mnist") if subfolder else small.rename(tmp_path / "data2")
    monkeypatch.setenv("MINIGRAD_DATA", str(home if subfolder else tmp_path / "data2"))
    data = mnist(download=False)
    assert (data.x.shape, data.test.x.shape) == ((30, 1, 28, 28), (20, 1, 28, 28))
    assert data.x.max() == 1.0


def test_cache_folder_and_uncompressed_files(small, cache):
    cache.mkdir(parents=True)
    for name in NAMES:
        (cache / name).write_bytes(read_bytes(small / f"{name}.gz"))
    np.testing.assert_array_equal(mnist(download=False).y, np.arange(30) % 10)


def test_absent_and_no_download(cache):
    with pytest.raises(DataError, match=r"no file train-images-idx3-ubyte \(\.gz or not\) in .*cache"):
        mnist(download=False)


def test_damaged_files_are_told(small, cache, monkeypatch, write_idx):
    monkeypatch.setenv("MINIGRAD_DATA", str(small))
    write_idx("server/train-images-idx3-ubyte.gz", np.zeros((30, 27, 28)))
    with pytest.raises(DataError, match=r"uint8 \(N, 28, 28\), got uint8 \(30, 27, 28\)"):
        mnist()
    (small / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b nonsense")
    with pytest.raises(DataError, match="damaged gzip"):
        mnist()


def test_download_from_the_second_mirror_into_the_cache(server, cache, capsys):
    pytest.importorskip("pooch")
    data = mnist()
    assert (len(data), len(data.test)) == (30, 20)
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{name}.gz" for name in NAMES)
    assert len(mnist(download=False)) == 30


def test_download_with_a_wrong_sum_leaves_nothing(server, cache, write_idx, capsys):
    pytest.importorskip("pooch")
    write_idx("server/train-images-idx3-ubyte.gz", np.ones((30, 28, 28)))
    with pytest.raises(DataError, match=r"could not download train-images.*SHA-256 .*expected.*MINIGRAD_DATA"):
        mnist()
    assert list(cache.iterdir()) == []


def test_offline(cache, monkeypatch):
    pytest.importorskip("pooch")
    monkeypatch.setattr(mnist_files, "MIRRORS", ("http://127.0.0.1:9/",))  # the discard port: nobody listens
    with pytest.raises(DataError, match=r"could not download.*127\.0\.0\.1.*set MINIGRAD_DATA"):
        mnist()


def test_without_pooch(cache, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(DataError, match=r"pip install 'minigrad\[download\]'"):
        mnist()


def test_real_files(mnist_folder, cache, monkeypatch):
    monkeypatch.setenv("MINIGRAD_DATA", str(mnist_folder))
    for name, expected in mnist_files.SHA256.items():
        assert hashlib.sha256(read_bytes(mnist_folder / f"{name}.gz")).hexdigest() == expected
    data = mnist(download=False)
    assert repr(data) == "Dataset('mnist': 60000 samples of shape (1, 28, 28), 10 classes, 10000 for test)"
    # The published first labels, and the mean and deviation that everybody standardizes MNIST with.
    np.testing.assert_array_equal(data.y[:8], [5, 0, 4, 1, 9, 2, 1, 3])
    np.testing.assert_array_equal(data.test.y[:8], [7, 2, 1, 0, 4, 1, 4, 9])
    assert data.x.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert data.x.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)
