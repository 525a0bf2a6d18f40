"""What tests and the examples in docstrings share: how Hypothesis draws, and the names that examples may use."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# No deadline: the first call of a numba kernel compiles it. Nor may drawing be too slow: at some draw Hypothesis reads
# the source of all modules, which takes a second in a fresh checkout. `ci` draws the same examples in every run.
settings.register_profile("default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))


@pytest.fixture(autouse=True)
def example_names(request):
    if isinstance(request.node, pytest.DoctestItem):
        import minigrad as mg

        names = request.getfixturevalue("doctest_namespace")
        names.update(mg=mg, np=np, nn=mg.nn, F=mg.nn.functional, optim=mg.optim)
