"""Connectionist temporal classification, against the sum over all paths (Graves et al. 2006)."""

import itertools

import numpy as np

import minigrad as mg
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F
from tests.nn.rows.losses import both
from tests.nn.rows.row import Call, Wrong


def collapsed(path, blank):
    """A path without repetitions, and then without blanks."""
    return [label for label, _ in itertools.groupby(path) if label != blank]


def over_all_paths(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    """The definition: -log of the sum over the paths that collapse to the target. PyTorch's gradient is another one."""
    import torch

    batched = log_probs.dim() == 3
    scores = log_probs if batched else log_probs[:, None]
    times, ends = (torch.as_tensor(x).reshape(-1).tolist() for x in (input_lengths, target_lengths))
    losses, start = [], 0
    for n, (time, end) in enumerate(zip(times, ends)):
        row = targets[n] if targets.dim() == 2 else targets[start:]
        start += end
        wanted = row[:end].tolist()
        paths = [p for p in itertools.product(range(scores.shape[2]), repeat=time) if collapsed(p, blank) == wanted]
        if paths:
            each = [sum((scores[t, n, c] for t, c in enumerate(p)), scores.new_zeros(())) for p in paths]
            losses.append(-torch.logsumexp(torch.stack(each), 0))
        else:
            losses.append(scores.new_tensor(0.0 if zero_infinity else torch.inf))
    losses = torch.stack(losses)
    if reduction == "mean":
        return (losses / torch.tensor(ends).clamp(min=1)).mean()
    return losses.sum() if reduction == "sum" else losses if batched else losses[0]


def needed(labels):
    """The shortest input: a step for each label, and a blank between equal ones."""
    return len(labels) + sum(a == b for a, b in itertools.pairwise(labels))


def ctc(draw):
    steps, n, classes, longest = draw.integer(1, 4), draw.integer(1, 3), draw.integer(2, 3), draw.integer(0, 2)
    blank, batched = draw.integer(0, classes - 1), draw.integer(0, 3) > 0
    n = n if batched else 1
    labels = draw.labels(classes - 1, n, longest)
    labels += labels >= blank
    times, ends = draw.rng.integers(0, steps + 1, n), draw.rng.integers(0, longest + 1, n)
    possible = all(t >= needed(row[:end].tolist()) for t, row, end in zip(times, labels, ends))
    options = {
        "blank": blank,
        "reduction": draw.one_of("mean", "sum", "none"),
        "zero_infinity": draw.flag() if possible else True,
    }
    log_probs = draw.normal(steps, n, classes)
    if draw.flag():
        labels = np.concatenate([row[:end] for row, end in zip(labels, ends)])
    if not batched:
        log_probs = log_probs[:, 0]
        times, ends = (x[0:1] if draw.flag() else x.reshape(()) for x in (times, ends))
    if draw.flag():
        times, ends = (tuple(x.reshape(-1).tolist()) for x in (times, ends))
    return Call((log_probs, labels, times, ends), (), options)


ROWS = both("CTCLoss", "ctc_loss", ctc, twin=over_all_paths)


# ---- calls that must be refused


def drawn(draw):
    """Log-probabilities (T, N, C), labels (N, S) and lengths that fit."""
    steps, n, classes = draw.integer(4, 6), draw.integer(2, 3), draw.integer(3, 5)
    return mg.ones((steps, n, classes)), mg.ones((n, 2), dtype="int64"), (steps,) * n, (2,) * n


def rank(draw):
    log_probs, *rest = drawn(draw)
    return lambda: F.ctc_loss(log_probs[None], *rest), ["(T, N, C) or (T, C)", (1, *log_probs.shape)]


def batch(draw):
    log_probs, labels, *lengths = drawn(draw)
    return lambda: F.ctc_loss(log_probs, labels[:1], *lengths), [
        f"targets of shape ({log_probs.shape[1]}, S)",
        (1, 2),
        log_probs.shape,
    ]


def number_of_lengths(draw):
    log_probs, labels, times, ends = drawn(draw)
    n = len(times)
    return lambda: F.ctc_loss(log_probs, labels, times[1:], ends), [f"input_lengths of shape ({n},)", (n - 1,)]


def concatenated(draw):
    log_probs, _, times, ends = drawn(draw)
    labels = mg.ones(2 * len(ends) + 1, dtype="int64")
    return lambda: F.ctc_loss(log_probs, labels, times, ends), [f"targets of shape ({2 * len(ends)},)", labels.shape]


def long_input(draw):
    log_probs, labels, times, ends = drawn(draw)
    wrong = (times[0] + 1, *times[1:])
    return lambda: F.ctc_loss(log_probs, labels, wrong, ends), [f"input_lengths must lie in [0, {wrong[0]})"]


def long_target(draw):
    log_probs, labels, times, ends = drawn(draw)
    return lambda: F.ctc_loss(log_probs, labels, times, (3, *ends[1:])), ["target_lengths must lie in [0, 3)", "2 to 3"]


def label(draw):
    log_probs, labels, *lengths = drawn(draw)
    classes = log_probs.shape[2]
    return lambda: F.ctc_loss(log_probs, labels * classes, *lengths), [f"labels must lie in [0, {classes})"]


def blank_label(draw):
    log_probs, labels, *lengths = drawn(draw)
    return lambda: F.ctc_loss(log_probs, labels, *lengths, blank=1), ["differ from blank=1", "found 1 to 1"]


def blank(draw):
    log_probs, *rest = drawn(draw)
    classes = log_probs.shape[2]
    return lambda: F.ctc_loss(log_probs, *rest, blank=classes), [f"an integer in [0, {classes})", f"got {classes}"]


def dtype(draw):
    log_probs, labels, *lengths = drawn(draw)
    return lambda: F.ctc_loss(log_probs, labels * 1.0, *lengths), ["targets must be integers", "float"]


WRONG = [
    *(Wrong("ctc_loss", draw) for draw in (rank, batch, number_of_lengths, concatenated)),
    *(Wrong("ctc_loss", draw, IndexError) for draw in (long_input, long_target, label, blank_label)),
    Wrong("ctc_loss", blank, ConfigError),
    Wrong("ctc_loss", dtype, DtypeError),
]
