"""Sequences of several lengths as one tensor and back, named as in `torch.nn.utils.rnn`.

Recurrent layers take padded sequences with their `lengths`, which does what packing does in PyTorch.

>>> x = [mg.tensor([1.0, 2.0, 3.0]), mg.tensor([4.0])]
>>> nn.utils.rnn.pad_sequence(x, batch_first=True)
tensor([[1., 2., 3.],
        [4., 0., 0.]])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.nn.arguments import choice
from minigrad.ops import asarray, pad, stack

__all__ = ["pad_sequence", "unpad_sequence"]


def pad_sequence(
    sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences side by side, the shorter ones filled up to the length T of the longest.

    sequences: N tensors (T_n, *).  padding_side: where they are filled up, "right" (behind the end) or "left".
    Returns (T, N, *), or (N, T, *) if batch_first.  Raises ShapeError if there is none or they differ in more than
    their lengths, ConfigError for another side.

    >>> nn.utils.rnn.pad_sequence([mg.tensor([1, 2]), mg.tensor([3])], padding_value=-1, padding_side="left")
    tensor([[ 1, -1],
            [ 2,  3]])
    """
    choice("pad_sequence", "padding_side", padding_side, ("left", "right"))
    tensors = [asarray(x) for x in sequences]
    if not tensors or any(x.ndim == 0 or x.shape[1:] != tensors[0].shape[1:] for x in tensors):
        shapes = ", ".join(str(x.shape) for x in tensors) or "none"
        raise ShapeError(f"[pad_sequence] expected sequences that differ in their first axis alone, got {shapes}.")
    longest = max(len(x) for x in tensors)
    padded = []
    for x in tensors:
        missing = longest - len(x)
        ends = (0, missing) if padding_side == "right" else (missing, 0)
        padded.append(pad(x, (ends, *((0, 0),) * (x.ndim - 1)), constant_values=padding_value))
    return stack(padded, axis=0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences that `pad_sequence` put together, with padding on the right.

    padded_sequences: (T, N, *), or (N, T, *) if batch_first.  lengths: N integers.  Returns N tensors (lengths[n], *).
    Raises ShapeError unless there is one length for each sequence.

    >>> nn.utils.rnn.unpad_sequence(mg.tensor([[1, 3], [2, 0]]), [2, 1])
    [tensor([1, 2]), tensor([3])]
    """
    x, ends = asarray(padded_sequences), asarray(lengths)
    batch_axis = 0 if batch_first else 1
    if x.ndim < 2 or ends.shape != x.shape[batch_axis : batch_axis + 1]:
        raise ShapeError(f"[unpad_sequence] expected a length for each sequence, got {ends.shape} for {x.shape}.")
    return [x[n, :end] if batch_first else x[:end, n] for n, end in enumerate(ends.tolist())]
