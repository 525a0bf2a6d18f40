"""Convolution and transposed convolution in 1, 2 and 3 dimensions: arguments and checks around `minigrad.ops.conv`."""

from __future__ import annotations

from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn.arguments import Size, batched, choice, float_tensor, per_dim, size, unbatched
from minigrad.ops import add, convolve, convolve_input, pad_constant, reshape_to

Pairs = tuple[tuple[int, int], ...]


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` for signals: input (N, C, L) or (C, L), weight (O, C / groups, K).

    Returns (N, O, L') with L' = (L + 2 padding - dilation (K - 1) - 1) // stride + 1.

    >>> F.conv1d(mg.tensor([[1.0, 2.0, 3.0]]), mg.ones((1, 1, 2)))
    tensor([[3., 5.]])
    """
    return conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation: y[n, o, t] = b[o] + sum over c, k of w[o, c, k] x[n, c, stride t + dilation k - padding].

    input: (N, C, H, W) or (C, H, W).  weight: (O, C / groups, KH, KW).  bias: (O,) or None.  stride, dilation: an int,
    or one for each dimension.  padding: zeros on both sides, likewise, or "valid" (none), or "same" (as many as keep
    the size; stride 1).  groups: channels and filters are split in so many groups that do not see each other.
    Returns (N, O, H', W') with H' = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1, which without padding,
    dilation and stride is H - KH + 1.
    Raises ShapeError if the shapes do not fit, ConfigError for other arguments.

    >>> F.conv2d(mg.ones((1, 3, 8, 8)), mg.ones((4, 3, 3, 3)), padding="same").shape
    (1, 4, 8, 8)
    """
    return conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` for volumes: input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, KD, KH, KW).

    Returns (N, O, D', H', W') with D' = (D + 2 padding - dilation (KD - 1) - 1) // stride + 1, and so on.

    >>> F.conv3d(mg.ones((1, 1, 4, 4, 4)), mg.ones((2, 1, 3, 3, 3))).shape
    (1, 2, 2, 2, 2)
    """
    return conv("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def conv(
    who: str,
    dims: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
) -> Tensor:
    """Convolution in `dims` spatial dimensions."""
    input, w = float_tensor(who, "input", input), float_tensor(who, "weight", weight)
    x = batched(who, input, dims)
    groups = size(who, "groups", groups, 1)
    stride, dilation = per_dim(who, "stride", stride, dims, 1), per_dim(who, "dilation", dilation, dims, 1)
    check_weight(who, dims, x, w, groups, x.shape[1] // groups, w.shape[1:2])
    if w.shape[0] % groups:
        raise ShapeError(f"[{who}] the number of filters must be a multiple of groups={groups}, weight is {w.shape}.")
    pairs = padding_pairs(who, padding, w.shape[2:], stride, dilation)
    check_window(who, x.shape[2:], w.shape[2:], pairs, dilation)
    out = convolve(x, w, stride=stride, padding=pairs, dilation=dilation, groups=groups)
    return unbatched(add_bias(who, out, bias), input)


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """`conv_transpose2d` for signals: input (N, C, L) or (C, L), weight (C, O / groups, K).

    Returns (N, O, L') with L' = (L - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1.

    >>> F.conv_transpose1d(mg.tensor([[1.0, 2.0]]), mg.ones((1, 1, 2)))
    tensor([[1., 3., 2.]])
    """
    return conv_transpose("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """The gradient of `conv2d` in its input: adds w x[n, c, t] to y at stride t + dilation k - padding, for every k.

    input: (N, C, H, W) or (C, H, W).  weight: (C, O / groups, KH, KW).  bias: (O,) or None.
    stride, padding, dilation: those of the convolution that this one undoes in shape.  output_padding: rows added at
    the end, fewer than stride or dilation, to choose among the sizes that a strided convolution maps to the same one.
    Returns (N, O, H', W') with H' = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1.
    Raises ShapeError if the shapes do not fit, ConfigError for other arguments.

    >>> F.conv_transpose2d(mg.ones((1, 4, 4, 4)), mg.ones((4, 3, 2, 2)), stride=2).shape
    (1, 3, 8, 8)
    """
    return conv_transpose("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """`conv_transpose2d` for volumes: input (N, C, D, H, W) or (C, D, H, W), weight (C, O / groups, KD, KH, KW).

    Returns (N, O, D', H', W') with D' = (D - 1) stride - 2 padding + dilation (KD - 1) + output_padding + 1, and so on.

    >>> F.conv_transpose3d(mg.ones((1, 2, 2, 2, 2)), mg.ones((2, 1, 3, 3, 3))).shape
    (1, 1, 4, 4, 4)
    """
    return conv_transpose("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose(
    who: str,
    dims: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Size,
    padding: Size,
    output_padding: Size,
    groups: int,
    dilation: Size,
) -> Tensor:
    """Transposed convolution in `dims` spatial dimensions."""
    input, w = float_tensor(who, "input", input), float_tensor(who, "weight", weight)
    x = batched(who, input, dims)
    groups = size(who, "groups", groups, 1)
    stride, dilation = per_dim(who, "stride", stride, dims, 1), per_dim(who, "dilation", dilation, dims, 1)
    crop, extra = per_dim(who, "padding", padding, dims), per_dim(who, "output_padding", output_padding, dims)
    check_weight(who, dims, x, w, groups, x.shape[1], w.shape[:1])
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation)):
        raise ConfigError(
            f"[{who}] output_padding must be smaller than stride or dilation, got {extra}, {stride}, {dilation}."
        )
    full = full_sizes(x.shape[2:], w.shape[2:], stride, dilation)
    if any(n - 2 * c + e < 1 for n, c, e in zip(full, crop, extra)):
        raise ShapeError(f"[{who}] nothing is left of {full} after padding={crop}: input {x.shape}, weight {w.shape}.")
    # The end of the full result is cut less by `output_padding`, and continued with zeros if nothing is left to cut.
    pairs = tuple((c, max(c - e, 0)) for c, e in zip(crop, extra))
    spatial = tuple(n - low - high for n, (low, high) in zip(full, pairs))
    out = convolve_input(x, w, spatial=spatial, stride=stride, padding=pairs, dilation=dilation, groups=groups)
    if any(e > c for e, c in zip(extra, crop)):
        zeros_after = tuple((0, max(e - c, 0)) for e, c in zip(extra, crop))
        out = pad_constant(out, widths=((0, 0), (0, 0), *zeros_after), value=0.0)
    return unbatched(add_bias(who, out, bias), input)


def full_sizes(
    spatial: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[int, ...]:
    """The sizes of a transposed convolution before `padding` is cut off."""
    return tuple((n - 1) * s + d * (k - 1) + 1 for n, k, s, d in zip(spatial, kernel, stride, dilation))


# ---- checks and arguments


def check_weight(who: str, dims: int, x: Tensor, w: Tensor, groups: int, expected: int, got: tuple[int, ...]) -> None:
    """Raises ShapeError unless the weight has the input's channels."""
    if w.data.ndim != dims + 2:
        raise ShapeError(f"[{who}] expected a weight of rank {dims + 2}, got {w.shape}.")
    if x.shape[1] % groups:
        raise ShapeError(f"[{who}] the channels must be a multiple of groups={groups}: input {x.shape}.")
    if got != (expected,):
        raise ShapeError(
            f"[{who}] weight expects {got[0]} input channels{' a group' * (groups > 1)}, input has {expected}: "
            f"input {x.shape}, weight {w.shape}, groups={groups}."
        )


def check_window(who: str, spatial: tuple[int, ...], kernel: tuple[int, ...], pairs: Pairs, dilation: Size) -> None:
    """Raises ShapeError if the kernel is empty or does not fit into the padded input."""
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation))  # type: ignore[arg-type]
    padded = tuple(n + low + high for n, (low, high) in zip(spatial, pairs))
    if min(kernel) < 1 or any(r > n for r, n in zip(reach, padded)):
        raise ShapeError(f"[{who}] a window of size {reach} does not fit into an input of {padded}, padding included.")


def padding_pairs(who: str, padding: Size | str, kernel: tuple[int, ...], stride: Size, dilation: Any) -> Pairs:
    """(before, after) for each dimension."""
    if isinstance(padding, str):
        choice(who, "padding", padding, ("same", "valid"))
        if padding == "valid":
            return ((0, 0),) * len(kernel)
        if stride != (1,) * len(kernel):
            raise ConfigError(f"[{who}] padding='same' needs stride 1, got stride {stride}.")
        totals = [d * (k - 1) for d, k in zip(dilation, kernel)]
        return tuple((n // 2, n - n // 2) for n in totals)
    return tuple((n, n) for n in per_dim(who, "padding", padding, len(kernel)))


def add_bias(who: str, out: Tensor, bias: Any) -> Tensor:
    """out (N, O, *T) plus bias (O,)."""
    if bias is None:
        return out
    b = float_tensor(who, "bias", bias)
    if b.shape != (out.shape[1],):
        raise ShapeError(f"[{who}] expected a bias for each of {out.shape[1]} filters, got shape {b.shape}.")
    return add(out, reshape_to(b, shape=(b.size,) + (1,) * (out.ndim - 2)))
