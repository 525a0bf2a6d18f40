"""What all tests share: no screen, and what they count is printed at the end."""

import os

# Before anything imports matplotlib: no test may need a screen.
os.environ["MPLBACKEND"] = "Agg"

from tests.counted import pytest_terminal_summary  # noqa: F401
