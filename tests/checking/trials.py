"""Where each gradient rule of the registry is tried: functions and inputs out of the op table, and some by hand."""

import functools

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

import minigrad as mg
from minigrad import engine, ops
from tests.ops.rows import Case
from tests.ops.table import TABLE
from tests.ops.test_table import with_integers

CASES = 8
SAME_EVERY_TIME = settings(
    database=None, derandomize=True, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
)
ROWS = {row.name: row for row in TABLE}
ROWS_OF = {
    "broadcast": ["broadcast_to"],
    "cast": [],
    "cumulate_prod": ["cumprod"],
    "cumulate_sum": ["cumsum"],
    "gather_along": ["take_along_axis"],
    "join": ["concat", "stack"],
    "matmul2": ["matmul"],
    "pad_constant": ["pad"],
    "permute": ["permute_dims"],
    "pow": ["pow", "pow of a negative base"],
    "recomputed": [],
    "reduce_max": ["max"],
    "reduce_min": ["min"],
    "reduce_prod": ["prod"],
    "reduce_sum": ["sum"],
    "reshape_to": ["reshape"],
    "reverse": ["flip"],
    "select": ["where"],
    "slice_of": ["slice", "split"],
}
"""The rows that call a primitive; by default the row of its name."""

rng = np.random.default_rng(3)
A, B, C = rng.uniform(0.5, 2.0, (3, 3, 3))
PAIRS = np.array([[0, 2, 1], [1, 1, 0], [2, 0, 2]])
EDGES = np.array([0.0, 0.0, 1.5, 1.5])
INFINITE, FINITE = np.array([-np.inf, 0.5, 1.0]), np.array([0.25, -np.inf, 2.0])


def flagged(ta, tb):
    """A product of operands that are read transposed."""
    return lambda a, b: ops.linalg.matmul2(a, b, ta=ta, tb=tb)


def windowed(x):
    return ops.pool.windows(x, window=(2, 2), stride=(1, 1), padding=((0, 0), (1, 0)), dilation=(1, 1))


BY_HAND = {
    "cast": [(lambda x: ops.elementwise.cast(x, dtype=x.dtype), [A])],
    "gather_update": [(lambda x, v: ops.indexing.gather_update(x, v, mg.asarray([0, 2]), axes=(0,)), [A, B[:2]])],
    "join": [(lambda x, y: mg.concat([x, y]), [A, B])],
    "linear_recurrence": [(ops.reduce.linear_recurrence, [A, B])],
    "logaddexp": [
        (mg.logaddexp, [INFINITE, FINITE]),
        (lambda x: mg.logaddexp(x, 0.5), [A]),
        (lambda x: mg.logaddexp(0.5, x), [A]),
    ],
    "matmul2": [(flagged(ta, tb), [A, B]) for ta in (False, True) for tb in (False, True)],
    "place": [(lambda g: ops.indexing.place(g, key=(slice(0, None, 2), slice(1, None)), shape=(4, 3)), [A[:2, :2]])],
    "pow": [
        (lambda x: mg.pow(x, mg.asarray([0.0, 1.0, 0.0, 2.0])), [EDGES]),
        (lambda y: mg.pow(mg.asarray([0.0, 0.0, 1.5, 1.5]), y), [EDGES + 1.0]),
    ],
    "recomputed": [
        (lambda x, y: mg.checkpoint(lambda x, y: mg.sin(x) * y, x, y), [A, B]),
        (lambda x: mg.checkpoint(lambda x, y: mg.sin(x) * y, x, mg.cos(x)), [A]),
    ],
    "reduce_max": [(lambda x: mg.max(x, axis=0), [A])],
    "reduce_min": [(lambda x: mg.min(x, axis=0), [A])],
    "permute": [(lambda x: mg.permute_dims(x, (1, 2, 0)), [rng.normal(size=(2, 3, 3))])],
    "reduce_prod": [(lambda x: mg.prod(x, axis=0), [A])],
    "reduce_sum": [(lambda x: mg.sum(x, axis=0), [A])],
    "reshape_to": [(lambda x: mg.reshape(x, (9,)), [A])],
    "reverse": [(lambda x: mg.flip(x, 0), [A])],
    "scatter_add": [(lambda g: ops.indexing.scatter_add(g, mg.asarray([0, 2, 0]), axes=(0,), shape=(3, 3)), [A])],
    "scatter_add_along": [
        (lambda g: ops.indexing.scatter_add_along(g, mg.asarray(PAIRS), axis=1, shape=(3, 3)), [A]),
    ],
    "windows": [(windowed, [rng.normal(size=(1, 2, 3, 3))])],
}
"""What the rows cannot or seldom give: inner primitives, square arrays, infinities, zeros, reused inputs."""


@functools.cache
def trials(op: engine.Primitive) -> list:
    """Functions and inputs that call a primitive: square arrays first, with every kind of options."""
    pointwise = op.kind == "elementwise"
    best: dict = {}
    for r in (ROWS[name] for name in ROWS_OF.get(op.name, [op.name])):
        found = drawn(r, 25 if pointwise else 60)
        for case in found + (squares(found) if pointwise else []):
            if worth(case):
                kind = r.name, repr(case.kwargs), *(a.ndim for a in case.args)
                best[kind] = min(best.get(kind, (r, case)), (r, case), key=cost)
    chosen = sorted(best.values(), key=cost)[:CASES]
    return BY_HAND.get(op.name, []) + [(with_integers(r, case), floats(case)) for r, case in chosen]


def drawn(r, count: int) -> list[Case]:
    """Cases of a row, the same every time."""
    found = []

    @settings(SAME_EVERY_TIME, max_examples=count)
    @given(r.cases)
    def collect(case):
        found.append(case)

    collect()
    return found


def squares(found: list[Case]) -> list[Case]:
    """The values of cases of a pointwise function arranged anew, in square arrays, for each set of options."""
    groups: dict = {}
    for case in found:
        groups.setdefault(repr(case.kwargs), []).append(case)
    made = []
    for alike in groups.values():
        values = [np.unique(np.concatenate([a.ravel() for a in column])) for column in zip(*(c.args for c in alike))]
        if min(v.size for v in values) >= 4:
            mixed = (np.random.default_rng(1).permutation(v)[:4].reshape(2, 2) for v in values)
            made.append(Case(tuple(mixed), alike[0].kwargs))
    return made


def floats(case: Case) -> list[np.ndarray]:
    return [a for a in case.args if a.dtype.kind == "f"]


def worth(case: Case) -> bool:
    """Whether there is something to check, and not much."""
    return all(1 <= a.size <= 40 for a in floats(case))


def cost(trial: tuple) -> tuple:
    """Small for small cases of square arrays."""
    arrays = floats(trial[1])
    oblong = sum(a.ndim < 2 or a.shape[-1] != a.shape[-2] or a.shape[-1] == 1 for a in arrays)
    return oblong, sum(a.shape.count(1) for a in arrays), sum(a.size for a in arrays)
