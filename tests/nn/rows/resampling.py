"""Images at another size."""

import math

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong

DIMS = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


def target(draw, spatial):
    """size or scale_factor, as a number or for each dimension, not nothing of any."""
    dims = len(spatial)
    if draw.flag():
        return {"size": draw.one_of(draw.integer(1, 7), draw.integers(dims, 1, 7))}
    factors = tuple(draw.one_of(2, 0.5, 1.7, 0.8, 1.1, 2.3) for _ in spatial)
    factors = tuple(f if math.floor(n * f) else 2.5 for n, f in zip(spatial, factors))
    return {"scale_factor": factors[0] if dims == 1 and draw.flag() else factors}


def interpolate(draw):
    mode = draw.one_of("nearest", "nearest-exact", "area", *DIMS)
    spatial = draw.integers(DIMS.get(mode) or draw.integer(1, 3), 1, 5)
    options = {"mode": mode, **target(draw, spatial)}
    if mode in DIMS:
        options["align_corners"] = draw.one_of(None, False, True)
    if "scale_factor" in options:
        options["recompute_scale_factor"] = draw.one_of(None, False, True)
    return Call((draw.normal(draw.one_of(0, 1, 2), draw.integer(1, 2), *spatial),), (), options)


def antialiased(draw):
    """PyTorch repeats rows if the result has one column, and errs in gradients if a factor leaves a size alone."""
    spatial = draw.integers(2, 3, 7)
    target = draw.one_of(
        {"size": (draw.integer(1, 7), draw.integer(2, 7))},
        {"scale_factor": (draw.one_of(2, 1.7, 0.8), draw.one_of(2, 1.7, 0.8))},
    )
    options = {"mode": draw.one_of("bilinear", "bicubic"), "align_corners": draw.flag(), "antialias": True, **target}
    return Call((draw.normal(draw.integer(1, 2), draw.integer(1, 2), *spatial),), (), options)


def upsampling2d(draw):
    spatial = draw.integers(2, 1, 5)
    return Call((draw.normal(draw.one_of(0, 1, 2), draw.integer(1, 2), *spatial),), (), target(draw, spatial))


ROWS = [
    Row("Upsample", interpolate),
    Row("interpolate", interpolate),
    Row("interpolate", antialiased, label="antialias"),
    Row("UpsamplingNearest2d", upsampling2d),
    Row("UpsamplingBilinear2d", upsampling2d),
]


def rank(draw):
    n, c = draw.integers(2, 1, 5)
    return lambda: F.interpolate(mg.ones((c, n, n)), n, mode="bilinear"), ["of rank 4", (c, n, n)]


def nothing(draw):
    n, c = draw.integers(2, 1, 5)
    x = mg.ones((1, c, n))
    return lambda: nn.Upsample(scale_factor=0.5 / n)(x), ["at least 1", (0,), (1, c, n)]


def two_targets(draw):
    n = draw.integer(1, 5)
    return lambda: nn.Upsample(size=n, scale_factor=n + 1.5), ["either size or scale_factor", n, n + 1.5]


def corners(draw):
    return lambda: F.interpolate(mg.ones((1, 1, 2)), 3, align_corners=True), ["align_corners", "'nearest'"]


def antialias(draw):
    return lambda: F.interpolate(mg.ones((1, 1, 2, 2)), 3, antialias=True), ["antialias goes with", "'nearest'"]


def mode(draw):
    return lambda: nn.Upsample(2, mode="lanczos"), ["mode must be one of 'nearest'", "'lanczos'"]


def factors(draw):
    return lambda: F.interpolate(mg.ones((1, 1, 2)), scale_factor=(2, 2)), ["a number or 1 of them", (2, 2)]


def negative(draw):
    factor = draw.number(-2, 0)
    return lambda: nn.Upsample(scale_factor=(2, factor)), ["scale_factor must be", "above 0", factor]


WRONG = [
    Wrong("interpolate", rank),
    Wrong("interpolate", nothing),
    Wrong("Upsample", two_targets, ConfigError),
    Wrong("interpolate", corners, ConfigError),
    Wrong("interpolate", antialias, ConfigError),
    Wrong("Upsample", mode, ConfigError),
    Wrong("Upsample", negative, ConfigError),
    Wrong("interpolate", factors, ConfigError),
]
