"""CTC against PyTorch on longer sequences, where it does not fit, at the extremes, and in compiled steps."""

import itertools

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from tests.compiler.running import uncompiled

INF = np.inf


def problem(seed, steps=30, n=4, classes=8, longest=9):
    """Scores, labels (N, S) with 0 as blank, lengths."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, classes, (n, longest))
    return rng.standard_normal((steps, n, classes)), labels, rng.integers(20, steps + 1, n), rng.integers(0, longest, n)


def joined(labels, ends):
    return np.concatenate([row[:end] for row, end in zip(labels, ends)])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("form", [lambda labels, ends: labels, joined], ids=["padded", "joined"])
def test_as_pytorch_behind_log_softmax(seed, form):
    torch = pytest.importorskip("torch")
    scores, labels, times, ends = problem(seed)
    labels = form(labels, ends)
    seen = []
    for tensor, f in ((mg.tensor, F), (torch.tensor, torch.nn.functional)):
        x = tensor(scores, requires_grad=True)
        loss = f.ctc_loss(f.log_softmax(x, 2), *map(tensor, (labels, times, ends)), reduction="sum")
        loss.backward()
        seen.append((loss.item(), np.asarray(x.grad.tolist())))
    assert seen[0][0] == pytest.approx(seen[1][0], rel=1e-12)
    np.testing.assert_allclose(seen[0][1], seen[1][1], rtol=1e-9, atol=1e-12)


def test_how_the_gradient_differs_from_pytorchs():
    """By exp(log_probs), at each step that counts, as the documentation has it."""
    torch = pytest.importorskip("torch")
    scores, labels, times, ends = problem(5)
    log_probs = F.log_softmax(mg.tensor(scores), 2).numpy()
    found = []
    for tensor, f in ((mg.tensor, F), (torch.tensor, torch.nn.functional)):
        x = tensor(log_probs, requires_grad=True)
        f.ctc_loss(x, *map(tensor, (labels, times, ends)), reduction="sum").backward()
        found.append(np.asarray(x.grad.tolist()))
    running = np.arange(len(scores))[:, None, None] < times[:, None]
    np.testing.assert_allclose(found[1] - found[0], running * np.exp(log_probs), rtol=1e-9, atol=1e-12)


def test_what_is_behind_the_ends_does_not_matter():
    scores, labels, times, ends = problem(0)
    results = []
    for fill, padding in ((0.0, -100), (np.nan, 10**6)):
        x, y = scores.copy(), labels.copy()
        for i, (time, end) in enumerate(zip(times, ends)):
            x[time:, i], y[i, end:] = fill, padding
        x = mg.tensor(x, requires_grad=True)
        loss = F.ctc_loss(x, y, times, ends)
        loss.backward()
        results.append((loss.item(), x.grad.numpy()))
    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert all((results[1][1][time:, i] == 0).all() for i, time in enumerate(times))


# input steps, target: the first has no alignment, since equal labels need a blank between
TOO_SHORT = {"equal labels": (3, [1, 1, 2]), "no input": (0, [1, 2, 2]), "short": (2, [1, 2, 1])}


@pytest.mark.parametrize(("steps", "target"), TOO_SHORT.values(), ids=TOO_SHORT)
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_no_alignment(steps, target, zero_infinity):
    """The other sequence of the batch keeps its gradient."""
    x = mg.random.normal((4, 2, 3), dtype="float64").requires_grad_()
    loss = F.ctc_loss(x, [target, [1, 2, 1]], (steps, 4), (3, 2), 0, "none", zero_infinity)
    assert loss[0].item() == (0.0 if zero_infinity else INF)
    (first,) = mg.autograd.grad(loss.sum(), x, create_graph=True)
    (second,) = mg.autograd.grad((first * first).sum(), x)
    assert not first.numpy()[:, 0].any()
    assert not second.numpy()[:, 0].any()
    assert np.isfinite(second.numpy()).all()
    np.testing.assert_allclose(first.numpy()[:, 1].sum(1), -1)  # one label at each step


@pytest.mark.parametrize("steps", [0, 3])
def test_an_empty_target_is_all_blanks(steps):
    x = mg.random.normal((3, 1, 2), dtype="float64")
    loss = F.ctc_loss(x, mg.zeros((1, 0), dtype="int64"), (steps,), (0,), reduction="sum")
    assert loss.item() == pytest.approx(-x.numpy()[:steps, 0, 0].sum())


def test_empty_batch():
    x = mg.zeros((3, 0, 2))
    assert F.ctc_loss(x, mg.zeros((0, 4), dtype="int64"), (), (), reduction="none").shape == (0,)


@pytest.mark.parametrize("far", [-1e4, -INF])
def test_classes_that_cannot_be(far):
    """Paths through them have no weight, and no gradient."""
    x = np.log(np.full((4, 1, 3), 0.5))
    x[1, 0, 1] = x[2, 0, 2] = x[:, 0, 0][3] = far
    x = mg.tensor(x, requires_grad=True)
    loss = F.ctc_loss(x, [[1, 2]], (4,), (2,))
    paths = [p for p in np.ndindex(3, 3, 3, 3) if [k for k, _ in itertools.groupby(p) if k] == [1, 2]]
    allowed = [p for p in paths if p[1] != 1 and p[2] != 2 and p[3] != 0]
    assert loss.item() == pytest.approx(-np.log(len(allowed) / 16) / 2)
    (first,) = mg.autograd.grad(loss, x, create_graph=True)
    (second,) = mg.autograd.grad((first * first).sum(), x)
    share = np.zeros((4, 3))
    for p in allowed:
        share[range(4), p] += 1 / len(allowed)
    np.testing.assert_allclose(first.numpy()[:, 0], -share / 2, atol=1e-12)
    assert np.isfinite(second.numpy()).all()


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_extreme_scores(scale):
    """All equal, or one path that is certain: the loss is that of the path, and the gradient is it."""
    x = np.full((3, 1, 3), -scale)
    x[range(3), 0, [1, 0, 2]] = 0.0
    x = mg.tensor(x, requires_grad=True)
    loss = F.ctc_loss(x, [[1, 2]], (3,), (2,), reduction="sum")
    loss.backward()
    assert loss.item() == pytest.approx(0.0 if scale else -np.log(5))  # 102, 112, 122, 012, 120
    if scale:
        np.testing.assert_allclose(x.grad.numpy()[:, 0], -np.eye(3)[[1, 0, 2]])


def test_long_sequences_in_float32():
    scores, labels, _, _ = problem(1, steps=1000, n=2, longest=40)
    loss = [
        F.ctc_loss(F.log_softmax(mg.tensor(scores, dtype=dtype), 2), labels, (1000, 900), (40, 30), reduction="none")
        for dtype in ("float32", "float64")
    ]
    np.testing.assert_allclose(loss[0].numpy(), loss[1].numpy(), rtol=1e-5)


def training(jit, form):
    """The losses of a few steps of a small recognizer, its lengths from data."""
    mg.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 6)).double()
    optimizer = mg.optim.Adam(model.parameters(), lr=0.03)
    criterion = nn.CTCLoss(blank=5)

    @jit
    def step(x, y, times, ends):
        loss = criterion(F.log_softmax(model(x), 2), y, times, ends)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    rng = np.random.default_rng(2)
    x, labels = rng.standard_normal((12, 3, 5)), rng.integers(0, 5, (3, 4))
    losses = []
    for ends in ([4, 2, 3], [4, 2, 3], [3, 4, 2]):
        batch = (x, form(labels, ends), np.array([12, 9, 11]), np.array(ends))
        losses.append(step(*map(mg.tensor, batch)).item())
    return losses


@pytest.mark.parametrize("form", [lambda labels, ends: labels, joined], ids=["padded", "joined"])
def test_a_compiled_step(form):
    eager = training(lambda f: f, form)
    assert eager[1] < eager[0]
    with uncompiled():
        assert training(mg.jit(warmup=0), form) == pytest.approx(eager, rel=1e-9)


@pytest.mark.exhaustive
def test_a_compiled_step_as_machine_code():
    assert training(mg.jit(warmup=0), joined) == pytest.approx(training(lambda f: f, joined), rel=1e-9)
