"""Losses beyond their rows: known values, kinks and edges, what does not broadcast, and labels that must be checked."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.errors import DtypeError, ShapeError
from minigrad.nn import functional as F


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape)


# ---- shapes that would broadcast

ELEMENTWISE = {
    "binary_cross_entropy": lambda x, y: F.binary_cross_entropy(x, y),
    "binary_cross_entropy_with_logits": lambda x, y: F.binary_cross_entropy_with_logits(x, y),
    "cosine_embedding_loss": lambda x, y: F.cosine_embedding_loss(x, y, mg.ones(x.shape[:-1])),
    "cosine_embedding_loss, target": lambda x, y: F.cosine_embedding_loss(mg.ones((2, 3)), mg.ones((2, 3)), y),
    "cross_entropy, probabilities": lambda x, y: F.cross_entropy(x, y),
    "euclidean_loss": lambda x, y: F.euclidean_loss(x, y),
    "gaussian_nll_loss": lambda x, y: F.gaussian_nll_loss(x, y, 1.0),
    "hinge_embedding_loss": lambda x, y: F.hinge_embedding_loss(x, y),
    "huber_loss": lambda x, y: F.huber_loss(x, y),
    "huber_loss, weight": lambda x, y: F.huber_loss(x, x, weight=y),
    "kl_div": lambda x, y: F.kl_div(x, y),
    "l1_loss": lambda x, y: F.l1_loss(x, y),
    "l1_loss, weight": lambda x, y: F.l1_loss(x, x, weight=y),
    "margin_ranking_loss": lambda x, y: F.margin_ranking_loss(x, y, x),
    "margin_ranking_loss, target": lambda x, y: F.margin_ranking_loss(x, x, y),
    "mse_loss": lambda x, y: F.mse_loss(x, y),
    "mse_loss, weight": lambda x, y: F.mse_loss(x, x, weight=y),
    "multilabel_margin_loss": lambda x, y: F.multilabel_margin_loss(x, mg.astype(y, "int64")),
    "multilabel_soft_margin_loss": lambda x, y: F.multilabel_soft_margin_loss(x, y),
    "poisson_nll_loss": lambda x, y: F.poisson_nll_loss(x, y),
    "smooth_l1_loss": lambda x, y: F.smooth_l1_loss(x, y),
    "soft_margin_loss": lambda x, y: F.soft_margin_loss(x, y),
    "triplet_margin_loss": lambda x, y: F.triplet_margin_loss(x, y, x),
    "triplet_margin_loss, negative": lambda x, y: F.triplet_margin_loss(x, x, y),
    "triplet_margin_with_distance_loss": lambda x, y: F.triplet_margin_with_distance_loss(x, x, y),
}
OF_LABELS = {
    "cross_entropy": F.cross_entropy,
    "hinge_loss": F.hinge_loss,
    "multi_margin_loss": F.multi_margin_loss,
    "nll_loss": F.nll_loss,
    "rbf_loss": F.rbf_loss,
    "squared_hinge_loss": F.squared_hinge_loss,
}


def test_the_tables_have_every_loss():
    from minigrad.nn.functional import loss

    of_sequences = {"ctc_loss"}
    assert {name.split(",")[0] for name in (*ELEMENTWISE, *OF_LABELS)} == set(loss.__all__) - of_sequences


@pytest.mark.parametrize(("x", "y"), [((3, 1), (3,)), ((3,), (3, 1)), ((3, 1), (1, 3)), ((3,), (1, 3)), ((3,), ())])
@pytest.mark.parametrize("loss", ELEMENTWISE.values(), ids=ELEMENTWISE)
def test_nothing_broadcasts(loss, x, y):
    with pytest.raises(ShapeError, match=r"3[,)]"):
        loss(mg.ones(x), mg.ones(y))


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name != "cosine_embedding_loss, target"])
def test_the_mean_of_nothing_is_no_number(name):
    out = ELEMENTWISE[name](mg.ones((0, 2)), mg.ones((0, 2)))
    assert out.shape == ()
    assert np.isnan(out.item())


@pytest.mark.parametrize(("x", "y"), [((3, 2), (3, 1)), ((3, 2), (1,)), ((3, 2), ()), ((2,), (1,))])
@pytest.mark.parametrize("loss", OF_LABELS.values(), ids=OF_LABELS)
def test_labels_do_not_broadcast(loss, x, y):
    with pytest.raises(ShapeError, match=r"expected class labels of shape \(3?,?\)"):
        loss(mg.ones(x), mg.zeros(y, dtype="int64"))


# ---- labels

X = mg.ones((3, 4))
BAD_LABELS = {
    "too large": ([0, 4, 1], -100, r"labels must lie in \[0, 4\), found 0 to 4 \(ignore_index=-100\)"),
    "negative": ([0, -1, 1], -100, "found -1 to 1"),
    "negative, others ignored": ([-100, -1, 1], -100, r"found -1 to 1 \(ignore_index=-100\)"),
    "large and unsigned": (np.array([0, 255, 1], "uint8"), -100, "found 0 to 255"),
}


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize(("labels", "ignore_index", "message"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_labels_out_of_range(name, labels, ignore_index, message):
    with pytest.raises(IndexError, match=rf"\[{name}\].*{message}"):
        getattr(F, name)(X, mg.tensor(labels), ignore_index=ignore_index)


@pytest.mark.parametrize("jit", [lambda f: f, mg.jit(warmup=0)], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", ["hinge_loss", "squared_hinge_loss", "multi_margin_loss", "rbf_loss"])
def test_labels_out_of_range_where_none_is_ignored(name, jit):
    step = jit(lambda labels: getattr(F, name)(X, labels))
    for labels in ([0, 4, 1], [0, -1, 1]):
        with pytest.raises(IndexError, match=rf"\[{name}\] class labels must lie in \[0, 4\), found .* to .\."):
            step(mg.tensor(labels))


def test_lists_of_labels_out_of_range():
    with pytest.raises(IndexError, match=r"\[multilabel_margin_loss\].*found 0 to 4"):
        F.multilabel_margin_loss(X[:1], mg.tensor([[4, -1, 0, 0]]))
    F.multilabel_margin_loss(X[:1], mg.tensor([[3, -1, 4, -7]]))  # what follows -1 does not count


def test_boolean_labels():
    with pytest.raises(DtypeError, match="must be integers, got bool"):
        F.nll_loss(X, mg.tensor([True, False, True]))


def test_a_number_as_scores():
    with pytest.raises(ShapeError, match="got a number"):
        F.cross_entropy(mg.tensor(1.0), mg.tensor(0))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
@pytest.mark.parametrize("loss", OF_LABELS.values(), ids=OF_LABELS)
def test_labels_of_any_integer_dtype(loss, dtype):
    x = mg.tensor(normal(3, 4))
    assert loss(x, mg.tensor([0, 3, 1], dtype=dtype)).item() == loss(x, mg.tensor([0, 3, 1])).item()


def test_all_samples_ignored():
    x = mg.tensor(np.ones((2, 3)), requires_grad=True)
    assert np.isnan(F.cross_entropy(x, mg.tensor([-100, -100])).item())
    total = F.cross_entropy(x, mg.tensor([-100, -100]), reduction="sum")
    total.backward()
    assert total.item() == 0
    assert not x.grad.numpy().any()


@pytest.mark.parametrize("loss", OF_LABELS.values(), ids=OF_LABELS)
def test_no_samples(loss):
    x, labels = mg.tensor(np.ones((0, 3)), requires_grad=True), mg.tensor(np.zeros(0, np.int64))
    assert loss(x, labels, reduction="none").shape == (0,)
    assert loss(x, labels, reduction="sum").item() == 0
    assert np.isnan(loss(x, labels).item())


@given(n=st.integers(1, 4), shift=st.floats(-1e3, 1e3))
def test_cross_entropy_does_not_depend_on_a_shift(n, shift):
    x, labels = np.random.default_rng(n).standard_normal((n, 5)), np.arange(n)
    shifted = F.cross_entropy(mg.tensor(x + shift), mg.tensor(labels))
    np.testing.assert_allclose(shifted.item(), F.cross_entropy(mg.tensor(x), mg.tensor(labels)).item(), rtol=1e-10)


# ---- known values


def test_the_hinge_of_a_well_known_example():
    """Cat, car, frog: scores of three images, as in Stanford's course CS231n."""
    scores = mg.tensor([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]], dtype="float64")
    losses = F.hinge_loss(scores, mg.tensor([0, 1, 2]), reduction="none")
    np.testing.assert_allclose(losses.numpy(), [2.9, 0.0, 12.9], atol=1e-12)
    squared = F.squared_hinge_loss(scores, mg.tensor([0, 1, 2]), reduction="none")
    np.testing.assert_allclose(squared.numpy(), [2.9**2, 0.0, 6.3**2 + 6.6**2], atol=1e-12)


def test_the_rbf_loss_is_a_cross_entropy_with_one_more_class():
    distances = mg.tensor(normal(5, 3) ** 2)
    labels = mg.tensor([0, 1, 2, 0, 1])
    logits = mg.concat([-distances, mg.full((5, 1), -0.5, dtype="float64")], axis=1)
    expected = F.cross_entropy(logits, labels).item()
    np.testing.assert_allclose(F.rbf_loss(distances, labels, j=0.5).item(), expected, rtol=1e-14)


def test_the_gradient_of_the_euclidean_loss_is_the_error():
    x, y = mg.tensor(normal(3, 4), requires_grad=True), mg.zeros((3, 4), dtype="float64")
    F.euclidean_loss(x, y, reduction="sum").backward()
    np.testing.assert_array_equal(x.grad.numpy(), x.numpy())


OF_INTEGERS = {
    "mse_loss": F.mse_loss,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "kl_div": F.kl_div,
    "soft_margin_loss": F.soft_margin_loss,
    "poisson_nll_loss": partial(F.poisson_nll_loss, full=True),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("target", [[3, 1], np.array([3, 1], "uint8"), mg.tensor([3, 1])], ids=type)
@pytest.mark.parametrize("loss", OF_INTEGERS.values(), ids=OF_INTEGERS)
def test_integers_as_targets_take_the_dtype_of_the_input(loss, target, dtype):
    x = mg.tensor([0.5, -2.0], dtype=dtype)
    found = loss(x, target)
    assert found.dtype == dtype
    assert found.item() == loss(x, mg.tensor([3.0, 1.0], dtype=dtype)).item()


def test_a_number_as_variance():
    x, y = mg.tensor(normal(3, 2)), mg.tensor(normal(3, 2) + 1)
    same = F.gaussian_nll_loss(x, y, mg.full((3, 2), 2.0, dtype="float64")).item()
    assert F.gaussian_nll_loss(x, y, 2.0).item() == same


# ---- kinks and edges: PyTorch's values and gradients


def at(*values):
    return np.array(values)


KINKS = {
    "l1_loss at the target": ("l1_loss", at(1.0, 2.0), at(1.0, 3.0), {}),
    "smooth_l1_loss at its joint": ("smooth_l1_loss", at(0.5, -0.5), at(0.0, 0.0), {"beta": 0.5}),
    "huber_loss at its joint": ("huber_loss", at(2.0, -2.0), at(0.0, 0.0), {"delta": 2.0}),
    "hinge_embedding_loss at the margin": ("hinge_embedding_loss", at(1.0, 2.0), at(-1, -1), {}),
    "margin_ranking_loss at a tie": ("margin_ranking_loss", at(1.0, 2.0), at(1.0, 2.0), at(1, -1), {}),
    "multi_margin_loss at the margin": ("multi_margin_loss", at(2.0, 1.0, 0.0), np.array(0), {}),
    "multilabel_margin_loss at the margin": ("multilabel_margin_loss", at(2.0, 1.0, 0.0), at(0, -1, 0), {}),
    "cosine_embedding_loss of zeros": ("cosine_embedding_loss", at(0.0, 0.0), at(1.0, 2.0), np.array(1), {}),
    "cosine_embedding_loss at the margin": ("cosine_embedding_loss", at(1.0, 0.0), at(0.0, 1.0), np.array(-1), {}),
    "triplet_margin_loss of one point": ("triplet_margin_loss", at(1.0, 2.0), at(1.0, 2.0), at(1.0, 2.0), {}),
    "binary_cross_entropy at 0": ("binary_cross_entropy", at(0.0, 0.0, 0.0), {"target": at(0.0, 1.0, 0.3)}),
    "binary_cross_entropy at 1": ("binary_cross_entropy", at(1.0, 1.0, 1.0), {"target": at(0.0, 1.0, 0.3)}),
    "binary_cross_entropy near 0": ("binary_cross_entropy", at(1e-13, 1e-11, 1e-50), {"target": at(0.0, 1.0, 0.3)}),
    "poisson_nll_loss of no counts": ("poisson_nll_loss", at(0.0, 2.0), at(0, 1), {"full": True}),
    "gaussian_nll_loss below eps": ("gaussian_nll_loss", at(1.0, 2.0), at(2.0, 2.5), at(1e-9, 0.3), {"eps": 0.2}),
}


@pytest.mark.parametrize("row", KINKS.values(), ids=KINKS)
def test_kinks_and_edges(row):
    torch = pytest.importorskip("torch")
    name, *arrays, options = row
    ours = [mg.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    theirs = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    constants = [
        {key: tensor(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
        for tensor in (mg.tensor, torch.tensor)
    ]
    found = getattr(F, name)(*ours, **constants[0])
    expected = getattr(torch.nn.functional, name)(*theirs, **constants[1])
    found.backward()
    expected.backward()
    np.testing.assert_allclose(found.item(), expected.item(), rtol=1e-12)
    for x, y in zip(ours, theirs):
        if y.grad is not None:
            # PyTorch rounds the constants 1e-12 in some of these to float32
            np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-8)


# ---- modules


def test_weights_are_buffers():
    loss = nn.BCEWithLogitsLoss(weight=mg.ones(3), pos_weight=mg.ones(3))
    assert list(loss.state_dict()) == ["weight", "pos_weight"]
    assert list(nn.CrossEntropyLoss().state_dict()) == []


def test_inputs_may_be_named():
    assert nn.MSELoss()(target=mg.ones(2), input=mg.zeros(2)).item() == 1


def test_modules_show_their_arguments():
    assert repr(nn.HuberLoss(delta=0.5)) == "HuberLoss(reduction='mean', delta=0.5)"
    assert repr(nn.NLLLoss(mg.ones(3), reduction="sum")) == "NLLLoss(reduction='sum', ignore_index=-100)"
