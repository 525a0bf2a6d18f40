"""What every row of the op table buys."""

import collections
import contextlib
import copy

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import minigrad as mg
from minigrad import engine
from minigrad.checking.problem import tensor_problem
from tests.ops.table import TABLE, TESTED_ELSEWHERE

slow_draws = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
each_row = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
SMOOTH = [row for row in TABLE if row.smooth]
each_smooth_row = pytest.mark.parametrize("row", SMOOTH, ids=lambda row: row.name)


def examples(n):
    return settings(max_examples=n, suppress_health_check=slow_draws)


def tensors(case):
    return [mg.tensor(a) for a in case.args]


def result(row, case):
    return row.fn(*tensors(case), **case.kwargs)


def expected(row, case, args=None):
    with np.errstate(all="ignore"):
        return np.asarray(row.reference(*(case.args if args is None else args), **case.kwargs))


def test_names_are_unique():
    assert [name for name, n in collections.Counter(row.name for row in TABLE).items() if n > 1] == []


@each_row
def test_values(row):
    """As the reference, in shape, dtype and value, whatever the memory layout; arguments stay as they were."""

    @examples(20)
    @given(row.cases)
    def check(case):
        given = [mg.asarray(a) for a in case.args]  # shares the drawn layout
        before = copy.deepcopy(case.args)
        got, want = row.fn(*given, **case.kwargs), expected(row, case)
        assert (got.shape, got.dtype.kind) == (want.shape, want.dtype.kind)
        np.testing.assert_allclose(got.numpy(), want, rtol=row.rtol, atol=row.rtol)
        for a, b in zip(case.args, before):
            np.testing.assert_array_equal(a, b, strict=True)

    check()


@each_smooth_row
def test_first_and_second_derivatives(row):
    """Against numerical ones, with random cotangents."""

    @examples(8)
    @given(row.cases, st.integers(0, 1000))
    def check(case, seed):
        wanted = [a for a in case.args if a.dtype.kind == "f"]
        mg.gradcheck(with_integers(row, case), wanted, order=row.order, seed=seed)

    check()


def with_integers(row, case):
    """The row's function of its float arguments alone."""

    def fn(*floats):
        remaining = iter(floats)
        args = [next(remaining) if a.dtype.kind == "f" else mg.asarray(a) for a in case.args]
        return row.fn(*args, **case.kwargs)

    return fn


@each_row
def test_float32_stays_float32(row):
    @examples(5)
    @given(row.cases)
    def check(case):
        single = [a.astype(np.float32) if a.dtype.kind == "f" else a for a in case.args]
        got = row.fn(*map(mg.tensor, single), **case.kwargs)
        want = expected(row, case, [a.astype(np.float64) if a.dtype.kind == "f" else a for a in single])
        assert got.dtype == (np.float32 if want.dtype.kind == "f" and row.name != "astype" else want.dtype)
        scale = np.abs(want).max(initial=1.0) if want.dtype.kind == "f" else 0.0
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-4, atol=1e-5 * scale)

    check()


@pytest.mark.parametrize("row", [row for row in TABLE if row.integers], ids=lambda row: row.name)
def test_integers(row):
    @examples(5)
    @given(row.cases)
    def check(case):
        whole = [np.clip(np.abs(a), 1, 3).astype(np.int32) if a.dtype.kind == "f" else a for a in case.args]
        if row.name in ("asin", "acos", "atanh"):
            whole = [np.minimum(a, 0) for a in whole]
        got = row.fn(*map(mg.tensor, whole), **case.kwargs)
        assert got.dtype == row.integers
        want = expected(row, case, whole)
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-5, atol=1e-7)

    check()


SPECIALS = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.5, -0.5])


def special_arguments(row):
    """Each special value alone, each pair of them, or, for a reduction, each pair in a row."""
    one, two = SPECIALS, np.stack(np.meshgrid(SPECIALS, SPECIALS), -1).reshape(-1, 2)
    if row.specials == 2:
        return (two[:, 0].copy(), two[:, 1].copy()), {}
    if row.name in REDUCING:
        return (two,), {"axis": -1}
    return (one,), {}


REDUCING = "sum mean prod max min logsumexp nansum any all cumsum cumprod".split()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("row", [row for row in TABLE if row.specials], ids=lambda row: row.name)
def test_ieee_specials(row, dtype):
    """NaN, infinities and signed zeros as in the reference."""
    args, kwargs = special_arguments(row)
    args = [a.astype(dtype) for a in args]
    got = row.fn(*map(mg.tensor, args), **kwargs).numpy()
    with np.errstate(all="ignore"):
        want = np.asarray(row.reference(*args, **kwargs))
    np.testing.assert_allclose(got, want, rtol=1e-6 if dtype is np.float32 else row.rtol, equal_nan=True)
    if want.dtype.kind == "f":
        zeros = want == 0
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(want[zeros]))


# ---- the table is complete, and closed


def example(row):
    """One case, the same every time, as large as hypothesis finds quickly."""
    search = settings(examples(40), database=None, derandomize=True, phases=[Phase.generate])
    for enough in (all_of_size(4), all_of_size(2)):
        with contextlib.suppress(NoSuchExample):
            return find(row.cases, enough, settings=search)
    return find(row.cases, all_of_size(1), settings=search)


def all_of_size(n):
    return lambda case: all(a.size >= n for a in case.args)


@pytest.fixture
def called(monkeypatch):
    """The primitives called during a test."""
    names = set()
    original = engine.Primitive.__call__

    def call(self, *inputs, **params):
        names.add(self.name)
        return original(self, *inputs, **params)

    monkeypatch.setattr(engine.Primitive, "__call__", call)
    return names


def test_every_primitive_has_a_row(called):
    for row in TABLE:
        result(row, example(row))
    assert sorted(engine.PRIMITIVES.keys() - called - TESTED_ELSEWHERE.keys()) == []


@each_smooth_row
def test_rules_stay_in_the_table(row, called):
    """Up to third order every derivative is made of registered primitives, and is right: none is a dead end."""
    case = example(row)
    floats = [a for a in case.args if a.dtype.kind == "f"]
    fn = with_integers(row, case)
    mg.gradcheck(fn, floats, order=3)
    problem = tensor_problem(fn, floats, {})
    for _ in range(3):
        _, outputs = problem.recorded(problem.point)
        nodes = engine.reachable([y.node for y in outputs if y.node is not None])
        for node in nodes:
            if type(node) is engine.Node:
                assert engine.PRIMITIVES.get(node.primitive.name) is node.primitive
        problem = problem.derived(problem.values(problem.point))
    assert called <= engine.PRIMITIVES.keys()
