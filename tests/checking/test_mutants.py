"""The checker, tested with every gradient rule of the registry made wrong in every mechanical way (see `mutants`)."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import engine
from tests.checking.equivalents import EQUIVALENT
from tests.checking.mutants import Mutant, Site, mutants, sites, source_mutants
from tests.checking.trials import trials

RULES = [op for op in engine.PRIMITIVES.values() if sites(op)]
SITES = [site for op in RULES for site in sites(op)]
each_rule = pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)


def rejected(tried: list, seed: int = 0) -> bool:
    """Whether the checker rejects one of these functions: cheaply if it can, by second derivatives if it must."""
    return any(fails(fn, inputs, order, seed) for order in (1, 2) for fn, inputs in tried)


def fails(fn, inputs, order, seed) -> bool:
    try:
        return not mg.gradcheck(fn, inputs, order=order, seed=seed, raise_exception=False)
    except Exception:  # noqa: BLE001  a wrong rule may fail in any way
        return True


def rejected_with(site: Site, mutant: Mutant, seed: int = 0) -> bool:
    with site.replaced_by(mutant.rule):
        return rejected(trials(site.op), seed)


@each_rule
def test_every_mutant_is_rejected(site, record_property):
    tried = mutants(site)
    excluded = {m.change: EQUIVALENT[site.name, m.change] for m in tried if (site.name, m.change) in EQUIVALENT}
    survivors = [m.change for m in tried if not rejected_with(site, m)]
    record_property("mutants", counts(site.name, len(tried), survivors, excluded))
    assert survivors == list(excluded)


def counts(name: str, tried: int, survivors: list[str], excluded: dict[str, str]) -> dict:
    """What the summary at the end of the run adds up."""
    wrong = tried - len(excluded)
    missed = len(set(survivors) - excluded.keys())
    return {"name": name, "rejected": wrong - missed, "wrong": wrong, "excluded": excluded}


def test_excluded_mutants_exist():
    made = {(site.name, mutant.change) for site in SITES for mutant in mutants(site)}
    assert EQUIVALENT.keys() - made == set()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@each_rule
def test_every_mutant_is_rejected_whatever_the_seed(site, seed):
    wrong = [m for m in mutants(site) if (site.name, m.change) not in EQUIVALENT]
    assert [m.change for m in wrong if not rejected_with(site, m, seed)] == []


# ---- the engine's unbroadcast

SHAPES = [
    ((3, 3), (1, 3)), ((3, 3), (3, 1)), ((3, 3), (3,)), ((2, 3, 3), (3, 1)), ((1, 3, 3), (1, 3)), ((1, 3), (1, 1)),
    ((2, 3), (1,)), ((2, 2), ()),
]  # fmt: skip
PRODUCTS = [(mg.multiply, [np.random.default_rng(i).normal(size=s) for s in pair]) for i, pair in enumerate(SHAPES)]


def repeated_axes(g, shape):
    """The leading axes that broadcasting added, and the axes of length 1 that it repeated."""
    extra = g.ndim - len(shape)
    return tuple(range(extra)), tuple(extra + i for i, n in enumerate(shape) if n == 1)


def without_sum(g, shape):
    leading, repeated = repeated_axes(g, shape)
    key = tuple(0 if i in leading else slice(0, 1) if i in repeated else slice(None) for i in range(g.ndim))
    return g[key]


def without_leading_axes(g, shape):
    leading, repeated = repeated_axes(g, shape)
    return mg.sum(g, repeated, keepdims=True)[(0,) * len(leading)]


def without_repeated_axes(g, shape):
    leading, _ = repeated_axes(g, shape)
    return without_sum(mg.sum(g, leading), shape)


def sum_over_another_axis(g, shape):
    leading, repeated = repeated_axes(g, shape)
    others = tuple((axis + 1) % g.ndim for axis in leading + repeated)
    return mg.reshape(mg.sum(g, others), shape)


def mean(g, shape):
    leading, repeated = repeated_axes(g, shape)
    return mg.reshape(mg.mean(g, leading + repeated), shape)


def times_1_001(g, shape):
    leading, repeated = repeated_axes(g, shape)
    return mg.reshape(mg.sum(g, leading + repeated), shape) * 1.001


def nothing_done(g, shape):
    return g


WRONG_WAYS = [
    without_sum, without_leading_axes, without_repeated_axes, sum_over_another_axis, mean, times_1_001, nothing_done,
]  # fmt: skip


def where_broadcast(wrong):
    """The wrong way taken just where there is something to sum."""
    return lambda g, shape: g if g.shape == shape else wrong(g, shape)


def test_every_wrong_unbroadcast_is_rejected(monkeypatch, record_property):
    tried = [Mutant(wrong.__name__, where_broadcast(wrong)) for wrong in WRONG_WAYS]
    tried += source_mutants(engine.unbroadcast, tensors=[])
    survivors = []
    for mutant in tried:
        monkeypatch.setattr(engine, "unbroadcast", mutant.rule)
        if not rejected(PRODUCTS):
            survivors.append(mutant.change)
    record_property("mutants", counts("unbroadcast", len(tried), survivors, {}))
    assert survivors == []


# ---- and none of the right rules


@pytest.mark.parametrize("seed", range(20))
def test_right_rules_pass_with_every_seed(seed):
    for op in RULES:
        tried = trials(op)
        fn, inputs = tried[seed % len(tried)]
        mg.gradcheck(fn, inputs, order=1, seed=seed)
    for fn, inputs in PRODUCTS:
        mg.gradcheck(fn, inputs, order=1, seed=seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_right_rules_pass_to_second_order_with_every_seed(seed):
    for op in RULES:
        for fn, inputs in trials(op):
            mg.gradcheck(fn, inputs, seed=seed)
