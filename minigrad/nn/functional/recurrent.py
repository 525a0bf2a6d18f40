"""Recurrent units: the equations of one step, and the loop that takes them along a sequence.

A unit meets its input and its last output in two products with as many blocks of columns as it has gates. Those of the
inputs wait for nothing and are one product for a whole sequence; a loop does the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import DtypeError, ShapeError
from minigrad.loops import scan
from minigrad.nn.arguments import float_tensor, integer_tensor, within
from minigrad.nn.functional.affine import linear
from minigrad.ops import (
    add,
    expand_dims,
    less,
    matmul2,
    multiply,
    relu,
    reshape_to,
    select,
    sigmoid,
    slice_of,
    squeeze,
    subtract,
    tanh,
)

State = tuple[Tensor, ...]


class Unit(NamedTuple):
    """A kind of recurrent unit.

    gates: how many blocks its weights have.  states: what its state is made of; the first is its output.
    step: (products of the input, products of the output before, *state) -> the new state.
    sums: whether `step` reads nothing but the sum of the two products, so that their biases are one.
    """

    gates: int
    states: tuple[str, ...]
    step: Callable[..., State]
    sums: bool


class Weights(NamedTuple):
    """What a unit learns, by the names of the functions' arguments; w_hr: what an LSTM's output is projected with."""

    w_ih: Tensor
    w_hh: Tensor
    b_ih: Tensor | None = None
    b_hh: Tensor | None = None
    w_hr: Tensor | None = None


# ---- one step


def elman(activation: Callable[[Tensor], Tensor]) -> Callable[..., State]:
    """The step of a simple recurrent net."""
    return lambda of_x, of_h, h: (activation(add(of_x, of_h)),)


def lstm_step(of_x: Tensor, of_h: Tensor, h: Tensor, c: Tensor) -> State:
    """The step of an LSTM: see `lstm_cell`."""
    gates = add(of_x, of_h)
    opened = sigmoid(gates)  # one call for all blocks, though nobody reads that of g
    i, f, o = (block(opened, 4, k) for k in (0, 1, 3))
    c = add(multiply(f, c), multiply(i, tanh(block(gates, 4, 2))))
    return multiply(o, tanh(c)), c


def gru_step(of_x: Tensor, of_h: Tensor, h: Tensor) -> State:
    """The step of a GRU: see `gru_cell`."""
    opened = sigmoid(add(of_x, of_h))  # one call for all blocks, though nobody reads that of n
    r, z = block(opened, 3, 0), block(opened, 3, 1)
    n = tanh(add(block(of_x, 3, 2), multiply(r, block(of_h, 3, 2))))
    return (add(n, multiply(z, subtract(h, n))),)


def block(x: Tensor, count: int, k: int) -> Tensor:
    """The k-th of `count` equal parts of the columns."""
    size = x.data.shape[1] // count
    return slice_of(x, key=(slice(None), slice(k * size, (k + 1) * size)))


UNITS = {
    "RNN_TANH": Unit(1, ("h",), elman(tanh), sums=True),
    "RNN_RELU": Unit(1, ("h",), elman(relu), sums=True),
    "LSTM": Unit(4, ("h", "c"), lstm_step, sums=True),
    "GRU": Unit(3, ("h",), gru_step, sums=False),
}


def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of a simple recurrent net (Elman 1990): h' = tanh(W_ih x + b_ih + W_hh h + b_hh).

    input: x, (N, I) or (I,).  hx: h, (N, H) or (H,).  w_ih: (H, I).  w_hh: (H, H).  b_ih, b_hh: (H,) or None.
    Returns h', of the shape of hx.  Raises ShapeError if the shapes do not fit, DtypeError for integers.

    >>> F.rnn_tanh_cell(mg.ones((1, 2)), mg.zeros((1, 1)), mg.ones((1, 2)), mg.ones((1, 1)))
    tensor([[0.964028]])
    """
    return one_step("rnn_tanh_cell", "RNN_TANH", input, (hx,), Weights(w_ih, w_hh, b_ih, b_hh))[0]


def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """`rnn_tanh_cell` with max(0, .) in place of tanh (Le, Jaitly & Hinton 2015).

    >>> F.rnn_relu_cell(mg.ones((1, 2)), mg.zeros((1, 1)), mg.ones((1, 2)), mg.ones((1, 1)))
    tensor([[2.]])
    """
    return one_step("rnn_relu_cell", "RNN_RELU", input, (hx,), Weights(w_ih, w_hh, b_ih, b_hh))[0]


def lstm_cell(
    input: Tensor,
    hx: tuple[Tensor, Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One step of a net with long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000).

        (i, f, g, o) = W_ih x + b_ih + W_hh h + b_hh
        c' = sigmoid(f) c + sigmoid(i) tanh(g)        h' = sigmoid(o) tanh(c')

    input: x, (N, I) or (I,).  hx: the pair (h, c), each (N, H) or (H,).  w_ih: (4 H, I).  w_hh: (4 H, H).  b_ih, b_hh:
    (4 H,) or None.  Returns (h', c').  Raises ShapeError if the shapes do not fit, DtypeError for integers.

    >>> zero = mg.zeros((1, 1))
    >>> F.lstm_cell(mg.ones((1, 2)), (zero, zero), mg.ones((4, 2)), mg.ones((4, 1)))
    (tensor([[0.608283]]), tensor([[0.849113]]))
    """
    h, c = one_step("lstm_cell", "LSTM", input, hx, Weights(w_ih, w_hh, b_ih, b_hh))
    return h, c


def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of a gated recurrent unit (Cho et al. 2014, with the reset gate after the product).

        (r, z, n) = W_ih x + b_ih        (r_h, z_h, n_h) = W_hh h + b_hh
        n' = tanh(n + sigmoid(r + r_h) n_h)        h' = n' + sigmoid(z + z_h) (h - n')

    input: x, (N, I) or (I,).  hx: h, (N, H) or (H,).  w_ih: (3 H, I).  w_hh: (3 H, H).  b_ih, b_hh: (3 H,) or None.
    Returns h', of the shape of hx.  Raises ShapeError if the shapes do not fit, DtypeError for integers.

    >>> F.gru_cell(mg.ones((1, 2)), mg.zeros((1, 1)), mg.ones((3, 2)), mg.ones((3, 1)))
    tensor([[0.114915]])
    """
    return one_step("gru_cell", "GRU", input, (hx,), Weights(w_ih, w_hh, b_ih, b_hh))[0]


def one_step(who: str, kind: str, input: Any, state: State | None, weights: Weights) -> State:
    """The state after one input, (N, I) or (I,); None: before it, the state was zero."""
    unit, x = UNITS[kind], float_tensor(who, "input", input)
    if x.ndim not in (1, 2):
        raise ShapeError(f"[{who}] expected input of shape (N, I) or (I,), got {x.shape}.")
    check_weights(who, unit, x, weights)
    shape = (*x.shape[:-1], weights.w_hh.shape[1])
    state = started(who, unit, state, [shape] * len(unit.states), x, weights)
    if x.ndim == 2:
        return after(unit, x, state, weights)
    return tuple(squeeze(s, 0) for s in after(unit, expand_dims(x), tuple(map(expand_dims, state)), weights))


def after(unit: Unit, x: Tensor, state: State, weights: Weights) -> State:
    """The state after one batch of inputs."""
    of_x, b_hh = products_of_inputs(unit, x, weights)
    return unit.step(of_x, product_of_output(state[0], weights.w_hh, b_hh), *state)


# ---- a sequence


def along_sequence(
    kind: str, x: Tensor, state: State, weights: Weights, here: Tensor | None = None, reverse: bool = False
) -> tuple[State, Tensor]:
    """The last state and the outputs (T, N, H) of a unit that reads x, (T, N, I), from the end if `reverse`.

    here: (T, N, 1), whether x is part of the sequence. In the padding the state stays as it is, so that read from the
    end a sequence begins with the first state, too.
    """
    unit = UNITS[kind]
    of_x, b_hh = products_of_inputs(unit, x, weights)

    def step(state: State, slices: tuple) -> tuple[State, Tensor]:
        of_x, here = slices
        new = unit.step(of_x, product_of_output(state[0], weights.w_hh, b_hh), *state)
        if weights.w_hr is not None:
            new = (matmul2(new[0], weights.w_hr, tb=True), *new[1:])
        if here is not None:
            new = tuple(select(here, s, before) for s, before in zip(new, state))
        return new, new[0]

    return scan(step, state, (of_x, here), reverse=reverse)


def products_of_inputs(unit: Unit, x: Tensor, weights: Weights) -> tuple[Tensor, Tensor | None]:
    """What does not depend on the state, with its bias; and the bias that the other product still needs."""
    if unit.sums and weights.b_ih is not None and weights.b_hh is not None:
        return linear(x, weights.w_ih, add(weights.b_ih, weights.b_hh)), None
    return linear(x, weights.w_ih, weights.b_ih), weights.b_hh


def product_of_output(h: Tensor, w_hh: Tensor, b_hh: Tensor | None) -> Tensor:
    """What does depend on the state."""
    of_h = matmul2(h, w_hh, tb=True)
    return of_h if b_hh is None else add(of_h, b_hh)


def before_the_end(who: str, lengths: Any, input: Tensor, steps: int, batch: int) -> Tensor:
    """For each step of each sequence whether it lies before that sequence's end: (T, N, 1).

    Raises DtypeError, ShapeError or IndexError unless `lengths` is one integer from 0 to T for each sequence.
    """
    lengths, expected = integer_tensor(who, "lengths", lengths), (batch,) if input.ndim == 3 else ()
    if lengths.shape != expected:
        raise ShapeError(
            f"[{who}] expected lengths of shape {expected}, got {lengths.shape}, for an input {input.shape}."
        )
    lengths = within(who, "lengths", lengths, steps + 1, f": input {input.shape}")
    mask = less(np.arange(steps)[:, None], reshape_to(lengths, shape=(1, batch)))
    return reshape_to(mask, shape=(steps, batch, 1))


# ---- what is checked


def check_weights(who: str, unit: Unit, x: Tensor, weights: Weights) -> None:
    """Raises ShapeError unless the weights fit to each other and to the input."""
    w_ih, w_hh = weights.w_ih.shape, weights.w_hh.shape
    if len(w_ih) != 2 or x.shape[-1] != w_ih[1]:
        raise ShapeError(f"[{who}] expected {w_ih[-1]} input features, got input {x.shape}, w_ih {w_ih}.")
    rows = unit.gates * w_hh[-1]
    if w_ih[0] != rows or w_hh != (rows, w_hh[-1]):
        raise ShapeError(
            f"[{who}] expected w_ih (G H, I) and w_hh (G H, H) with G = {unit.gates}, got w_ih {w_ih}, w_hh {w_hh}."
        )
    for name in ("b_ih", "b_hh"):
        bias = getattr(weights, name)
        if bias is not None and bias.shape != (rows,):
            raise ShapeError(f"[{who}] expected {name} of shape {(rows,)}, got {bias.shape}, for w_ih {w_ih}.")


def started(who: str, unit: Unit, state: State | None, shapes: list, x: Tensor, weights: Weights) -> State:
    """The state to begin with: zeros, or what was given. Raises ShapeError or DtypeError if that does not fit."""
    dtype = np.result_type(x.dtype, weights.w_ih.dtype)
    if state is None:
        return tuple(Tensor(np.zeros(shape, dtype)) for shape in shapes)
    if not isinstance(state, (tuple, list)) or len(state) != len(unit.states):
        found = f"a tensor of shape {state.shape}" if isinstance(state, Tensor) else repr(state)
        raise ShapeError(f"[{who}] expected the state as a tuple ({', '.join(unit.states)}), got {found}.")
    given = tuple(float_tensor(who, name, s) for name, s in zip(unit.states, state))
    for name, s, shape in zip(unit.states, given, shapes):
        if s.shape != shape:
            raise ShapeError(f"[{who}] expected {name} of shape {shape}, got {s.shape}, for an input {x.shape}.")
        if s.dtype != dtype:
            raise DtypeError(f"[{who}] expected {name} of dtype {dtype}, as the input, got {s.dtype}: use .astype.")
    return given
