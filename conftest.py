"""What the examples in docstrings may use without importing it: mg, np, nn, F, optim; and one thing all tests share."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def example_names(request):
    if isinstance(request.node, pytest.DoctestItem):
        import minigrad as mg

        names = request.getfixturevalue("doctest_namespace")
        names.update(mg=mg, np=np, nn=mg.nn, F=mg.nn.functional, optim=mg.optim)


@pytest.fixture(scope="session", autouse=True)
def constants_read():
    """Hypothesis reads the constants of all loaded modules at its first draw, which would then be called too slow."""

    @settings(max_examples=1, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers())
    def draw(number):
        """Nothing more is wanted than the draw."""

    draw()
