"""Losses: against PyTorch over their arguments, at the extremes, and what they refuse."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.nn import functional as F

LOGITS = {"(N, C)": (6, 4), "(N, C, d)": (3, 4, 2), "(N, C, d, e)": (2, 4, 3, 2), "(C,)": (4,)}
WEIGHT = np.array([0.5, 2.0, 0.0, 1.5])


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def uniform(*shape):
    return np.random.default_rng(0).random(shape)


def labels_for(shape, ignore_index):
    """Class labels for logits of this shape: one certainly counts, one does not."""
    if len(shape) == 1:
        return np.array(3)
    labels = np.random.default_rng(0).integers(0, 4, shape[:1] + shape[2:])
    labels[0], labels[1] = 0, ignore_index
    return labels


def twins(name, *arrays, weight=None, pos_weight=None, **kwargs):
    """Both libraries' function of this name, with arrays as class weights."""
    from tests.nn.torch_twin import assert_twins, torch

    given = {k: v for k, v in {"weight": weight, "pos_weight": pos_weight}.items() if v is not None}
    ours = {k: mg.tensor(v) for k, v in given.items()}
    theirs = {k: torch.tensor(v) for k, v in given.items()}
    assert_twins(
        lambda *x: getattr(F, name)(*x, **ours, **kwargs),
        lambda *x: getattr(torch.nn.functional, name)(*x, **theirs, **kwargs),
        *arrays,
    )


# ---- classification


@pytest.mark.parametrize("shape", LOGITS.values(), ids=LOGITS)
@pytest.mark.parametrize(
    ("weight", "ignore_index", "reduction", "label_smoothing"),
    list(itertools.product([None, WEIGHT], [-100, 1], ["mean", "sum", "none"], [0.0, 0.1])),
)
def test_cross_entropy_with_labels(shape, weight, ignore_index, reduction, label_smoothing):
    arguments = {"ignore_index": ignore_index, "reduction": reduction, "label_smoothing": label_smoothing}
    twins("cross_entropy", 3 * normal(*shape), labels_for(shape, ignore_index), weight=weight, **arguments)


@pytest.mark.parametrize("shape", LOGITS.values(), ids=LOGITS)
@pytest.mark.parametrize(
    ("weight", "reduction", "label_smoothing"),
    list(itertools.product([None, WEIGHT], ["mean", "sum", "none"], [0.0, 0.1])),
)
def test_cross_entropy_with_probabilities(shape, weight, reduction, label_smoothing):
    p = uniform(*shape)
    p /= p.sum(axis=min(1, len(shape) - 1), keepdims=True)
    twins("cross_entropy", normal(*shape), p, weight=weight, reduction=reduction, label_smoothing=label_smoothing)


@pytest.mark.parametrize("shape", LOGITS.values(), ids=LOGITS)
@pytest.mark.parametrize(
    ("weight", "ignore_index", "reduction"),
    list(itertools.product([None, WEIGHT], [-100, 1], ["mean", "sum", "none"])),
)
def test_nll_loss(shape, weight, ignore_index, reduction):
    arguments = {"ignore_index": ignore_index, "reduction": reduction}
    twins("nll_loss", normal(*shape), labels_for(shape, ignore_index), weight=weight, **arguments)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
def test_labels_of_any_integer_dtype(dtype):
    x = mg.tensor(normal(3, 4))
    expected = F.cross_entropy(x, mg.tensor([0, 3, 1]))
    assert F.cross_entropy(x, mg.tensor([0, 3, 1], dtype=dtype)).item() == expected.item()


def test_all_samples_ignored():
    x = mg.tensor(np.ones((2, 3)), requires_grad=True)
    assert np.isnan(F.cross_entropy(x, mg.tensor([-100, -100])).item())
    total = F.cross_entropy(x, mg.tensor([-100, -100]), reduction="sum")
    total.backward()
    assert total.item() == 0
    assert not x.grad.numpy().any()


def test_no_samples():
    x = mg.tensor(np.ones((0, 3)), requires_grad=True)
    target = mg.tensor(np.zeros(0, np.int64))
    assert F.cross_entropy(x, target, reduction="none").shape == (0,)
    assert F.cross_entropy(x, target, reduction="sum").item() == 0
    assert np.isnan(F.cross_entropy(x, target).item())


INF = np.inf
EXTREMES = {
    "sure and right": ([[1e4, -1e4, 0.0]], [0], 0.0, [[0.0, 0.0, 0.0]]),
    "sure and wrong": ([[1e4, -1e4, 0.0]], [1], 2e4, [[1.0, -1.0, 0.0]]),
    "undecided": ([[1e4, 1e4, -1e4]], [0], np.log(2), [[-0.5, 0.5, 0.0]]),
    "an impossible class": ([[-INF, 0.0, 0.0]], [1], np.log(2), [[0.0, -0.5, 0.5]]),
    "an impossible label": ([[-INF, 0.0, 0.0]], [0], INF, [[-1.0, 0.5, 0.5]]),
    "an impossible class, in probabilities": ([[-INF, 0.0, 0.0]], [[0.0, 1.0, 0.0]], np.log(2), [[0.0, -0.5, 0.5]]),
    "an impossible label that is ignored": ([[-INF, 0.0], [0.0, 0.0]], [-100, 1], np.log(2), [[0.0, 0.0], [0.5, -0.5]]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("logits", "target", "loss", "gradient"), EXTREMES.values(), ids=EXTREMES)
def test_cross_entropy_at_the_extremes(dtype, logits, target, loss, gradient):
    x = mg.tensor(logits, dtype=dtype, requires_grad=True)
    out = F.cross_entropy(x, mg.tensor(target, dtype=dtype if isinstance(target[0], list) else None))
    out.backward()
    assert out.dtype == dtype
    np.testing.assert_allclose(out.item(), loss, rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), gradient, rtol=1e-6, atol=1e-30)


def test_cross_entropy_keeps_its_accuracy_for_small_losses():
    """-log p = log1p(exp(-16)): one minus that rounds to one in float32."""
    out = F.cross_entropy(mg.tensor([[16.0, 0.0]], dtype="float32"), mg.tensor([0]))
    np.testing.assert_allclose(out.item(), np.log1p(np.exp(-16.0)), rtol=0.07)  # the sum 1 + 1.1e-7 has one bit of it


@given(n=st.integers(1, 4), shift=st.floats(-1e3, 1e3))
def test_cross_entropy_does_not_depend_on_a_shift(n, shift):
    x, labels = np.random.default_rng(n).standard_normal((n, 5)), np.arange(n)
    shifted = F.cross_entropy(mg.tensor(x + shift), mg.tensor(labels))
    np.testing.assert_allclose(shifted.item(), F.cross_entropy(mg.tensor(x), mg.tensor(labels)).item(), rtol=1e-10)


# ---- binary classification and regression


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("weight", "pos_weight"),
    [(None, None), (uniform(4), None), (None, 3 * uniform(3, 1)), (uniform(3, 4), uniform(4))],
)
def test_binary_cross_entropy(reduction, weight, pos_weight):
    arguments = {"weight": weight, "pos_weight": pos_weight, "reduction": reduction}
    twins("binary_cross_entropy_with_logits", 4 * normal(3, 4), uniform(3, 4), **arguments)


@pytest.mark.parametrize(
    ("x", "y", "loss", "gradient"),
    [(1e4, 1.0, 0.0, 0.0), (-1e4, 1.0, 1e4, -1.0), (-40.0, 0.0, np.exp(-40.0), np.exp(-40.0)), (1e4, 0.0, 1e4, 1.0)],
)
def test_binary_cross_entropy_at_the_extremes(x, y, loss, gradient):
    logit = mg.tensor([x], requires_grad=True)
    out = F.binary_cross_entropy_with_logits(logit, mg.tensor([y]))
    out.backward()
    np.testing.assert_allclose([out.item(), logit.grad.item()], [loss, gradient], rtol=1e-6)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(3, 4), (), (2, 1, 3)])
def test_regression(name, reduction, shape):
    twins(name, normal(*shape), uniform(*shape), reduction=reduction)


def test_the_gradient_of_the_absolute_error_at_zero_is_zero():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    F.l1_loss(x, mg.tensor([1.0, 3.0])).backward()
    assert x.grad.tolist() == [0.0, -0.5]


def test_targets_take_the_dtype_of_the_input():
    assert F.mse_loss(mg.tensor([1.0, 2.0]), [1, 4]).dtype == np.float32
    assert F.mse_loss(mg.tensor([1.0, 2.0]), np.array([1, 4])).item() == 2


# ---- modules


MODULES = {
    "CrossEntropyLoss": ("cross_entropy", {"weight": WEIGHT, "ignore_index": 1, "label_smoothing": 0.2}),
    "NLLLoss": ("nll_loss", {"weight": WEIGHT, "ignore_index": 1}),
    "MSELoss": ("mse_loss", {}),
    "L1Loss": ("l1_loss", {}),
    "BCEWithLogitsLoss": ("binary_cross_entropy_with_logits", {"weight": WEIGHT, "pos_weight": WEIGHT[::-1].copy()}),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "function", "kwargs"), [(n, *row) for n, row in MODULES.items()], ids=MODULES)
def test_modules_pass_their_arguments_on(name, function, kwargs, reduction):
    arguments = {k: mg.tensor(v) if isinstance(v, np.ndarray) else v for k, v in kwargs.items()}
    module = getattr(nn, name)(**arguments, reduction=reduction)
    x = mg.tensor(normal(3, 4))
    target = mg.tensor([0, 1, 3]) if "weight" in kwargs and "pos_weight" not in kwargs else mg.tensor(uniform(3, 4))
    expected = getattr(F, function)(x, target, **arguments, reduction=reduction)
    np.testing.assert_array_equal(module(x, target).numpy(), expected.numpy())
    assert list(module.state_dict()) == [k for k in ("weight", "pos_weight") if k in kwargs]


# ---- mistakes


X = mg.ones((3, 4))
BAD = {
    "column against vector": (lambda: F.mse_loss(mg.ones((3, 1)), mg.ones(3)), ShapeError, r"\(3, 1\), target \(3,\)"),
    "vector against column": (lambda: F.l1_loss(mg.ones(3), mg.ones((3, 1))), ShapeError, r"\[l1_loss\].*same shape"),
    "number": (lambda: F.mse_loss(mg.ones(3), 1.0), ShapeError, r"input \(3,\), target \(\)"),
    "logits and labels": (
        lambda: F.binary_cross_entropy_with_logits(mg.ones((3, 1)), mg.ones(3)),
        ShapeError,
        r"input \(3, 1\), target \(3,\)",
    ),
    "weight that enlarges": (
        lambda: F.binary_cross_entropy_with_logits(mg.ones(3), mg.ones(3), weight=mg.ones((2, 3))),
        ShapeError,
        r"weight of shape \(2, 3\) does not broadcast to the input's shape \(3,\)",
    ),
    "weight that does not fit": (
        lambda: F.binary_cross_entropy_with_logits(mg.ones(3), mg.ones(3), pos_weight=mg.ones(2)),
        ShapeError,
        r"pos_weight of shape \(2,\)",
    ),
    "label too large": (
        lambda: F.cross_entropy(X, mg.tensor([0, 4, 1])),
        IndexError,
        r"\[cross_entropy\] class labels must lie in \[0, 4\), found 0 to 4 \(ignore_index=-100\)",
    ),
    "label negative": (lambda: F.nll_loss(X, mg.tensor([0, -1, 1])), IndexError, r"\[nll_loss\].*found -1 to 1"),
    "label negative, others ignored": (
        lambda: F.cross_entropy(X, mg.tensor([-100, -1, 1])),
        IndexError,
        r"found -1 to 1 \(ignore_index=-100\)",
    ),
    "large unsigned label": (
        lambda: F.cross_entropy(X, mg.tensor([0, 255, 1], dtype="uint8")),
        IndexError,
        "found 0 to 255",
    ),
    "labels in a column": (
        lambda: F.cross_entropy(X, mg.tensor([[0], [1], [2]])),
        ShapeError,
        r"expected class labels of shape \(3,\), got \(3, 1\), for an input \(3, 4\)",
    ),
    "too few labels": (lambda: F.cross_entropy(X, mg.tensor([0, 1])), ShapeError, r"\(3,\), got \(2,\)"),
    "integer one-hot": (
        lambda: F.cross_entropy(X, mg.ones((3, 4), dtype="int64")),
        ShapeError,
        r"\(3,\), got \(3, 4\), for an input \(3, 4\); class probabilities must be floating-point",
    ),
    "float labels": (
        lambda: F.cross_entropy(X, mg.tensor([0.0, 1.0, 2.0])),
        ShapeError,
        r"the input's shape \(3, 4\), got \(3,\); class labels must be integers: use \.astype\('int64'\)",
    ),
    "float labels for nll": (lambda: F.nll_loss(X, mg.tensor([0.0, 1.0, 2.0])), DtypeError, r"use \.astype\('int64'\)"),
    "boolean labels": (lambda: F.nll_loss(X, mg.tensor([True, False, True])), DtypeError, "must be integers, got bool"),
    "integer logits": (
        lambda: F.cross_entropy(mg.ones((3, 4), dtype="int64"), mg.tensor([0, 1, 2])),
        DtypeError,
        r"\[cross_entropy\] input must be floating-point, got int64",
    ),
    "a number as logits": (lambda: F.cross_entropy(mg.tensor(1.0), mg.tensor(0)), ShapeError, "got a number"),
    "class weights": (
        lambda: F.cross_entropy(X, mg.tensor([0, 1, 2]), weight=mg.ones(3)),
        ShapeError,
        r"a weight for each of 4 classes, got shape \(3,\)",
    ),
    "reduction": (
        lambda: F.mse_loss(X, X, reduction="avg"),
        ConfigError,
        r"\[mse_loss\] reduction must be one of 'mean', 'sum', 'none'; got 'avg'",
    ),
    "reduction of a module": (lambda: nn.MSELoss("avg"), ConfigError, r"\[MSELoss\] reduction must be one of"),
    "smoothing": (
        lambda: F.cross_entropy(X, mg.tensor([0, 1, 2]), label_smoothing=1.5),
        ConfigError,
        r"label_smoothing must lie in \[0, 1\], got 1.5",
    ),
    "unknown argument": (lambda: F.mse_loss(X, X, size_average=True), TypeError, "size_average"),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()
