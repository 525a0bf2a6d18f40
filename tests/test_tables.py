"""Tables of figures."""

import pytest

from minigrad.tables import aligned, short


@pytest.mark.parametrize(
    ("n", "unit", "text"),
    [
        (0, "", "0"),
        (0, "B", "0 B"),
        (999, "", "999"),
        (1000, "B", "1 kB"),
        (1234, "", "1.23 k"),
        (45_600, "B", "45.6 kB"),
        (999_499, "", "999 k"),
        (999_500, "", "1 M"),
        (2_000_000_000, "", "2 G"),
        (10**16, "B", "1e+04 TB"),
    ],
)
def test_short(n, unit, text):
    assert short(n, unit) == text


def test_aligned():
    rows = [("name", "n", "what"), ("a", "10", "x"), ("long name", "7", "")]
    assert aligned(rows, left=(0, 2)) == ["name        n  what", "a          10  x", "long name   7"]
