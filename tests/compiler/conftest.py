"""Prints, at the end of a run, how many drawn programs were compared with eager ones, and why others were not."""


def pytest_terminal_summary(terminalreporter):
    reports = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, [])]
    found = [value for r in reports for key, value in getattr(r, "user_properties", []) if key == "equivalence"]
    if not found:
        return
    terminalreporter.section("eager and compiled")
    for counts in found:
        excluded = counts["excluded"]
        left_out = "; ".join(f"{n} {reason}" for reason, n in excluded.items()) or "none"
        terminalreporter.line(
            f"{counts['name']}: {counts['drawn']} drawn, {counts['drawn'] - sum(excluded.values())} compared; "
            f"left out: {left_out}; of the others {counts['zeros']} arrays that are zero but for rounding"
        )
