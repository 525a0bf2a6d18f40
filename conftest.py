"""What the examples in docstrings may use without importing it: mg, np, nn, F, optim."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def example_names(request):
    if isinstance(request.node, pytest.DoctestItem):
        import minigrad as mg

        names = request.getfixturevalue("doctest_namespace")
        names.update(mg=mg, np=np, nn=mg.nn, F=mg.nn.functional, optim=mg.optim)
