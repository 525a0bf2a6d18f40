"""einsum against NumPy's, for random equations; errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.checking import strategies as mgst

LETTERS = "abcde"


@st.composite
def equations(draw, max_terms=4):
    """An equation with its operands: letters repeat within and across terms, dots stand anywhere and broadcast."""
    sizes = {c: draw(st.integers(0, 3)) for c in LETTERS}
    dots = draw(mgst.shapes(max_dims=2, max_side=3))
    terms, operands = [], []
    for _ in range(draw(st.integers(1, max_terms))):
        letters = draw(st.lists(st.sampled_from(LETTERS), max_size=3))
        shape = [sizes[c] for c in letters]
        term = "".join(letters)
        if draw(st.booleans()):
            own = dots[draw(st.integers(0, len(dots))) :]
            own = tuple(1 if draw(st.booleans()) else n for n in own)
            at = draw(st.integers(0, len(letters)))
            term, shape = term[:at] + "..." + term[at:], [*shape[:at], *own, *shape[at:]]
        terms.append(term)
        operands.append(draw(mgst.arrays(tuple(shape))))
    equation = ",".join(terms)
    if draw(st.booleans()):
        named = sorted(set(equation) - set(",."))
        kept = draw(st.permutations(named))[: draw(st.integers(0, len(named)))]
        equation += "->" + ("..." if "..." in equation else "") + "".join(kept)
    return equation, operands


@settings(max_examples=300)
@given(equations())
def test_values(case):
    equation, operands = case
    got = mg.einsum(equation, *operands)
    want = np.asarray(np.einsum(equation, *operands))
    assert got.shape == want.shape
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-12)


@settings(max_examples=25)
@given(equations(max_terms=3))
def test_gradients(case):
    equation, operands = case
    mg.gradcheck(lambda *xs: mg.einsum(equation, *xs), operands)


def test_sizes_of_one_broadcast_under_a_letter():
    a, b = np.ones((2, 1)), np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(mg.einsum("ij,jk->ik", a, b).numpy(), np.einsum("ij,jk->ik", np.ones((2, 3)), b))


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ij,jk->ik", [(2, 3)], "names 2 operands, 1 were given"),
        ("ij", [(2,)], r"'ij' in 'ij' does not fit an operand of shape \(2,\)"),
        ("i", [(2, 3)], r"does not fit an operand of shape \(2, 3\)"),
        ("ij,jk->ik", [(2, 3), (4, 5)], r"axis 'j' of 'ij,jk->ik' is 3 and also 4, in \(4, 5\)"),
        ("i!->i", [(2, 3)], "may hold only letters"),
        ("i->j", [(2,)], "must name letters of the inputs, each once"),
        ("i->ii", [(2,)], "must name letters of the inputs, each once"),
    ],
)
def test_errors(equation, shapes, message):
    with pytest.raises(mg.ShapeError, match=message):
        mg.einsum(equation, *map(mg.zeros, shapes))
