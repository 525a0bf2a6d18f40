"""Convolution, and its two gradients, in 1, 2 and 3 spatial dimensions.

The three primitives are the partial derivatives of one form that is linear in the image x, the weight w and the
response g (see `minigrad.kernels.reference.conv`), so the gradient of each is made of the other two:

    convolve(x, w)          x (N, C, *S), w (O, C // groups, *K)  ->  (N, O, *T)
    convolve_input(g, w)    g (N, O, *T)  ->  (N, C, *S): the gradient in x, and what is called transposed convolution
    convolve_weight(x, g)   ->  (O, C // groups, *K): the gradient in w

stride and dilation hold an int, padding a (low, high) pair of non-negative ints for each spatial dimension;
T = (S + low + high - dilation (K - 1) - 1) // stride + 1. Arguments are checked in `minigrad.nn.functional`.
"""

from __future__ import annotations

from minigrad import kernels
from minigrad.engine import primitive


@primitive(kind="contraction")
def convolve(x, w, *, stride, padding, dilation, groups):
    """Cross-correlation: out[n, o, t] = sum over c, k of w[o, c, k] x[n, c, t stride + k dilation - low]."""
    return kernels.conv(x, w, stride, padding, dilation, groups)


@primitive(kind="contraction")
def convolve_input(g, w, *, spatial, stride, padding, dilation, groups):
    """The adjoint of `convolve` in x, whose spatial sizes are `spatial`."""
    return kernels.conv_input_grad(g, w, spatial, stride, padding, dilation, groups)


@primitive(kind="contraction")
def convolve_weight(x, g, *, kernel, stride, padding, dilation, groups):
    """The adjoint of `convolve` in w, whose spatial sizes are `kernel`."""
    return kernels.conv_weight_grad(x, g, kernel, stride, padding, dilation, groups)


convolve.defvjp(
    lambda g, out, x, w, **p: convolve_input(g, w, spatial=x.shape[2:], **p),
    lambda g, out, x, w, **p: convolve_weight(x, g, kernel=w.shape[2:], **p),
)
convolve_input.defvjp(
    lambda h, out, g, w, spatial, **p: convolve(h, w, **p),
    lambda h, out, g, w, spatial, **p: convolve_weight(h, g, kernel=w.shape[2:], **p),
)
convolve_weight.defvjp(
    lambda h, out, x, g, kernel, **p: convolve_input(g, h, spatial=x.shape[2:], **p),
    lambda h, out, x, g, kernel, **p: convolve(x, h, **p),
)
