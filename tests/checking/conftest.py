"""Prints, at the end of a run, how many mutants the checker rejected and which were excluded, with their proofs."""


def pytest_terminal_summary(terminalreporter):
    reports = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, [])]
    found = [value for r in reports for key, value in getattr(r, "user_properties", []) if key == "mutants"]
    if not found:
        return
    rejected, wrong, right = (sum(n) for n in zip(*((c["rejected"], c["wrong"], len(c["excluded"])) for c in found)))
    terminalreporter.section("mutants of the gradient rules")
    terminalreporter.line(f"the checker rejected {rejected} of {wrong} wrong ones; excluded, being right, {right}:")
    for proof, names in by_proof(found).items():
        terminalreporter.line(f"- {proof}:")
        for name, changes in names.items():
            terminalreporter.line(f"    {name}: {'; '.join(changes)}")


def by_proof(found):
    """The excluded mutants by their proof, and by the rule they are mutants of."""
    table = {}
    for counts in found:
        for change, proof in counts["excluded"].items():
            table.setdefault(proof, {}).setdefault(counts["name"], []).append(change)
    return table
