"""Losses."""

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError
from tests.nn.rows.row import Call, Row, Wrong


def cross_entropy(draw):
    classes, shape = draw.integer(1, 4), draw.shape(0, 2)
    logits = draw.normal(draw.integer(1, 4), classes, *shape)
    options = {
        "weight": draw.one_of(None, draw.uniform(0.1, 2, classes)),
        "ignore_index": draw.one_of(-100, 0),
        "reduction": draw.one_of("mean", "sum", "none"),
        "label_smoothing": draw.one_of(0.0, 0.1),
    }
    labels = draw.labels(classes, logits.shape[0], *shape)
    return Call((logits, labels), (), options)


ROWS = [Row("CrossEntropyLoss", cross_entropy), Row("cross_entropy", cross_entropy)]


def labels(draw):
    n, c = draw.integers(2, 2, 9)
    logits, column = mg.ones((n, c)), mg.zeros((n, 1), dtype="int64")
    return lambda: nn.CrossEntropyLoss()(logits, column), [f"expected class labels of shape {(n,)}", (n, 1), (n, c)]


def reduction(draw):
    return lambda: nn.MSELoss(reduction="men"), ["must be one of 'mean', 'sum', 'none'", "'men'"]


WRONG = [Wrong("cross_entropy", labels), Wrong("MSELoss", reduction, ConfigError)]
