"""Every function, module and loss of the table over drawn calls: against PyTorch, gradients checked, compiled."""

from contextlib import contextmanager

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.tree import tree_map
from tests.compiler.running import uncompiled
from tests.nn.rows import ROWS
from tests.nn.rows.sides import Ours, Theirs, assert_same, modes, observed, state, switch

CALLS = 20
"""So many calls are drawn of every row."""


@pytest.fixture
def tally(record_property):
    """Counts the cases; printed at the end of the run."""
    counts = {"passed": 0, "total": 0}
    record_property("parity", counts)
    return counts


@pytest.mark.filterwarnings("ignore::UserWarning:torch")
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")  # PyTorch's kl_div
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_as_pytorch(row, torch, tally):
    tally["total"] = 2 * CALLS
    for dtype in ("float64", "float32"):
        for i in range(CALLS):
            with noted(row, i):
                compare(row, row.call(i), Ours(dtype), Theirs(torch, dtype))
            tally["passed"] += 1


def compare(row, call, us, them):
    """One call, in each mode: all that can be seen of it, the state afterwards, and the state dicts both ways."""
    theirs, their_constants = them.made(row, call)
    ours, constants = us.made(row, call)
    if row.is_module:
        ours.load_state_dict(state(them, theirs, ()))
    for mode in modes(theirs):
        if row.random and mode != "evaluation" and row.is_module:
            continue
        switch(ours, mode)
        switch(theirs, mode)
        second = row.second and us.dtype == "float64"
        assert_same(observed(us, ours, call, second), observed(them, theirs, call, second), us.dtype)
        assert_same(state(us, ours, constants), state(them, theirs, their_constants), us.dtype)
    if row.is_module:
        doubled = {name: 2 * x for name, x in state(us, ours, ()).items()}
        theirs.load_state_dict({name: them.torch.tensor(x) for name, x in doubled.items()})
        assert_same(doubled, {name: x.numpy() for name, x in theirs.state_dict().items()}, us.dtype)


@pytest.mark.filterwarnings("ignore::UserWarning:torch")
@pytest.mark.parametrize("row", [row for row in ROWS if row.is_module and row.twin is None], ids=str)
def test_shown_as_pytorch(row, torch):
    """Between the parentheses stands what PyTorch has there, and more only where that leaves out arguments."""
    for i in range(CALLS):
        sides = Ours("float64"), Theirs(torch, "float64")
        ours, theirs = (side.made(row, row.call(i))[0].extra_repr() for side in sides)
        theirs = theirs.removesuffix(", inplace=False")
        assert ours.startswith(theirs)
        assert ours == theirs or not theirs or row.name.startswith("Upsampl")


@pytest.mark.parametrize("row", [row for row in ROWS if row.smooth], ids=str)
def test_gradients(row):
    for i in range(2):
        with noted(row, i):
            call, us = row.call(i), Ours("float64")
            inputs, options = (tree_map(us.given, x) for x in (call.inputs, call.options))
            mg.gradcheck(WithOptions(us.made(row, call)[0], options), inputs)


class WithOptions(nn.Module):
    """A function or a module with keyword arguments."""

    def __init__(self, f, options):
        self.f, self.options = f, options

    def forward(self, *inputs):
        return self.f(*inputs, **self.options)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_compiled_as_eager(row):
    """Through the emitted source, run as plain Python."""
    with uncompiled():
        for i in range(2):
            compare_compiled(row, i)


@pytest.mark.exhaustive
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_machine_code_as_eager(row):
    compare_compiled(row, 0)


def compare_compiled(row, i):
    """What is seen of a call, compiled, against the same run eagerly."""
    with noted(row, i):
        eager, compiled = (run(row, row.call(i), jit) for jit in (lambda f: f, mg.jit(warmup=0)))
        for found, expected in zip(compiled, eager, strict=True):
            assert_same(found, expected, "float64")


def run(row, call, jit):
    """What is seen of a call in each mode, and the states that it leaves."""
    us = Ours("float64")
    mg.manual_seed(0)
    f, constants = us.made(row, call)
    for mode in modes(f):
        switch(f, mode)
        yield observed(us, f, call, False, jit)
        yield state(us, f, constants)


@contextmanager
def noted(row, i):
    """Errors say which call it was."""
    try:
        yield
    except Exception as error:
        error.add_note(f"call {i} of {row}: {row.call(i)}")
        raise


def test_everything_public_has_a_row():
    rows = {row.name for row in ROWS}
    public = {*nn.__all__, *F.__all__} - NO_ROW.keys()
    assert rows == public


NO_ROW = {
    "Module": "a base class",
    "Parameter": "a tensor",
    **dict.fromkeys(["Sequential", "ModuleList", "ModuleDict", "ParameterList"], "a container"),
    **dict.fromkeys(["functional", "init", "utils"], "a namespace"),
    "summary": "it looks at models",
    "sinusoidal_positions": "a constant, tested against its formula",
}
"""Public names without a row, with the reason."""
