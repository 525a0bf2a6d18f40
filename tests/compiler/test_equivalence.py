"""jit changes speed and nothing else: drawn programs and trainings, compiled and as plain Python, against eager."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

import minigrad as mg
from tests.compiler.agreement import Tally, assert_agrees, evaluated
from tests.compiler.nets import trainings
from tests.compiler.programs import named, programs
from tests.compiler.running import uncompiled

DRAWN = {"programs": programs(), "trainings": trainings()}
COMPILED = {"programs": programs(most_calls=3), "trainings": trainings(most_layers=2, most_batches=2, sizes=(4,))}
GROUP = 8
"""So many programs are compiled as one function, which costs less than one function each."""


def examples(strategy, n, seed=0):
    """n examples of a strategy, always the same for a seed."""
    found = []

    @seeded(seed)
    @settings(max_examples=n, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(example):
        found.append(example)

    collect()
    return found


@pytest.fixture
def tally(request, record_property):
    """Counts what is drawn; printed at the end of the run."""
    made = Tally(request.node.name)
    record_property("equivalence", made.counts)
    return made


def compare(subject, tally):
    """A subject with jit as it is set up, against itself without."""
    exact = evaluated(subject, "float64")
    if tally.admits(subject, exact):
        found = evaluated(subject, subject.dtype, mg.jit(warmup=0))
        assert_agrees(subject, found, exact, tally.skip(subject.unseen(exact)))


def in_plain_python(kind, n, tally):
    """n subjects through their emitted source."""

    @settings(max_examples=n, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(DRAWN[kind])
    def check(subject):
        with uncompiled():
            compare(subject, tally)

    check()


def compiled_together(programs, tally):
    """Programs of one dtype, compiled as one function."""
    exact = [evaluated(p, "float64") for p in programs]
    chosen = [(p, e) for p, e in zip(programs, exact) if tally.admits(p, e)]
    with mg.set_default_dtype(programs[0].dtype):
        functions, args = zip(*(p.prepared(p.dtype) for p, _ in chosen))
        run = mg.jit(lambda args: [f(*given) for f, given in zip(functions, args)], warmup=0)
        results = run(args)
    for (p, e), result in zip(chosen, results):
        assert_agrees(p, named(result), e, tally.skip(p.unseen(e)))


def all_compiled(n, seed, tally):
    """n programs, in groups."""
    drawn = examples(COMPILED["programs"], n, seed)
    for dtype in ("float64", "float32"):
        of_dtype = [p for p in drawn if p.dtype == dtype]
        for start in range(0, len(of_dtype), GROUP):
            compiled_together(of_dtype[start : start + GROUP], tally)


@pytest.mark.parametrize(("kind", "n"), [("programs", 2000), ("trainings", 200)])
def test_in_plain_python(kind, n, tally):
    in_plain_python(kind, n, tally)


def test_programs_compiled(tally):
    all_compiled(220, 0, tally)


def test_trainings_compiled(tally):
    for training in examples(COMPILED["trainings"], 8):
        compare(training, tally)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("kind", "n"), [("programs", 100_000), ("trainings", 10_000)])
def test_many_in_plain_python(kind, n, tally):
    in_plain_python(kind, n, tally)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(1, 11))
def test_many_compiled(seed, tally):
    all_compiled(500, seed, tally)
    for training in examples(DRAWN["trainings"], 30, seed):
        compare(training, tally)
