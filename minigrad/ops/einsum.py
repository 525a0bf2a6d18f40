"""Einstein summation, as permutations, products and sums of two operands at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.errors import ShapeError
from minigrad.ops.indexing import diagonal
from minigrad.ops.linalg import matmul2
from minigrad.ops.movement import as_tensor, broadcast_to, expand_dims, permute_dims, reshape_to
from minigrad.ops.reduce import sum

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def einsum(equation: str, *operands: Any) -> Tensor:
    """The sum of products that an equation names: "ij,jk->ik" is the matrix product.

    Each letter is an axis; letters missing on the right are summed over; "..." stands for any leading axes, which
    broadcast. Without "->" the letters that occur once come out in alphabetical order. A letter repeated in one operand
    takes the diagonal. Operands are contracted in the order NumPy's `einsum_path` finds cheapest.
    Raises ShapeError where the equation and the shapes do not fit.

    >>> mg.einsum("ij,ij->i", mg.tensor([[1.0, 2.0], [3.0, 4.0]]), mg.ones((2, 2)))
    tensor([3., 7.])
    """
    tensors = [as_tensor(x) for x in operands]
    inputs, output = parse(equation, [x.shape for x in tensors])
    terms = [simplify(x, letters) for x, letters in zip(tensors, inputs, strict=True)]
    if not set(output) <= set("".join(inputs)) or len(set(output)) != len(output):
        raise ShapeError(f"[einsum] the output {output!r} of {equation!r} must name letters of the inputs, each once.")
    for pair in contraction_order(terms, output):
        taken = [terms.pop(i) for i in sorted(pair, reverse=True)][::-1]
        kept = set(output).union(*(letters for _, letters in terms))
        terms.append(contract(taken[0], taken[1], kept) if len(taken) == 2 else taken[0])
    x, letters = terms[0]
    return arrange(sum_out(x, letters, set(output)), output)


def parse(equation: str, shapes: list[tuple[int, ...]]) -> tuple[list[str], str]:
    """The letters of each operand and of the output, "..." spelled out with letters of its own."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    if len(inputs) != len(shapes):
        raise ShapeError(f"[einsum] {equation!r} names {len(inputs)} operands, {len(shapes)} were given.")
    ranks = [len(shape) - len(term.replace("...", "")) for term, shape in zip(inputs, shapes, strict=True)]
    for term, shape, rank in zip(inputs, shapes, ranks, strict=True):
        if rank < 0 or (rank > 0 and "..." not in term):
            raise ShapeError(f"[einsum] {term!r} in {equation!r} does not fit an operand of shape {shape}.")
        if not all(c in LETTERS for c in term.replace("...", "")):
            raise ShapeError(f"[einsum] {equation!r} may hold only letters, commas, '...' and '->'.")
    free = [c for c in LETTERS if c not in equation]
    dots = "".join(free[: max(ranks, default=0)])
    inputs = [t.replace("...", dots[len(dots) - r :] if r else "") for t, r in zip(inputs, ranks, strict=True)]
    if not arrow:
        every = "".join(inputs)
        right = dots + "".join(sorted(c for c in set(every) - set(dots) if every.count(c) == 1))
    output = right.replace("...", dots)
    check_sizes(equation, inputs, shapes)
    return inputs, output


def check_sizes(equation: str, inputs: list[str], shapes: list[tuple[int, ...]]) -> None:
    """Raise ShapeError if one letter stands for two sizes (other than 1, which broadcasts)."""
    sizes: dict[str, int] = {}
    for letters, shape in zip(inputs, shapes, strict=True):
        for c, n in zip(letters, shape, strict=True):
            if sizes.setdefault(c, n) != n and 1 not in (sizes[c], n):
                raise ShapeError(f"[einsum] axis {c!r} of {equation!r} is {sizes[c]} and also {n}, in {shape}.")
            sizes[c] = n if sizes[c] == 1 else sizes[c]


def simplify(x: Tensor, letters: str) -> tuple[Tensor, str]:
    """Take the diagonal over letters that one operand repeats."""
    for c in dict.fromkeys(letters):
        while letters.count(c) > 1:
            i, j = letters.index(c), letters.rindex(c)
            x = diagonal(x, 0, i, j)
            letters = letters[:i] + letters[i + 1 : j] + letters[j + 1 :] + c
    return x, letters


def contraction_order(terms: list[tuple[Tensor, str]], output: str) -> list[tuple[int, ...]]:
    """Which terms to contract at each step, by position; each result goes to the end."""
    if len(terms) < 3:
        return [tuple(range(len(terms)))]
    equation = ",".join(letters for _, letters in terms) + "->" + output
    shapes = [np.broadcast_to(np.float32(0), x.shape) for x, _ in terms]
    path = np.einsum_path(equation, *shapes, optimize="greedy")[0][1:]
    pairs, n = [], len(terms)
    for step in path:
        pairs += pairwise(step, n)
        n -= len(step) - 1
    return pairs


def pairwise(step: tuple[int, ...], n: int) -> list[tuple[int, ...]]:
    """A step over more than two of the n terms as several over two."""
    pairs: list[tuple[int, ...]] = []
    places = sorted(step)
    while len(places) > 2:
        pairs.append((places[0], places[1]))
        n -= 1
        places = [*(p - 2 for p in places[2:]), n - 1]  # the two are gone, their product is at the end
    return [*pairs, tuple(places)]


def sum_out(x: Tensor, letters: str, kept: set) -> tuple[Tensor, str]:
    """Sum over the axes that nobody needs any more."""
    gone = tuple(i for i, c in enumerate(letters) if c not in kept)
    return (sum(x, gone), "".join(c for c in letters if c in kept)) if gone else (x, letters)


def arrange(term: tuple[Tensor, str], letters: str) -> Tensor:
    """The term with its axes in the order of `letters`, those it lacks as size 1."""
    x, own = term
    x = permute_dims(x, [own.index(c) for c in letters if c in own])
    return expand_dims(x, tuple(i for i, c in enumerate(letters) if c not in own)) if len(own) < len(letters) else x


def contract(left: tuple[Tensor, str], right: tuple[Tensor, str], kept: set) -> tuple[Tensor, str]:
    """The product of two terms, summed over the letters not `kept`, as one batched matrix product."""
    left = sum_out(*left, kept | set(right[1]))
    right = sum_out(*right, kept | set(left[1]))
    shared = [c for c in left[1] if c in right[1]]
    batch = "".join(c for c in shared if c in kept)
    inner = "".join(c for c in shared if c not in kept)
    rows = "".join(c for c in left[1] if c not in shared)
    cols = "".join(c for c in right[1] if c not in shared)
    a, b = arrange(left, batch + rows + inner), arrange(right, batch + inner + cols)
    size = dict(zip(batch + rows + inner, a.shape)) | dict(zip(cols, b.shape[b.ndim - len(cols) :]))
    for i, c in enumerate(batch + inner):  # a size of 1 broadcasts also within a contraction
        size[c] = b.shape[i] if size[c] == 1 else size[c]
    a = broadcast_to(a, [size[c] for c in batch + rows + inner])
    b = broadcast_to(b, [size[c] for c in batch + inner + cols])

    def folded(*groups: str) -> list[int]:
        return [size[c] for c in batch] + [math.prod(size[c] for c in g) for g in groups]

    product = matmul2(reshape_to(a, shape=tuple(folded(rows, inner))), reshape_to(b, shape=tuple(folded(inner, cols))))
    letters = batch + rows + cols
    return reshape_to(product, shape=tuple(size[c] for c in letters)), letters
