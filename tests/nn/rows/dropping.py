"""Dropout. PyTorch draws other random numbers: evaluation is compared, and dropping nothing or everything."""

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong

AXES = {
    ("dropout", "Dropout"): (0, 4),
    ("dropout1d", "Dropout1d"): (2, 3),
    ("dropout2d", "Dropout2d"): (4, 4),  # three axes PyTorch reads in two ways, with a warning
    ("dropout3d", "Dropout3d"): (4, 5),
    ("alpha_dropout", "AlphaDropout"): (0, 4),
    ("feature_alpha_dropout", "FeatureAlphaDropout"): (2, 4),
}
"""The fewest and the most axes of an input, for a function and its class."""


def function(axes):
    def drawn(draw):
        p, training = draw.one_of((draw.number(0, 1), False), (0.0, True), (1.0, True))
        return Call((draw.normal(*draw.shape(*axes)),), (p, training))

    return drawn


def module(axes):
    def drawn(draw):
        return Call((draw.normal(*draw.shape(*axes)),), (draw.number(0, 0.9),))

    return drawn


ROWS = [
    *(Row(name, function(axes)) for (name, _), axes in AXES.items()),
    *(Row(name, module(axes), random=True) for (_, name), axes in AXES.items()),
]


def probability(draw):
    p = draw.one_of(-0.1, 1.5, float("nan"))
    return lambda: nn.AlphaDropout(p), ["p must lie in [0, 1]", p]


def rank(draw):
    shape = draw.integers(2, 1, 4)
    return lambda: nn.Dropout3d()(mg.ones(shape)), ["expected input of shape (C, D, H, W) or (N, C, D, H, W)", shape]


def no_channels(draw):
    n = draw.integer(1, 5)
    return lambda: F.feature_alpha_dropout(mg.ones(n)), ["expected input of shape (N, C, ...)", (n,)]


WRONG = [
    Wrong("AlphaDropout", probability, ConfigError),
    Wrong("dropout3d", rank),
    Wrong("feature_alpha_dropout", no_channels),
]
