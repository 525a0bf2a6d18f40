"""Adaptive and hierarchical softmax: probabilities, trees, what is computed, and whole training steps."""

import copy
import itertools
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.engine import switched
from minigrad.nn.functional.tree_softmax import huffman_tree, ways
from minigrad.ops.work import multiply_adds
from tests.compiler.running import uncompiled

D = 5

LAYERS = {
    "adaptive": lambda classes=7: nn.AdaptiveLogSoftmaxWithLoss(D, classes, [2, 4], div_value=2.0, head_bias=True),
    "huffman": lambda classes=7: nn.HierarchicalSoftmax(D, classes, counts=[40, 20, 10, 5, 2, 1, 1][:classes]),
    "balanced": lambda classes=7: nn.HierarchicalSoftmax(D, classes),
    "given tree": lambda classes=7: nn.HierarchicalSoftmax(D, 7, tree=((6, (5, 4)), ((3, 2), (1, 0))), bias=False),
}
layers = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def output(layer, x, y):
    """log p(y) of each sample."""
    if isinstance(layer, nn.AdaptiveLogSoftmaxWithLoss):
        return layer(x, y).output
    layer.reduction = "none"
    return -layer(x, y)


@layers
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_probabilities(make, scale):
    """They add up to 1, and the loss is that of the target, also where it is certain or impossible."""
    layer = make().double()
    x = scale * mg.random.normal((20, D), dtype="float64")
    y = mg.tensor(np.arange(20) % 7)
    log_p = layer.log_prob(x).numpy()
    np.testing.assert_allclose(np.exp(log_p).sum(1), 1)
    np.testing.assert_allclose(output(layer, x, y).numpy(), log_p[range(20), y.numpy()], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(layer.predict(x).numpy(), log_p.argmax(1))
    loss = output(layer, x, y).sum()
    loss.backward()
    assert all(np.isfinite(p.grad.numpy()).all() for p in layer.parameters())


@layers
def test_a_single_sample(make):
    layer = make()
    x = mg.random.normal((3, D))
    assert layer.log_prob(x[0]).shape == (7,)
    assert layer.predict(x[0]).shape == ()
    np.testing.assert_allclose(layer.log_prob(x[1]).numpy(), layer.log_prob(x).numpy()[1], rtol=1e-6)
    assert output(layer, x[0], mg.tensor(3)).shape == ()


def test_adaptive_as_pytorch_in_all_its_methods():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(16, 12, [3, 6], head_bias=True).double()
    ours = nn.AdaptiveLogSoftmaxWithLoss(16, 12, [3, 6], head_bias=True).double()
    ours.load_state_dict({name: x.numpy() for name, x in theirs.state_dict().items()})
    x = 3 * np.random.default_rng(0).standard_normal((40, 16))
    np.testing.assert_allclose(
        ours.log_prob(mg.tensor(x)).numpy(), theirs.log_prob(torch.tensor(x)).detach().numpy(), rtol=1e-9
    )
    np.testing.assert_array_equal(ours.predict(mg.tensor(x)).numpy(), theirs.predict(torch.tensor(x)).numpy())
    assert ours(mg.tensor(x[0]), mg.tensor(2))._fields == theirs(torch.tensor(x[0]), torch.tensor(2))._fields


# ---- trees


def lengths(tree, classes):
    return np.abs(ways(tree, classes)[1]).sum(1)


@pytest.mark.parametrize("seed", range(5))
def test_huffman_is_the_best_tree(seed):
    """Over all trees of five classes: a length for each with Kraft's sum 1 is a tree."""
    counts = np.random.default_rng(seed).integers(0, 20, 5)
    best = min(
        sum(n * k for n, k in zip(counts, of)) for of in itertools.product(range(1, 5), repeat=5)
        if sum(2.0**-k for k in of) == 1
    )  # fmt: skip
    assert counts @ lengths(huffman_tree(counts.tolist()), 5) == best


def test_huffman_of_a_text():
    """Between the entropy and one bit more (Shannon's theorem)."""
    counts = 1000 / np.arange(1, 501)  # Zipf's law
    p = counts / counts.sum()
    mean = p @ lengths(huffman_tree(counts.tolist()), 500)
    entropy = -(p @ np.log2(p))
    assert entropy <= mean <= entropy + 1


@pytest.mark.parametrize("classes", [1, 2, 3, 8, 9, 1000])
def test_a_balanced_tree(classes):
    found = nn.HierarchicalSoftmax(2, classes).turns.numpy()
    assert found.shape == (classes, math.ceil(math.log2(classes)))
    assert set(np.abs(found).sum(1)) <= {math.floor(math.log2(classes)), math.ceil(math.log2(classes))}


def test_a_deep_tree():
    """Counts such as Fibonacci's numbers make a chain; no recursion."""
    tree = 0
    for i in range(1, 1500):
        tree = (i, tree)
    nodes, turns = ways(tree, 1500)
    assert nodes.shape == (1500, 1499)
    assert turns[1499].tolist() == [1] + [0] * 1498
    assert nodes[0].tolist() == list(range(1499))


def test_the_nodes_of_a_way():
    nodes, turns = ways(((0, 1), (2, (3, 4))), 5)
    assert nodes.tolist() == [[0, 1, 0], [0, 1, 0], [0, 2, 0], [0, 2, 3], [0, 2, 3]]
    assert turns.tolist() == [[1, 1, 0], [1, -1, 0], [-1, 1, 0], [-1, -1, 1], [-1, -1, -1]]


def test_one_class_is_certain():
    layer = nn.HierarchicalSoftmax(D, 1)
    x = mg.ones((3, D))
    assert layer(x, mg.zeros(3, dtype="int64")).item() == 0
    assert layer.log_prob(x).tolist() == [[0]] * 3


def test_the_tree_is_saved():
    """The weights mean nothing without it."""
    source, target = (nn.HierarchicalSoftmax(D, 4, tree=tree) for tree in (((0, 1), (2, 3)), ((3, 1), (2, 0))))
    target.load_state_dict(source.state_dict())
    x = mg.random.normal((3, D))
    np.testing.assert_array_equal(target.log_prob(x).numpy(), source.log_prob(x).numpy())


# ---- what is computed


def products(layer, n, labels):
    """The multiply-adds of the loss of n samples, and of its gradient."""
    done = []
    x = mg.random.normal((n, layer.in_features)).requires_grad_()
    with switched(watch=lambda op, arrays, params, out: done.append(multiply_adds(op.name, out, arrays, params))):
        output(layer, x, labels).sum().backward()
    return sum(done)


@pytest.mark.parametrize("k", [4, 8, 12])
def test_a_way_costs_the_logarithm(k):
    """Forward, and for the gradients of input and weights: n log2(C) d each."""
    labels = mg.tensor(np.arange(6))
    assert products(nn.HierarchicalSoftmax(D, 2**k), 6, labels) == 3 * 6 * k * D


def test_only_the_clusters_of_the_batch_are_computed():
    """n samples in a cluster of C classes with h features cost n h (d + C), three times; and the head for all."""
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 100, [10, 30], div_value=2.0)
    labels = np.array([0] * 5 + [10] * 3 + [30] * 2)
    head = 10 * 8 * 12
    tails = 3 * 4 * (8 + 20) + 2 * 2 * (8 + 70)
    assert products(layer, 10, mg.tensor(labels)) == 3 * (head + tails)
    assert products(layer, 5, mg.tensor(labels[:5])) == 3 * head / 2


def training(make, jit):
    """The losses and parameters of a few steps; the first batch has no label of a cluster."""
    mg.manual_seed(0)
    trunk, layer = nn.Linear(3, D).double(), make().double()
    optimizer = mg.optim.SGD([*trunk.parameters(), *layer.parameters()], lr=0.1, momentum=0.9)

    @jit
    def step(x, y):
        out = layer(mg.tanh(trunk(x)), y)
        loss = out.loss if isinstance(out, tuple) else out
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return out

    rng = np.random.default_rng(3)
    outs = [step(mg.tensor(rng.standard_normal((6, 3))), mg.tensor(rng.integers(0, top, 6))) for top in (2, 7, 7)]
    seen = [x.numpy() for out in outs for x in (out if isinstance(out, tuple) else (out,))]
    return seen + [p.numpy() for p in layer.parameters()]


def assert_equal(found, expected):
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


@layers
def test_a_compiled_step(make):
    with uncompiled():
        compiled = training(make, mg.jit(warmup=0))
    assert_equal(compiled, training(make, lambda f: f))


@pytest.mark.exhaustive
@layers
def test_a_compiled_step_as_machine_code(make):
    assert_equal(training(make, mg.jit(warmup=0)), training(make, lambda f: f))


@layers
def test_a_label_out_of_range_in_a_compiled_step(make):
    layer = make()
    before = copy.deepcopy(layer.state_dict())
    with uncompiled():
        step = mg.jit(lambda x, y: layer(x, y), warmup=0)
        step(mg.ones((2, D)), mg.tensor([0, 6]))
        with pytest.raises(IndexError, match=r"class labels must lie in \[0, 7\), found 0 to 7"):
            step(mg.ones((2, D)), mg.tensor([0, 7]))
    assert_equal([x.numpy() for x in layer.state_dict().values()], [x.numpy() for x in before.values()])


@layers
def test_reset_parameters_draws_anew(make):
    layer = make()
    before = [p.numpy().copy() for p in layer.parameters()]
    layer.reset_parameters()
    assert not any((p.numpy() == old).all() for p, old in zip(layer.parameters(), before))


def test_printing():
    assert repr(nn.HierarchicalSoftmax(2, 4)).startswith(
        "HierarchicalSoftmax(in_features=2, n_classes=4, depth=2, bias=True, reduction='mean')"
    )
