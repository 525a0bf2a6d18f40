"""Losses: one number that says how wrong a prediction is, one family a file."""

from minigrad.nn.functional.loss.classification import cross_entropy, nll_loss, rbf_loss
from minigrad.nn.functional.loss.ctc import ctc_loss
from minigrad.nn.functional.loss.likelihood import gaussian_nll_loss, kl_div, poisson_nll_loss
from minigrad.nn.functional.loss.logistic import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    multilabel_soft_margin_loss,
    soft_margin_loss,
)
from minigrad.nn.functional.loss.margin import (
    hinge_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    squared_hinge_loss,
)
from minigrad.nn.functional.loss.regression import euclidean_loss, huber_loss, l1_loss, mse_loss, smooth_l1_loss
from minigrad.nn.functional.loss.similarity import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)

__all__ = [
    "cross_entropy", "nll_loss", "rbf_loss", "ctc_loss",
    "gaussian_nll_loss", "kl_div", "poisson_nll_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "multilabel_soft_margin_loss", "soft_margin_loss",
    "hinge_loss", "multi_margin_loss", "multilabel_margin_loss", "squared_hinge_loss",
    "euclidean_loss", "huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss",
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]
