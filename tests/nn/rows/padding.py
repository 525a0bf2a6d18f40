"""Padding."""

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong

MODES = ("constant", "reflect", "replicate", "circular")


def pad(draw):
    mode = draw.one_of(*MODES)
    dims = draw.integer(1, 3)
    if mode == "constant":
        x = draw.normal(*draw.one_of((), (0,), (2, 1)), *draw.integers(dims, 2, 4))  # -2 leaves nothing of 2
        return Call((x,), (draw.integers(2 * dims, -1, 2),), {"value": draw.one_of(None, 0.7)})
    return Call((image(draw, dims),), (draw.integers(2 * dims, -1, 2), mode), {"value": draw.one_of(None, 0)})


def image(draw, dims):
    """Of at least four elements along each of the last axes: less one on either side, two go around."""
    return draw.normal(*draw.one_of((), (0,), (2,)), draw.integer(1, 2), *draw.integers(dims, 4, 5))


def module(dims, *others):
    def drawn(draw):
        widths = draw.one_of(draw.integer(-1, 2), draw.integers(2 * dims, -1, 2))
        return Call((image(draw, dims),), (widths, *others))

    return drawn


BORDERS = ("Zero", "Reflection", "Replication", "Circular")
ROWS = [
    Row("pad", pad),
    *(Row(f"{name}Pad{n}d", module(n)) for name in BORDERS for n in (1, 2, 3)),
    *(Row(f"ConstantPad{n}d", module(n, 0.7)) for n in (1, 2, 3)),
]


def mirror(draw):
    n = draw.integer(1, 5)
    return lambda: nn.ReflectionPad1d(n)(mg.ones((2, 1, n))), [f"cannot pad {n} elements by {(n, n)}", (2, 1, n)]


def circle(draw):
    n = draw.integer(2, 5)
    says = [f"cannot pad {n} elements by {(-1, n)}", (2, 1, n)]
    return lambda: F.pad(mg.ones((2, 1, n)), (-1, n), mode="circular"), says


def removed(draw):
    n = draw.integer(1, 5)
    return lambda: F.pad(mg.ones((2, n)), (-1, -n)), [f"cannot pad {n} elements by {(-1, -n)}", (2, n)]


def rank(draw):
    n = draw.integer(2, 5)
    says = ["(N, C, *S) or (C, *S)", "4 widths", (n, n)]
    return lambda: nn.ReplicationPad2d(1)(mg.ones((n, n))), says


def too_many(draw):
    n = draw.integer(2, 5)
    return lambda: F.pad(mg.ones(n), (1, 1, 1, 1)), ["at most 2 widths", (n,), (1, 1, 1, 1)]


def odd(draw):
    n = draw.integer(2, 5)
    return lambda: F.pad(mg.ones((n, n)), (1, n, 1)), ["pad must be (before, after)", (1, n, 1)]


def filled(draw):
    return lambda: F.pad(mg.ones((2, 3)), (1, 1), "reflect", 2.5), ["value=2.5", "mode='constant'", "'reflect'"]


def no_number(draw):
    return lambda: nn.ConstantPad1d(1, "0")(mg.ones((1, 2))), ["value must be a number", "'0'"]


def widths(draw):
    n = draw.integer(1, 5)
    return lambda: nn.CircularPad2d((n, n, n)), ["an integer or 4 of them", (n, n, n)]


WRONG = [
    Wrong("pad", mirror),
    Wrong("pad", circle),
    Wrong("pad", removed),
    Wrong("pad", rank),
    Wrong("pad", too_many),
    Wrong("pad", odd, ConfigError),
    Wrong("pad", filled, ConfigError),
    Wrong("pad", no_number, ConfigError),
    Wrong("CircularPad2d", widths, ConfigError),
]
