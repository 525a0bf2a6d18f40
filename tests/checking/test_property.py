"""@checking.given: right gradients pass, wrong ones are shrunk to a minimal case that can be pasted."""

import re

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

import minigrad as mg
from minigrad import ops
from minigrad.checking import strategies as mgst
from minigrad.nn import functional as F


@mg.checking.given(mgst.arrays(mgst.shapes(min_side=0), away_from=[0.0]))
def test_a_right_gradient_passes(x):
    return mg.abs(x) * mg.sin(x)


@mg.checking.given(x=mgst.arrays((2, 3)), w=mgst.arrays((4, 3)), scale=st.integers(1, 3))
def test_named_strategies_and_constants(x, w, scale):
    return F.linear(x, w) * scale


@st.composite
def convolutions(draw):
    """Arguments of a 1-D convolution that fit together."""
    width, kernel, stride = draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    batch, channels, filters = (draw(st.integers(1, 2)) for _ in range(3))
    width = max(width, kernel)
    x, w = draw(mgst.arrays((batch, channels, width))), draw(mgst.arrays((filters, channels, kernel)))
    return {"x": x, "w": w, "stride": stride}


def conv_forward(x, w, stride):
    return F.conv1d(mg.tensor(x), mg.tensor(w), stride=stride).numpy().copy()


def conv_backward(g, out, x, w, stride):
    """Right, but for the last column where the stride is above 1 and the width odd."""
    geometry = {"stride": (stride,), "padding": ((0, 0),), "dilation": (1,), "groups": 1}
    dx = ops.convolve_input(g, w, spatial=x.shape[2:], **geometry)
    if stride > 1 and x.shape[-1] % 2 == 1:
        dx = mg.concat([dx[..., :-1], dx[..., -1:] * 0.5], axis=-1)
    return dx, ops.convolve_weight(x, g, kernel=w.shape[2:], **geometry)


broken_conv = mg.custom_op(conv_forward, conv_backward)


@settings(max_examples=300, phases=[Phase.generate, Phase.shrink], derandomize=True, database=None)
@mg.checking.given(convolutions(), order=1)
def broken_convolution(x, w, stride):
    return broken_conv(x, w, stride=stride)


def test_the_counterexample_is_minimal():
    with pytest.raises(mg.GradcheckError) as error:
        broken_convolution()
    (inputs,) = re.findall(r"mg\.gradcheck\(broken_convolution, (\{.*\}), order=1\)", str(error.value))
    found = eval(inputs, {"np": np})
    assert found["x"].shape == (1, 1, 1)  # an odd width that stride 2 reaches: none is smaller
    assert found["w"].shape == (1, 1, 1)
    assert found["stride"] == 2
    assert not mg.gradcheck(broken_conv, found, order=1, raise_exception=False).passed


def test_only_kinks_is_no_pass():
    @mg.checking.given(st.just(np.zeros(3)), order=1)
    def at_the_kink(x):
        return mg.abs(x)

    with pytest.raises(Unsatisfiable):
        at_the_kink()


def test_strategies_are_named_or_positional():
    with pytest.raises(TypeError, match="either positional or named"):
        mg.checking.given()
