"""Recurrent layers, RNN, LSTM and GRU, and the cells that are one step of them."""

from __future__ import annotations

import math
import warnings
from typing import Any

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.errors import ConfigError, ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.arguments import choice, float_tensor, fraction, size
from minigrad.nn.functional.recurrent import (
    UNITS,
    State,
    Weights,
    along_sequence,
    before_the_end,
    one_step,
    started,
)
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import concat, expand_dims, permute, select, slice_of, squeeze, stack, zeros

REVERSE = "_reverse"
"""The ending of the parameters that read a sequence from its end."""

SWAPPED = (1, 0, 2)
"""The order of axes that makes (T, N, I) of (N, T, I), and back."""

SHOWN = {
    "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False,
    "nonlinearity": "tanh",
}  # fmt: skip
"""The arguments that are printed if they are not these; which a module has is its own matter."""


class Recurrent(Module):
    """What cells and layers share: parameters by their names, drawn from U(-1/sqrt(H), 1/sqrt(H)), H = hidden_size."""

    input_size: int
    hidden_size: int

    def _make_parameters(self, shapes: dict[str, tuple[int, ...]], suffix: str, dtype: DtypeLike) -> None:
        """Parameters of these shapes, named by what they are and a suffix."""
        for name, shape in shapes.items():
            self.register_parameter(name + suffix, Parameter(zeros(shape, dtype)))

    def _weights(self, suffix: str = "") -> Weights:
        """The parameters that have this suffix."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        return Weights(*(getattr(self, name + suffix, None) for name in names))  # type: ignore[arg-type]

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def extra_repr(self) -> str:
        options = [f"{k}={getattr(self, k)}" for k, v in SHOWN.items() if getattr(self, k, v) != v]
        return ", ".join([str(self.input_size), str(self.hidden_size), *options])


def shapes_of(kind: str, inputs: int, hidden: int, bias: bool, outputs: int = 0) -> dict[str, tuple[int, ...]]:
    """The shapes of a unit's parameters; outputs: what its hidden state is projected to, if it is."""
    rows = UNITS[kind].gates * hidden
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, outputs or hidden)}
    if bias:
        shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
    if outputs:
        shapes["weight_hr"] = (outputs, hidden)
    return shapes


# ---- layers


class RNNBase(Recurrent):
    """Layers of a recurrent unit along a sequence; the subclasses say which unit."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        dtype: DtypeLike = None,
    ) -> None:
        who = type(self).__name__
        self.mode = mode
        self.input_size = size(who, "input_size", input_size, 1)
        self.hidden_size = size(who, "hidden_size", hidden_size, 1)
        self.num_layers = size(who, "num_layers", num_layers, 1)
        self.proj_size = size(who, "proj_size", proj_size)
        if proj_size >= hidden_size:
            raise ConfigError(f"[{who}] proj_size must be less than hidden_size={hidden_size}, got {proj_size}.")
        fraction(who, "dropout", dropout)
        if dropout and num_layers == 1:
            warnings.warn(f"[{who}] dropout={dropout} acts between layers, and there is only one.", stacklevel=3)
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        directions = len(self._directions)
        for layer in range(num_layers):
            inputs = input_size if layer == 0 else directions * (proj_size or hidden_size)
            for suffix in self._directions:
                shapes = shapes_of(mode, inputs, hidden_size, bias, proj_size)
                self._make_parameters(shapes, f"_l{layer}{suffix}", dtype)
        self.reset_parameters()

    @property
    def _directions(self) -> tuple[str, ...]:
        """The end of the parameters' names for each direction in which a layer reads."""
        return ("", REVERSE) if self.bidirectional else ("",)

    def forward(self, input: Tensor, hx: Any = None, *, lengths: Any = None) -> tuple[Tensor, Any]:
        who = type(self).__name__
        input = float_tensor(who, "input", input)
        x = self._steps_first(input)
        states = self._first_states(input, x, hx)
        here = None if lengths is None else before_the_end(who, lengths, input, *x.shape[:2])
        if here is not None:
            x = select(here, x, 0.0)  # whatever the padding is, NaN perhaps: no gradient meets it
        finals: list[State] = []
        for layer in range(self.num_layers):
            if layer > 0:
                x = F.dropout(x, self.dropout, self.training)
            x, last = self._layer(layer, x, states, here)
            finals += last
        if here is not None:
            x = select(here, x, 0.0)
        state = tuple(map(stack, zip(*finals)))
        return self._as_given(input, x, state)

    def _layer(self, layer: int, x: Tensor, states: State, here: Tensor | None) -> tuple[Tensor, list[State]]:
        """The outputs of a layer, those of both directions side by side, and the last state of each direction."""
        outputs, finals = [], []
        for i, suffix in enumerate(self._directions, start=layer * len(self._directions)):
            state = tuple(slice_of(s, key=(i,)) for s in states)
            weights = self._weights(f"_l{layer}{suffix}")
            last, output = along_sequence(self.mode, x, state, weights, here, reverse=suffix == REVERSE)
            outputs.append(output)
            finals.append(last)
        return outputs[0] if len(outputs) == 1 else concat(outputs, axis=2), finals

    # ---- shapes: inside, a sequence is (T, N, I) and a state (layers * directions, N, H)

    def _steps_first(self, input: Tensor) -> Tensor:
        """The input inside; one sequence becomes a batch of one. Raises ShapeError if it does not fit."""
        who, shape = type(self).__name__, input.shape
        if len(shape) not in (2, 3):
            batch = "(N, T, I)" if self.batch_first else "(T, N, I)"
            raise ShapeError(f"[{who}] expected input of shape {batch} or (T, I), got {shape}.")
        if shape[-1] != self.input_size:
            raise ShapeError(f"[{who}] expected {self.input_size} input features, got input {shape}.")
        x = expand_dims(input, 1) if len(shape) == 2 else permute(input, axes=SWAPPED) if self.batch_first else input
        if x.shape[0] == 0:
            raise ShapeError(f"[{who}] expected at least one step, got input {shape}.")
        return x

    def _first_states(self, input: Tensor, x: Tensor, hx: Any) -> State:
        """The states to begin with, inside: zeros, or what is given, which is checked."""
        unit, batched = UNITS[self.mode], input.ndim == 3
        widths = (self.proj_size or self.hidden_size, self.hidden_size)[: len(unit.states)]
        batch = x.shape[1:2] if batched else ()
        shapes = [(self.num_layers * len(self._directions), *batch, width) for width in widths]
        given = (hx,) if hx is not None and len(widths) == 1 else hx
        states = started(type(self).__name__, unit, given, shapes, input, self._weights("_l0"))
        return states if batched else tuple(expand_dims(s, 1) for s in states)

    def _as_given(self, input: Tensor, output: Tensor, state: State) -> tuple[Tensor, Any]:
        """Outputs and last states, in the layout of the input."""
        if input.ndim == 2:
            output, state = squeeze(output, 1), tuple(squeeze(s, 1) for s in state)
        elif self.batch_first:
            output = permute(output, axes=SWAPPED)
        return output, state if len(state) > 1 else state[0]


class RNN(RNNBase):
    """Simple recurrent layers (Elman 1990): each output is seen again in the next step.

        h[t] = tanh(W_ih x[t] + b_ih + W_hh h[t-1] + b_hh)

    input_size, hidden_size: I and H, the sizes of x[t] and h[t].  num_layers: so many on top of each other, each reads
    the outputs of the one below.  nonlinearity: "tanh" or "relu".  bias: whether there are b_ih and b_hh.
    batch_first: whether sequences are (N, T, I) instead of (T, N, I).  dropout: the probability of `nn.Dropout` on the
    outputs of each layer but the last.  bidirectional: whether each layer also reads from the end, with weights of its
    own; D, the number of directions, is then 2, and their outputs stand side by side (Schuster & Paliwal 1997).

    Parameters of layer k: weight_ih_l{k} (H, I; above the first layer H, D H), weight_hh_l{k} (H, H), bias_ih_l{k} and
    bias_hh_l{k} (H,), and the same with the ending _reverse; all from U(-1/sqrt(H), 1/sqrt(H)).

    Call: layer(input, hx=None, lengths=None) -> (output, h_n).
    input: (T, N, I), or (T, I) for one sequence.  hx: the first states (num_layers D, N, H), without N for one
    sequence; by default zeros.  output: (T, N, D H), the states of the last layer.  h_n: the last states, as hx.
    lengths: ours, where PyTorch packs: (N,) integers from 0 to T. Sequence n ends after lengths[n] steps; what
    follows is padding. It has no influence and no gradient, the outputs there are 0, h_n is the state at each
    sequence's own end, and reading from the end begins there.
    Raises ConfigError for arguments out of range; ShapeError, DtypeError or IndexError for a call that does not fit.

    >>> output, h_n = nn.RNN(10, 20, num_layers=2)(mg.zeros((5, 3, 10)))
    >>> output.shape, h_n.shape
    ((5, 3, 20), (2, 3, 20))
    >>> output, h_n = nn.RNN(1, 4)(mg.ones((3, 2, 1)), lengths=[3, 1])
    >>> mg.all(output[1:, 1] == 0), mg.all(h_n[0, 1] == output[0, 1])
    (tensor(True), tensor(True))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: DtypeLike = None,
    ) -> None:
        choice("RNN", "nonlinearity", nonlinearity, ("tanh", "relu"))
        self.nonlinearity = nonlinearity
        mode = f"RNN_{nonlinearity.upper()}"
        super().__init__(
            mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype
        )


class LSTM(RNNBase):
    """Layers with long short-term memory (Hochreiter & Schmidhuber 1997; the forget gate: Gers et al. 2000).

        (i, f, g, o) = W_ih x[t] + b_ih + W_hh h[t-1] + b_hh
        c[t] = sigmoid(f) c[t-1] + sigmoid(i) tanh(g)        h[t] = sigmoid(o) tanh(c[t])

    Arguments and calls as for `RNN`, but the state is a pair: layer(input, (h_0, c_0)) -> (output, (h_n, c_n)).
    proj_size: P > 0 projects the outputs, h[t] = W_hr sigmoid(o) tanh(c[t]) with W_hr (P, H) (Sak et al. 2014);
    h_0, h_n and the outputs of each direction then have the size P instead of H.
    Parameters of layer k: weight_ih_l{k} (4 H, I), weight_hh_l{k} (4 H, P or H), bias_ih_l{k}, bias_hh_l{k} (4 H,),
    weight_hr_l{k} (P, H), each the blocks of i, f, g and o one under the other.

    >>> output, (h_n, c_n) = nn.LSTM(10, 20, bidirectional=True, proj_size=7)(mg.zeros((5, 3, 10)))
    >>> output.shape, h_n.shape, c_n.shape
    ((5, 3, 14), (2, 3, 7), (2, 3, 20))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        dtype: DtypeLike = None,
    ) -> None:
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, dtype
        )


class GRU(RNNBase):
    """Layers of gated recurrent units (Cho et al. 2014, with the reset gate after the product).

        r = sigmoid(W_ir x[t] + b_ir + W_hr h[t-1] + b_hr)        z = sigmoid(W_iz x[t] + b_iz + W_hz h[t-1] + b_hz)
        n = tanh(W_in x[t] + b_in + r (W_hn h[t-1] + b_hn))       h[t] = (1 - z) n + z h[t-1]

    Arguments and calls as for `RNN`.
    Parameters of layer k: weight_ih_l{k} (3 H, I), weight_hh_l{k} (3 H, H), bias_ih_l{k}, bias_hh_l{k} (3 H,), each the
    blocks of r, z and n one under the other.

    >>> output, h_n = nn.GRU(10, 20, batch_first=True)(mg.zeros((3, 5, 10)))
    >>> output.shape, h_n.shape
    ((3, 5, 20), (1, 3, 20))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: DtypeLike = None,
    ) -> None:
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype
        )


# ---- cells


class RNNCellBase(Recurrent):
    """One step of a recurrent unit; the subclasses say of which."""

    def __init__(self, mode: str, input_size: int, hidden_size: int, bias: bool, dtype: DtypeLike) -> None:
        who = type(self).__name__
        self.mode = mode
        self.input_size = size(who, "input_size", input_size)
        self.hidden_size = size(who, "hidden_size", hidden_size)
        self.bias = bias
        self._make_parameters(shapes_of(mode, input_size, hidden_size, bias), "", dtype)
        self.reset_parameters()

    def _step(self, input: Tensor, state: State | None) -> State:
        """The state after the input."""
        return one_step(type(self).__name__, self.mode, input, state, self._weights())


class RNNCell(RNNCellBase):
    """One step of a simple recurrent net (Elman 1990): see `F.rnn_tanh_cell`.

    input_size, hidden_size: the sizes I and H of input and state.  bias: whether there are biases.  nonlinearity:
    "tanh" or "relu".  weight_ih: (H, I), weight_hh: (H, H), bias_ih, bias_hh: (H,), all from
    U(-1/sqrt(H), 1/sqrt(H)).  Call: cell(input, hx=None) -> the next state; input (N, I) or (I,), states (N, H) or
    (H,), zeros by default.

    >>> nn.RNNCell(10, 20)(mg.zeros((3, 10))).shape
    (3, 20)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", dtype: DtypeLike = None
    ) -> None:
        choice("RNNCell", "nonlinearity", nonlinearity, ("tanh", "relu"))
        self.nonlinearity = nonlinearity
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, bias, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step(input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of an LSTM (Hochreiter & Schmidhuber 1997): see `F.lstm_cell`.

    Arguments and calls as for `RNNCell`, but the state is a pair: cell(input, (h, c)) -> (h', c').
    weight_ih: (4 H, I), weight_hh: (4 H, H), bias_ih, bias_hh: (4 H,), each the blocks of i, f, g and o.

    >>> h, c = nn.LSTMCell(10, 20)(mg.zeros((3, 10)))
    >>> h.shape, c.shape
    ((3, 20), (3, 20))
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: DtypeLike = None) -> None:
        super().__init__("LSTM", input_size, hidden_size, bias, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = self._step(input, hx)
        return h, c


class GRUCell(RNNCellBase):
    """One step of a gated recurrent unit (Cho et al. 2014): see `F.gru_cell`.

    Arguments and calls as for `RNNCell`.
    weight_ih: (3 H, I), weight_hh: (3 H, H), bias_ih, bias_hh: (3 H,), each the blocks of r, z and n.

    >>> nn.GRUCell(10, 20)(mg.zeros(10)).shape
    (20,)
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: DtypeLike = None) -> None:
        super().__init__("GRU", input_size, hidden_size, bias, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step(input, None if hx is None else (hx,))[0]
