"""Losses: as functions and as modules, which take the same inputs and the same arguments."""

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError
from minigrad.nn import functional as F
from tests.nn.rows.row import Call, Row, Wrong


def both(module, function, draw, twin=None, **options):
    """A row for the module and one for the function; `twin` is a function written with PyTorch."""
    return [
        Row(module, draw, twin=twin and criterion(twin), **options),
        Row(function, draw, twin=twin, **options),
    ]


def criterion(function):
    """What makes a module of PyTorch's out of a function."""

    def make(**kwargs):
        import torch

        class Criterion(torch.nn.Module):
            def forward(self, *inputs):
                return function(*inputs, **kwargs)

        return Criterion()

    return make


def reduction(draw):
    return {"reduction": draw.one_of("mean", "sum", "none")}


def pair(draw):
    """Two arrays of normal numbers."""
    of = draw.shape(0, 3)
    return draw.normal(*of), draw.normal(*of)


def signs(draw, *of):
    """1 or -1, as integers."""
    return draw.rng.choice([-1, 1], of)


def maybe(draw, name, array):
    """An argument that is given half the time."""
    return {name: array} if draw.flag() else {}


# ---- one of several classes


def scores(draw, most_spatial=2, fewest=1):
    """Scores (N, C, ...) or (C,), and labels, the first of which is 0."""
    classes = draw.integer(fewest, 4)
    if draw.integer(0, 4) == 0:
        return draw.uniform(-4, 4, classes), np.array(0)
    n, spatial = draw.integer(1, 3), draw.shape(0, most_spatial, 3)
    labels = draw.labels(classes, n, *spatial)
    labels.flat[0] = 0
    return draw.uniform(-4, 4, n, classes, *spatial), labels


def class_count(x):
    return x.shape[min(1, x.ndim - 1)]


def with_labels(draw):
    """Scores and labels, some ignored."""
    x, labels = scores(draw)
    ignore_index = draw.one_of(-100, 1)
    labels[(labels != 0) & (draw.uniform(0, 1, *labels.shape) < 0.3)] = ignore_index
    weight = maybe(draw, "weight", draw.uniform(0.1, 2, class_count(x)))
    return Call((x, labels), (), weight | {"ignore_index": ignore_index} | reduction(draw))


def smoothing(draw):
    return {"label_smoothing": draw.one_of(0.0, 0.1, 1.0)}


def cross_entropy(draw):
    call = with_labels(draw)
    return Call(call.inputs, (), call.kwargs | smoothing(draw))


def cross_entropy_of_probabilities(draw):
    x = scores(draw, fewest=2)[0]
    p = draw.uniform(0.1, 1, *x.shape)
    weight = maybe(draw, "weight", draw.uniform(0.1, 2, class_count(x)))
    p = p / p.sum(axis=min(1, x.ndim - 1), keepdims=True)
    return Call((x, p), (), weight | reduction(draw) | smoothing(draw))


def hinge(draw):
    return Call(scores(draw), (), {"margin": draw.number(-0.5, 2), "p": draw.one_of(1, 2)} | reduction(draw))


def hinge_twin(x, y, margin, reduction, p=1):
    import torch

    axis = min(1, x.ndim - 1)
    wrong = 1 - torch.nn.functional.one_hot(y, x.shape[axis]).movedim(-1, axis)
    excess = (margin + x - x.gather(axis, y.unsqueeze(axis))).clamp(min=0) ** p
    return reduced((excess * wrong).sum(axis), reduction)


def reduced(losses, reduction):
    """PyTorch's losses, reduced."""
    return losses if reduction == "none" else getattr(losses, reduction)()


def squared_hinge(draw):
    return Call(scores(draw), (), {"margin": draw.number(-0.5, 2)} | reduction(draw))


def multi_margin(draw):
    x, labels = scores(draw, 0)
    weight = maybe(draw, "weight", draw.uniform(0.1, 2, class_count(x)))
    options = {"p": draw.one_of(1, 2), "margin": draw.number(0.1, 2)} | weight | reduction(draw)
    return Call((x, labels), (), options)


def multilabel_margin(draw):
    of = draw.leading(draw.integer(1, 5))
    labels = draw.labels(of[-1], *of)
    labels[draw.uniform(0, 1, *of) < 0.3] = -1
    return Call((draw.normal(*of), labels), (), reduction(draw))


def rbf(draw):
    x, labels = scores(draw)
    return Call((x * x, labels), (), {"j": draw.one_of(1.0, 0.1, float("inf"))} | reduction(draw))


def rbf_twin(d, y, j, reduction):
    import torch

    axis = min(1, d.ndim - 1)
    own = d.gather(axis, y.unsqueeze(axis)).squeeze(axis)
    return reduced(own + torch.log(np.exp(-j) + torch.exp(-d).sum(axis)), reduction)


CLASSES = [
    *both("CrossEntropyLoss", "cross_entropy", cross_entropy),
    *both("CrossEntropyLoss", "cross_entropy", cross_entropy_of_probabilities, label="probabilities"),
    *both("NLLLoss", "nll_loss", with_labels),
    *both("HingeLoss", "hinge_loss", hinge, hinge_twin),
    *both("SquaredHingeLoss", "squared_hinge_loss", squared_hinge, lambda *x, **k: hinge_twin(*x, p=2, **k)),
    *both("MultiMarginLoss", "multi_margin_loss", multi_margin, second=False),
    *both("MultiLabelMarginLoss", "multilabel_margin_loss", multilabel_margin, second=False),
    *both("RBFLoss", "rbf_loss", rbf, rbf_twin),
]

# ---- yes or no


def binary_cross_entropy(draw):
    of = draw.shape(0, 3)
    weight = maybe(draw, "weight", draw.uniform(0.1, 2, *of[draw.integer(0, len(of)) :]))
    return Call((draw.uniform(0.05, 0.95, *of), draw.uniform(0, 1, *of)), (), weight | reduction(draw))


def binary_cross_entropy_with_logits(draw):
    of = draw.shape(0, 3)
    factors = {name: draw.uniform(0.1, 2, *of[draw.integer(0, len(of)) :]) for name in ("weight", "pos_weight")}
    factors = {name: factor for name, factor in factors.items() if draw.flag()}
    return Call((draw.uniform(-6, 6, *of), draw.uniform(0, 1, *of)), (), factors | reduction(draw))


def soft_margin(draw):
    of = draw.shape(0, 3)
    return Call((draw.uniform(-6, 6, *of), signs(draw, *of)), (), reduction(draw))


def multilabel_soft_margin(draw):
    of = draw.shape(1, 3)
    weight = maybe(draw, "weight", draw.uniform(0.1, 2, of[-1]))
    return Call((draw.uniform(-6, 6, *of), draw.uniform(0, 1, *of)), (), weight | reduction(draw))


BINARY = [
    *both("BCELoss", "binary_cross_entropy", binary_cross_entropy),
    *both("BCEWithLogitsLoss", "binary_cross_entropy_with_logits", binary_cross_entropy_with_logits),
    *both("SoftMarginLoss", "soft_margin_loss", soft_margin),
    *both("MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss", multilabel_soft_margin),
]

# ---- numbers


def numbers(draw):
    return Call(pair(draw), (), reduction(draw))


def weighted(draw):
    x, y = pair(draw)
    return Call((x, y), (), reduction(draw) | {"weight": draw.uniform(0.1, 2, *x.shape)})


def smooth_l1(draw):
    return Call(pair(draw), (), reduction(draw) | {"beta": draw.one_of(1.0, 0.3, 0.0, 1)})


def huber(draw):
    return Call(pair(draw), (), reduction(draw) | {"delta": draw.one_of(1.0, 0.3, 2)})


def weighted_huber(draw):
    call = weighted(draw)
    return Call(call.inputs, (), call.kwargs | {"delta": draw.one_of(1.0, 0.3, 2)})


def euclidean_twin(x, y, reduction):
    error = (x - y) ** 2 / 2
    return reduced(error.flatten(1).sum(1) if x.ndim > 1 else error, reduction)


NUMBERS = [
    *both("MSELoss", "mse_loss", numbers),
    *both("L1Loss", "l1_loss", numbers),
    *both("SmoothL1Loss", "smooth_l1_loss", smooth_l1),
    *both("HuberLoss", "huber_loss", huber),
    *both("EuclideanLoss", "euclidean_loss", numbers, euclidean_twin),
    Row("mse_loss", weighted, label="weighted"),
    Row("l1_loss", weighted, label="weighted"),
    Row("huber_loss", weighted_huber, label="weighted"),
]

# ---- distributions


def kl_div(draw):
    of, logs = draw.shape(0, 3), draw.flag()
    target = draw.normal(*of) if logs else draw.uniform(0.1, 1, *of)
    options = {"reduction": draw.one_of("mean", "sum", "none", "batchmean"), "log_target": logs}
    return Call((draw.normal(*of), target), (), options)


def poisson_nll(draw):
    of, logs = draw.shape(0, 3), draw.flag()
    rate = draw.normal(*of) if logs else draw.uniform(0.1, 3, *of)
    options = {"log_input": logs, "full": draw.flag(), "eps": draw.one_of(1e-8, 0.1)}
    return Call((rate, draw.uniform(0.1, 4, *of)), (), options | reduction(draw))


def gaussian_nll(draw):
    of = draw.shape(1, 3)
    axis = draw.integer(0, len(of) - 1)
    of_var = draw.one_of(of, of[:-1], (*of[:axis], 1, *of[axis + 1 :]))
    inputs = draw.normal(*of), draw.normal(*of), draw.uniform(0.1, 2, *of_var)
    return Call(inputs, (), {"full": draw.flag(), "eps": draw.one_of(1e-6, 1e-3)} | reduction(draw))


DISTRIBUTIONS = [
    *both("KLDivLoss", "kl_div", kl_div),
    *both("PoissonNLLLoss", "poisson_nll_loss", poisson_nll),
    *both("GaussianNLLLoss", "gaussian_nll_loss", gaussian_nll),
]

# ---- pairs and triples


def hinge_embedding(draw):
    of = draw.shape(0, 3)
    target = draw.rng.choice([-1, 1, 0], of, p=[0.45, 0.45, 0.1])
    return Call((draw.normal(*of), target), (), {"margin": draw.number(-0.5, 2)} | reduction(draw))


def margin_ranking(draw):
    x, y = pair(draw)
    return Call((x, y, signs(draw, *x.shape)), (), {"margin": draw.number(-0.5, 2)} | reduction(draw))


def cosine_embedding(draw):
    of = draw.leading(draw.integer(1, 4))
    inputs = draw.normal(*of), draw.normal(*of), signs(draw, *of[:-1])
    return Call(inputs, (), {"margin": draw.number(-0.5, 0.5)} | reduction(draw))


def triple(draw):
    of = (*draw.shape(0, 2), draw.integer(2, 4))
    return tuple(draw.normal(*of) for _ in range(3))


def triplet(draw):
    norms = {"p": draw.one_of(2.0, 1, 3.0, 1.5), "eps": draw.one_of(1e-6, 0.1)}
    return Call(triple(draw), (), {"margin": draw.number(0.1, 2), "swap": draw.flag()} | norms | reduction(draw))


def squared_distance(a, b):
    return ((a - b) * (a - b)).sum(-1)


def triplet_with_distance(draw):
    distance = {"distance_function": draw.one_of(None, squared_distance)}
    return Call(triple(draw), (), distance | {"margin": draw.number(0.1, 2), "swap": draw.flag()} | reduction(draw))


SIMILARITY = [
    *both("HingeEmbeddingLoss", "hinge_embedding_loss", hinge_embedding),
    *both("MarginRankingLoss", "margin_ranking_loss", margin_ranking),
    *both("CosineEmbeddingLoss", "cosine_embedding_loss", cosine_embedding),
    *both("TripletMarginLoss", "triplet_margin_loss", triplet),
    *both("TripletMarginWithDistanceLoss", "triplet_margin_with_distance_loss", triplet_with_distance),
]

ROWS = [*CLASSES, *BINARY, *NUMBERS, *DISTRIBUTIONS, *SIMILARITY]

# ---- what must be refused


def labels_in_a_column(draw):
    n, c = draw.integers(2, 2, 9)
    logits, column = mg.ones((n, c)), mg.zeros((n, 1), dtype="int64")
    return lambda: nn.CrossEntropyLoss()(logits, column), [f"expected class labels of shape {(n,)}", (n, 1), (n, c)]


def too_few_labels(draw):
    n, c = draw.integers(2, 2, 9)
    logits, few = mg.ones((n, c)), mg.zeros(n - 1, dtype="int64")
    return lambda: F.nll_loss(logits, few), [f"expected class labels of shape {(n,)}", (n - 1,), (n, c)]


def labels_as_floats(draw):
    n, c = draw.integers(2, 2, 9)
    return (
        lambda: F.cross_entropy(mg.ones((n, c)), mg.zeros(n)),
        ["class probabilities of the input's shape", (n, c), (n,), "must be integers", ".astype('int64')"],
    )


def one_hot_integers(draw):
    n, c = draw.integers(2, 2, 9)
    logits, onehot = mg.ones((n, c)), mg.ones((n, c), dtype="int64")
    return lambda: F.cross_entropy(logits, onehot), [(n,), (n, c), "class probabilities must be floating-point"]


def sequences_with_classes_last(draw):
    n, t, c = draw.integers(3, 2, 9)
    says = [(n, c), (n, t + c), (n, t, c), f"{t} classes on axis 1"]
    return lambda: F.cross_entropy(mg.ones((n, t, c)), mg.zeros((n, t + c), dtype="int64")), says


def logits_as_probabilities(draw):
    x = draw.integer(2, 9)
    says = ["expected probabilities, in [0, 1]", f"{-x}.0 to {x}.0", "binary_cross_entropy_with_logits"]
    return lambda: F.binary_cross_entropy(mg.tensor([-float(x), x]), mg.ones(2)), says


def negative_variances(draw):
    v = draw.integer(1, 9)
    says = ["expected variances, at least 0", f"{-v}.0"]
    return lambda: F.gaussian_nll_loss(mg.ones(2), mg.ones(2), mg.tensor([1.0, -v])), says


def floats_for_hinge(draw):
    n, c = draw.integers(2, 2, 9)
    return lambda: F.hinge_loss(mg.ones((n, c)), mg.ones(n)), ["labels must be integers, got float32"]


def weights_of_classes(draw):
    n, c = draw.integers(2, 2, 9)
    logits, y = mg.ones((n, c)), mg.zeros(n, dtype="int64")
    return lambda: nn.NLLLoss(mg.ones(c + 1))(logits, y), [f"a weight for each of {c} classes", (c + 1,)]


def images_of_scores(draw):
    n, c, d = draw.integers(3, 2, 9)
    logits, y = mg.ones((n, c, d)), mg.zeros((n, d), dtype="int64")
    return lambda: nn.MultiMarginLoss()(logits, y), ["expected scores of shape (N, C) or (C,)", (n, c, d)]


def lists_of_labels(draw):
    n, c = draw.integers(2, 2, 9)
    x, y = mg.ones((n, c)), mg.zeros((n, c - 1), dtype="int64")
    return lambda: nn.MultiLabelMarginLoss()(x, y), ["must have the same shape", (n, c), (n, c - 1)]


def columns(draw):
    n = draw.integer(2, 9)
    return lambda: nn.MSELoss()(mg.ones((n, 1)), mg.ones(n)), ["must have the same shape", (n, 1), (n,)]


def weight_of_elements(draw):
    n, d = draw.integers(2, 2, 9)
    return (
        lambda: F.l1_loss(mg.ones((n, d)), mg.ones((n, d)), weight=mg.ones(d)),
        ["input, target and weight must have the same shape", (n, d), (d,)],
    )


def weight_that_enlarges(draw):
    n, d = draw.integers(2, 2, 9)
    return (
        lambda: nn.BCELoss(mg.ones((n, d)))(mg.ones(d), mg.ones(d)),
        [f"weight of shape {(n, d)} does not broadcast to the input's shape {(d,)}"],
    )


def pos_weight_that_does_not_fit(draw):
    n, d = draw.integers(2, 2, 9)
    return (
        lambda: nn.BCEWithLogitsLoss(pos_weight=mg.ones(d + 1))(mg.ones((n, d)), mg.ones((n, d))),
        [f"pos_weight of shape {(d + 1,)} does not broadcast to the input's shape {(n, d)}"],
    )


def variances(draw):
    n, d = draw.integers(2, 2, 9)
    return (
        lambda: nn.GaussianNLLLoss()(mg.ones((n, d)), mg.ones((n, d)), mg.ones((1, 1))),
        ["expected var of the input's shape, with at most one axis of size 1", (1, 1), (n, d)],
    )


def labels_of_pairs(draw):
    n, d = draw.integers(2, 2, 9)
    return (
        lambda: nn.CosineEmbeddingLoss()(mg.ones((n, d)), mg.ones((n, d)), mg.ones((n, 1))),
        ["a target (N,)", (n, d), (n, 1)],
    )


def triples(draw):
    n, d = draw.integers(2, 2, 9)
    return (
        lambda: nn.TripletMarginLoss()(mg.ones((n, d)), mg.ones((n, d)), mg.ones((1, d))),
        ["anchor, positive and negative must have the same shape", (n, d), (1, d)],
    )


def integers_as_input(draw):
    n = draw.integer(2, 9)
    return lambda: nn.KLDivLoss()(mg.ones(n, dtype="int64"), mg.ones(n)), ["input must be floating-point, got int64"]


def unknown_reduction(draw):
    return lambda: nn.MSELoss(reduction="men"), ["must be one of 'mean', 'sum', 'none'", "'men'"]


def batchmean(draw):
    return lambda: nn.PoissonNLLLoss(reduction="batchmean"), ["must be one of 'mean', 'sum', 'none'", "'batchmean'"]


def smoothing_by_a_percentage(draw):
    s = draw.number(1.5, 10)
    return lambda: nn.CrossEntropyLoss(label_smoothing=s), ["label_smoothing must lie in [0, 1]", s]


def ignored_probabilities(draw):
    i = draw.integer(0, 3)
    return (
        lambda: F.cross_entropy(mg.ones((2, 4)), mg.ones((2, 4)), ignore_index=i),
        [f"ignore_index={i} is for class labels, target has probabilities"],
    )


def third_power(draw):
    return lambda: nn.HingeLoss(p=3), ["p must be one of 1, 2; got 3"]


def negative_width(draw):
    width = draw.number(-2, -1)
    return lambda: nn.SmoothL1Loss(beta=width), ["beta must be a number, at least 0", width]


def no_width(draw):
    return lambda: nn.HuberLoss(delta=0.0), ["delta must be a number above 0", "0.0"]


def no_margin(draw):
    return lambda: F.triplet_margin_loss(*[mg.ones(2)] * 3, margin=0.0), ["margin must be a number above 0", "0.0"]


def negative_variance(draw):
    return lambda: F.gaussian_nll_loss(mg.ones(2), mg.ones(2), -1.0), ["var must be a number, at least 0", "-1.0"]


def a_text(draw):
    return lambda: nn.MarginRankingLoss(margin="wide"), ["margin must be a number", "'wide'"]


WRONG = [
    Wrong("cross_entropy", labels_in_a_column),
    Wrong("nll_loss", too_few_labels),
    Wrong("cross_entropy", labels_as_floats),
    Wrong("cross_entropy", one_hot_integers),
    Wrong("cross_entropy", sequences_with_classes_last),
    Wrong("binary_cross_entropy", logits_as_probabilities, ValueError),
    Wrong("gaussian_nll_loss", negative_variances, ValueError),
    Wrong("hinge_loss", floats_for_hinge, DtypeError),
    Wrong("nll_loss", weights_of_classes),
    Wrong("multi_margin_loss", images_of_scores),
    Wrong("multilabel_margin_loss", lists_of_labels),
    Wrong("mse_loss", columns),
    Wrong("l1_loss", weight_of_elements),
    Wrong("binary_cross_entropy", weight_that_enlarges),
    Wrong("binary_cross_entropy_with_logits", pos_weight_that_does_not_fit),
    Wrong("gaussian_nll_loss", variances),
    Wrong("cosine_embedding_loss", labels_of_pairs),
    Wrong("triplet_margin_loss", triples),
    Wrong("kl_div", integers_as_input, DtypeError),
    Wrong("MSELoss", unknown_reduction, ConfigError),
    Wrong("PoissonNLLLoss", batchmean, ConfigError),
    Wrong("CrossEntropyLoss", smoothing_by_a_percentage, ConfigError),
    Wrong("cross_entropy", ignored_probabilities, ConfigError),
    Wrong("HingeLoss", third_power, ConfigError),
    Wrong("SmoothL1Loss", negative_width, ConfigError),
    Wrong("HuberLoss", no_width, ConfigError),
    Wrong("triplet_margin_loss", no_margin, ConfigError),
    Wrong("gaussian_nll_loss", negative_variance, ConfigError),
    Wrong("MarginRankingLoss", a_text, ConfigError),
]
