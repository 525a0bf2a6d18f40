"""Softmaxes over many classes: adaptive, and as a tree."""

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError, ShapeError
from tests.nn.rows.row import Call, Row, Wrong


def sample(draw, features, classes):
    """A batch and its labels, or a single one."""
    n = draw.leading()
    return draw.normal(*n, features), draw.labels(classes, *n)


def adaptive(draw):
    features, classes = draw.integer(2, 6), draw.integer(3, 9)
    cutoffs = sorted(draw.rng.choice(classes - 1, draw.integer(1, min(3, classes - 1)), replace=False) + 1)
    options = {"div_value": draw.one_of(1.0, 1.5, 2.0), "head_bias": draw.flag()}
    x, y = sample(draw, features, classes)
    return Call((x, y), (features, classes, [int(c) for c in cutoffs]), options)


def tree_of(draw, classes):
    """A random tree of pairs."""
    parts = [int(c) for c in draw.rng.permutation(classes)]
    while len(parts) > 1:
        a, b = (parts.pop(draw.integer(0, len(parts) - 1)) for _ in range(2))
        parts.append((a, b))
    return parts[0]


def hierarchical(draw):
    features, classes = draw.integer(1, 4), draw.integer(2, 6)
    options = {
        "bias": draw.flag(),
        "reduction": draw.one_of("mean", "sum", "none"),
        "tree": tree_of(draw, classes),
    }
    x, y = sample(draw, features, classes)
    return Call((x, y), (features, classes), options)


def torch_tree(in_features, n_classes, *, bias, reduction, tree):
    """The definition, by recursion: the probability of a part of the tree is passed on to its two halves."""
    import torch

    class Tree(torch.nn.Module):
        def __init__(self):
            super().__init__()
            ways, inner = {}, iter(range(n_classes))

            def walk(part, way):
                if isinstance(part, int):
                    ways[part] = way
                else:
                    node = next(inner)
                    walk(part[0], [*way, (node, 1)])
                    walk(part[1], [*way, (node, -1)])

            walk(tree, [])
            self.ways = [ways[i] for i in range(n_classes)]
            depth = max(map(len, self.ways))
            full = [way + [(0, 0)] * (depth - len(way)) for way in self.ways]
            self.register_buffer("nodes", torch.tensor([[node for node, _ in way] for way in full]))
            turns = torch.tensor([[turn for _, turn in way] for way in full], dtype=torch.int8)
            self.register_buffer("turns", turns)
            self.weight = torch.nn.Parameter(torch.randn(n_classes - 1, in_features))
            self.register_parameter("bias", torch.nn.Parameter(torch.randn(n_classes - 1)) if bias else None)

        def forward(self, x, y):
            scores = x @ self.weight.T + (0 if self.bias is None else self.bias)
            rows, labels = scores.reshape(-1, n_classes - 1), y.reshape(-1)
            losses = [
                -sum(torch.nn.functional.logsigmoid(turn * row[node]) for node, turn in self.ways[int(label)])
                for row, label in zip(rows, labels)
            ]
            losses = torch.stack(losses).reshape(y.shape)
            return {"mean": losses.mean, "sum": losses.sum, "none": losses.clone}[reduction]()

    return Tree()


ROWS = [
    Row("AdaptiveLogSoftmaxWithLoss", adaptive),
    Row("HierarchicalSoftmax", hierarchical, twin=torch_tree),
]


# ---- calls that must be refused


LAYERS = {
    "AdaptiveLogSoftmaxWithLoss": lambda d, c: nn.AdaptiveLogSoftmaxWithLoss(d, c, [2]),
    "HierarchicalSoftmax": nn.HierarchicalSoftmax,
}


def features(n, d, c):
    x, y = mg.ones((n, d + 1)), mg.zeros(n, dtype="int64")
    return x, y, [f"input of shape (N, {d}) or ({d},)", x.shape]


def rank(n, d, c):
    x, y = mg.ones((n, 2, d)), mg.zeros((n, 2), dtype="int64")
    return x, y, [f"input of shape (N, {d}) or ({d},)", x.shape]


def column(n, d, c):
    x, y = mg.ones((n, d)), mg.zeros((n, 1), dtype="int64")
    return x, y, [f"target of shape {(n,)}", y.shape, x.shape]


def too_large(n, d, c):
    return mg.ones((n, d)), mg.full(n, c, dtype="int64"), [f"must lie in [0, {c})", f"found {c} to {c}"]


def floats(n, d, c):
    return mg.ones((n, d)), mg.zeros(n), ["class labels must be integers"]


CASES = {features: None, rank: None, column: None, too_large: IndexError, floats: DtypeError}


def called_with(name, case):
    """A layer of d features and c classes, called with what a case gives."""

    def draw_call(draw):
        n, d, c = draw.integers(3, 4, 9)
        layer, (x, y, said) = LAYERS[name](d, c), case(n, d, c)
        return lambda: layer(x, y), said

    draw_call.__name__ = case.__name__
    return draw_call


def cutoffs(draw):
    c = draw.integer(5, 9)
    wrong = draw.one_of([], [3, 2], [2, 2], [2, c])
    return lambda: nn.AdaptiveLogSoftmaxWithLoss(4, c, wrong), [f"from 1 at least to {c - 1} at most", f"got {wrong}"]


def cutoff_zero(draw):
    return lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [0, 2]), ["cutoffs must be an integer, at least 1", "got 0"]


def tree(draw):
    wrong, said = draw.one_of(
        ((0, 1), "1 classes are missing, the first is 2"),
        ((0, 1, 2), "expected pairs, got a part with 3"),
        ((0, (1, 1)), "class 1 occurs twice"),
        ((0, (1, 3)), "classes in [0, 3), got 3"),
        ((0, (1, "2")), "classes in [0, 3), got '2'"),
    )
    return lambda: nn.HierarchicalSoftmax(4, 3, tree=wrong), [said]


def counts(draw):
    wrong = draw.one_of([1, 2], [[1, 2, 3]], [1, 2, -1], [1, 2, float("nan")])
    return lambda: nn.HierarchicalSoftmax(4, 3, counts=wrong), ["counts must be 3 numbers, at least 0"]


def both_given(draw):
    return lambda: nn.HierarchicalSoftmax(4, 2, counts=[1, 1], tree=(0, 1)), ["expected counts or a tree, got both"]


WRONG = [
    *(Wrong(name, called_with(name, case), error or ShapeError) for name in LAYERS for case, error in CASES.items()),
    Wrong("AdaptiveLogSoftmaxWithLoss", cutoffs, ConfigError),
    Wrong("AdaptiveLogSoftmaxWithLoss", cutoff_zero, ConfigError),
    *(Wrong("HierarchicalSoftmax", draw, ConfigError) for draw in (tree, counts, both_given)),
]
