"""What it means that compiled code computes the same, and what is left out of the comparison, by reason.

A subject is something drawn that runs eagerly or compiled: it has a `dtype`; `run(jit, move)` gives arrays by name, in
the default dtype, with inputs moved by a fraction of themselves; `unseen(exact)` names those that are zero but for
rounding, given the eager float64 run. In float64 compiled and eager results differ by at
most 1e-10 of an array's largest magnitude. In float32 the distance of the compiled result to the float64 run is at most
4 times that of the eager one, plus 1e-6 of the largest magnitude.
"""

import numpy as np

import minigrad as mg

MOVE = {"float64": 1e-12, "float32": 1e-6}
"""How far inputs are moved to see whether results depend on them smoothly, a little more than rounding moves them."""


class Tally:
    """How many subjects were drawn, how many were left out, by reason, and how many arrays of the others."""

    def __init__(self, name):
        self.excluded = {}
        self.counts = {"name": name, "drawn": 0, "zeros": 0, "excluded": self.excluded}

    def admits(self, subject, exact):
        """Count a subject; whether it is to be compared."""
        self.counts["drawn"] += 1
        reason = exclusion(subject, exact)
        if reason:
            self.excluded[reason] = self.excluded.get(reason, 0) + 1
        return reason is None

    def skip(self, names):
        """Count arrays that are not compared; the names again."""
        self.counts["zeros"] += len(names)
        return names


def evaluated(subject, dtype, jit=None, move=0.0):
    """What a subject gives in a dtype."""
    with mg.set_default_dtype(dtype), np.errstate(all="ignore"):
        return subject.run(jit or (lambda f: f), move)


def exclusion(subject, exact):
    """Why a subject cannot be compared; decided by eager runs alone."""
    move, unseen = MOVE[subject.dtype], subject.unseen(exact)
    nearby = evaluated(subject, "float64", move=move)
    for name, x in exact.items():
        y = nearby[name]
        if x is None or not x.size or name in unseen:
            continue
        if x.dtype.kind != "f" or not np.array_equal(np.isfinite(x), np.isfinite(y)):
            if not np.array_equal(x, y):
                return "a result jumps near the inputs"
        elif distance(x, y) > 1e4 * move * scale(x):
            return "ill-conditioned: a result changes 10,000 times as much as the inputs"
    if subject.dtype == "float32":
        single = evaluated(subject, "float32")
        if any(x is not None and not np.array_equal(np.isfinite(x), np.isfinite(single[k])) for k, x in exact.items()):
            return "overflow in float32 but not in float64"
    return None


def scale(x):
    """The largest finite magnitude."""
    return np.abs(x[np.isfinite(x)]).max(initial=0.0)


def distance(x, y):
    """The largest difference of finite elements."""
    both = np.isfinite(x) & np.isfinite(y)
    return np.abs(x[both].astype(np.float64) - y[both]).max(initial=0.0)


def assert_agrees(subject, found, exact, unseen=()):
    """Compiled results against the eager ones; `unseen`: names not compared."""
    eager = exact if subject.dtype == "float64" else evaluated(subject, subject.dtype)
    assert found.keys() == eager.keys()
    for name in found.keys() - set(unseen):
        try:
            assert (found[name] is None) is (eager[name] is None)
            if eager[name] is not None:
                assert_close(found[name], eager[name], exact[name], subject.dtype)
        except AssertionError as error:
            error.add_note(f"{name} of\n{subject}")
            raise


def assert_close(compiled, eager, exact, dtype):
    """One array: as the eager one where that is no finite float, else close enough to the float64 run."""
    assert (compiled.shape, compiled.dtype) == (eager.shape, eager.dtype)
    finite = np.isfinite(eager) & (eager.dtype.kind == "f")
    np.testing.assert_array_equal(compiled[~finite], eager[~finite])
    assert np.isfinite(compiled[finite]).all()
    assert distance(compiled, exact) <= tolerance(eager, exact, dtype)


def tolerance(eager, exact, dtype):
    """How far a compiled array may be from the float64 run."""
    if dtype == "float64":
        return 1e-10 * scale(exact)
    return 4 * distance(eager, exact) + 1e-6 * scale(exact)
