"""Recurrent layers and cells; with lengths, PyTorch's layers behind its packing."""

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong


def packed(kind):
    """PyTorch's layer, which takes lengths."""

    def made(*args, **kwargs):
        import torch
        from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

        layer = getattr(torch.nn, kind)(*args, **kwargs)
        plain = layer.forward

        def forward(input, hx=None, lengths=None):
            if lengths is None:
                return plain(input, hx)
            first = layer.batch_first
            packed = pack_padded_sequence(input, lengths, batch_first=first, enforce_sorted=False)
            output, last = plain(packed, hx)
            return pad_packed_sequence(output, batch_first=first, total_length=input.shape[first])[0], last

        layer.forward = forward
        return layer

    return made


def layer(kind):
    def drawn(draw):
        inputs, hidden, layers = draw.integer(1, 3), draw.integer(2, 3), draw.one_of(1, 1, 2)
        options = {
            "num_layers": layers,
            "bias": draw.flag(),
            "batch_first": draw.flag(),
            "dropout": draw.one_of(0.0, 1.0) if layers > 1 else 0.0,
            "bidirectional": draw.flag(),
        }
        if kind == "RNN":
            options["nonlinearity"] = draw.one_of("tanh", "relu")
        if kind == "LSTM":
            options["proj_size"] = draw.integer(0, hidden - 1)
        steps, batch = draw.integer(1, 3), draw.one_of((), (0,), (1,), (2,), (2,), (2,))
        shape = (*batch, steps) if options["batch_first"] else (steps, *batch)
        widths = [options.get("proj_size") or hidden, hidden][: 1 + (kind == "LSTM")]
        start = tuple(draw.normal(layers * (1 + options["bidirectional"]), *batch, n) for n in widths)
        hx = (start if kind == "LSTM" else start[0],) if draw.flag() else ()
        lengths = {"lengths": 1 + draw.labels(steps, *batch)} if draw.flag() and batch not in ((), (0,)) else {}
        return Call((draw.normal(*shape, inputs), *hx), (inputs, hidden), options, lengths)

    return drawn


def shapes(draw, gates):
    """Input, states and weights of a cell, by name."""
    inputs, hidden, batch = *draw.integers(2, 1, 4), draw.one_of((), (0,), (1,), (3,))
    return (*batch, inputs), (*batch, hidden), (gates * hidden, inputs), (gates * hidden, hidden)


def cell(kind):
    def drawn(draw):
        x, h, (_, inputs), (_, hidden) = shapes(draw, 1)
        options = {"bias": draw.flag()}
        if kind == "RNNCell":
            options["nonlinearity"] = draw.one_of("tanh", "relu")
        state = (draw.normal(*h), draw.normal(*h)) if kind == "LSTMCell" else draw.normal(*h)
        return Call((draw.normal(*x), *[state] * draw.flag()), (inputs, hidden), options)

    return drawn


def cell_function(gates):
    def drawn(draw):
        x, h, w_ih, w_hh = (draw.normal(*shape) for shape in shapes(draw, gates))
        biases = (draw.normal(len(w_ih)), draw.normal(len(w_ih))) if draw.flag() else ()
        return Call((x, (h, draw.normal(*h.shape)) if gates == 4 else h, w_ih, w_hh, *biases))

    return drawn


def torch_function(name):
    """PyTorch's function of a cell, which takes batches only."""

    def twin(input, hx, *weights):
        import torch

        if input.ndim == 2:
            return getattr(torch, name)(input, hx, *weights)
        hx = tuple(s[None] for s in hx) if isinstance(hx, tuple) else hx[None]
        new = getattr(torch, name)(input[None], hx, *weights)
        return tuple(s[0] for s in new) if isinstance(new, tuple) else new[0]

    return twin


CELLS = {"rnn_tanh_cell": 1, "rnn_relu_cell": 1, "lstm_cell": 4, "gru_cell": 3}

ROWS = [
    *(Row(kind, layer(kind), twin=packed(kind)) for kind in ("RNN", "LSTM", "GRU")),
    *(Row(kind, cell(kind)) for kind in ("RNNCell", "LSTMCell", "GRUCell")),
    *(Row(name, cell_function(gates), twin=torch_function(name)) for name, gates in CELLS.items()),
]


# ---- what is refused


def features(draw):
    n, hidden, steps, batch = draw.integers(4, 2, 5)
    shape = (steps, batch, n + 1)
    return lambda: nn.LSTM(n, hidden)(mg.ones(shape)), [f"expected {n} input features", shape]


def rank(draw):
    n, batch = draw.integers(2, 2, 5)
    return lambda: nn.RNN(n, 2)(mg.ones((1, 2, batch, n))), ["(T, N, I) or (T, I)", (1, 2, batch, n)]


def no_steps(draw):
    n, batch = draw.integers(2, 1, 5)
    return lambda: nn.GRU(n, 2, batch_first=True)(mg.ones((batch, 0, n))), ["at least one step", (batch, 0, n)]


def states(draw):
    n, hidden, steps, batch = draw.integers(4, 2, 5)
    layer, given = nn.GRU(n, hidden, 2, bidirectional=True), (2, batch, hidden)
    return lambda: layer(mg.ones((steps, batch, n)), mg.ones(given)), [
        f"expected h of shape {(4, batch, hidden)}", given, (steps, batch, n),
    ]  # fmt: skip


def batch_of_states(draw):
    """One sequence with the state of a batch."""
    n, hidden, steps = draw.integers(3, 2, 5)
    given = (1, 1, hidden)
    return lambda: nn.RNN(n, hidden)(mg.ones((steps, n)), mg.ones(given)), [
        f"expected h of shape {(1, hidden)}", given, (steps, n),
    ]  # fmt: skip


def projected_states(draw):
    n, hidden, steps, batch = draw.integers(4, 3, 6)
    layer, given = nn.LSTM(n, hidden, proj_size=2), mg.ones((1, batch, 2))
    return lambda: layer(mg.ones((steps, batch, n)), (given, given)), [
        f"expected c of shape {(1, batch, hidden)}", given.shape,
    ]  # fmt: skip


def no_pair(draw):
    n, hidden, steps, batch = draw.integers(4, 2, 5)
    given = (2, batch, hidden)
    return lambda: nn.LSTM(n, hidden)(mg.ones((steps, batch, n)), mg.ones(given)), ["a tuple (h, c)", given]


def dtype_of_states(draw):
    n, hidden, batch = draw.integers(3, 1, 5)
    h = mg.ones((batch, hidden), dtype="float64")
    return lambda: nn.GRUCell(n, hidden)(mg.ones((batch, n)), h), ["h of dtype float32", "float64"]


def number_of_lengths(draw):
    steps, batch = draw.integers(2, 2, 5)
    x, lengths = mg.ones((steps, batch, 1)), mg.ones(batch + 1, dtype="int64")
    return lambda: nn.LSTM(1, 2)(x, lengths=lengths), [f"lengths of shape {(batch,)}", (batch + 1,), x.shape]


def dtype_of_lengths(draw):
    x, lengths = mg.ones((3, 2, 1)), mg.ones(2)
    return lambda: nn.LSTM(1, draw.integer(1, 5))(x, lengths=lengths), ["lengths must be integers", "float32"]


def sizes(draw):
    n, hidden = draw.integers(2, 1, 5)
    return lambda: nn.LSTM(n, hidden, proj_size=hidden), ["proj_size must be less than", f"={hidden}"]


def nonlinearity(draw):
    return lambda: nn.RNN(1, draw.integer(1, 5), nonlinearity="sigmoid"), ["one of 'tanh', 'relu'", "'sigmoid'"]


def probability(draw):
    p = draw.number(1.1, 2)
    return lambda: nn.GRU(1, 2, 2, dropout=p), ["must lie in [0, 1]", p]


def cell_features(draw):
    n, hidden, batch = draw.integers(3, 2, 5)
    x, w_ih = mg.ones((batch, n + 1)), (4 * hidden, n)
    return lambda: nn.LSTMCell(n, hidden)(x), [f"expected {n} input features", x.shape, w_ih]


def cell_rank(draw):
    n, hidden, batch = draw.integers(3, 2, 5)
    return lambda: nn.RNNCell(n, hidden)(mg.ones((1, batch, n))), ["(N, I) or (I,)", (1, batch, n)]


def cell_states(draw):
    n, hidden, batch = draw.integers(3, 2, 5)
    x, h, c = mg.ones((batch, n)), mg.ones((batch, hidden)), mg.ones((1, hidden))
    return lambda: nn.LSTMCell(n, hidden)(x, (h, c)), [f"expected c of shape {h.shape}", c.shape, x.shape]


def cell_weights(draw):
    n, hidden, batch = draw.integers(3, 2, 5)
    shapes = (batch, n), (batch, hidden), (4 * hidden, n), (3 * hidden, hidden)
    x, h, w_ih, w_hh = map(mg.ones, shapes)
    return lambda: F.gru_cell(x, h, w_ih, w_hh), ["with G = 3", w_ih.shape, w_hh.shape]


def cell_bias(draw):
    n, hidden, batch = draw.integers(3, 2, 5)
    x, h, w_ih, w_hh = map(mg.ones, ((batch, n), (batch, hidden), (hidden, n), (hidden, hidden)))
    return lambda: F.rnn_relu_cell(x, h, w_ih, w_hh, mg.ones(1), mg.ones(hidden)), [
        f"b_ih of shape {(hidden,)}", (1,), w_ih.shape,
    ]  # fmt: skip


WRONG = [
    Wrong("LSTM", features),
    Wrong("RNN", rank),
    Wrong("GRU", no_steps),
    Wrong("GRU", states),
    Wrong("RNN", batch_of_states),
    Wrong("LSTM", projected_states),
    Wrong("LSTM", no_pair),
    Wrong("GRUCell", dtype_of_states, DtypeError),
    Wrong("LSTM", number_of_lengths),
    Wrong("LSTM", dtype_of_lengths, DtypeError),
    Wrong("LSTM", sizes, ConfigError),
    Wrong("RNN", nonlinearity, ConfigError),
    Wrong("GRU", probability, ConfigError),
    Wrong("LSTMCell", cell_features),
    Wrong("RNNCell", cell_rank),
    Wrong("LSTMCell", cell_states),
    Wrong("gru_cell", cell_weights),
    Wrong("rnn_relu_cell", cell_bias),
]
