"""Penalties of activations, which PyTorch does not have."""

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong


def strengths(draw):
    return {"l1": draw.one_of(0.0, draw.number(0, 2)), "l2": draw.one_of(0.0, draw.number(0, 2))}


def activations(draw):
    return Call((draw.normal(*draw.shape(1, 4)),), (), strengths(draw))


def mean_of_norms(h, l1, l2):
    samples = h.reshape(len(h), -1)
    return (l1 * samples.abs().sum(1) + l2 / 2 * (samples**2).sum(1)).mean()


def torch_identity(l1, l2):
    import torch

    return torch.nn.Identity()


ROWS = [
    Row("activation_penalty", activations, twin=mean_of_norms),
    Row("ActivationPenalty", activations, twin=torch_identity),
]


def strength(draw):
    l2 = draw.one_of(-1.0, float("nan"), float("inf"), "strong")
    return lambda: nn.ActivationPenalty(l2=l2), ["l2 must be a number, at least 0", repr(l2)]


def no_samples(draw):
    x = mg.tensor(draw.number(0, 1))
    return lambda: F.activation_penalty(x, 1.0), ["expected activations of shape (N, ...), got a number"]


WRONG = [Wrong("ActivationPenalty", strength, ConfigError), Wrong("activation_penalty", no_samples)]
