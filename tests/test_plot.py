"""The pictures: PNG files, drawn without a screen or global state, at every size a run can have."""

import io
import subprocess
import sys

import numpy as np
import pytest

from minigrad import plot


def history(epochs):
    return [
        {
            "epoch": epoch,
            "train_loss": 2.0 / epoch**2,
            "train_accuracy": 1 - 0.5 / epoch,
            "validation_loss": 2.1 / epoch,
            "validation_accuracy": 1 - 0.6 / epoch,
        }
        for epoch in range(1, epochs + 1)
    ]


def pixels(png):
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    from matplotlib.image import imread

    return imread(io.BytesIO(png))[..., :3]


def share_of(image, color):
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return (np.abs(image - [red, green, blue]).max(axis=-1) < 0.02).mean()


@pytest.mark.parametrize("epochs", [1, 2, 50])
def test_curves_show_both_parts(epochs):
    image = pixels(plot.curves(history(epochs), best_epoch=epochs))
    assert share_of(image, plot.TRAIN) > 1e-5
    assert share_of(image, plot.VALIDATION) > 1e-5


@pytest.mark.parametrize("classes", [2, 10, 30])
def test_confusion_draws_mistakes_in_another_colour(classes):
    counts = np.eye(classes, dtype=int) * 20
    clean = pixels(plot.confusion(counts, [f"class {i}" for i in range(classes)], "t"))
    counts[0, 1] = 3
    spoiled = pixels(plot.confusion(counts, [f"class {i}" for i in range(classes)], "t"))
    is_orange = [(image[..., 0] > image[..., 2] + 0.3).mean() for image in (clean, spoiled)]
    assert is_orange[0] == 0
    assert is_orange[1] > 0.2 / classes**2


def test_a_spectrum_shows_what_is_rare():
    t = np.linspace(-1, 10, 500)
    bulk, outlier = (np.exp(-50 * (t - center) ** 2) for center in (0, 9))
    clean, spoiled = (pixels(plot.spectrum(t, bulk + share * outlier)) for share in (0, 1e-4))
    assert share_of(spoiled, plot.TRAIN) > share_of(clean, plot.TRAIN) > 1e-4


def test_empty_classes_are_no_division_by_zero():
    pixels(plot.confusion(np.array([[3, 0], [0, 0]]), ["a", "b"], "t"))


def test_drawing_leaves_pyplot_alone():
    code = (
        f"import sys; from minigrad import plot; plot.curves({history(2)}); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
