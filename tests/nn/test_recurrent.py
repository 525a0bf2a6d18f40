"""Recurrent layers: padding, random behaviour, initialization, printing, and a problem that needs memory."""

from dataclasses import replace

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from tests.compiler.running import uncompiled
from tests.nn.rows import recurrent
from tests.nn.rows.row import Call
from tests.nn.rows.sides import Ours, Theirs, observed
from tests.nn.test_rows import compare

KINDS = ["RNN", "LSTM", "GRU"]


def seen(layer, x, lengths):
    """Output, last states, and all gradients of their sum of squares."""
    x = mg.tensor(x, requires_grad=True)
    layer.zero_grad()
    output, last = layer(x, lengths=lengths)
    last = list(last) if isinstance(last, tuple) else [last]
    sum((y * y).sum() for y in [output, *last]).backward()
    return [t.numpy() for t in (output, *last, x.grad, *(p.grad for p in layer.parameters()))]


# ---- lengths (against PyTorch's packing: tests/nn/rows/recurrent.py)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_padding_holds_does_not_matter(kind):
    x = np.random.default_rng(0).standard_normal((5, 3, 2))
    layer = getattr(nn, kind)(2, 4, num_layers=2, bidirectional=True, dtype="float64")
    lengths = [5, 2, 3]
    padding = np.arange(5)[:, None] >= lengths
    for found, expected in zip(seen(layer, np.where(padding[..., None], np.nan, x), lengths), seen(layer, x, lengths)):
        np.testing.assert_array_equal(found, expected)
    assert not seen(layer, x, lengths)[0][padding].any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_of_no_steps_stays_at_its_first_state(kind):
    layer = getattr(nn, kind)(2, 4, bidirectional=True)
    h = mg.random.normal((2, 2, 4))
    output, last = layer(mg.ones((3, 2, 2)), (h, h) if kind == "LSTM" else h, lengths=[0, 3])
    for state in last if kind == "LSTM" else [last]:
        assert mg.all(state[:, 0] == h[:, 0])
        assert mg.all(state[:, 1] != h[:, 1])
    assert mg.all(output[:, 0] == 0)


def test_one_sequence_has_one_length():
    layer, x = nn.GRU(2, 4), mg.random.normal((5, 2))
    output, h = layer(x, lengths=mg.tensor(3))
    np.testing.assert_allclose(h.numpy(), layer(x[:3])[1].numpy(), rtol=1e-6)
    assert output.shape == (5, 4)


@pytest.mark.parametrize("lengths", [[4, 2], [1, -1]])
def test_lengths_out_of_range(lengths):
    layer, x = nn.RNN(1, 2), mg.ones((3, 2, 1))
    with pytest.raises(IndexError, match=r"\[RNN\] lengths must lie in \[0, 4\), found .*: input \(3, 2, 1\)"):
        layer(x, lengths=lengths)
    step = mg.jit(lambda lengths: layer(x, lengths=lengths), warmup=0)
    with uncompiled(), pytest.raises(IndexError, match=r"\[RNN\] lengths must lie in \[0, 4\)"):
        step(mg.tensor(lengths))


# ---- extreme inputs


@pytest.mark.parametrize("row", [row for row in recurrent.ROWS if row.is_module], ids=str)
def test_saturated_units_are_those_of_pytorch(row):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).choice([-1e4, 0.0, 1e4], (3, 2, 4)[row.name.endswith("Cell") :])
    call, us = Call((x,), (4, 3)), Ours("float64")
    compare(replace(row, second=False), call, us, Theirs(torch, "float64"))  # PyTorch's second derivatives round to 0
    for name, value in observed(us, us.made(row, call)[0], call, second=True).items():
        assert value is None or np.isfinite(value).all(), name


# ---- dropout


def test_dropout_is_between_the_layers_and_new_in_each_step():
    layer = nn.RNN(1, 1, num_layers=2, nonlinearity="relu", bias=False, dropout=0.25)
    for name, p in layer.named_parameters():  # y[t] = x[t], but for dropout
        p.assign_(mg.ones((1, 1)) if "ih" in name else mg.zeros((1, 1)))
    mg.manual_seed(0)
    output, h = layer(mg.ones((100, 200, 1)))
    kept = output.numpy() != 0
    np.testing.assert_allclose(output.numpy()[kept], 1 / 0.75, rtol=1e-6)
    assert abs(kept.mean() - 0.75) < 0.02
    assert len({step.tobytes() for step in kept}) == 100
    assert mg.all(h[0] == 1)
    assert mg.all(layer.eval()(mg.ones((100, 200, 1)))[0] == 1)


def test_dropout_of_a_single_layer_has_nothing_to_do():
    with pytest.warns(UserWarning, match=r"\[LSTM\] dropout=0.5 acts between layers, and there is only one") as caught:
        nn.LSTM(1, 2, dropout=0.5)
    assert caught[0].filename == __file__


# ---- parameters and printing


@pytest.mark.parametrize("kind", [*KINDS, "RNNCell", "LSTMCell", "GRUCell"])
def test_parameters_are_uniform_up_to_one_over_the_root_of_hidden_size(kind):
    layer = getattr(nn, kind)(7, 25, dtype="float64")
    for name, p in layer.named_parameters():
        assert p.dtype == mg.float64
        assert 0.15 < abs(p.numpy()).max() <= 0.2, name
        assert abs(p.numpy().mean()) < 0.06, name
    before = layer.state_dict()
    layer.reset_parameters()
    assert not any(mg.any(before[name] == p) for name, p in layer.named_parameters())


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("RNN", (3, 4), {}),
        ("GRU", (3, 4, 2, False, True, 0.5, True), {}),
        ("LSTM", (3, 4, 2, False, True, 0.5, True, 2), {}),
        ("RNNCell", (3, 4, False, "relu"), {}),
        ("LSTMCell", (3, 4), {"bias": False}),
        ("GRUCell", (3, 4), {}),
    ],
)
def test_arguments_are_in_the_order_and_printed_as_pytorchs(name, arguments, options):
    torch = pytest.importorskip("torch")
    ours, theirs = (getattr(lib, name)(*arguments, **options) for lib in (nn, torch.nn))
    assert f"{name}({ours.extra_repr()})" == str(theirs)
    assert {k: p.shape for k, p in ours.named_parameters()} == {k: tuple(p.shape) for k, p in theirs.named_parameters()}


def test_the_nonlinearity_is_the_fourth_argument():
    layer = nn.RNN(3, 4, 2, "relu", False, True)
    assert layer.extra_repr() == "3, 4, num_layers=2, bias=False, batch_first=True, nonlinearity=relu"


# ---- training


def train(kind, jit):
    """A few steps of a net with all there is; the losses, and the parameters afterwards."""
    mg.manual_seed(0)
    layer = getattr(nn, kind)(2, 3, num_layers=2, bidirectional=True, dropout=0.3, dtype="float64")
    head = nn.Linear(6, 2, dtype="float64")
    optimizer = mg.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.1)

    @jit
    def step(x, y, lengths):
        output, _ = layer(x, lengths=lengths)
        loss = F.cross_entropy(head(output.mean(0)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    rng = np.random.default_rng(0)
    batches = [(rng.standard_normal((4, 3, 2)), rng.integers(0, 2, 3), rng.integers(0, 5, 3)) for _ in range(3)]
    losses = [step(*map(mg.tensor, batch)).item() for batch in batches]
    return [losses, *(p.numpy() for p in (*layer.parameters(), *head.parameters()))]


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_training_is_eager_training(kind):
    with uncompiled():
        compiled = train(kind, mg.jit(warmup=0))
    for found, expected in zip(compiled, train(kind, lambda step: step), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def adding_problem(rng, n, steps=10):
    """Pairs (number, mark): the sum of the two marked numbers is asked for at the end (Hochreiter & Schmidhuber 1997).

    Sequences end after 8 to 10 steps.
    """
    lengths = rng.integers(steps - 2, steps + 1, n)
    numbers, marks = rng.uniform(0, 1, (steps, n)), np.zeros((steps, n))
    marks[rng.integers(0, 4, n), np.arange(n)] = marks[rng.integers(4, 8, n), np.arange(n)] = 1
    x = np.stack([numbers, marks], axis=2).astype(np.float32)
    return mg.tensor(x), mg.tensor((numbers * marks).sum(0, dtype=np.float32)), mg.tensor(lengths)


def test_an_lstm_solves_the_adding_problem():
    mg.manual_seed(0)
    rng = np.random.default_rng(0)
    layer, head = nn.LSTM(2, 8), nn.Linear(8, 1)
    parameters = [*layer.parameters(), *head.parameters()]
    optimizer = mg.optim.Adam(parameters, lr=0.03)

    def loss_of(x, y, lengths):
        _, (h, _) = layer(x, lengths=lengths)
        return F.mse_loss(head(h[0])[:, 0], y)

    for _ in range(300):
        loss = loss_of(*adding_problem(rng, 32))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    with mg.no_grad():
        x, y, lengths = adding_problem(rng, 1000)
        assert np.var(y.numpy()) > 0.14  # what the best constant answer leaves
        assert loss_of(x, y, lengths).item() < 0.01


def test_a_subclass_is_free_to_use_plain_names():
    class Net(nn.GRU):
        def __init__(self):
            super().__init__(2, 3)
            self.layer, self.weights, self.step = nn.Linear(3, 1), mg.ones(3), 0

        def forward(self, x):
            return self.layer(super().forward(x)[0] * self.weights)

    assert Net()(mg.ones((4, 2))).shape == (4, 1)
