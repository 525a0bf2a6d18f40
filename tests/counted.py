"""What tests count, printed at the end of a run: a test leaves its counts with `record_property`, under a name of HERE.

All in one place, since a run with several processes reads no other conftest than the topmost where it prints.
"""


def pytest_terminal_summary(terminalreporter):
    reports = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, [])]
    for name, (title, lines) in HERE.items():
        found = [value for r in reports for key, value in getattr(r, "user_properties", []) if key == name]
        if found:
            terminalreporter.section(title)
            for line in lines(found):
                terminalreporter.line(line)


def parity(found):
    """How many of the drawn calls of layers, functions and losses agree with PyTorch."""
    passed, total = (sum(counts[key] for counts in found) for key in ("passed", "total"))
    yield f"{passed} of {total} drawn calls of {len(found)} rows agree"


def mutants(found):
    """How many wrong gradient rules the checker rejected; the right ones, by proof and by the rule they come from."""
    rejected, wrong, right = (sum(n) for n in zip(*((c["rejected"], c["wrong"], len(c["excluded"])) for c in found)))
    yield f"the checker rejected {rejected} of {wrong} wrong ones; excluded, being right, {right}:"
    proofs = {}
    for counts in found:
        for change, proof in counts["excluded"].items():
            proofs.setdefault(proof, {}).setdefault(counts["name"], []).append(change)
    for proof, names in proofs.items():
        yield f"- {proof}:"
        for name, changes in names.items():
            yield f"    {name}: {'; '.join(changes)}"


def equivalence(found):
    """How many drawn programs were compared with eager ones, and why others were not."""
    for counts in found:
        excluded = counts["excluded"]
        left_out = "; ".join(f"{n} {reason}" for reason, n in excluded.items()) or "none"
        yield (
            f"{counts['name']}: {counts['drawn']} drawn, {counts['drawn'] - sum(excluded.values())} compared; "
            f"left out: {left_out}; of the others {counts['zeros']} arrays that are zero but for rounding"
        )


HERE = {
    "parity": ("layers, functions and losses against PyTorch", parity),
    "mutants": ("mutants of the gradient rules", mutants),
    "equivalence": ("eager and compiled", equivalence),
}
