"""What a traced function may not do, or does wrong: errors name the user's line and the way out, or are eager's."""

import copy
import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

X = mg.tensor(np.random.default_rng(0).standard_normal((4, 3)).astype("f4"))

# A use of values that only the compiled function knows.
NEEDS_VALUES = {
    "if": lambda t: t * 2 if mg.sum(t) > 0 else t,
    "and": lambda t: t if (t[0, 0] > 0 and t[0, 1] > 0) else t * 2,
    "while": lambda t: next(t for _ in iter(lambda: bool(mg.sum(t) < 0), True)),
    "item": lambda t: mg.sum(t).item() * t,
    "float": lambda t: float(mg.sum(t)) * t,
    "int": lambda t: t[int(mg.argmax(t))],
    "index": lambda t: [0, 1, 2, 3, 4][mg.argmin(t[0])],
    "range": lambda t: list(range(mg.argmax(t))),
    "format": lambda t: f"{mg.sum(t):.3f}",
    "numpy": lambda t: t.numpy(),
    "asarray": lambda t: np.asarray(t),
    "tolist": lambda t: t.tolist(),
    "largest of a list": lambda t: max(t[0, 0], t[0, 1]),
    "sorted": lambda t: sorted([t[0, 0], t[0, 1]]),
    "a mask as index": lambda t: t[t > 0],
    "nonzero": lambda t: mg.nonzero(t),
    "allclose": lambda t: mg.allclose(t, t),
    "tensor": lambda t: mg.tensor(t),
    "full": lambda t: mg.full((2,), mg.sum(t)),
    "arange": lambda t: mg.arange(mg.sum(t)),
    "linspace": lambda t: mg.linspace(0, mg.sum(t), 5),
    "pickle": lambda t: pickle.dumps(t),
    "save": lambda t: mg.save({"t": t}, "/nowhere"),
}


@pytest.mark.parametrize("use", NEEDS_VALUES)
def test_values_are_not_known_while_tracing(use):
    f = NEEDS_VALUES[use]
    line = f.__code__.co_firstlineno
    with pytest.raises(mg.TracingError, match=rf"^\[jit\] the values .*test_errors\.py:{line}, .*mg\.where, or do"):
        mg.jit(f, warmup=0)(X)


@pytest.mark.parametrize("use", [range, bool, lambda n: X[:n], float])
def test_numbers_among_the_arguments_are_read_at_each_call(use):
    with pytest.raises(mg.TracingError, match=r"a number that is read at each call.*test_errors\.py:.*close over it"):
        mg.jit(lambda x, n: use(n), warmup=0)(X, 2)


class Remembering(nn.Module):
    def forward(self, t):
        self.seen = t
        return t


def test_attributes_cannot_be_set():
    module = Remembering()
    with pytest.raises(mg.TracingError, match=r"^\[Remembering\] the attribute 'seen'.*\.assign_"):
        mg.jit(lambda t: module(t), warmup=0)(X)


# What works as in eager mode although it looks as if it needed values.
WORKS = {
    "print": lambda t: print(t) or t,
    "format without a specification": lambda t: f"{t}" and t,
    "rows": lambda t: sum(row for row in t),
    "len": lambda t: t * len(t),
    "deepcopy": lambda t: copy.deepcopy(t) * 2,
    "a key": lambda t: {t: 1} and t,
    "NumPy's array first": lambda t: np.ones((4, 3), "f4") + t,
    "setitem": lambda t: [u := t * 1, u.__setitem__((0, 0), 5.0)][0],
    "probabilities": lambda t: mg.random.bernoulli(mg.sigmoid(t)),
}


@pytest.mark.parametrize("use", WORKS)
def test_what_needs_no_values(use):
    mg.manual_seed(0)
    expected = WORKS[use](X)
    mg.manual_seed(0)
    np.testing.assert_array_equal(mg.jit(WORKS[use], warmup=0)(X), expected)


def test_printing_shows_shape_and_dtype(capsys):
    mg.jit(lambda t: print(t[0]) or t, warmup=0)(X)
    assert capsys.readouterr().out == "tensor(..., shape=(3,), dtype=float32)\n"


# User errors: type and message are eager's.
WRONG = {
    "matmul": lambda t: t @ mg.ones((4, 2)),
    "broadcast": lambda t: t + mg.ones(2),
    "reshape": lambda t: t.reshape(5, 5),
    "axis": lambda t: mg.sum(t, axis=5),
    "index": lambda t: t[10],
    "concat": lambda t: mg.concat([t, mg.ones((4, 2))]),
    "mse_loss": lambda t: F.mse_loss(t, mg.ones(4)),
    "cross_entropy": lambda t: F.cross_entropy(t, mg.tensor([0, 1, 2])),
    "linear": lambda t: nn.Sequential(nn.Flatten(), nn.Linear(2, 2))(t),
    "conv": lambda t: nn.Conv2d(3, 4, 3)(t),
    "mask": lambda t: t & t,
    "truth": lambda t: not t,
    "iteration over 0-d": lambda t: list(mg.sum(t)),
    "backward of no scalar": lambda t: nn.Linear(3, 2)(t).backward(),
    "backward of nothing": lambda t: mg.sum(t).backward(),
    "twice": lambda t: [y := mg.sum(nn.Linear(3, 2)(t)), y.backward(), y.backward()],
    "assign": lambda t: mg.zeros(2).assign_(t),
    "NumPy's function": lambda t: np.exp(t),
    "einsum": lambda t: mg.einsum("ij,jk->ik", t, t),
    "wrong arguments": lambda t: mg.sum(t, axes=0),
    "the user's own": lambda t: {}["missing"],
}


@pytest.mark.parametrize("use", WRONG)
def test_errors_are_eagers(use):
    raised = []
    for f in (WRONG[use], mg.jit(WRONG[use], warmup=0)):
        with pytest.raises(Exception, match=r".") as info:
            f(X)
        raised.append((info.type, str(info.value)))
    assert raised[0] == raised[1]
    assert raised[0][0] is not mg.TracingError


def test_a_symbol_outlives_its_trace():
    kept = []
    mg.jit(lambda t: kept.append(t * 2) or t, warmup=0)(X)
    assert repr(kept[0]) == "tensor(..., shape=(4, 3), dtype=float32)"
    for use in (np.asarray, lambda t: t + 1, lambda t: mg.sum(t), lambda t: t[0, 0].item()):
        with pytest.raises(mg.TracingError, match=r"shape \(4, 3\).*test_errors\.py:.*after the trace: return it"):
            use(kept[0])
    with pytest.raises(mg.TracingError, match=r"^\[jit\] add, called at .*test_errors\.py:.*another function was"):
        mg.jit(lambda t: t + kept[0], warmup=0)(X)
    with pytest.raises(mg.TracingError, match="returns or leaves behind"):
        mg.jit(lambda t: (t, kept[0]), warmup=0)(X)
