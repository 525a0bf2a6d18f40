"""Recurrent layers and cells; with lengths, PyTorch's layers behind its packing."""

from tests.nn.rows.row import Call, Row


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
        inputs, hidden, layers = draw.integer(1, 3), draw.integer(2, 3), draw.integer(1, 2)
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
