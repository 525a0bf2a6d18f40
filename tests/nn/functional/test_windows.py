"""Convolution and pooling: what is refused; against PyTorch they are tested as layers."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.nn import functional as F


def test_float32_stays_float32():
    x = mg.ones((1, 2, 5, 5))
    for module in (nn.Conv2d(2, 2, 3), nn.ConvTranspose2d(2, 2, 3), nn.MaxPool2d(2), nn.AvgPool2d(2, padding=1)):
        assert module(x).dtype == np.float32
    assert F.avg_pool2d(x, 3, 2, 1, count_include_pad=False).dtype == np.float32
    assert F.adaptive_avg_pool2d(x, 2).dtype == np.float32


X, W = mg.ones((1, 4, 6, 6)), mg.ones((2, 4, 3, 3))
BAD = {
    "channels": (
        lambda: F.conv2d(X, mg.ones((2, 3, 3, 3))),
        ShapeError,
        r"\[conv2d\] weight expects 3 input channels, input has 4",
    ),
    "channels of a group": (
        lambda: F.conv2d(X, W, groups=2),
        ShapeError,
        "expects 4 input channels a group, input has 2",
    ),
    "rank of the input": (
        lambda: F.conv2d(mg.ones((6, 6)), W),
        ShapeError,
        r"shape \(N, C, H, W\) or \(C, H, W\), got \(6, 6\)",
    ),
    "rank of a signal": (lambda: F.max_pool1d(mg.ones(6), 2), ShapeError, r"\(N, C, W\) or \(C, W\), got \(6,\)"),
    "rank of the weight": (lambda: F.conv2d(X, mg.ones((2, 4, 3))), ShapeError, "a weight of rank 4"),
    "groups of the input": (lambda: F.conv2d(X, W, groups=3), ShapeError, "channels must be a multiple of groups=3"),
    "groups of the filters": (
        lambda: F.conv2d(X, mg.ones((3, 2, 3, 3)), groups=2),
        ShapeError,
        "number of filters must be a multiple of groups=2",
    ),
    "bias": (lambda: F.conv2d(X, W, mg.ones(3)), ShapeError, r"a bias for each of 2 filters, got shape \(3,\)"),
    "window": (
        lambda: F.conv2d(X, W, dilation=3),
        ShapeError,
        r"window of size \(7, 7\) does not fit into an input of \(6, 6\)",
    ),
    "empty kernel": (lambda: F.conv2d(X, mg.ones((2, 4, 0, 1))), ShapeError, "does not fit"),
    "stride": (lambda: F.conv2d(X, W, stride=0), ConfigError, r"stride must be an integer, at least 1; got 0"),
    "number of strides": (
        lambda: F.conv2d(X, W, stride=(1, 1, 1)),
        ConfigError,
        "stride must be an integer or 2 of them",
    ),
    "padding": (lambda: F.conv2d(X, W, padding=-1), ConfigError, "padding must be an integer, at least 0; got -1"),
    "named padding": (lambda: F.conv2d(X, W, padding="full"), ConfigError, "padding must be one of 'same', 'valid'"),
    "same and stride": (
        lambda: F.conv2d(X, W, None, 2, "same"),
        ConfigError,
        "padding='same' needs stride 1, got stride",
    ),
    "same and stride in a layer": (
        lambda: nn.Conv2d(3, 4, 3, 2, "same"),
        ConfigError,
        r"\[Conv2d\] padding='same' needs",
    ),
    "mode": (
        lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"),
        ConfigError,
        "padding_mode must be one of 'zeros', 'reflect'",
    ),
    "groups of a layer": (
        lambda: nn.Conv2d(3, 4, 3, groups=2),
        ConfigError,
        "3 and 4 channels are no multiples of groups=2",
    ),
    "integers": (
        lambda: F.conv2d(mg.ones((1, 4, 6, 6), dtype="int64"), W),
        DtypeError,
        r"\[conv2d\] input must be floating",
    ),
    "transposed channels": (
        lambda: F.conv_transpose2d(X, mg.ones((3, 4, 3, 3))),
        ShapeError,
        r"\[conv_transpose2d\] weight expects 3 input channels, input has 4",
    ),
    "output padding": (
        lambda: F.conv_transpose2d(X, mg.ones((4, 1, 3, 3)), output_padding=1),
        ConfigError,
        "output_padding must be smaller than stride or dilation",
    ),
    "nothing left": (
        lambda: F.conv_transpose1d(mg.ones((1, 1, 1)), mg.ones((1, 1, 2)), padding=1),
        ShapeError,
        r"nothing is left of \(2,\) after padding=\(1,\)",
    ),
    "no tap inside": (
        lambda: F.max_pool1d(mg.ones((1, 1)), 2, padding=1, dilation=2),
        ShapeError,
        r"windows of size \(3,\) do not fit into \(1,\): input \(1, 1\)",
    ),
    "output size zero": (
        lambda: F.adaptive_max_pool2d(X, 0),
        ConfigError,
        "output_size must be an integer, at least 1",
    ),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()
