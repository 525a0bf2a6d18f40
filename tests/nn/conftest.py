"""PyTorch to compare with; at the end of a run, how many of the drawn calls of layers, functions and losses agree."""

import pytest


@pytest.fixture(scope="session")
def torch():
    """PyTorch on one thread: on tensors as small as those of tests, a second one costs five times what they take."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return torch


def pytest_terminal_summary(terminalreporter):
    reports = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, [])]
    found = [value for r in reports for key, value in getattr(r, "user_properties", []) if key == "parity"]
    if found:
        passed, total = (sum(counts[key] for counts in found) for key in ("passed", "total"))
        terminalreporter.section("layers, functions and losses against PyTorch")
        terminalreporter.line(f"{passed} of {total} drawn calls of {len(found)} rows agree")
