"""Settings that every test shares."""

import os

# Before anything imports matplotlib: no test may need a screen.
os.environ["MPLBACKEND"] = "Agg"

from hypothesis import settings

from tests.counted import pytest_terminal_summary  # noqa: F401

# No deadline: the first call of a numba kernel compiles it. `ci` draws the same examples in every run.
settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))
