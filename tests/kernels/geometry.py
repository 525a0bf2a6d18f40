"""Drawn sliding-window geometries that convolution and pooling tests share."""

from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True)
class Geometry:
    """One int, or one (low, high) pair, per spatial dimension; every dimension has at least one window."""

    spatial: tuple
    window: tuple
    stride: tuple
    padding: tuple
    dilation: tuple

    @property
    def out(self):
        dims = zip(self.spatial, self.window, self.stride, self.padding, self.dilation)
        return tuple((s + sum(pair) - d * (k - 1) - 1) // step + 1 for s, k, step, pair, d in dims)


@st.composite
def _dimension(draw, symmetric):
    """(size, window, stride, padding, dilation) of one dimension; the size may be 0 if the padding makes up for it."""
    window, stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    low = draw(st.integers(0, 3))
    high = low if symmetric else draw(st.integers(0, 3))
    least = max(0, dilation * (window - 1) + 1 - low - high)
    return draw(st.integers(least, least + 4)), window, stride, (low, high), dilation


@st.composite
def geometries(draw, symmetric=False):
    """Geometries of 1 to 3 dimensions."""
    dimensions = draw(st.lists(_dimension(symmetric), min_size=1, max_size=3))
    return Geometry(*zip(*dimensions, strict=True))
