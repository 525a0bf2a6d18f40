"""Padding and unpadding, against PyTorch's."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn.utils.rnn import pad_sequence, unpad_sequence

SEQUENCES = [np.arange(2.0 * n).reshape(n, 2) for n in (3, 1, 0, 5)]


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_that_of_pytorch(batch_first, side):
    torch = pytest.importorskip("torch")
    arguments = {"batch_first": batch_first, "padding_value": -7.0, "padding_side": side}
    ours = pad_sequence([mg.tensor(x) for x in SEQUENCES], **arguments)
    theirs = torch.nn.utils.rnn.pad_sequence([torch.tensor(x) for x in SEQUENCES], **arguments)
    assert ours.dtype == mg.float64
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("batch_first", [False, True])
def test_unpadding_gives_the_sequences_back(batch_first):
    padded = pad_sequence([mg.tensor(x) for x in SEQUENCES], batch_first)
    for found, x in zip(unpad_sequence(padded, mg.tensor([3, 1, 0, 5]), batch_first), SEQUENCES, strict=True):
        np.testing.assert_array_equal(found.numpy(), x)


def test_gradients_go_to_the_sequences():
    x, y = mg.ones((3, 1)).requires_grad_(), mg.ones((1, 1)).requires_grad_()
    (pad_sequence([x, y]) * mg.tensor([[[1.0], [10.0]], [[2.0], [20.0]], [[3.0], [30.0]]])).sum().backward()
    assert x.grad.tolist() == [[1], [2], [3]]
    assert y.grad.tolist() == [[10]]


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (mg.ShapeError, r"first axis alone, got \(2, 3\), \(2, 4\)",
         lambda: pad_sequence([mg.ones((2, 3)), mg.ones((2, 4))])),
        (mg.ShapeError, "first axis alone, got none", lambda: pad_sequence([])),
        (mg.ShapeError, r"first axis alone, got \(\)", lambda: pad_sequence([mg.tensor(1.0)])),
        (mg.ConfigError, "padding_side must be one of", lambda: pad_sequence([mg.ones(2)], padding_side="up")),
        (mg.ShapeError, r"a length for each sequence, got \(3,\) for \(4, 2\)",
         lambda: unpad_sequence(mg.ones((4, 2)), [1, 2, 3])),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(error, message, call):
    with pytest.raises(error, match=message):
        call()
